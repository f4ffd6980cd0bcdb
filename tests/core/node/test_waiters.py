"""Who waits for a run is answered, whichever process ends it."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from core.conftest import Recorder
from support.lives import life_of, seem_dead

from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import NodeChanged, RunStarted, TaskChanged
from schedkit.core.node.waiters import Waiter
from schedkit.core.states import Outcome, State

Make = Callable[..., Scheduler]


class Work:
    """A task that holds until it may end; a scheduler with one place has a second run wait behind it."""

    def __init__(self, *scheds: Scheduler) -> None:
        self.may_end = threading.Event()
        for sched in scheds:
            sched.task(name="work")(self.work)

    def work(self) -> str:
        self.may_end.wait(60)
        return "value"


async def _awaiting(run: RunHandle) -> Any:
    async with asyncio.timeout(60):
        return await run


async def _asking(run: RunHandle) -> Any:
    async with asyncio.timeout(60):
        return await run.scheduler.aio.result(run.id)


WAYS: dict[str, Callable[[RunHandle], Any]] = {
    "result": lambda run: run.result("60s"),
    "await": lambda run: asyncio.run(_awaiting(run)),
    "aio": lambda run: asyncio.run(_asking(run)),
}


def waiting(pool: ThreadPoolExecutor, run: RunHandle, way: str) -> Future[Any]:
    """Let a thread wait for a run; returns when its scheduler knows of it."""
    life = life_of(run.scheduler)
    known = life.waiters.count(run.id)
    asked: Future[Any] = pool.submit(WAYS[way], run)
    if way == "aio":
        while life.waiters.count(run.id) == known:
            assert not asked.done()
    else:
        promise = run._promise()
        while not (isinstance(promise, Waiter) and promise.awaited):
            assert not asked.done()
    return asked


@pytest.fixture
def pool() -> Any:
    with ExitStack() as stack:
        yield stack.enter_context(ThreadPoolExecutor())


@pytest.mark.parametrize("way", WAYS)
def test_after_a_stop_and_a_start(make: Make, pool: ThreadPoolExecutor, way: str) -> None:
    sched = make(concurrency=1)
    work = Work(sched)
    sched.start()
    recorder = Recorder(sched)
    _, second = sched.submit_many("work", [{}] * 2)
    recorder.wait_for(recorder.of(RunStarted))
    asked = waiting(pool, second, way)
    sched.stop("0.1s")
    work.may_end.set()
    sched.start()
    assert asked.result(60) == "value"
    assert second.result("60s") == "value"


@pytest.mark.parametrize("way", WAYS)
def test_after_a_task_has_moved(make: Make, pool: ThreadPoolExecutor, way: str) -> None:
    """What runs ends where it runs, what waits runs at the new home, whoever waits for it where."""
    first, other = make(name="first", concurrency=1), make(name="other")
    work = Work(first)
    first.start()
    recorder = Recorder(first)
    running, second = first.submit_many("work", [{}] * 2)
    recorder.wait_for(recorder.of(RunStarted))
    asked = [waiting(pool, run, way) for run in (running, second)]
    other.start()
    other.task(name="work", replace=True)(lambda: "at the new home")
    recorder.wait_for(recorder.of(TaskChanged, task="work", change="moved"))
    work.may_end.set()
    assert [one.result(60) for one in asked] == ["value", "at the new home"]
    assert second.state is State.DONE
    assert second.result("60s") == "at the new home"


def test_after_a_life_was_lost(sched: Scheduler, make: Make, pool: ThreadPoolExecutor) -> None:
    recorder = Recorder(sched)
    work = Work(sched)
    run = sched.submit("work")
    recorder.wait_for(recorder.of(RunStarted))
    asked = waiting(pool, run, "result")
    other = make(name="other")
    seem_dead(sched)
    other.start()  # which buries it
    work.may_end.set()
    recorder.wait_for(recorder.of(NodeChanged, change="lost"))
    assert asked.result(60) == "value"
    assert [attempt.outcome for attempt in run.attempts] == [Outcome.INTERRUPTED, Outcome.DONE]


def test_a_timeout_holds_while_the_scheduler_stays_stopped(make: Make, pool: ThreadPoolExecutor) -> None:
    sched = make(concurrency=1)
    Work(sched)
    sched.start()
    recorder = Recorder(sched)
    _, second = sched.submit_many("work", [{}] * 2)
    recorder.wait_for(recorder.of(RunStarted))
    sched.stop("0.1s")
    with pytest.raises(TimeoutError, match="it is QUEUED"):
        second.result("0.3s")


def test_nobody_looks_for_a_run_whose_handle_is_gone(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    sched = make(concurrency=1)
    Work(sched)
    sched.start()
    recorder = Recorder(sched)
    run = sched.submit_many("work", [{}] * 2)[1]
    recorder.wait_for(recorder.of(RunStarted))
    sched.stop("0.1s")
    with pytest.raises(TimeoutError):
        run.result("0.1s")
    assert run._waiter is not None
    waiter = weakref.ref[Waiter](run._waiter)
    del run
    gc.collect()
    pause = threading.Event()
    for _ in range(200):
        if waiter() is None:
            break
        pause.wait(0.05)
    assert waiter() is None
