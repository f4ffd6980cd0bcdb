"""What an engine is made from: one moment of the ledger, read without going through its history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support.ledger_writer import HOME, NOW, WrittenLedger, a_run, a_task, begun, decided, put, written_ledger

from schedkit.core.engine.values import RunChanged, SettingPut, Snapshot, WaitAdded, WaitRow
from schedkit.core.ids import new_id
from schedkit.core.model import TaskRow
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


def test_damaged_values_are_told_as_such(written: WrittenLedger) -> None:
    written.write(decided(put(task("t")), begun(a_run())))
    damage = "UPDATE schedkit_runs SET state = 'NEVER', params = '{'"
    written.writer.call(lambda connection: connection.exec_driver_sql(damage)).result(20)
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
