"""Tasks that move between engines at one ledger, and their runs, which go on where they are."""

from __future__ import annotations

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
    moved,
    moves,
    queued,
    receive,
    running,
)
from support.engine_tasks import START, declaration

from schedkit.core.engine.changes import (
    AttemptRecorded,
    ParentsFollowed,
    TaskPut,
    TaskUntouched,
    WaitAdded,
)
from schedkit.core.engine.snapshot import Found, Snapshot, WaitRow
from schedkit.core.engine.stimuli import Adopted, Cancel, EventsReceived, Recover, Remove
from schedkit.core.events import RunRetrying, RunStarted, RunStopping, TaskChanged
from schedkit.core.model import After, Task
from schedkit.core.run import Attempt
from schedkit.core.states import Outcome, State
from schedkit.errors import SchedkitError
from schedkit.values.instants import SECOND


def test_a_task_comes_with_its_runs() -> None:
    row = declared("a", MINUTELY, next=NOW + 60 * SECOND, home=ELSEWHERE, created=1)
    found = Found(
        row=row,
        seq=9,
        live=[running("there", "a"), running("lost", "a", scheduled=NOW), a_run("waits", "a", scheduled=1)],
        abroad=frozenset({"there"}),
        last={"a": State.FAILED},
    )
    desk = Desk()
    task = Task(name="a", trigger=MINUTELY, max_instances=2)
    decision = desk.ask(replace(declaration(task, found=found), home_by="moved", place="/here"))
    (put,) = [change for change in decision.changes if isinstance(change, TaskPut)]
    assert put.home == ELSEWHERE
    assert (put.row.home, put.row.home_by, put.row.place, put.row.followed_seq) == (LIFE, "moved", "/here", 9)
    assert (put.row.next, put.row.created) == (row.next, 1)
    assert TaskUntouched("a", 9) in decision.changes
    assert [event.change for event in decision.events if isinstance(event, TaskChanged)] == ["moved"]
    assert ("lost", State.QUEUED) in moves(decision), "its process is gone"
    assert [start.run.id for start in decision.starts] == ["waits"], "one runs elsewhere, and two may"
    decision = receive(desk, ended(running("there", "a")), first=10)
    assert [start.run.id for start in decision.starts] == ["lost"]
    assert [done.run.id for done in decision.finished] == ["there"]


def test_what_happened_before_a_task_came_is_not_heard_again() -> None:
    desk = Desk()
    row = declared("a", home=ELSEWHERE)
    desk.ask(declaration(Task(name="a"), found=Found(row=row, seq=9)))
    old = a_run("old", "a")
    decision = receive(desk, moved(row), queued(old), RunStarted(at=START, after=old), ended(old), first=5)
    assert (decision.changes, desk.engine.runs) == ([], {})
    assert desk.engine.rows["a"].home == LIFE


@pytest.mark.parametrize("state", [State.QUEUED, State.RETRY])
def test_a_run_abroad_that_runs_again_runs_here(state: State) -> None:
    desk = Desk()
    abroad = running("r", "a")
    row = declared("a", home=ELSEWHERE)
    desk.ask(declaration(Task(name="a"), found=Found(row=row, live=[abroad], abroad=frozenset({"r"}))))
    stopping = RunStopping(at=START, after=replace(abroad, reason="cancelled by you"))
    assert receive(desk, stopping).starts == [], "it runs there still"
    end = Attempt(number=1, started=NOW, finished=NOW, outcome=Outcome.FAILED)
    again = RunRetrying(at=START, after=replace(abroad, state=state, started=None), attempt=end)
    assert [start.run.attempt for start in receive(desk, again, first=2).starts] == [2]
    assert receive(desk, ended(abroad), first=3).changes == [], "it runs here: nobody else can end it"


def test_a_run_abroad_is_cancelled_by_its_home() -> None:
    desk = Desk()
    row = declared("a", home=ELSEWHERE)
    found = Found(row=row, live=[running("r", "a")], abroad=frozenset({"r"}))
    desk.ask(declaration(Task(name="a"), found=found))
    assert desk.submit("a", "s", scheduled=NOW).starts == []
    decision = desk.ask(Cancel(run="r", actor="you"))
    (recorded,) = [change for change in decision.changes if isinstance(change, AttemptRecorded)]
    assert recorded.attempt.outcome is Outcome.CANCELLED
    assert moves(decision) == [("r", State.CANCELLED), ("s", State.RUNNING)]
    assert decision.stops == []


@pytest.fixture
def home() -> Desk:
    """An engine of a task of which a run is running where it was at home before."""
    desk = Desk(Task(name="c", trigger=MINUTELY, after=(After("a"),)))
    found = Found(row=declared("a", home=ELSEWHERE), live=[RUNS_THERE], abroad=frozenset({"r"}))
    desk.ask(declaration(Task(name="a"), found=found))
    return desk


