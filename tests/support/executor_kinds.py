"""Every kind of executor that a task can run in, and code that waits, written once for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import Any

from support.dask_cluster import dask_client

from schedkit import context

__all__ = ["KINDS", "REMOTE", "Body", "Pools", "adapted"]

KINDS = ["thread", "loop", "process", "thread pool", "process pool", "dask"]
REMOTE = {"process", "process pool", "dask"}
# Yields where it waits.
Body = Callable[..., Generator[None, None, Any]]


class Pools:
    """Executors of the kinds that have one of their own, each made when it is first wanted."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self._open = ExitStack()

    def runs_in(self, kind: str) -> Any:
        """Return what a task of a kind says."""
        if kind in ("thread", "process", "loop"):
            return "auto" if kind == "loop" else kind
        if kind not in self._made:
            self._made[kind] = self._make(kind)
        return self._made[kind]

    def _make(self, kind: str) -> Any:
        if kind == "thread pool":
            return self._open.enter_context(ThreadPoolExecutor(1))
        if kind == "process pool":
            return self._open.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
        return self._open.enter_context(dask_client()).get_executor()

    def close(self) -> None:
        """End them."""
        self._open.close()


def adapted(kind: str, body: Body) -> Callable[..., Any]:
    """Return a body as a coroutine function, or as one that blocks; a stop is raised in it where it waits."""

    async def on_a_loop(**params: Any) -> Any:
        course = body(**params)
        go_on: Callable[[], None] = course.__next__
        while True:
            try:
                go_on()
            except StopIteration as ended:
                return ended.value
            go_on = course.__next__
            try:
                await asyncio.sleep(0.005)
            except asyncio.CancelledError as stop:
                go_on = _raising(course, stop)

    def blocking(**params: Any) -> Any:
        course = body(**params)
        go_on: Callable[[], None] = course.__next__
        while True:
            try:
                go_on()
            except StopIteration as ended:
                return ended.value
            go_on = course.__next__
            time.sleep(0.005)
            try:
                context.checkpoint()
            except BaseException as stop:
                go_on = _raising(course, stop)

    return on_a_loop if kind == "loop" else blocking


def _raising(course: Generator[None, None, Any], error: BaseException) -> Callable[[], None]:
    return lambda: course.throw(error)
