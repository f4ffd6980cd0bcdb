"""Limits of the whole ledger: keys are claimed before a run starts, refused, waited for and given back."""

from __future__ import annotations

from typing import Any

import pytest
from support.engine_desk import LIFE, NOW, Desk, declared, last, moves, running
from support.engine_tasks import declaration

from schedkit.core.engine.changes import KeysClaimed, KeysDropped, KeysKept, LimitPut
from schedkit.core.engine.claims import PATIENCE
from schedkit.core.engine.decision import Decision
from schedkit.core.engine.snapshot import Claim, Limit, Snapshot, Use
from schedkit.core.engine.stimuli import (
    Cancel,
    ClaimsSettled,
    DeclareLimits,
    Drain,
    HoldWrites,
    LimitsSeen,
    Recover,
    Remove,
    Stimulus,
)
from schedkit.core.events import RunQueued
from schedkit.core.model import Rate, Task
from schedkit.core.run import Run
from schedkit.core.states import Outcome, Overlap, State
from schedkit.values.instants import SECOND

X, Y = "tag:x", "tag:y"
ONE_X = {X: Limit(1, "another")}


def desk_with(*tasks: Task, limits: dict[str, int] | None = None, **config: Any) -> Desk:
    desk = Desk(**config)
    declare(desk, {X: 1} if limits is None else limits)
    desk.ask(*map(declaration, tasks))
    return desk


def declare(desk: Desk, limits: dict[str, int], alone: bool = True) -> Decision:
    return desk.ask(DeclareLimits(limits=limits, alone=alone, actor="me"))


def settle(
    desk: Desk, *runs: str, refused: dict[str, frozenset[str]] | None = None, number: int | None = None
) -> Decision:
    """Tell the engine what has become of the claims of its last decision."""
    number = desk.engine.decided if number is None else number
    return desk.ask(ClaimsSettled(number=number, runs=runs, refused=refused or {}))


def refuse(desk: Desk, run: str = "r", *keys: str) -> Decision:
    return settle(desk, run, refused={run: frozenset(keys or {X})})


def look(desk: Desk, held: int, *ahead: int, key: str = X, after: float = 0.0) -> Decision:
    """Let the engine see how a key is used."""
    uses = {key: Use(held, ahead)}
    seen = LimitsSeen(limits=desk.engine.limits, uses=uses, written=desk.engine.decided)
    return desk.ask(seen, after=after)


def claims(decision: Decision) -> list[str]:
    return [change.run for change in decision.changes if isinstance(change, KeysClaimed)]


def dropped(decision: Decision) -> list[str]:
    return [change.run for change in decision.changes if isinstance(change, KeysDropped)]


def test_a_run_of_a_limited_tag_starts_once_its_claim_is_written() -> None:
    desk = desk_with(Task(name="a", tags=("x", "free")))
    decision = desk.submit("a")
    (claim,) = [change for change in decision.changes if isinstance(change, KeysClaimed)]
    assert (claim.keys, claim.yields, claim.life) == ((X,), True, LIFE)
    assert decision.starts == []
    decision = settle(desk, "r")
    assert [start.run.id for start in decision.starts] == ["r"]
    assert moves(decision) == [("r", State.RUNNING)]
    assert dropped(desk.end()) == ["r"], "the key is given back with the end"


def test_a_run_without_a_limited_tag_claims_nothing() -> None:
    desk = desk_with(Task(name="a", tags=("y",)))
    decision = desk.submit("a")
    assert [start.run.id for start in decision.starts] == ["r"]
    assert claims(decision) == dropped(desk.end()) == []


def test_a_refused_run_waits_and_says_for_what_until_there_is_room() -> None:
    desk = desk_with(Task(name="a", tags="x"))
    desk.submit("a")
    decision = refuse(desk)
    assert last(decision).waiting_for == (X,)
    assert [event.after.waiting_for for event in decision.events if isinstance(event, RunQueued)] == [(X,)]
    assert desk.engine.shared_keys == {X}
    assert claims(desk.submit("a", "s")) == [], "it would be refused too"
    assert claims(look(desk, 1)) == []
    decision = look(desk, 0)
    assert (dropped(decision), claims(decision)) == (["r"], ["r"])
    decision = settle(desk, "r")
    assert last(decision).waiting_for == ()
    assert [start.run.id for start in decision.starts] == ["r"]


def test_a_claim_leaves_room_to_those_of_others_that_wait_with_a_smaller_rank() -> None:
    desk = desk_with(Task(name="a", tags="x"))
    rank = next(change.rank for change in desk.submit("a").changes if isinstance(change, KeysClaimed))
    refuse(desk)
    assert claims(look(desk, 0, rank - 1)) == []
    assert claims(look(desk, 1, rank - 1, after=1)) == []
    assert claims(look(desk, 0, rank + 1)) == ["r"]


