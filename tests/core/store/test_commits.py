"""What a commit is refused for, on SQLite's one statement and on a statement for each kind of row."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support.ledger_writer import HOME, NOW, WrittenLedger, a_run, a_task, begun, decided, put, written_ledger

from schedkit.core.engine.changes import (
    AttemptRecorded,
    AttemptStarted,
    Change,
    ParentsHeard,
    RunChanged,
    SettingPut,
    TaskAdvanced,
    TaskDropped,
    TaskHeld,
    TaskUntouched,
)
from schedkit.core.engine.decision import Decision
from schedkit.core.events import Event, NodeChanged, RunQueued
from schedkit.core.run import Attempt
from schedkit.core.states import Outcome, State
from schedkit.core.store import schema
from schedkit.core.store.refusals import RefusedRowError, StaleError


@pytest.fixture(params=["one statement", "statements", "postgres"])
def written(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WrittenLedger]:
    """A ledger with each way to commit."""
    if request.param == "statements":
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 32, 3))
    postgres = request.param == "postgres"
    where = request.getfixturevalue("new_database")() if postgres else str(tmp_path / "ledger.db")
    with written_ledger(where) as made:
        yield made


def event(run: Any) -> Event:
    return RunQueued(at=datetime(2026, 1, 1, tzinfo=UTC), after=run)


RUN = a_run()
END = Attempt(number=1, started=NOW, finished=NOW + 1, outcome=Outcome.DONE)
RUNNING = replace(RUN, state=State.RUNNING, attempt=1)


@pytest.mark.parametrize(
    "change",
    [
        put(a_task(schedule_text="again"), "another"),
        put(a_task("new"), HOME),
        TaskAdvanced("t", NOW, None, "another"),
        TaskAdvanced("t", NOW + 1, None, HOME),
        TaskDropped("t", "another"),
        TaskDropped("nobody", HOME),
        TaskHeld("t", "another"),
        TaskHeld("nobody", HOME),
        ParentsHeard("t", 5, "another"),
        AttemptRecorded(RUN.id, replace(END, number=2)),
        AttemptRecorded("no run", END),
        RunChanged(replace(RUN, attempt=1), RUNNING),
    ],
    ids=lambda change: type(change).__name__,
)
def test_what_is_based_on_another_row_is_refused_whole(written: WrittenLedger, change: Change) -> None:
    written.write(decided(put(a_task()), begun(RUN), AttemptStarted(RUN.id, 1, NOW)))
    written.write(decided(SettingPut("half", "done"), change, events=(event(RUN),)))
    ((_, error),) = written.refused
    assert isinstance(error, StaleError)
    assert written.ledger.tasks() == [a_task()]
    assert written.ledger.live() == [RUN]
    assert written.ledger.setting("half") is None
    assert written.ledger.events() == []
    assert written.ledger.attempts(RUN.id) == []


def test_a_new_task_that_is_there_is_refused(written: WrittenLedger) -> None:
    written.write(decided(put(a_task())))
    written.write(decided(put(a_task(schedule_text="of two that declare it at once"))))
    ((_, error),) = written.refused
    assert isinstance(error, RefusedRowError)
    assert written.ledger.tasks() == [a_task()]


def test_a_task_moves_and_its_former_home_can_do_nothing(written: WrittenLedger) -> None:
    written.write(decided(put(a_task())))
    written.write(decided(put(a_task(home="another", home_by="moved"), HOME), TaskHeld("t", "another")))
    written.write(decided(TaskAdvanced("t", NOW, NOW + 1, HOME), begun(RUN)))
    ((_, error),) = written.refused
    assert isinstance(error, StaleError)
    assert written.ledger.tasks() == [a_task(home="another", home_by="moved")]
    assert written.ledger.live() == []


def test_an_attempt_that_has_ended_ends_once(written: WrittenLedger) -> None:
    written.write(decided(begun(RUN), AttemptStarted(RUN.id, 1, NOW)))
    written.write(decided(AttemptRecorded(RUN.id, END)))
    written.write(decided(AttemptRecorded(RUN.id, replace(END, outcome=Outcome.FAILED))))
    ((_, error),) = written.refused
    assert isinstance(error, StaleError)
    assert [attempt.outcome for attempt in written.ledger.attempts(RUN.id)] == [Outcome.DONE]


def told_by(written: WrittenLedger, life: str, task: str, seq: int) -> None:
    """Let a life have told of a task."""
    with written.store.connect() as connection, connection.begin():
        row = {"at": NOW, "kind": "k", "run": "", "actor": "", "data": "{}", "batch": 1}
        connection.execute(schema.events.insert(), [{**row, "seq": seq, "task": task, "life": life}])


@pytest.mark.parametrize("told_with_it", [False, True])
def test_a_task_of_which_others_have_told_since_is_not_taken(
    written: WrittenLedger, told_with_it: bool
) -> None:
    told_by(written, "another", "t", 7)
    told_by(written, "another", "other", 8)
    told_by(written, written.lease.life, "t", 9)
    events = (event(a_run()),) if told_with_it else ()
    written.write(decided(SettingPut("it stands", "as of the 7th"), TaskUntouched("t", 7), events=events))
    assert not written.refused
    written.write(decided(SettingPut("it stands", "as of the 6th"), TaskUntouched("t", 6), events=events))
    ((_, error),) = written.refused
    assert isinstance(error, StaleError)
    assert written.ledger.setting("it stands") == "as of the 7th"


# Numbers of events


def test_events_are_numbered_in_the_order_of_decisions(written: WrittenLedger) -> None:
    runs = [a_run() for _ in range(5)]
    written.write(decided(begun(runs[0]), events=(event(runs[0]),)))
    told = NodeChanged(at=datetime(2026, 1, 1, tzinfo=UTC), change="started", name="me", seq=0)
    written.write(
        *(decided(begun(run), events=(event(run), told)) for run in runs[1:]), decided(SettingPut("a", "b"))
    )
    numbered = [each.seq for decision in written.committed for each in decision.events]
    assert numbered == [1, 2, 0, 3, 0, 4, 0, 5, 0]
    assert [(each.seq, each.run) for each in written.ledger.events()] == [
        (number, run.id) for number, run in enumerate(runs, 1)
    ]


def test_two_writers_number_one_log(written: WrittenLedger) -> None:
    with written_ledger(str(written.store.path or written.store.url.render_as_string(False))) as other:
        for number in range(6):
            writer, run = (written, other)[number % 2], a_run()
            writer.write(decided(begun(run), events=(event(run),)))
            assert writer.committed[-1].events[0].seq == number + 1
        assert written.ledger.events(besides=other.lease.life) == written.ledger.events()[::2]


def test_who_reads_on_from_a_number_misses_nothing(new_database: Callable[[], str]) -> None:
    """A writer that is stopped between its rows and its commit makes others wait, not readers miss."""
    url = new_database()
    with written_ledger(url) as slow, written_ledger(url) as quick:
        here, inserted, go_on = threading.current_thread(), threading.Event(), threading.Event()

        def stop(connection: Any, cursor: Any, sql: str, *rest: Any) -> None:
            events = sql.startswith("INSERT INTO schedkit_events")
            if events and threading.current_thread() is not here and not inserted.is_set():
                inserted.set()
                go_on.wait(30)

        sa.event.listen(sa.Engine, "after_cursor_execute", stop)
        try:
            slow.writer.post(told(a_run()))
            assert inserted.wait(20)
            quick.writer.post(told(a_run()))
            seen = [each.seq for _ in range(20) for each in quick.ledger.events()]
            assert seen == [], "what the quick one tells must not be seen before what is smaller"
        finally:
            go_on.set()
            for one in (slow, quick):
                one.settle()
            sa.event.remove(sa.Engine, "after_cursor_execute", stop)
        assert [each.seq for each in quick.ledger.events()] == [1, 2]
        assert slow.committed[0].events[0].seq == 1
        assert quick.committed[0].events[0].seq == 2


def told(run: Any) -> Decision:
    return decided(begun(run), events=(event(run),))
