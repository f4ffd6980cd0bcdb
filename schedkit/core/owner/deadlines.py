"""Deadlines of many running attempts, on one timer of the loop."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Deadlines"]

T = TypeVar("T")

# The shortest wait between two looks; deadlines are seconds and hours.
STEP_SECONDS = 0.005


class Deadlines(Generic[T]):
    """Calls ``passed(what)`` when the deadline of something that still `matters` has come.

    A timer of the loop for each attempt, set and cancelled, would cost more than starting it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        passed: Callable[[T], object],
        matters: Callable[[T], bool],
    ) -> None:
        self._loop = loop
        self._passed = passed
        self._matters = matters
        self._most = 64
        self._heap: list[tuple[float, int, T]] = []
        self._count = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, at: float, what: T) -> None:
        """Have `what` called back at loop time `at`."""
        heapq.heappush(self._heap, (at, next(self._count), what))
        if len(self._heap) > self._most:
            # What has ended is not kept until its deadline, which may be an hour away.
            self._heap = [entry for entry in self._heap if self._matters(entry[2])]
            heapq.heapify(self._heap)
            self._most = 64 + 2 * len(self._heap)
        if self._timer is None or at < self._timer.when():
            self._set()

    def clear(self) -> None:
        """Forget them all: an hour's deadline would keep all that it knows alive as long."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        at = max(self._heap[0][0], self._loop.time() + STEP_SECONDS)
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._heap and self._heap[0][0] <= now:
            what = heapq.heappop(self._heap)[2]
            if self._matters(what):
                self._passed(what)
        if self._heap:
            self._set()