def test_who_waits_first_and_does_not_start_holds_the_others_up_for_a_time_only() -> None:
    """Another process may be stopped while it waits."""
    desk = desk_with(Task(name="a", tags="x"))
    desk.submit("a")
    refuse(desk)
    assert claims(look(desk, 0, -1)) == []
    assert claims(look(desk, 1, -1, after=PATIENCE / SECOND)) == [], "it has started"
    assert claims(look(desk, 0, -1)) == []
    decision = look(desk, 0, -1, after=PATIENCE / SECOND)
    assert [change.yields for change in decision.changes if isinstance(change, KeysClaimed)] == [False]
    refuse(desk)
    assert claims(look(desk, 0, -1)) == [], "it yields again"


def test_room_that_is_seen_before_a_refusal_is_heard_of_is_claimed_again() -> None:
    desk = desk_with(Task(name="a", tags="x"))
    desk.submit("a")
    number = desk.engine.decided
    look(desk, 0)
    decision = settle(desk, "r", refused={"r": frozenset({X})}, number=number)
    assert claims(decision) == ["r"]


def test_a_claim_of_an_engine_before_this_one_counts_no_more() -> None:
    row, run = declared("a"), Run(id="r", task="a", state=State.QUEUED, due=NOW, queued=NOW)
    desk = Desk(
        snapshot=Snapshot(tasks=[row], live=[run], limits=ONE_X, claims=[Claim(X, "r", held=True)]),
    )
    decision = desk.ask(declaration(Task(name="a", tags=("x",)), found=None), Recover())
    assert (dropped(decision), claims(decision)) == (["r"], ["r"])
    assert settle(desk, "r", number=desk.engine.decided - 1).starts == []
    assert len(settle(desk, "r", number=1).starts) == 1


def test_what_waited_and_what_ran_before_an_engine_was_made_anew_goes_on() -> None:
    runs = [running("runs", "a"), Run(id="waits", task="a", state=State.QUEUED, due=NOW, queued=NOW)]
    known = [Claim(X, "runs", held=True), Claim(X, "waits", held=False), Claim(X, "over", held=False)]
    desk = Desk(snapshot=Snapshot(tasks=[declared("a")], live=runs, limits=ONE_X, claims=known))
    decision = desk.ask(declaration(Task(name="a", tags=("x",)), found=None), Recover())
    assert (dropped(decision), claims(decision)) == (["over"], [])
    assert claims(look(desk, 1)) == []
    assert dropped(desk.end("runs")) == ["runs"]
    assert claims(look(desk, 0)) == ["waits"]


@pytest.mark.parametrize(
    "meanwhile",
    [
        [Cancel(run="r", actor="you")],
        [Remove(task="a", actor="you")],
        [declaration(Task(name="a"), found=None)],
        [HoldWrites(held=True)],
        [Drain()],
    ],
    ids=lambda stimuli: type(stimuli[0]).__name__,
)
@pytest.mark.parametrize("refused", [False, True])
def test_a_claim_is_given_up_if_its_run_is_not_to_start_any_more(
    meanwhile: list[Stimulus], refused: bool
) -> None:
    desk = desk_with(Task(name="a", tags=("x",)))
    desk.submit("a")
    number = desk.engine.decided
    desk.ask(*meanwhile)
    decision = settle(desk, "r", refused={"r": frozenset({X})} if refused else {}, number=number)
    if refused and isinstance(meanwhile[0], HoldWrites | Drain):
        assert desk.engine.shared_keys == {X}, "it waits on"
    else:
        assert dropped(decision) == ["r"]
    started = [start.run.id for start in decision.starts]
    assert started == (["r"] if meanwhile[0] == declaration(Task(name="a"), found=None) else [])
    assert set(desk.engine.queue.running) == set(started)


def test_a_run_claims_again_if_its_task_counts_its_runs_since() -> None:
    """Found by a history: the run started by the earlier declaration, and was not counted."""
    desk = desk_with(Task(name="a", tags=("x",), overlap=Overlap.ALLOW))
    desk.submit("a")
    number = desk.engine.decided
    desk.ask(declaration(Task(name="a", tags=("x",)), found=None))
    decision = settle(desk, "r", number=number)
    assert (decision.starts, claims(decision)) == ([], ["r"])
    assert len(settle(desk, "r", number=desk.engine.decided).starts) == 1
    assert desk.engine.queue.used("task:a") == 1


def test_a_key_for_which_nothing_waits_any_more_is_free_for_other_tasks() -> None:
    desk = desk_with(Task(name="a", tags=("x",)), Task(name="b"), limits={X: 1, Y: 1}, concurrency=1)
    desk.submit("a")
    refuse(desk)
    desk.ask(declaration(Task(name="a", tags=("y",))), declaration(Task(name="b", tags=("x",))))
    settle(desk, "r")
    assert desk.engine.queue.blocked == frozenset()
    assert claims(desk.submit("b", "s")) == [], "its place is taken"
    assert claims(desk.end()) == ["s"]


