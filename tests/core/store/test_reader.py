"""What an engine is made from: one moment of the ledger, read without going through its history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support.ledger_writer import HOME, NOW, WrittenLedger, a_run, a_task, begun, decided, put, written_ledger

from schedkit.core.engine.changes import Answered, AttemptStarted, RunChanged, SettingPut, WaitAdded
from schedkit.core.engine.snapshot import Found, Snapshot, WaitRow
from schedkit.core.events import RunQueued
from schedkit.core.ids import new_id
from schedkit.core.model import TaskRow
from schedkit.core.run import Run
from schedkit.core.states import State
from schedkit.core.store.commits import VIEW
from schedkit.errors import LedgerError


@pytest.fixture
def written(where: str) -> Iterator[WrittenLedger]:
    """A ledger on either database, and its writer."""
    with written_ledger(where) as made:
        yield made


def task(name: str, **fields: Any) -> TaskRow:
    return a_task(name, **{"trigger": None, "next": None, "facts": {"after": []}, **fields})


def ended(state: State, finished: int, **fields: Any) -> RunChanged:
    return begun(a_run(state=state, finished=finished, **fields))


def test_an_empty_ledger_is_an_empty_snapshot(written: WrittenLedger) -> None:
    assert written.ledger.snapshot(HOME) == Snapshot()


def test_a_snapshot_is_all_that_an_engine_needs(written: WrittenLedger) -> None:
    child = task("child", facts={"after": ["parent", "never ran"]})
    parent = task("parent", next=NOW)
    live = [a_run(task="child", state=State.PENDING, waiting_for=("parent",)), a_run(task="parent")]
    wait = WaitRow(live[0].id, "child", "parent", live[1].id, "success")
    others = WaitRow(new_id(), "child", "parent", "an ended run", "success")
    written.write(
        decided(
            put(child),
            put(parent),
            *map(begun, live),
            WaitAdded(wait),
            WaitAdded(others),
            SettingPut("paused", "1"),
            ended(State.DONE, NOW, task="parent", scheduled=NOW - 1),
            ended(State.DONE, NOW, task="parent", scheduled=NOW),
            ended(State.SKIPPED, NOW, task="parent", scheduled=NOW + 1),
            ended(State.DONE, NOW, task="child", scheduled=NOW + 1),
        )
    )
    snapshot = written.ledger.snapshot(HOME)
    assert snapshot.tasks == [child, parent]
    assert snapshot.live == sorted(live, key=lambda run: run.id)
    assert snapshot.waits == [wait]
    assert snapshot.taken == {"parent": {NOW, NOW + 1}}
    assert snapshot.last == {"parent": State.SKIPPED}
    assert snapshot.paused


def test_the_last_run_of_a_parent_is_the_one_that_ended_last(written: WrittenLedger) -> None:
    row = task("child", facts={"after": ["parent"]})
    slow, quick = a_run(task="parent", state=State.RUNNING), a_run(task="parent", state=State.RUNNING)
    written.write(decided(put(row), begun(slow), begun(quick)))
    written.write(
        decided(RunChanged(quick, replace(quick, state=State.DONE, finished=NOW + 1))),
        decided(RunChanged(slow, replace(slow, state=State.FAILED, finished=NOW + 2))),
    )
    assert written.ledger.snapshot(HOME).last == {"parent": State.FAILED}
    written.write(decided(begun(a_run(task="parent", state=State.RUNNING))))
    assert written.ledger.snapshot(HOME).last == {"parent": State.FAILED}, "one that runs has not ended"


def test_a_snapshot_shows_one_moment(written: WrittenLedger) -> None:
    """A run that ends while it is read is alive in all of it, or in nothing of it."""
    run = a_run(task="parent")
    written.write(decided(put(task("child", facts={"after": ["parent"]})), put(task("parent")), begun(run)))
    seen: list[str] = []

    def interfere(connection: Any, cursor: Any, sql: str, *rest: Any) -> None:
        if sql.startswith("SELECT") and "schedkit_tasks" in sql and not seen:
            seen.append(sql)
            done = replace(run, state=State.FAILED, finished=NOW)
            written.write(decided(RunChanged(run, done), SettingPut("paused", "1")))

    sa.event.listen(sa.Engine, "after_cursor_execute", interfere)
    try:
        snapshot = written.ledger.snapshot(HOME)
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", interfere)
    assert seen
    assert (snapshot.live, snapshot.last, snapshot.paused) == ([run], {}, False)
    assert written.ledger.snapshot(HOME).last == {"parent": State.FAILED}


# Several lives


@contextmanager
def other_life(written: WrittenLedger) -> Iterator[WrittenLedger]:
    """Lend another writer at the same ledger."""
    with written_ledger(written.store.url.render_as_string(hide_password=False)) as other:
        yield other


def started(written: WrittenLedger, task: str) -> Run:
    """Return a run that this life runs."""
    run = a_run(task=task, state=State.RUNNING, attempt=1, started=NOW)
    written.write(decided(begun(run), AttemptStarted(run.id, 1, NOW)))
    return run


def test_what_runs_elsewhere_is_abroad_and_what_runs_here_for_others_a_guest(written: WrittenLedger) -> None:
    with other_life(written) as other:
        here, there = written.lease.life, other.lease.life
        written.write(decided(put(task("mine", home=here)), put(task("theirs", home=there))))
        mine_here, mine_there = started(written, "mine"), started(other, "mine")
        theirs_here, theirs_there = started(written, "theirs"), started(other, "theirs")
        snapshot = written.ledger.snapshot(here)
        assert [row.name for row in snapshot.tasks] == ["mine"]
        assert {run.id for run in snapshot.live} == {mine_here.id, mine_there.id, theirs_here.id}
        assert (snapshot.abroad, snapshot.guests) == ({mine_there.id}, {theirs_here.id})
        found = written.ledger.found({"theirs": ()}, here)["theirs"]
        assert (found.here, found.abroad) == ({theirs_here.id}, {theirs_there.id})
        other.lease.end()
        assert written.ledger.snapshot(here).abroad == set(), "who is gone runs nothing"
        assert written.ledger.found({"theirs": ()}, here)["theirs"].abroad == set()


def test_what_a_removed_task_left_running_is_found_for_a_new_one_of_its_name(written: WrittenLedger) -> None:
    with other_life(written) as other:
        here = written.lease.life
        left_here, left_there = started(written, "removed"), started(other, "removed")
        found = written.ledger.found({"removed": ()}, here)["removed"]
        assert found.row is None
        assert {run.id for run in found.live} == {left_here.id, left_there.id}
        assert (found.here, found.abroad) == ({left_here.id}, {left_there.id})
        assert written.ledger.snapshot(here).guests == {left_here.id}


def test_what_is_found_of_a_task_is_all_that_its_new_home_needs(written: WrittenLedger) -> None:
    child, parent = task("child", facts={"after": ["parent"]}), task("parent", next=NOW, followed_seq=1)
    waiting, running, ended_one = a_run(task="child", state=State.PENDING), a_run(task="parent"), new_id()
    wait = WaitRow(waiting.id, "child", "parent", running.id, "success")
    written.write(
        decided(
            *map(put, (child, parent)),
            *map(begun, (waiting, running)),
            WaitAdded(wait),
            ended(State.FAILED, NOW, id=ended_one, task="parent", scheduled=NOW),
            ended(State.DONE, NOW + 1, task="child"),
            events=(queued(running),),
        )
    )
    found = written.ledger.found({"child": ["parent"], "parent": (), "new": ["parent"]}, "any")
    assert found["child"] == Found(
        row=child,
        seq=1,
        live=[waiting],
        waits=[wait],
        last={"parent": State.FAILED, "child": State.DONE},
        elsewhere=[running],
    )
    assert found["parent"] == Found(
        row=parent, seq=1, live=[running], taken={NOW}, last={"parent": State.FAILED}
    )
    assert found["new"] == Found(seq=1, last={"parent": State.FAILED}, elsewhere=[running])


def queued(run: Run, *, followed: bool = False) -> RunQueued:
    return RunQueued(at=datetime(2026, 1, 1, tzinfo=UTC), after=run, followed=followed)


def test_a_task_is_told_of_the_runs_of_its_parents_that_its_home_has_not_heard_of(
    written: WrittenLedger,
) -> None:
    with other_life(written) as other:
        here = written.lease.life
        runs = [a_run(task="parent") for _ in range(6)]
        rows = {
            "child": task("child", home=here, facts={"after": ["parent"]}, followed_seq=1),
            "late": task("late", home=here, facts={"after": ["parent", "x"]}, followed_seq=4),
            "timed": task("timed", home=here, trigger="{}", facts={"after": ["parent"]}),
            "other": task("other", home=here, facts={"after": ["x"]}),
        }
        other.write(decided(*map(put, rows.values()), *map(begun, runs)))
        other.write(decided(events=(queued(runs[0], followed=True), queued(runs[1], followed=True))))
        written.write(decided(events=(queued(runs[2], followed=True),)))  # its home followed it at once
        other.write(decided(events=(queued(runs[3]), queued(runs[4], followed=True))))
        other.write(decided(events=(queued(a_run(task="parent"), followed=True),)))  # pruned since
        # Bound by the home before to a run of the child that waited, of which it tells nothing.
        bound = WaitRow(new_id(), "child", "parent", runs[5].id, "success")
        other.write(decided(WaitAdded(bound), events=(queued(runs[5], followed=True),)))
        unfollowed = {"child": [(2, runs[1]), (5, runs[4])], "late": [(5, runs[4]), (7, runs[5])]}
        assert written.ledger.snapshot(here).unfollowed == unfollowed
        after = {name: row.facts["after"] for name, row in rows.items()}
        found = written.ledger.found(after, "any")
        assert {name: each.unfollowed for name, each in found.items() if each.unfollowed} == unfollowed


def test_a_waiting_run_is_told_of_the_end_of_a_parent_of_which_it_does_not_know(
    written: WrittenLedger,
) -> None:
    child, waiting = task("child", facts={"after": ["parent"]}), a_run(task="child", state=State.PENDING)
    over, known, running = (a_run(task="parent", state=s) for s in (State.DONE, State.DONE, State.QUEUED))
    waits = [
        WaitRow(waiting.id, "child", "a", over.id, "success"),
        WaitRow(waiting.id, "child", "b", known.id, "success", State.DONE),
        WaitRow(waiting.id, "child", "c", running.id, "success"),
        WaitRow(waiting.id, "child", "d", None, "success"),
    ]
    written.write(decided(put(child), *map(begun, (waiting, over, known, running)), *map(WaitAdded, waits)))
    assert written.ledger.snapshot(HOME).ended == [over]
    assert written.ledger.found({"child": ["a"]}, "any")["child"].ended == [over]


def test_a_task_is_at_home_with_a_life_until_that_ends(written: WrittenLedger) -> None:
    life = written.lease.life
    written.write(decided(put(task("mine", home=life)), put(task("nobody's", home="gone"))))
    home = written.ledger.home("mine")
    assert home is not None
    assert home.life == life
    assert written.ledger.home("nobody's") is None
    assert written.ledger.home("no task") is None
    written.lease.end()
    assert written.ledger.home("mine") is None


def test_commands_are_for_a_life_or_for_the_home_of_a_task(written: WrittenLedger) -> None:
    ledger = written.ledger
    written.write(decided(put(task("mine", home="me")), put(task("theirs", home="them"))))
    for_task = ledger.ask("cli", "submit", {}, task="mine")
    for_life = ledger.ask("cli", "pause", {}, life="me")
    both = ledger.ask("cli", "cancel", {}, task="theirs", life="me")
    ledger.ask("cli", "submit", {}, task="no task")
    assert [command.id for command in ledger.commands("me")] == [for_task, for_life, both]
    assert ledger.commands("them") == []
    written.write(decided(put(task("mine", home="them"), "me"), Answered(for_life, NOW, {"ok": True})))
    assert [command.id for command in ledger.commands("them")] == [for_task]
    assert ledger.withdraw(for_task)
    assert not ledger.withdraw(for_life), "it is answered"
    assert ledger.command(for_task) is None
    assert [command.id for command in ledger.commands("me")] == [both]


def test_damaged_values_are_told_as_such(written: WrittenLedger) -> None:
    written.write(decided(put(task("t")), begun(a_run())))
    damage = "UPDATE schedkit_runs SET state = 'NEVER', params = '{'"
    written.writer.call(lambda connection: connection.exec_driver_sql(damage)).result(60)
    with written.store.connect() as connection, connection.begin():
        connection.exec_driver_sql("UPDATE schedkit_runs SET state = 'QUEUED'")
    with pytest.raises(LedgerError, match="a value cannot be read"):
        written.ledger.snapshot(HOME)


def test_neither_a_snapshot_nor_a_commit_goes_through_all_runs(tmp_path: Path) -> None:
    with written_ledger(str(tmp_path / "ledger.db")) as written:
        statements: list[tuple[str, Any]] = []

        def note(connection: Any, cursor: Any, sql: str, parameters: Any, *rest: Any) -> None:
            statements.append((sql, parameters))

        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            written.write(decided(put(task("child", facts={"after": ["parent"]}))))
            written.ledger.snapshot(HOME)
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)
        assert len([sql for sql, _ in statements if f"INSERT INTO temp.{VIEW}" in sql]) == 1
        queries = [(sql, parameters) for sql, parameters in statements if sql.startswith("SELECT")]
        assert len(queries) >= 7
        with written.store.reading() as connection:
            plans = [
                step
                for sql, parameters in queries
                for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters).scalars(3)
            ]
        assert any("schedkit_runs" in step for step in plans)
        assert not [step for step in plans if step.startswith("SCAN") and "schedkit_runs" in step]
