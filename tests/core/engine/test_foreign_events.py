"""Engines beside each other at one ledger: what one hears of the others."""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace
from support.engine_desk import (
    ELSEWHERE,
    LIFE,
    MINUTELY,
    NOW,
    Desk,
    a_run,
    declared,
    ended,
    last,
    moves,
    queued,
    receive,
)
from support.engine_ledger import LedgerModel, StaleError
from support.engine_tasks import START, declaration

from schedkit.core.engine.changes import (
    CodeRecorded,
    HomeExpected,
    ParentsFollowed,
    WaitAdded,
    WaitBound,
    WaitEnded,
)
from schedkit.core.engine.snapshot import Found, Snapshot, WaitRow
from schedkit.core.engine.stimuli import EventsReceived, Recover, StandBy, Submit
from schedkit.core.events import TaskChanged
from schedkit.core.model import After, Task
from schedkit.core.states import Outcome, State
from schedkit.values.instants import SECOND

# Parents elsewhere


@pytest.fixture
def child() -> Desk:
    """An engine of a task that comes after one of another process."""
    return Desk(Task(name="child", after=(After("parent"),)))


PARENT = a_run("p", "parent")


def test_a_child_follows_a_parent_elsewhere_once(child: Desk) -> None:
    decision = receive(child, queued(PARENT))
    assert WaitAdded(WaitRow("made1", "child", "parent", "p", "success")) in decision.changes
    assert ParentsFollowed("child", 1, LIFE) in decision.changes
    assert HomeExpected("child", LIFE) in decision.changes
    assert last(decision, "made1").state is State.PENDING
    assert receive(child, queued(PARENT)).changes == [], "it is heard again"
    assert receive(child, queued(PARENT, followed=False), first=2).changes == [], "it is new no more"
    decision = receive(child, ended(PARENT), first=3)
    assert WaitEnded("made1", "parent", State.DONE) in decision.changes
    assert [start.run.id for start in decision.starts] == ["made1"]


def test_a_child_is_skipped_when_a_parent_elsewhere_fails(child: Desk) -> None:
    decision = receive(child, queued(PARENT), ended(PARENT, State.FAILED))
    assert moves(decision) == [("made1", State.SKIPPED)]
    assert child.engine.last == {"parent": State.FAILED, "child": State.SKIPPED}


def test_a_parents_run_that_is_blocked_is_not_followed(child: Desk) -> None:
    decision = receive(child, queued(PARENT, followed=False), ended(PARENT, State.SKIPPED))
    assert moves(decision) == []


def test_a_run_that_waits_for_two_is_paired_off_with_the_one_elsewhere() -> None:
    desk = Desk(Task(name="here"), Task(name="join", after=(After("here"), After("parent"))))
    desk.submit("here")
    decision = receive(desk, queued(PARENT))
    assert WaitBound("made1", "parent", "p") in decision.changes
    assert HomeExpected("join", LIFE) in decision.changes
    assert moves(desk.end()) == [("r", State.DONE)]
    assert moves(receive(desk, ended(PARENT), first=2)) == [("made1", State.RUNNING)]


def test_a_timed_child_waits_for_a_parent_elsewhere_that_is_alive() -> None:
    task = Task(name="c", trigger=MINUTELY, after=(After("parent"),))
    desk = Desk()
    desk.ask(declaration(task, found=Found(elsewhere=[PARENT])))
    assert last(desk.ask(after=60), "made1").waiting_for == ("parent",)
    assert [start.run.id for start in receive(desk, ended(PARENT)).starts] == ["made1"]
    assert desk.engine.alive("parent") == 0
    desk.end("made1")
    receive(desk, ended(PARENT, State.FAILED), first=2)
    assert last(desk.ask(after=60), "made2").reason == "its parent 'parent' ended as FAILED"


def test_how_a_parent_elsewhere_ended_long_ago_is_known() -> None:
    desk = Desk()
    task = Task(name="c", trigger=MINUTELY, after=(After("parent"),))
    desk.ask(declaration(task, found=Found(last={"parent": State.TIMEOUT})))
    assert last(desk.ask(after=60), "made1").reason == "its parent 'parent' ended as TIMEOUT"


def test_a_parent_that_nothing_comes_after_any_more_is_forgotten(child: Desk) -> None:
    receive(child, queued(PARENT))
    assert child.engine.alive("parent") == 1
    child.ask(declaration(Task(name="child"), found=Found(seq=1)))
    assert child.engine.alive("parent") == 0
    assert receive(child, queued(a_run("p2", "parent")), first=2).changes == []