def test_a_run_that_is_cancelled_while_it_waits_gives_way() -> None:
    desk = desk_with(Task(name="a", tags=("x",)))
    desk.submit("a")
    refuse(desk)
    desk.submit("a", "s")
    decision = desk.ask(Cancel(run="r", actor="you"))
    assert dropped(decision) == ["r"]
    assert decision.more
    assert claims(desk.ask()) == ["s"], "it has not been refused yet"


def test_a_run_gets_all_its_keys_or_none() -> None:
    desk = desk_with(Task(name="a", tags=("x", "y")), limits={X: 1, Y: 1})
    desk.submit("a")
    refuse(desk, "r", Y)
    assert desk.engine.shared_keys == {Y}
    assert claims(look(desk, 0, key=X)) == []
    assert claims(look(desk, 0, key=Y)) == ["r"]


def test_code_that_goes_on_after_its_timeout_keeps_its_key() -> None:
    desk = desk_with(Task(name="a", tags=("x",), timeout=5))
    desk.submit("a")
    settle(desk, "r")
    desk.begin()
    decision = desk.ask(after=5)
    assert moves(decision) == [("r", State.TIMEOUT)]
    assert dropped(decision) == []
    assert dropped(desk.end()) == ["r"]


def test_a_rate_counts_claims_that_are_not_written_yet() -> None:
    desk = desk_with(Task(name="a", tags=("x",), rate=Rate(1, 10.0)), limits={X: 2})
    desk.submit("a", "r")
    number = desk.engine.decided
    assert claims(desk.submit("a", "s")) == []
    assert len(settle(desk, "r", number=number).starts) == 1
    decision = desk.ask(after=9)
    assert (claims(decision), decision.wake_at) == ([], NOW + 10 * SECOND)
    assert claims(desk.ask(after=1)) == ["s"]
    refuse(desk, "s")
    assert claims(look(desk, 0)) == ["s"], "what was refused has not started"


# What is declared


def test_the_last_declaration_of_a_limit_holds_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(snapshot=Snapshot(limits={X: Limit(2, "a.ipynb"), Y: Limit(3, "a.ipynb")}))
    decision = declare(desk, {X: 1}, alone=False)
    assert decision.changes == [LimitPut(X, 1, "me")]
    assert caplog.messages == [
        "the limit of tag 'x' is 1 now, for all processes; it was 2, declared by a.ipynb"
    ]
    assert desk.engine.limits == {X: Limit(1, "me"), Y: Limit(3, "a.ipynb")}
    assert declare(desk, {X: 1}, alone=False).changes == []


def test_who_is_alone_forgets_the_limits_of_those_who_were_before() -> None:
    desk = Desk(snapshot=Snapshot(limits={Y: Limit(3, "a.ipynb")}))
    assert declare(desk, {X: 1}).changes == [LimitPut(X, 1, "me"), LimitPut(Y, None, "me")]


def test_another_declaration_elsewhere_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(shared={X: 2})
    declare(desk, {X: 2})
    seen = LimitsSeen(limits={X: Limit(1, "b.ipynb")}, uses={}, written=desk.engine.decided)
    for _ in range(2):
        desk.ask(seen)
    assert caplog.messages == [
        "the limit of tag 'x' is 1 now, for all processes, as b.ipynb declared; here it was 2"
    ]
    assert desk.engine.limits == {X: Limit(1, "b.ipynb")}


def test_limits_that_were_read_before_this_process_declared_its_own_are_read_again() -> None:
    desk = Desk()
    written = desk.engine.decided
    declare(desk, {X: 1})
    desk.ask(LimitsSeen(limits={}, uses={}, written=written))
    assert desk.engine.limits == {X: Limit(1, "me")}
    assert desk.engine.looks_at_limits
    desk.ask(LimitsSeen(limits=desk.engine.limits, uses={}, written=desk.engine.decided))
    assert not desk.engine.looks_at_limits


def test_a_limit_that_is_declared_while_runs_go_on_counts_them() -> None:
    desk = Desk(Task(name="a", tags=("x",)))
    desk.submit("a")
    decision = declare(desk, {X: 1})
    assert KeysKept("r", (X,), LIFE) in decision.changes
    assert claims(desk.submit("a", "s")) == [], "the one that runs has the place"
    assert claims(desk.end()) == ["s"]


def test_a_limit_that_is_lifted_lets_start_what_waited_for_it() -> None:
    desk = desk_with(Task(name="a", tags=("x",)))
    desk.submit("a")
    refuse(desk)
    decision = desk.ask(LimitsSeen(limits={}, uses={X: Use(5)}, written=desk.engine.decided))
    assert [start.run.id for start in decision.starts] == ["r"]
    assert dropped(decision) == ["r"]
    assert dropped(desk.end(outcome=Outcome.DONE)) == []
