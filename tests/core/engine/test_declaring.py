"""Tasks that are declared: as new ones, after one of their name was removed, on what is no longer so."""

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
from support.engine_ledger import LedgerModel, StaleError
from support.engine_tasks import declaration

from schedkit.core.engine.changes import TaskUntouched
from schedkit.core.engine.snapshot import Found
from schedkit.core.engine.stimuli import Remove, Submit
from schedkit.core.model import After, Task
from schedkit.core.states import Outcome, State

# What is no longer so


def test_a_declaration_is_refused_that_knows_less_than_the_engine() -> None:
    desk = Desk()
    receive(desk, queued(a_run("x", "x")), first=9)
    row = declared("a", home=ELSEWHERE)
    decision = desk.ask(declaration(Task(name="a"), found=Found(row=row, seq=8)))
    assert str(decision.replies[0].error) == "the ledger has changed since it was read (read it again)"
    assert decision.changes == []
    assert desk.ask(declaration(Task(name="a"), found=Found(row=row, seq=9))).replies == []


def test_a_declaration_is_refused_while_what_is_decided_of_its_parents_is_unwritten() -> None:
    desk = Desk(Task(name="p"))
    row = replace(declared("c", home=ELSEWHERE), facts={"after": ["p"]})
    declare = declaration(Task(name="c", after=(After("p"),)), found=Found(row=row))
    declare = replace(declare, written=desk.engine.decided)
    desk.submit("p")
    assert desk.ask(declare).replies[0].error is not None
    declare = replace(declare, written=desk.engine.decided)
    decision = desk.ask(Submit(run="r2", task="p", actor="you"), declare)
    assert [reply.error is None for reply in decision.replies] == [False], "nor in the same decision"
    assert desk.ask(replace(declare, written=desk.engine.decided)).replies == []


def test_a_task_that_has_left_is_not_taken_for_a_new_one() -> None:
    decision = Desk().ask(declaration(Task(name="a"), found=None))
    assert "task 'a' is at home elsewhere now" in str(decision.replies[0].error)
    assert decision.changes == []


PARENT = declared("parent", home=ELSEWHERE)
CHILD = Task(name="child", after=(After("parent"),))


@pytest.mark.parametrize(("seq", "refused"), [(8, False), (9, True)])
def test_a_parent_is_refused_while_the_ledger_does_not_know_of_its_child_here(
    seq: int, refused: bool
) -> None:
    """What it has not heard of may end here first, and the child's run for it would wait for ever."""
    desk = Desk()
    desk.ask(declaration(CHILD, found=Found(seq=8)))
    declare = declaration(Task(name="parent"), found=Found(row=PARENT, seq=seq))
    assert bool(desk.ask(declare).replies) is refused
    assert desk.ask(replace(declare, written=desk.engine.decided)).replies == []


def test_a_child_is_refused_that_was_read_before_its_parent_came() -> None:
    desk = Desk()
    desk.ask(declaration(Task(name="parent"), found=Found(row=PARENT, seq=9)))
    assert desk.ask(declaration(CHILD, found=Found(seq=8))).replies[0].error is not None
    assert desk.ask(declaration(CHILD, found=Found(seq=9))).replies == []


def test_a_task_is_not_declared_anew_by_what_was_read_before_it_was_removed() -> None:
    desk = Desk(Task(name="a"))
    found = Found(row=desk.engine.row("a"), seq=1)
    declare = replace(declaration(Task(name="a"), found=found), written=desk.engine.decided)
    decision = desk.ask(Remove(task="a", actor="you"), declare)
    assert "has changed since it was read" in str(decision.replies[0].error)
    assert desk.engine.rows == {}


def test_a_new_task_is_refused_where_another_process_had_one_of_its_name_meanwhile() -> None:
    """It would be taken for at home elsewhere by the events of that one."""
    desk, other, ledger = Desk(), Desk(), LedgerModel()
    decision = desk.ask(declaration(Task(name="a")))
    assert TaskUntouched("a", 0) in decision.changes
    for stimulus in (declaration(Task(name="a")), Remove(task="a", actor="you")):
        ledger.apply(other.ask(stimulus), NOW, ELSEWHERE)
    with pytest.raises(StaleError, match="a was touched since 0"):
        ledger.apply(decision, NOW, LIFE)


# After one of its name was removed


STOPPING = running("r", "a", reason="cancelled by you")


def test_a_task_is_declared_while_a_run_of_a_removed_one_is_running_elsewhere() -> None:
    desk = Desk(Task(name="c", trigger=MINUTELY, after=(After("a"),)))
    receive(desk, queued(a_run("r", "a")))
    found = Found(seq=1, live=[STOPPING], abroad=frozenset({"r"}))
    decision = desk.ask(declaration(Task(name="a"), found=found))
    assert (moves(decision), desk.engine.live_of("a")) == ([], [STOPPING])
    assert desk.submit("a", "s", scheduled=NOW).starts == [], "it is one instance of the task"
    decision = receive(desk, ended(STOPPING), first=2)
    assert [done.run.id for done in decision.finished] == ["r"]
    assert [start.run.id for start in decision.starts] == ["s"]


def test_what_a_removed_task_left_running_in_a_process_that_is_gone_ends() -> None:
    decision = Desk().ask(declaration(Task(name="a"), found=Found(live=[STOPPING])))
    assert moves(decision) == [("r", State.CANCELLED)]


def test_a_guest_whose_task_was_removed_and_is_declared_here_is_asked_to_stop() -> None:
    desk = Desk(Task(name="a"))
    desk.submit("a")
    receive(desk, moved(replace(desk.engine.row("a"), home=ELSEWHERE)))
    stopping = replace(desk.engine.runs["r"], reason="cancelled by you")
    found = Found(seq=9, live=[stopping], here=frozenset({"r"}))
    decision = desk.ask(replace(declaration(Task(name="a"), found=found), written=desk.engine.decided))
    assert [(stop.run, stop.why, stop.actor, stop.wanted) for stop in decision.stops] == [
        ("r", "cancel", "you", True)
    ]
    assert (decision.starts, desk.engine.live_of("a")) == ([], [stopping])
    assert last(desk.end(outcome=Outcome.FAILED, retryable=True)).state is State.CANCELLED