RUNS_THERE = running("r", "a")
STOPS_THERE = RunStopping(at=START, after=replace(RUNS_THERE, reason="cancelled by me"))
AGAIN_THERE = RunRetrying(
    at=START,
    after=replace(RUNS_THERE, state=State.RETRY, started=None),
    attempt=Attempt(number=1, started=NOW, finished=NOW, outcome=Outcome.FAILED),
)


@pytest.mark.parametrize("event", [STOPS_THERE, AGAIN_THERE], ids=["it is to stop", "it is to run again"])
def test_a_run_that_has_ended_here_is_not_alive_by_what_was_written_before(
    home: Desk, event: RunStopping | RunRetrying
) -> None:
    home.ask(Cancel(run="r", actor="you"))
    decision = receive(home, event)
    assert (decision.changes, decision.starts, home.engine.runs) == ([], [], {})
    assert home.engine.alive("a") == 0
    assert home.engine.queue.used("task:a") == 0


def test_a_run_abroad_is_heard_of_before_its_task_is_declared_again() -> None:
    """As when an engine is made anew and the code of the task is gone from this process."""
    snapshot = Snapshot(tasks=[declared("a")], live=[RUNS_THERE], abroad=frozenset({"r"}))
    desk = Desk(snapshot=snapshot)
    desk.ask(Recover())
    assert receive(desk, STOPS_THERE).changes == []
    desk.ask(declaration(Task(name="a"), found=None))
    assert desk.engine.queue.used("task:a") == 1
    assert desk.engine.live_of("a") == [STOPS_THERE.after]


def test_a_run_is_cancelled_and_heard_of_in_one_decision(home: Desk) -> None:
    decision = home.ask(Cancel(run="r", actor="you"), EventsReceived(events=(replace(AGAIN_THERE, seq=1),)))
    assert (moves(decision), decision.starts) == ([("r", State.CANCELLED)], [])


def test_a_run_that_ended_while_its_task_was_at_home_here_is_not_alive_when_it_has_left(home: Desk) -> None:
    home.ask(Cancel(run="r", actor="you"), Remove(task="a", actor="you"))
    receive(home, STOPS_THERE)
    assert home.engine.alive("a") == 0
    assert last(home.ask(after=60), "made1").state is State.SKIPPED, "how the last one ended is known"


def test_a_task_that_left_is_run_no_more_but_for_what_runs() -> None:
    desk = Desk(Task(name="a", trigger=MINUTELY), concurrency=1)
    desk.submit("a", "r1")
    desk.submit("a", "r2")
    decision = receive(desk, moved(replace(desk.engine.row("a"), home=ELSEWHERE)))
    assert (decision.changes, decision.stops, decision.wake_at) == ([], [], NOW + 3600 * SECOND)
    assert desk.engine.rows == desk.engine.tasks == {}
    assert set(desk.engine.runs) == {"r1"}
    decision = desk.end("r1", outcome=Outcome.FAILED, retryable=False)
    assert moves(decision) == [("r1", State.FAILED)]
    assert desk.ask(after=120).changes == []


def test_a_guest_that_is_to_run_again_does_so_at_its_home() -> None:
    desk = Desk(Task(name="a"), Task(name="c", trigger=MINUTELY, after=(After("a"),)))
    desk.submit("a")
    receive(desk, moved(replace(desk.engine.row("a"), home=ELSEWHERE)))
    desk.ask(Recover(), Cancel(run="nobody", actor="you"))
    decision = desk.end(outcome=Outcome.CANCELLED, retryable=True)
    assert moves(decision) == [("r", State.FAILED)]
    assert desk.engine.last["a"] is State.FAILED


def test_a_guest_that_its_home_has_ended_is_asked_to_stop() -> None:
    desk = Desk(Task(name="a"), Task(name="c", trigger=MINUTELY, after=(After("a"),)))
    run = last(desk.submit("a"))
    receive(desk, moved(replace(desk.engine.row("a"), home=ELSEWHERE)))
    decision = receive(desk, ended(run, State.CANCELLED), first=2)
    assert [(stop.run, stop.why, stop.recorded) for stop in decision.stops] == [("r", "cancel", True)]
    assert decision.changes == []
    assert set(desk.engine.queue.running) == {"r"}, "its code is alive"
    assert desk.engine.last["a"] is State.CANCELLED
    desk.end()
    assert not desk.engine.queue.running


def test_a_task_comes_back_to_where_one_of_its_runs_is() -> None:
    desk = Desk(Task(name="a"))
    desk.submit("a")
    row = replace(desk.engine.row("a"), home=ELSEWHERE)
    receive(desk, moved(row))
    found = Found(row=row, seq=1, live=[desk.engine.runs["r"]], here=frozenset({"r"}))
    decision = desk.ask(replace(declaration(Task(name="a"), found=found), written=desk.engine.decided))
    assert moves(decision) == []
    assert desk.engine.queue.used("task:a") == 1
    assert desk.submit("a", "s", scheduled=NOW).starts == []
    assert [start.run.id for start in desk.end().starts] == ["s"]


