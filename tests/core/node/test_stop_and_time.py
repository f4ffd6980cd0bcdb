"""Cancels, timeouts and stops that meet: which of them counts, and what becomes of the run's place."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from core.conftest import Recorder
from support.clocks import Later
from support.lives import life_of

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.engine.stimuli import Cancel
from schedkit.core.execution.attempt import Execution
from schedkit.core.model import Retry
from schedkit.core.states import Outcome, State
from schedkit.loop import service

Make = Callable[..., Scheduler]


@pytest.fixture
def where(tmp_path: Path) -> str:
    """It is the same on any database."""
    return str(tmp_path / "ledger.db")


class Deaf:
    """A task's function that hears of nothing until it is released."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Semaphore(0), threading.Event()

    def __call__(self) -> str:
        self.entered.release()
        self.release.wait(60)
        return "released"


def outcomes(sched: Scheduler, run: str) -> list[Outcome]:
    return [attempt.outcome for attempt in sched.queries.ledger.attempts(run)]


def pass_time(sched: Scheduler, run: str) -> None:
    """Let an hour pass on the clock by which attempts time out."""
    life = life_of(sched)
    life.decisions.clock = Later(steady=timedelta(hours=1))
    life.post()


def test_a_cancelled_run_does_not_time_out_into_a_further_try(make: Make) -> None:
    sched = make(cancel_grace="2h")
    sched.start()
    deaf = Deaf()
    sched.task(name="deaf", retry=Retry(attempts=3, delay=0))(deaf)
    run = sched.submit("deaf")
    assert deaf.entered.acquire(timeout=60)
    assert run.cancel()
    pass_time(sched, run.id)
    service().call(asyncio.sleep, 0.05)  # longer than the deadlines' own step
    assert outcomes(sched, run.id) == []
    deaf.release.set()
    assert run.wait("60s").state is State.CANCELLED
    assert outcomes(sched, run.id) == [Outcome.CANCELLED]


def test_a_run_that_waits_for_its_timed_out_code_can_be_cancelled(
    sched: Scheduler, recorder: Recorder
) -> None:
    deaf = Deaf()
    sched.task(name="deaf", retry=Retry(attempts=3, delay=0))(deaf)
    run = sched.submit("deaf")
    assert deaf.entered.acquire(timeout=60)
    pass_time(sched, run.id)
    recorder.wait_for(recorder.of(events.RunRetrying, run=run.id))
    assert run.cancel()
    assert run.wait("60s").state is State.CANCELLED
    deaf.release.set()
    sched.task(name="next")(lambda: 1)
    assert sched.submit("next").result("60s") == 1
    assert not deaf.entered.acquire(blocking=False), "no further try"
    assert outcomes(sched, run.id) == [Outcome.TIMEOUT]


def test_a_cell_run_again_does_not_start_the_further_try_early(sched: Scheduler, recorder: Recorder) -> None:
    deaf = Deaf()
    sched.task(name="deaf", retry=Retry(attempts=2, delay=0), max_instances=2)(deaf)
    run = sched.submit("deaf")
    assert deaf.entered.acquire(timeout=60)
    pass_time(sched, run.id)
    recorder.wait_for(recorder.of(events.RunRetrying, run=run.id))
    sched.task(name="deaf", retry=Retry(attempts=2, delay=0), max_instances=2, tags="new")(deaf)
    assert not deaf.entered.acquire(timeout=0.2), "its code still runs"
    deaf.release.set()
    assert run.result("60s") == "released"
    assert outcomes(sched, run.id) == [Outcome.TIMEOUT, Outcome.DONE]


def test_a_coroutine_cancelled_before_it_is_launched_is_told_so(
    sched: Scheduler, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its claim is being written when the cancel comes: there is nothing yet that could be cancelled."""

    @sched.task(name="endless")
    async def endless() -> None:
        await asyncio.Event().wait()

    life = life_of(sched)
    start = life.executors.start

    def cancelled_first(execution: Execution) -> None:
        execution.stop("cancel", "a colleague")
        life.post(Cancel(run=execution.run.id, actor="a colleague"))
        start(execution)

    monkeypatch.setattr(life.executors, "start", cancelled_first)
    run = sched.submit("endless")
    ended = run.wait("60s")
    assert (ended.state, ended.reason) == (State.CANCELLED, "cancelled by a colleague")
    assert not life.executions


def test_what_returns_while_a_stop_waits_for_it_is_done(make: Make) -> None:
    sched = make()
    sched.start()
    entered = threading.Event()

    @sched.task(name="listens")
    def listens(run: Any) -> str:
        entered.set()
        while not run.should_stop():
            threading.Event().wait(0.005)
        return "half of it, and that is fine"

    run = sched.submit("listens")
    assert entered.wait(60)
    sched.stop("0s")
    assert sched.queries.ledger.run(run.id).state is State.DONE
    assert outcomes(sched, run.id) == [Outcome.DONE]


def test_a_stop_counts_as_an_interruption_too(make: Make) -> None:
    sched = make(interruptions=0)
    sched.start()
    deaf = Deaf()
    sched.task(name="deaf")(deaf)
    run = sched.submit("deaf")
    assert deaf.entered.acquire(timeout=60)
    sched.stop("0s")
    deaf.release.set()
    ended = sched.queries.ledger.run(run.id)
    assert (ended.state, ended.interruptions) == (State.FAILED, 1)
    assert outcomes(sched, run.id) == [Outcome.INTERRUPTED]


def test_what_a_running_task_tells_is_in_the_ledger_before_it_ends(sched: Scheduler) -> None:
    entered, release = threading.Event(), threading.Event()

    @sched.task(name="tells")
    def tells(run: Any) -> None:
        run.progress("rows", 1, 2)
        run.log("half way")
        entered.set()
        release.wait(60)

    run = sched.submit("tells")
    assert entered.wait(60)
    while not sched.queries.ledger.details(run.id)["stages"]:
        threading.Event().wait(0.01)  # no event tells of it
    (line,) = sched.queries.ledger.details(run.id)["log"]
    assert line["message"] == "half way"
    assert run.state is State.RUNNING
    release.set()
    run.wait("60s")