def test_an_engine_made_anew_follows_what_its_life_had_not_heard_of() -> None:
    row, over = declared("child", followed_seq=3), a_run("over", "parent", State.DONE, finished=NOW)
    row = replace(row, facts={"after": ["parent"]})
    unfollowed = {"child": [(4, over), (5, PARENT)]}
    desk = Desk(snapshot=Snapshot(tasks=[row], elsewhere=[PARENT], unfollowed=unfollowed, seq=6))
    task = Task(name="child", after=(After("parent"),))
    decision = desk.ask(declaration(task, found=None), Recover())
    assert moves(decision) == [("made1", State.RUNNING), ("made2", State.PENDING)]
    assert ParentsFollowed("child", 6, LIFE) in decision.changes
    assert receive(desk, queued(PARENT), first=5).changes == []


def test_an_engine_made_anew_knows_of_parents_that_had_ended_unseen() -> None:
    row = replace(declared("child"), facts={"after": ["parent"]})
    waiting = a_run("c", "child", State.PENDING, waiting_for=("parent",))
    waits = [WaitRow("c", "child", "parent", "p", "success")]
    over = replace(PARENT, state=State.DONE)
    desk = Desk(snapshot=Snapshot(tasks=[row], live=[waiting], waits=waits, ended=[over]))
    decision = desk.ask(declaration(Task(name="child", after=(After("parent"),)), found=None), Recover())
    assert WaitEnded("c", "parent", State.DONE) in decision.changes
    assert [start.run.id for start in decision.starts] == ["c"]


def test_a_parents_run_is_not_bound_for_a_child_that_has_moved() -> None:
    desk, ledger = Desk(), LedgerModel()
    for stimulus in (
        declaration(Task(name="one")),
        declaration(Task(name="two")),
        declaration(Task(name="join", after=(After("one"), After("two")))),
        Submit(run="r1", task="one", actor="you"),
    ):
        ledger.apply(desk.ask(stimulus), NOW, LIFE)
    decision = desk.submit("two", "r2")
    ledger.tasks["join"] = replace(ledger.tasks["join"], home=ELSEWHERE)
    with pytest.raises(StaleError, match="join was decided on at a life"):
        ledger.apply(decision, NOW, LIFE)


@pytest.mark.parametrize("end", ["DONE", "FAILED"])
def test_the_end_of_a_parent_is_not_written_for_a_child_that_has_moved(end: str) -> None:
    """Where the child is now it may be without that parent, and its run wait for others."""
    desk, ledger = Desk(), LedgerModel()
    child = Task(name="child", after=(After("parent"), After("other")))
    for stimulus in (
        declaration(Task(name="parent")),
        declaration(child),
        Submit(run="r", task="parent", actor="you"),
    ):
        ledger.apply(desk.ask(stimulus), NOW, LIFE)
    decision = desk.end(outcome=Outcome[end])
    ledger.tasks["child"] = replace(ledger.tasks["child"], home=ELSEWHERE)
    with pytest.raises(StaleError, match="child was decided on at a life"):
        ledger.apply(decision, NOW, LIFE)
    assert ledger.runs["r"].state is State.RUNNING
    ledger.tasks["child"] = replace(ledger.tasks["child"], home=LIFE)
    ledger.apply(decision, NOW, LIFE)
    ends = {wait.parent: wait.ended for wait in ledger.waits.values()}
    assert ends == {"parent": State[end], "other": None}


# Others pause and resume all; code of tasks elsewhere


def test_what_the_ledger_says_of_all_tasks_holds() -> None:
    desk = Desk(Task(name="a", trigger=MINUTELY))
    others = TaskChanged(at=datetime.now(START.tzinfo), change="paused")
    assert receive(desk, others).wake_at == NOW + 60 * SECOND, "their order is not known here"
    assert desk.ask(EventsReceived(paused=True)).wake_at is None
    assert desk.engine.paused
    assert desk.ask(EventsReceived(paused=False)).wake_at == NOW + 60 * SECOND
    assert desk.ask(EventsReceived(paused=False)).changes == []


def test_who_stands_by_says_once_that_it_has_the_code() -> None:
    desk = Desk()
    assert desk.ask(StandBy(task="a", code="its code")).changes == [CodeRecorded("a", "its code", NOW)]
    assert desk.ask(StandBy(task="a", code="its code")).changes == []
    assert desk.ask(StandBy(task="a", code="other")).changes == [CodeRecorded("a", "other", NOW)]
