"""The engine rebuilt from the ledger's rows, and with triggers that fail."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import pytest
from support.engine_desk import LIFE, MINUTELY, NOW, Desk, declared, moves, rescheduled, running
from support.engine_tasks import START, declaration

from schedkit.core.engine.changes import AttemptRecorded, FireRecorded, TaskAdvanced
from schedkit.core.engine.snapshot import Snapshot
from schedkit.core.engine.stimuli import Adopted, Pause, Recover, Resume
from schedkit.core.model import Task
from schedkit.core.states import Outcome, Overlap, State
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.constructors import Trigger, every
from schedkit.values.instants import SECOND

# Triggers that fail


class Brittle:
    """Every ten seconds, until it fails."""

    fails = False

    def to_data(self) -> dict[str, Any]:
        return {}

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> Any:
        if Brittle.fails:
            raise ZeroDivisionError("no such day")
        return datetime.fromtimestamp((now.timestamp() // 10 + 1) * 10, START.tzinfo)


@pytest.fixture
def brittle(monkeypatch: pytest.MonkeyPatch) -> Trigger:
    monkeypatch.setattr(Brittle, "fails", False)
    return trigger_data.of(trigger_data.custom_trigger("engine: brittle")(Brittle)())


def test_a_failing_trigger_costs_its_task_its_further_times(
    brittle: Trigger, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(Task(name="a", trigger=brittle), Task(name="b", trigger=MINUTELY))
    Brittle.fails = True
    decision = desk.ask(after=10)
    assert [start.run.task for start in decision.starts] == ["a"]
    assert TaskAdvanced("a", NOW + 10 * SECOND, None, LIFE) in decision.changes
    assert decision.wake_at == NOW + 60 * SECOND
    assert "the trigger of task 'a' failed; it has no further due times" in caplog.text
    Brittle.fails = False
    assert desk.ask(declaration(Task(name="a", trigger=brittle))).wake_at == NOW + 20 * SECOND


def test_a_failing_trigger_keeps_nobody_from_being_resumed(
    brittle: Trigger, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(Task(name="a", trigger=brittle), Task(name="b", trigger=MINUTELY))
    desk.ask(Pause(task=None, actor="you"))
    Brittle.fails = True
    decision = desk.ask(Resume(task=None, actor="you", token="t"), after=60)
    assert decision.replies[0].error is None
    assert [change.task for change in decision.changes if isinstance(change, FireRecorded)] == ["b"]
    assert desk.engine.rows["a"].next is None
    assert "the previous trigger of 'a' failed; its past due times are not recorded" in caplog.text
    decision = desk.ask(rescheduled("a", MINUTELY), after=1)
    assert desk.engine.rows["a"].next == NOW + 120 * SECOND


def test_a_trigger_without_a_time_left_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="schedkit")
    Desk(Task(name="a", trigger=every("1m", start="2020-01-01", end="2020-01-02", tz="UTC")))
    assert "task 'a' has no future due time and runs only when submitted" in caplog.text


# Made anew


def test_what_a_dead_process_ran_is_queued_again() -> None:
    rows = [declared("a"), declared("b")]
    live = [running("r1", "a"), running("r2", "a", reason="cancelled by you"), running("r3", "b")]
    desk = Desk(snapshot=Snapshot(tasks=rows, live=live))
    decision = desk.ask(Recover(reason="its process ended"))
    assert moves(decision) == [
        ("r1", State.QUEUED),
        ("r2", State.CANCELLED),
        ("r3", State.QUEUED),
    ]
    recorded = [change for change in decision.changes if isinstance(change, AttemptRecorded)]
    assert {change.attempt.outcome for change in recorded} == {Outcome.INTERRUPTED}
    assert [start.run.attempt for start in desk.ask(declaration(Task(name="a"))).starts] == [2]


def test_what_was_claimed_and_never_started_starts() -> None:
    live = [running("r1", "a"), running("r2", "a", reason="cancelled by you"), running("r3", "b")]
    desk = Desk(snapshot=Snapshot(tasks=[declared("a"), declared("b")], live=live))
    decision = desk.ask(declaration(Task(name="a", overlap=Overlap.ALLOW)), Recover())
    assert [(start.run.id, start.run.attempt) for start in decision.starts] == [("r1", 1)]
    assert ("r2", State.CANCELLED) in moves(decision), "cancelled before it began"
    assert ("r3", State.QUEUED) in moves(decision), "its code is not here"


def test_what_runs_on_is_adopted_as_it_was_started() -> None:
    was = Task(name="a", timeout=30)
    desk = Desk(snapshot=Snapshot(tasks=[declared("a")], live=[running("r", "a")]))
    adopted = Adopted(run="r", task=was, attempt=1, started=NOW - 10 * SECOND)
    decision = desk.ask(declaration(Task(name="a", timeout=None)), Recover(adopted=(adopted,)))
    assert moves(decision) == []
    assert decision.wake_at == NOW + 20 * SECOND
    assert set(desk.engine.queue.running) == {"r"}


@pytest.mark.parametrize(
    ("why", "reason"), [("cancel", ""), ("", "cancelled by you"), ("stop", "cancelled by you")]
)
def test_what_was_cancelled_stays_so_wherever_it_was_noted(why: str, reason: str) -> None:
    """The code was asked and the commit was lost, or the commit stands and the code was not asked."""
    live = [running("r", "a", reason=reason)]
    desk = Desk(snapshot=Snapshot(tasks=[declared("a")], live=live))
    adopted = Adopted(
        run="r", task=Task(name="a"), attempt=1, started=NOW, why=why, actor="you" if why else ""
    )
    decision = desk.ask(declaration(Task(name="a")), Recover(adopted=(adopted,)))
    assert [stop.why for stop in decision.stops] == ["cancel"]
    assert desk.engine.runs["r"].reason == "cancelled by you"
    assert moves(desk.end()) == [("r", State.CANCELLED)]


def test_an_attempt_that_was_stopped_by_an_unwritten_timeout_has_timed_out() -> None:
    """The commit of the timeout was refused, but its code has heard of it: it has no value any more."""
    desk = Desk(snapshot=Snapshot(tasks=[declared("a")], live=[running("r", "a")]), concurrency=1)
    task = Task(name="a", timeout=30)
    adopted = Adopted(run="r", task=task, attempt=1, started=NOW - 29 * SECOND, why="timeout")
    desk.ask(declaration(task), Recover(adopted=(adopted,)))
    decision = desk.end(outcome=Outcome.CANCELLED)
    assert moves(decision) == [("r", State.TIMEOUT)]
    assert [(stop.why, stop.recorded) for stop in decision.stops] == [("timeout", True)]
    assert [start.run.id for start in desk.submit("a", "s").starts] == ["s"], "its place is free"


def test_code_whose_attempt_is_over_keeps_its_place_when_the_engine_is_made_anew() -> None:
    live = [running("r", "a", state=State.RETRY), running("s", "a", 0, state=State.QUEUED)]
    desk = Desk(snapshot=Snapshot(tasks=[declared("a")], live=live), concurrency=1)
    adopted = Adopted(run="r", task=Task(name="a"), attempt=1, started=NOW)
    assert desk.ask(declaration(Task(name="a")), Recover(adopted=(adopted,))).starts == []
    assert [start.run.id for start in desk.end().starts] == ["s"]
    assert [start.run.attempt for start in desk.end("s").starts] == [2]


def test_an_end_that_was_written_and_is_told_again_leaves_the_next_attempt_its_place() -> None:
    desk = Desk(snapshot=Snapshot(tasks=[declared("a")], live=[running("r", "a", 2)]), concurrency=1)
    adopted = Adopted(run="r", task=Task(name="a"), attempt=1, started=NOW)
    decision = desk.ask(declaration(Task(name="a")), Recover(adopted=(adopted,)))
    assert [start.run.attempt for start in decision.starts] == [2]
    desk.end(attempt=1)
    assert set(desk.engine.queue.running) == {"r"}
    assert desk.submit("a", "s").starts == []


def test_a_due_time_that_has_its_run_makes_no_other() -> None:
    """As after the clock was set back, and the task was declared with another trigger."""
    row = declared("a", MINUTELY, next=NOW + 60 * SECOND)
    taken = {"a": {NOW + 60 * SECOND}}
    desk = Desk(Task(name="a", trigger=MINUTELY), snapshot=Snapshot(tasks=[row], taken=taken))
    decision = desk.ask(after=60)
    assert decision.changes == [TaskAdvanced("a", NOW + 60 * SECOND, NOW + 120 * SECOND, LIFE)]
    assert len(desk.ask(after=60).starts) == 1
