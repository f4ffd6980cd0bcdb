"""A running attempt: its first reason to stop counts, and its end lets go of whatever could stop it."""

from __future__ import annotations

import weakref

import pytest
from support.run_events import RunEvents

from schedkit.core.execution.attempt import Ending, Execution
from schedkit.core.execution.run_context import RunContext
from schedkit.core.states import Outcome
from schedkit.core.tasks.declare import declare


class Handle:
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def stop(self, reason: str) -> None:
        self.reasons.append(reason)


@pytest.fixture
def endings() -> list[tuple[Execution, Ending]]:
    return []


@pytest.fixture
def attempt(endings: list[tuple[Execution, Ending]]) -> Execution:
    run = RunEvents().started("r", "t").after
    task = declare(int, name="t")
    return Execution(run, task, RunContext(run, print), 0, lambda *end: endings.append(end))


def test_the_first_reason_counts(attempt: Execution) -> None:
    handle = Handle()
    attempt.take(handle)
    assert not attempt.unwanted
    attempt.stop("cancel", "ada")
    attempt.stop("stop", "the scheduler")
    assert (attempt.why, attempt.actor) == ("cancel", "ada")
    assert handle.reasons == ["cancel", "stop"]
    assert attempt.context.should_stop()
    assert attempt.unwanted


def test_a_cancel_outranks_the_end_of_the_scheduler(attempt: Execution) -> None:
    """What was only interrupted would run again."""
    attempt.stop("stop")
    assert not attempt.unwanted
    attempt.stop("cancel", "ada")
    assert (attempt.why, attempt.actor, attempt.unwanted) == ("cancel", "ada", True)
    attempt.stop("stop")
    assert attempt.why == "cancel"


def test_a_stop_before_it_began_reaches_its_handle(attempt: Execution) -> None:
    handle = Handle()
    attempt.stop("timeout")
    attempt.take(handle)
    assert handle.reasons == ["timeout"]


@pytest.mark.parametrize("order", ["begins first", "ends first"])
def test_an_ended_attempt_keeps_no_handle(
    attempt: Execution, endings: list[tuple[Execution, Ending]], order: str
) -> None:
    """It would lead back to the attempt: a circle for each run."""
    handle = Handle()
    gone = weakref.ref(handle)
    if order == "begins first":
        attempt.take(handle)
    attempt.end(Ending(Outcome.DONE))
    if order == "ends first":
        attempt.take(handle)
    del handle
    assert gone() is None
    attempt.stop("cancel")
    assert endings == [(attempt, Ending(Outcome.DONE))]