def test_a_parent_that_leaves_is_known_on() -> None:
    desk = Desk(Task(name="p"), Task(name="c", trigger=MINUTELY, after=(After("p"),)), concurrency=1)
    desk.submit("p", "r1")
    desk.submit("p", "r2")
    receive(desk, moved(replace(desk.engine.row("p"), home=ELSEWHERE)))
    assert desk.engine.alive("p") == 2
    desk.end("r1")
    assert last(desk.ask(after=60), "made1").waiting_for == ("p",)
    assert [start.run.id for start in receive(desk, ended(a_run("r2", "p")), first=2).starts] == ["made1"]


def test_a_task_that_others_remove_is_forgotten() -> None:
    desk = Desk(Task(name="a"))
    decision = receive(desk, TaskChanged(at=START, change="removed", row=declared("a", home=ELSEWHERE)))
    assert (decision.changes, desk.engine.rows) == ([], {})
    assert isinstance(desk.ask(Remove(task="a", actor="you", token="t")).replies[0].error, SchedkitError)


PARENT = a_run("p", "parent")


def test_a_parent_comes_with_its_runs_that_its_children_here_have_not_heard_of() -> None:
    task = Task(name="child", after=(After("parent"),))
    desk = Desk()
    desk.ask(declaration(task, found=Found(seq=1)))
    found = Found(
        row=declared("parent", home=ELSEWHERE), seq=9, live=[PARENT], children={"child": [(5, PARENT)]}
    )
    declare = replace(declaration(Task(name="parent"), found=found), written=desk.engine.decided)
    decision = desk.ask(declare)
    assert WaitAdded(WaitRow("made1", "child", "parent", "p", "success")) in decision.changes
    assert ParentsFollowed("child", 9, LIFE) in decision.changes
    assert [start.run.id for start in desk.end("p").starts] == ["made1"]
    assert receive(desk, queued(PARENT), first=5).changes == [], "it came with its task"


def test_what_a_task_told_before_it_came_is_not_heard_when_it_has_left_either() -> None:
    desk = Desk(Task(name="c", trigger=MINUTELY, after=(After("a"),)))
    row = declared("a", home=ELSEWHERE)
    desk.ask(declaration(Task(name="a"), found=Found(row=row, seq=9)))
    desk.ask(Remove(task="a", actor="you"))
    receive(desk, queued(a_run("old", "a")), first=5)
    assert desk.engine.alive("a") == 0
    receive(desk, queued(a_run("new", "a")), first=10)
    assert desk.engine.alive("a") == 1


# A task that is removed while one of its runs goes on where it was at home before


def test_a_run_abroad_of_a_removed_task_ends_where_it_runs() -> None:
    desk = Desk(Task(name="c", trigger=MINUTELY, after=(After("a"),)), concurrency=1)
    found = Found(row=declared("a", home=ELSEWHERE), live=[running("r", "a")], abroad=frozenset({"r"}))
    desk.ask(declaration(Task(name="a"), found=found))
    decision = desk.ask(Remove(task="a", actor="you"))
    assert moves(decision) == [("r", State.RUNNING)]
    assert last(decision, "r").reason == "cancelled by you"
    assert not [change for change in decision.changes if isinstance(change, AttemptRecorded)]
    assert [event.by for event in decision.events if isinstance(event, RunStopping)] == ["you"]
    assert not desk.engine.runs
    assert last(desk.ask(after=60), "made1").waiting_for == ("a",), "it is a parent that has not ended"
    assert [start.run.id for start in receive(desk, ended(running("r", "a"))).starts] == ["made1"]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Outcome.DONE, State.DONE), (Outcome.FAILED, State.CANCELLED), (Outcome.CANCELLED, State.CANCELLED)],
)
def test_a_guest_that_ends_well_though_its_task_is_removed_is_done(outcome: Outcome, state: State) -> None:
    desk = Desk(Task(name="a"))
    desk.submit("a")
    receive(desk, moved(replace(desk.engine.row("a"), home=ELSEWHERE)))
    stopping = RunStopping(at=START, after=replace(desk.engine.runs["r"], reason="cancelled by you"))
    assert receive(desk, replace(stopping, after=replace(stopping.after, attempt=9)), first=2).stops == []
    (stop,) = receive(desk, stopping, first=3).stops
    assert (stop.run, stop.why, stop.actor, stop.wanted) == ("r", "cancel", "you", True)
    run = last(desk.end(outcome=outcome))
    assert (run.state, run.reason) == (state, "" if state is State.DONE else "cancelled by you")


def test_an_engine_made_anew_knows_that_a_guest_may_end_well() -> None:
    task, run = Task(name="a"), replace(running("r", "a"), reason="cancelled by you")
    desk = Desk(snapshot=Snapshot(live=[run], guests=frozenset({"r"})))
    adopted = Adopted(run="r", attempt=1, task=task, started=NOW)
    (stop,) = desk.ask(Recover(adopted=[adopted])).stops
    assert (stop.why, stop.wanted) == ("cancel", True)
    assert last(desk.end()).state is State.DONE
