"""Events as values: what they carry, and their text in the log."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.run_events import T0, RunEvents, changed, task_row

from schedkit.core import events as ev
from schedkit.core.states import DueOutcome, Outcome, State

ERROR = {"type": "ValueError", "message": "no rows", "hint": "look", "traceback": "Traceback …"}


def all_events() -> list[ev.Event]:
    """Return an event of each kind."""
    tell = RunEvents()
    return [
        changed(
            task_row("a", "every 1 hour", next_at=T0, tags=["daily"], max_instances=2), actor="me", seq=3
        ),
        changed(task_row("a", paused=True), "paused", waiting=True),
        changed(None, "resumed"),
        ev.ScheduleAdvanced(at=T0, seq=4, task="a", next=None),
        ev.Fired(at=T0, task="a", scheduled_at=T0, until=T0, count=None, outcome=DueOutcome.MISSED),
        tell.queued("r", state=State.PENDING, waiting_for=("b", "c"), params={"rows": 5}, actor="me"),
        tell.started("r"),
        tell.retrying("r", outcome=Outcome.TIMEOUT, error=ERROR, reason="timeout"),
        tell.started("r", second=5, attempt=2),
        replace(tell.started("r", second=5, attempt=2), seq=9),
        ev.RunStopping(at=T0, after=replace(tell.runs["r"], reason="cancelled by me")),
        tell.progressed("r", stage="extract", done=1, total=2, started=T0, rate=1.5),
        tell.logged("r", message="line"),
        tell.noted("r", kind="rows", facts={"count": 3}),
        tell.ended("r", second=9, state=State.CANCELLED, reason="cancelled by me"),
        tell.ended("never started", state=State.SKIPPED),
        ev.LoopBlocked(at=T0, task="a", run="r", seconds=2.5, where="x.py:3"),
        ev.NodeChanged(at=T0, change="started", name="me", life="a"),
        ev.StoreAway(at=T0, reason="disk full"),
        ev.StoreBack(at=T0, seconds=3.0),
    ]


def test_there_is_one_of_each_kind() -> None:
    abstract = {ev.Event, ev.RunStep, ev.RunOutput}
    kinds = {kind for kind in vars(ev).values() if isinstance(kind, type) and issubclass(kind, ev.Event)}
    assert {type(event) for event in all_events()} == kinds - abstract


@pytest.mark.parametrize("event", all_events(), ids=lambda event: type(event).__name__)
def test_an_event_is_read_from_the_log_as_it_was_written(event: ev.Event) -> None:
    assert ev.decode(ev.encode(event)) == event


@pytest.mark.parametrize("state", [State.FAILED, State.TIMEOUT])
def test_an_error_is_written_once(state: State) -> None:
    tell = RunEvents()
    for event in (tell.queued("r"), tell.started("r"), tell.ended("r", state=state, error=ERROR)):
        text = ev.encode(event)
    assert text.count("Traceback") == 1
    decoded = ev.decode(text)
    assert isinstance(decoded, ev.RunEnded)
    assert decoded.attempt is not None
    assert decoded.attempt.error == decoded.after.error == ERROR


def test_an_attempt_keeps_an_error_of_its_own() -> None:
    tell = RunEvents()
    tell.queued("r")
    tell.started("r")
    ended = tell.ended("r", state=State.CANCELLED)
    assert ended.attempt is not None
    ended = replace(ended, attempt=replace(ended.attempt, error=ERROR))
    assert ev.decode(ev.encode(ended)) == ended


def test_whom_an_event_is_about() -> None:
    about = {type(event).__name__: (event.task, event.run, event.actor) for event in all_events()}
    assert about["RunEnded"] == ("a", "never started", "")
    assert about["RunQueued"] == ("a", "r", "me")
    assert about["RunLogged"] == ("a", "r", "")
    assert about["ScheduleAdvanced"] == ("a", "", "")
    assert about["TaskChanged"] == ("", "", "")  # the last one is about all tasks
    assert about["StoreAway"] == ("", "", "")
