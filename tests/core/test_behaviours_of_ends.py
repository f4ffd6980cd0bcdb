"""Behaviours 5 and 6 of the ten (see test_behaviours.py): how runs end, and where they run meanwhile."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from core.test_behaviours import held
from support.lives import die, life_of
from support.waiting import wait_until

from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry
from schedkit.core.states import Outcome, State
from schedkit.errors import RetryableError

Make = Callable[..., Scheduler]
KINDS = ["async", "thread", "process"]


@pytest.fixture
def where(tmp_path: Path) -> str:
    """What runs end as has nothing to do with the database."""
    return str(tmp_path / "ledger.db")


# Tasks that never end by themselves, of each kind. They say that they run by making a file.


def declare(sched: Scheduler, kind: str, folder: Path, name: str = "t", **options: Any) -> Callable[[], None]:
    """Declare an endless task; returns what waits until it runs."""
    sign = folder / f"{name}-runs"

    async def endless() -> None:
        sign.touch()
        await asyncio.Event().wait()

    def working(run: Any) -> None:
        sign.touch()
        while True:
            run.progress("works", 1)
            time.sleep(0.01)

    where = {"runs_in": "process"} if kind == "process" else {}
    sched.task(name=name, **where, **options)(endless if kind == "async" else working)

    def runs() -> None:
        wait_until(sign.exists, f"{name} does not start")
        sign.unlink()

    return runs


def outcomes(sched: Scheduler, run: RunHandle) -> list[Outcome]:
    return [attempt.outcome for attempt in sched.run(run.id).attempts]


@pytest.mark.parametrize("kind", KINDS)
def test_behaviour_5_ends_are_told_apart_and_places_come_back(make: Make, tmp_path: Path, kind: str) -> None:
    """One place for all of them: whatever does not give it back holds up the next."""
    sched = make(concurrency=1)
    sched.start()
    wait_cancelled = declare(sched, kind, tmp_path, "cancelled")
    declare(sched, kind, tmp_path, "timed", timeout="0.2s")
    wait_stopped = declare(sched, kind, tmp_path, "stopped")
    cancelled = sched.submit("cancelled")
    wait_cancelled()
    assert cancelled.cancel()
    timed = sched.submit("timed")
    assert cancelled.wait("60s").reason == f"cancelled by {sched.name}"
    assert timed.wait("60s").reason == "timeout"
    sched.task(name="next")(lambda: "has a place")
    assert sched.submit("next").result("60s") == "has a place"
    stopped = sched.submit("stopped")
    wait_stopped()
    sched.stop("0.1s")
    ended = [sched.run(run.id).state for run in (cancelled, timed, stopped)]
    assert ended == [State.CANCELLED, State.TIMEOUT, State.QUEUED]
    assert [outcomes(sched, run) for run in (cancelled, timed, stopped)] == [
        [Outcome.CANCELLED],
        [Outcome.TIMEOUT],
        [Outcome.INTERRUPTED],
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("swallows", ["returns", "raises"])
def test_behaviour_5_code_that_swallows_a_cancel_is_cancelled_all_the_same(
    make: Make, tmp_path: Path, kind: str, swallows: str
) -> None:
    sched = make(concurrency=1)
    sched.start()
    sign = tmp_path / "runs"

    def end() -> str:
        if swallows == "raises":
            raise RetryableError("its own")
        return "done, I say"

    async def endless() -> str:
        sign.touch()
        try:
            await asyncio.Event().wait()
        except BaseException:
            return end()
        return ""

    def working(run: Any) -> str:
        sign.touch()
        try:
            while True:
                run.progress("works", 1)
                time.sleep(0.01)
        except BaseException:
            return end()

    where = {"runs_in": "process"} if kind == "process" else {}
    sched.task(name="t", retry=Retry(attempts=3, delay=0), **where)(endless if kind == "async" else working)
    run = sched.submit("t")
    wait_until(sign.exists)
    assert run.cancel()
    assert run.wait("60s").state is State.CANCELLED
    assert outcomes(sched, run) == [Outcome.CANCELLED]
    sched.task(name="next")(lambda: "has a place")
    assert sched.submit("next").result("60s") == "has a place"


@pytest.mark.parametrize("end", ["stops", "dies"])
def test_behaviour_5_a_cancel_outlives_its_process(make: Make, end: str) -> None:
    """Asked for while code runs that does not listen; then the process ends. It must not run again."""
    entered, release, ran = threading.Event(), threading.Event(), list[int]()
    first = make(name="first")
    first.start()
    held(first, entered, release, ran)
    run = first.submit("held")
    assert entered.wait(60)
    assert run.cancel()
    if end == "stops":
        first.stop("0.1s")
    else:
        die(first)
    second = make(name="second")
    held(second, entered, release, ran)
    second.start()
    ended = second.run(run.id).wait("60s")
    release.set()
    assert (ended.state, ended.reason) == (State.CANCELLED, "cancelled by first")
    assert ran == [1]
    assert outcomes(second, run) == [Outcome.CANCELLED if end == "stops" else Outcome.INTERRUPTED]


def test_behaviour_5_runs_of_a_removed_task_end_with_their_process(make: Make) -> None:
    """Removed while it runs and waits, then the process dies: nothing may wait for its code for ever."""
    entered, release, ran = threading.Event(), threading.Event(), list[int]()
    first = make(name="first")
    first.start()
    held(first, entered, release, ran)
    runs = first.submit_many("held", [{}, {}])
    assert entered.wait(60)
    first.remove("held")
    die(first)
    second = make(name="second")
    second.start()
    for run in runs:
        assert second.run(run.id).wait("60s").state is State.CANCELLED
    assert {second.run(run.id).run.reason for run in runs} == {"cancelled by first"}
    assert outcomes(second, runs[0]) == [Outcome.INTERRUPTED]
    release.set()


def test_behaviour_6_a_stop_lets_all_kinds_end(make: Make, tmp_path: Path) -> None:
    sched = make()
    sched.start()
    go = tmp_path / "go"

    async def later() -> str:
        (tmp_path / "async-runs").touch()
        while not go.exists():
            await asyncio.sleep(0.005)
        return "ended"

    def patient(run: Any) -> str:
        (tmp_path / f"{run.task}-runs").touch()
        while not go.exists():
            time.sleep(0.005)
        return "ended"

    sched.task(name="async")(later)
    sched.task(name="thread")(patient)
    sched.task(name="process", runs_in="process")(patient)
    runs = [sched.submit(kind) for kind in KINDS]
    wait_until(lambda: all((tmp_path / f"{kind}-runs").exists() for kind in KINDS))
    stopping = threading.Thread(target=sched.stop, args=("30s",))
    stopping.start()
    life = life_of(sched)
    wait_until(lambda: life.stopping)
    assert sched.state == "running", "it waits for them"
    go.touch()
    stopping.join(60)
    assert sched.state == "stopped"
    assert [outcomes(sched, run) for run in runs] == [[Outcome.DONE]] * 3


def test_behaviour_6_a_stop_is_bounded_for_all_kinds_at_once(make: Make, tmp_path: Path) -> None:
    """None of them would ever end, and the worst of each kind does not listen either."""
    sched = make(concurrency=6)
    sched.start()
    release = threading.Event()
    waits = [declare(sched, kind, tmp_path, kind) for kind in KINDS]

    async def deaf() -> None:
        (tmp_path / "deaf-async").touch()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()  # hears only what ends its loop

    def deaf_thread() -> None:
        (tmp_path / "deaf-thread").touch()
        release.wait(60)

    def deaf_process() -> None:
        (tmp_path / "deaf-process").write_text(str(os.getpid()))
        time.sleep(600)

    sched.task(name="deaf-async")(deaf)
    sched.task(name="deaf-thread")(deaf_thread)
    sched.task(name="deaf-process", runs_in="process")(deaf_process)
    names = [*KINDS, *(f"deaf-{kind}" for kind in KINDS)]
    runs = [sched.submit(name) for name in names]
    for wait in waits:
        wait()
    wait_until(lambda: all((tmp_path / f"deaf-{kind}").exists() for kind in KINDS))
    began = time.monotonic()
    sched.stop("0.2s")
    # 0.2 s of patience, 0.2 s to listen, 1 s for the ledger, 2 s for the users' loop; else they run for ever.
    assert time.monotonic() - began < 60
    release.set()
    assert sched.state == "stopped"
    assert [outcomes(sched, run) for run in runs] == [[Outcome.INTERRUPTED]] * 6
    assert {run.state for run in sched.runs()} == {State.QUEUED}, "the next process runs them"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "deaf-process").read_text()), 0)
