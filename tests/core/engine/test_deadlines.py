"""A timeout counts from when the code of an attempt began, which is asked when it would be over."""

from __future__ import annotations

from support.engine_desk import LIFE, NOW, Desk, declared, moves, running
from support.engine_tasks import declaration

from schedkit.core.engine.changes import RunChanged
from schedkit.core.engine.decision import AskBegin
from schedkit.core.engine.snapshot import Snapshot
from schedkit.core.engine.stimuli import Adopted, Began, Cancel, Recover
from schedkit.core.model import Task
from schedkit.core.states import State
from schedkit.values.instants import SECOND


def test_an_attempt_is_asked_when_its_code_began_before_it_times_out() -> None:
    desk = Desk(Task(name="a", timeout=10))
    desk.submit("a")
    decision = desk.ask(after=10)
    assert (decision.asks, decision.stops, decision.writes) == ([AskBegin("r", 1)], [], False)
    decision = desk.ask(Began(run="r", attempt=1, at=NOW))
    assert moves(decision) == [("r", State.TIMEOUT)]
    assert [(stop.why, stop.recorded) for stop in decision.stops] == [("timeout", True)]


def test_code_that_had_to_wait_has_its_whole_time() -> None:
    desk = Desk(Task(name="a", timeout=10))
    desk.submit("a")
    assert desk.ask(after=10).wake_at is None
    assert desk.ask(after=3600).wake_at is None, "it has not begun yet"
    assert desk.begin(ago=1).wake_at == desk.now + 9 * SECOND
    assert desk.ask(after=8.9).changes == []
    assert moves(desk.ask(after=0.1)) == [("r", State.TIMEOUT)]


def test_only_the_begin_of_the_present_attempt_counts() -> None:
    desk = Desk(Task(name="a", timeout=10))
    desk.submit("a")
    desk.begin(attempt=2)
    desk.begin("another")
    assert desk.ask(after=10).asks == [AskBegin("r", 1)]


def test_code_without_a_timeout_is_asked_nothing() -> None:
    desk = Desk(Task(name="a", timeout=None))
    desk.submit("a")
    assert desk.begin().wake_at is None
    assert desk.ask(after=10**6).asks == []


def test_what_is_cancelled_before_its_code_begins_is_given_up_after_the_grace() -> None:
    desk = Desk(Task(name="a", timeout=10), cancel_grace=3 * SECOND)
    desk.submit("a")
    desk.ask(after=10)
    assert desk.ask(Cancel(run="r", actor="you")).wake_at == desk.now + 3 * SECOND
    assert desk.begin().wake_at == desk.now + 3 * SECOND
    assert moves(desk.ask(after=3)) == [("r", State.CANCELLED)]


def test_code_of_a_removed_task_has_its_whole_time_too() -> None:
    """The ledger has that its home, another process, has removed the task."""
    live = [running("r", "a", reason="cancelled by you")]
    task = Task(name="a", timeout=10)
    desk = Desk(snapshot=Snapshot(live=live, guests=frozenset({"r"})))
    adopted = Adopted(run="r", task=task, attempt=1, started=NOW)
    decision = desk.ask(Recover(adopted=(adopted,)))
    assert [(stop.why, stop.wanted) for stop in decision.stops] == [("cancel", True)]
    assert desk.ask(after=10).asks == [AskBegin("r", 1)]
    assert desk.begin().wake_at == desk.now + 10 * SECOND
    assert moves(desk.ask(after=10)) == [("r", State.CANCELLED)]


def test_an_engine_made_anew_knows_what_has_begun() -> None:
    task = Task(name="a", timeout=30)
    desk = Desk(snapshot=Snapshot(tasks=[declared("a")], live=[running("r", "a"), running("s", "a")]))
    known = Adopted(run="r", task=task, attempt=1, started=NOW - 20 * SECOND, begun=NOW - 5 * SECOND)
    waits = Adopted(run="s", task=task, attempt=1, started=NOW - 20 * SECOND)
    decision = desk.ask(declaration(task), Recover(adopted=(known, waits)))
    assert decision.wake_at == NOW + 10 * SECOND
    assert desk.ask(after=10).asks == [AskBegin("s", 1)]
    decision = desk.ask(after=15)
    assert [change.after.id for change in decision.changes if isinstance(change, RunChanged)] == ["r"]
    assert desk.engine.active.keys() == {"s"}
    assert desk.engine.row("a").home == LIFE
