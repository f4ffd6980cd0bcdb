"""Decisions are written in groups and in their order; what is refused ends the line until it is restarted."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support.faulty import answers_lost, commits_failing, failing, locked
from support.ledger_writer import HOME, NOW, WrittenLedger, a_run, a_task, begun, decided, put, written_ledger

from schedkit.core.engine.changes import (
    Answered,
    AttemptRecorded,
    AttemptStarted,
    CodeRecorded,
    DetailsRecorded,
    FireRecorded,
    HomeExpected,
    ParentsFollowed,
    RunChanged,
    SettingPut,
    TaskAdvanced,
    TaskDropped,
    TaskUntouched,
    WaitAdded,
    WaitBound,
    WaitDropped,
    WaitEnded,
)
from schedkit.core.engine.decision import Decision
from schedkit.core.engine.snapshot import WaitRow
from schedkit.core.events import RunQueued, RunStarted
from schedkit.core.run import Attempt
from schedkit.core.states import DueOutcome, Outcome, State
from schedkit.core.store import schema
from schedkit.core.store.refusals import RefusedRowError, StaleError
from schedkit.errors import LedgerError, LifeEndedError, NotRunningError


@pytest.fixture
def written(where: str) -> Iterator[WrittenLedger]:
    """A ledger on either database, and its writer."""
    with written_ledger(where) as made:
        yield made


def advanced(task: str, was: int, to: int | None) -> TaskAdvanced:
    return TaskAdvanced(task, was, to, HOME)


def setting(key: str, value: str = "x") -> Decision:
    return decided(SettingPut(key, value))


# Rows


def write_every_change(written: WrittenLedger) -> None:
    """Write a change of each kind, and judge what comes back."""
    ledger = written.ledger
    command = ledger.ask("cli", "pause", {"task": "t"})
    parent, child = a_run(task="parent", params={"text": "=cmd()\u2028<script>"}), a_run(state=State.PENDING)
    wait = WaitRow(child.id, "t", "parent", None, "success")
    other = replace(wait, parent="other")
    attempt = Attempt(number=1, started=NOW, finished=NOW + 1, outcome=Outcome.FAILED, error={"type": "E"})
    fire = FireRecorded("t", NOW, NOW + 1, None, DueOutcome.MISSED, NOW + 2, "late")
    told = {"stages": [{"name": "one"}], "log": [], "facts": {"n": 1.5}, "artifacts": [], "last_output": 1}
    event = RunStarted(at=datetime(2026, 1, 1, tzinfo=UTC), after=child)
    silent = replace(event, seq=0)
    written.write(
        decided(
            put(a_task(facts={"after": ["parent"]}, paused=True)),
            begun(parent),
            begun(child),
            WaitAdded(wait),
            WaitAdded(other),
            AttemptStarted(child.id, 1, NOW),
            AttemptStarted(parent.id, 1, NOW),
            CodeRecorded("t", "its code", NOW),
            fire,
            DetailsRecorded(child.id, told),
            SettingPut("paused", "1"),
            Answered(command, NOW, {"ok": True}),
            events=(event, silent),
        ),
    )
    written.write(
        decided(WaitBound(child.id, "parent", parent.id), WaitEnded(child.id, "parent", State.FAILED)),
        decided(WaitDropped(child.id, "other"), fire, AttemptRecorded(child.id, attempt)),
        decided(HomeExpected("t", HOME), ParentsFollowed("t", 5, HOME), TaskUntouched("t", 0)),
    )
    assert not written.refused
    assert ledger.tasks() == [a_task(facts={"after": ["parent"]}, paused=True, followed_seq=5)]
    assert ledger.live() == [parent, child]
    assert ledger.waits() == [replace(wait, parent_run=parent.id, ended=State.FAILED)]
    life = written.lease.life
    assert ledger.attempts(child.id) == [replace(attempt, life=life)]
    assert (ledger.life_of(parent.id), ledger.life_of(child.id)) == (life, None)
    assert ledger.codes(["t", "other"]) == {(life, "t"): "its code"}
    (missed,) = ledger.fires("t")
    assert (missed.count, missed.outcome, missed.reason) == (None, DueOutcome.MISSED, "late")
    assert ledger.details(child.id) == told
    assert ledger.setting("paused") == "1"
    answered = ledger.command(command)
    assert answered is not None
    assert answered.answer == {"ok": True}
    assert ledger.commands(HOME) == []
    assert ledger.events() == [replace(event, seq=1)]
    assert ledger.events(besides=life) == []


def test_every_change_comes_back_as_it_was(written: WrittenLedger) -> None:
    write_every_change(written)


def test_a_sqlite_that_cannot_do_it_in_one_statement_writes_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 32, 3))
    with written_ledger(str(tmp_path / "ledger.db")) as written:
        write_every_change(written)
        written.write(decided(advanced("t", NOW + 1, None)))
        ((_, error),) = written.refused
        assert isinstance(error, StaleError)


def test_on_sqlite_a_group_is_one_statement(tmp_path: Path) -> None:
    """Between two, a busy thread would keep the file locked for other processes."""
    with written_ledger(str(tmp_path / "ledger.db")) as written:
        written.write(setting("connected"))
        written.wait_for("committed")
        go_on, statements = written.busy(), list[str]()

        def note(connection: Any, cursor: Any, sql: str, *rest: Any) -> None:
            statements.append(sql)

        run = a_run()
        written.writer.post(decided(begun(run), put(a_task()), SettingPut("a", "b")))
        written.writer.post(decided(advanced("t", NOW, None)))
        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            go_on()
            written.wait_for("committed")
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)
        assert written.ledger.tasks() == [a_task(next=None)]
        (only,) = statements
        assert only.startswith("INSERT")


def test_a_task_is_put_again_moves_on_and_goes(written: WrittenLedger) -> None:
    written.write(decided(put(a_task("a")), put(a_task("b"))))
    written.write(
        decided(advanced("a", NOW, NOW + 5)),
        decided(
            put(a_task("b", schedule_text="again"), HOME),
            TaskDropped("b", HOME),
            put(a_task("b", schedule_text="at last")),
        ),
    )
    assert written.ledger.tasks() == [a_task("a", next=NOW + 5), a_task("b", schedule_text="at last")]
    written.write(decided(TaskDropped("a", HOME), advanced("b", NOW, None)))
    assert written.ledger.tasks() == [a_task("b", schedule_text="at last", next=None)]
    assert not written.refused


def test_text_that_no_database_holds_is_mended(written: WrittenLedger) -> None:
    hostile = "nul \x00, half a pair \ud800, emoji \U0001f600"
    run = a_run(actor=hostile, reason=hostile, params={"a": hostile, "number": 2**63})
    written.write(
        decided(begun(run), put(a_task(schedule_text=hostile, actor=hostile)), SettingPut("note", hostile))
    )
    assert not written.refused
    kept, row, note = written.ledger.run(run.id), written.ledger.task("t"), written.ledger.setting("note")
    assert kept is not None
    assert row is not None
    for text in (kept.actor, kept.reason, kept.params["a"], row.schedule_text, row.actor, note):
        assert "emoji \U0001f600" in text
    assert kept.params["number"] == 2**63


@pytest.mark.parametrize("count", [1, 2, 300])
def test_rows_are_written_whole_however_many(written: WrittenLedger, count: int) -> None:
    runs = [a_run() for _ in range(count)]
    started = [replace(run, state=State.RUNNING, attempt=1, started=NOW) for run in runs]
    ended = [replace(run, state=State.DONE, finished=NOW, reason="ended") for run in started]
    written.write(decided(*map(begun, runs)))
    written.write(decided(*map(RunChanged, runs, started)), decided(*map(RunChanged, started, ended)))
    assert list(reversed(written.ledger.runs(limit=1000))) == ended
    assert not written.refused


# Groups


def test_what_waits_shares_a_group_and_is_told_in_its_order(written: WrittenLedger) -> None:
    decisions = [setting(f"key {number}") for number in range(5)]
    groups = written.writer.transactions
    written.write(*decisions)
    assert written.committed == decisions
    assert [len(group) for word, group in written.told if word == "committed"] == [5]
    assert written.writer.transactions == groups + 3  # with the two calls of `write`


def test_a_group_ends_at_a_thousand_changes(written: WrittenLedger) -> None:
    many = decided(*(SettingPut(f"key {number}", "x") for number in range(600)))
    written.write(many, many, many)
    assert [len(group) for word, group in written.told if word == "committed"] == [2, 1]


def test_a_decision_with_nothing_to_write_is_told_in_its_place(written: WrittenLedger) -> None:
    first, nothing, last = setting("a"), decided(), setting("b")
    written.write(first, nothing, last)
    assert written.committed == [first, nothing, last]
    groups = written.writer.transactions
    written.write(nothing)
    assert written.committed[-1] is nothing
    assert written.writer.transactions == groups + 2, "no transaction but those of the two calls"


def test_a_function_has_its_turn_and_its_transaction(written: WrittenLedger) -> None:
    go_on = written.busy()
    written.writer.post(setting("a"))
    first = written.writer.call(lambda connection: connection.execute(sa.select(schema.meta)).all())
    written.writer.post(setting("b"))
    unwanted = written.writer.call(lambda connection: pytest.fail("nobody waits for it"))
    assert unwanted.cancel()

    def fails(connection: sa.Connection) -> None:
        connection.execute(schema.meta.insert(), [{"key": "half", "value": "done"}])
        raise ValueError("no")

    failing = written.writer.call(fails)
    go_on()
    assert {key for key, _ in first.result(60)} == {"a", "schema", "ledger"}
    with pytest.raises(ValueError, match="no"):
        failing.result(60)
    assert written.ledger.setting("half") is None
    assert written.ledger.setting("b") == "x"


# Refusals


def test_of_a_refused_group_all_before_the_cause_are_written(written: WrittenLedger) -> None:
    run = a_run()
    written.write(decided(begun(run)))
    started = replace(run, state=State.RUNNING, attempt=1)
    elsewhere = RunChanged(replace(run, attempt=4), started)
    first, cause, later = setting("first"), decided(SettingPut("cause", "x"), elsewhere), setting("later")
    written.write(first, cause, later)
    ((refused, error),) = written.refused
    assert refused is cause
    assert isinstance(error, StaleError)
    assert "runs no longer apply" in error.message
    assert written.committed[1:] == [first]
    keys = [written.ledger.setting(key) for key in ("first", "cause", "later")]
    assert keys == ["x", None, None], "a decision is written whole or not at all"


def test_after_a_refusal_nothing_is_written_until_the_restart(written: WrittenLedger) -> None:
    run = a_run()
    written.write(decided(begun(run)), decided(begun(run)), setting("same group"))
    ((_, error),) = written.refused
    assert isinstance(error, RefusedRowError)
    written.writer.post(setting("dropped"))
    assert written.writer.call(lambda connection: 1).result(60) == 1
    written.writer.restart()
    after = setting("after")
    written.writer.post(after)
    written.settle()
    assert len(written.refused) == 1
    assert written.committed[-1] is after
    keys = [written.ledger.setting(key) for key in ("same group", "dropped", "after")]
    assert keys == [None, None, "x"]
    written.writer.restart()
    written.writer.post(setting("once more"))
    written.settle()
    assert written.ledger.setting("once more") == "x"


@pytest.mark.parametrize(
    "change",
    [
        advanced("t", NOW + 1, None),
        advanced("nobody", NOW, None),
        RunChanged(a_run(), a_run()),
    ],
)
def test_what_a_decision_was_based_on_must_still_be_so(written: WrittenLedger, change: Any) -> None:
    written.write(decided(put(a_task())))
    written.write(decided(change))
    ((_, error),) = written.refused
    assert isinstance(error, StaleError)
    assert written.ledger.tasks() == [a_task()]


def test_a_due_time_has_one_run(written: WrittenLedger) -> None:
    written.write(decided(begun(a_run(scheduled=NOW))))
    written.write(decided(begun(a_run(scheduled=NOW))))
    ((_, error),) = written.refused
    assert isinstance(error, RefusedRowError)
    assert len(written.ledger.runs()) == 1


def test_a_damaged_ledger_is_told_as_such(written: WrittenLedger) -> None:
    written.write(setting("a"))
    drop = written.writer.call(lambda connection: connection.exec_driver_sql("DROP TABLE schedkit_meta"))
    drop.result(60)
    written.write(setting("b"))
    work = written.writer.call(lambda connection: connection.exec_driver_sql("SELECT * FROM schedkit_meta"))
    ((_, refused),) = written.refused
    for error in (refused, work.exception(20)):
        assert isinstance(error, LedgerError)
        assert "schedkit_meta" in error.message
        assert error.hint == "is it a schedkit ledger?"


# The fence


def mark_gone(connection: sa.Connection, life: str) -> None:
    connection.execute(schema.nodes.update().where(schema.nodes.c.id == life).values(gone=NOW))


def test_nothing_is_written_by_a_life_that_is_gone(written: WrittenLedger) -> None:
    written.write(setting("before"))
    with written.store.connect() as connection, connection.begin():
        mark_gone(connection, written.lease.life)
    first, second = setting("late"), setting("later")
    written.writer.post(first)
    written.wait_for("refused")
    written.writer.post(second)
    work = written.writer.call(lambda connection: 1)
    made = written.writer.decide(lambda connection: setting("latest"))
    for future in (work, made):
        with pytest.raises(LifeEndedError, match="this process was marked as dead"):
            future.result(60)
    assert [decision for decision, _ in written.refused] == [first, second]
    assert all(isinstance(error, LifeEndedError) for _, error in written.refused)
    assert [word for word, _ in written.told].count("lost") == 1
    assert written.writer.ended
    assert [written.ledger.setting(key) for key in ("late", "later", "latest")] == [None] * 3


def test_each_group_bears_a_number(written: WrittenLedger) -> None:
    def batch() -> Any:
        with written.store.reading() as connection:
            return connection.scalar(sa.select(schema.nodes.c.batch))

    before = batch()
    written.write(setting("a"))
    assert batch() == written.writer.transactions > before


def test_a_life_is_told_while_there_is_nothing_to_write(new_database: Callable[[], str]) -> None:
    with written_ledger(new_database(), seconds=0.4) as written:

        def expires() -> int:
            with written.store.reading() as connection:
                return int(connection.execute(sa.select(schema.beats.c.expires)).scalar_one())

        first, waiting = expires(), threading.Event()
        for _ in range(400):
            waiting.wait(0.01)
            written.writer.post(decided())  # it tells, and writes nothing
            if expires() > first:
                break
        else:
            pytest.fail("the beat ran out")
        written.healthy = False
        written.settle()
        groups = written.writer.transactions
        waiting.wait(0.5)
        assert written.writer.transactions == groups, "a process that stands still tells no life"


def test_a_life_with_nothing_to_write_hears_that_it_is_gone(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    with written_ledger(where, seconds=0.2) as written:
        with written.store.connect() as connection, connection.begin():
            mark_gone(connection, written.lease.life)
        written.wait_for("lost")
        with pytest.raises(LifeEndedError):
            written.writer.call(lambda connection: 1).result(60)
    assert "cannot write a sign of life to " in caplog.text
    assert [word for word, _ in written.told] == ["lost"]


# Decided in its transaction


def test_what_is_decided_in_the_transaction_is_written_there(written: WrittenLedger) -> None:
    run = a_run()
    event = RunQueued(at=datetime(2026, 1, 1, tzinfo=UTC), after=run)

    def decide(connection: sa.Connection) -> Decision:
        assert connection.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.key == "before")) == "x"
        return decided(begun(run), events=(event,))

    go_on = written.busy()
    written.writer.post(setting("before"))
    future = written.writer.decide(decide)
    go_on()
    decision = future.result(60)
    assert decision.events == [replace(event, seq=1)]
    assert written.ledger.live() == [run]
    assert written.ledger.events(besides=written.lease.life) == decision.events, "this process hears it too"
    assert written.committed == [setting("before")]


def test_what_is_decided_there_is_refused_as_a_whole(written: WrittenLedger) -> None:
    stale = decided(SettingPut("half", "x"), RunChanged(a_run(), a_run()))
    with pytest.raises(StaleError):
        written.writer.decide(lambda connection: stale).result(60)
    assert written.ledger.setting("half") is None
    after = setting("after")
    written.write(after)
    assert written.committed == [after], "nobody has decided on it: the line goes on"


def test_what_is_decided_there_is_written_once_though_the_answer_is_lost(written: WrittenLedger) -> None:
    run = a_run()
    event = RunQueued(at=datetime(2026, 1, 1, tzinfo=UTC), after=run)
    with answers_lost(written.store, times=1):
        decision = written.writer.decide(lambda connection: decided(begun(run), events=(event,))).result(60)
    assert decision.events == written.ledger.events() == [replace(event, seq=1)]


# A store that is away


def test_a_commit_whose_answer_is_lost_is_not_repeated(written: WrittenLedger) -> None:
    run = a_run()
    decision = decided(begun(run))
    with answers_lost(written.store, times=2) as lost:
        written.writer.post(decision)
        written.wait_for("back")
        assert written.writer.call(lambda connection: 5).result(60) == 5
    assert len(lost) == 2
    assert [word for word, _ in written.told] == ["away", "back", "committed"]
    assert written.committed == [decision], "a second insert of the run would have been refused"


def test_the_result_of_a_function_whose_commit_has_no_answer_is_kept(written: WrittenLedger) -> None:
    calls: list[int] = []
    with answers_lost(written.store, times=1):
        assert written.writer.call(lambda connection: calls.append(1) or "done").result(60) == "done"
    assert calls == [1]


def test_a_commit_that_failed_is_repeated(written: WrittenLedger) -> None:
    run = a_run()
    with commits_failing(written.store, times=3) as failed:
        written.writer.post(decided(begun(run)))
        written.wait_for("back")
    assert len(failed) == 3
    written.settle()
    assert [word for word, _ in written.told] == ["away", "back", "committed"]
    assert written.ledger.live() == [run]


def test_a_commit_of_a_life_that_is_gone_meanwhile_is_none(written: WrittenLedger) -> None:
    """Its outcome is unknown, and whoever found it dead has written since."""
    engine = sa.create_engine(written.store.url)

    def taken_for_dead() -> None:
        with engine.begin() as connection:
            mark_gone(connection, written.lease.life)

    decision = setting("a")
    with commits_failing(written.store, 1, taken_for_dead):
        written.writer.post(decision)
        written.wait_for("refused")
    engine.dispose()
    ((refused, error),) = written.refused
    assert refused is decision
    assert isinstance(error, LifeEndedError)
    assert written.ledger.setting("a") is None


@pytest.mark.parametrize(
    ("statement", "decision"),
    [
        ("UPDATE schedkit_nodes", setting("a")),
        ("INSERT INTO schedkit_runs", decided(begun(a_run()))),
        ("INSERT INTO schedkit_meta", setting("a")),
    ],
)
def test_a_write_that_fails_is_tried_again(
    written: WrittenLedger, statement: str, decision: Decision
) -> None:
    with failing(written.store, statement, times=2) as failed:
        written.writer.post(decision)
        written.wait_for("back")
    assert len(failed) == 2
    written.settle()
    assert written.committed == [decision]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[WrittenLedger]:
    """A ledger in a file, which another program may lock."""
    with written_ledger(str(tmp_path / "ledger.db")) as made:
        yield made


def test_a_locked_file_makes_decisions_wait(file: WrittenLedger, caplog: pytest.LogCaptureFixture) -> None:
    assert file.store.path is not None
    with locked(str(file.store.path)), caplog.at_level(logging.INFO, "schedkit"):
        file.writer.post(setting("a"))
        file.wait_for("away")
        assert file.ledger.setting("a") is None
    file.wait_for("back")
    file.settle()
    assert [word for word, _ in file.told] == ["away", "back", "committed"]
    assert file.ledger.setting("a") == "x"
    assert "takes no writes, they wait: database is locked" in caplog.text


def test_who_stops_does_not_wait_for_a_locked_file_for_ever(file: WrittenLedger) -> None:
    assert file.store.path is not None
    first, second = setting("a"), setting("b")
    with locked(str(file.store.path)):
        file.writer.post(first)
        file.wait_for("away")
        file.writer.post(second)
        work = file.writer.call(lambda connection: 1)
        file.writer.stop(0.1)
        error = work.exception(20)
    assert isinstance(error, LedgerError)
    assert error.hint == "what was not written is lost"
    assert file.refused == [(first, error), (second, error)]
    assert file.writer.ended


# The end


def test_what_comes_after_the_end_is_refused(written: WrittenLedger) -> None:
    go_on = written.busy()
    before, after_the_word, after_the_end = setting("before"), setting("after the word"), setting("the end")
    written.writer.post(before)
    stopping = threading.Thread(target=written.writer.stop, args=(30,))
    stopping.start()
    go_on()
    stopping.join(60)
    written.writer.post(after_the_end)
    late = written.writer.call(lambda connection: 1)
    with pytest.raises(NotRunningError, match=r"the scheduler here was stopped \(start it again\)"):
        late.result(60)
    assert written.committed == [before]
    assert [decision for decision, _ in written.refused] == [after_the_end]
    assert isinstance(written.refused[0][1], NotRunningError)
    assert written.ledger.setting("the end") is None
    assert after_the_word not in written.committed
