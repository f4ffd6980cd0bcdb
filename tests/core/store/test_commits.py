"""What a commit is refused for, on SQLite's one statement and on a statement for each kind of row."""

from __future__ import annotations

import itertools
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
    HomeExpected,
    KeysClaimed,
    KeysDropped,
    KeysKept,
    LimitPut,
    ParentsFollowed,
    RunChanged,
    SettingPut,
    TaskAdvanced,
    TaskDropped,
    TaskUntouched,
)
from schedkit.core.engine.decision import Decision
from schedkit.core.engine.snapshot import Limit, Use
from schedkit.core.events import Event, NodeChanged, RunQueued
from schedkit.core.run import Attempt
from schedkit.core.states import Outcome, State
from schedkit.core.store import schema
from schedkit.core.store.commits import OneStatement
from schedkit.core.store.limits import read_claims
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
        HomeExpected("t", "another"),
        HomeExpected("nobody", HOME),
        ParentsFollowed("t", 5, "another"),
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


def test_a_run_that_another_process_has_asked_to_stop_does_not_run_again(written: WrittenLedger) -> None:
    """Its task may be removed: no process would have it."""
    retry = replace(RUNNING, state=State.RETRY)
    stopping = replace(RUNNING, reason="cancelled by you")
    written.write(decided(begun(RUNNING), RunChanged(RUNNING, retry), RunChanged(retry, RUNNING)))
    written.write(decided(RunChanged(RUNNING, stopping)))
    written.write(decided(RunChanged(RUNNING, retry)))
    ((_, error),) = written.refused
    assert isinstance(error, StaleError)
    assert written.ledger.live() == [stopping]


def test_a_run_that_nobody_has_asked_to_stop_runs_again(written: WrittenLedger) -> None:
    retry = replace(RUNNING, state=State.RETRY, reason="it failed")
    written.write(decided(begun(RUNNING)))
    written.write(decided(RunChanged(RUNNING, retry)))
    assert written.refused == []
    assert written.ledger.live() == [retry]


def test_a_new_task_that_is_there_is_refused(written: WrittenLedger) -> None:
    written.write(decided(put(a_task())))
    written.write(decided(put(a_task(schedule_text="of two that declare it at once"))))
    ((_, error),) = written.refused
    assert isinstance(error, RefusedRowError)
    assert written.ledger.tasks() == [a_task()]


def test_a_task_moves_and_its_former_home_can_do_nothing(written: WrittenLedger) -> None:
    written.write(decided(put(a_task())))
    written.write(decided(put(a_task(home="another", home_by="moved"), HOME), HomeExpected("t", "another")))
    written.write(decided(TaskAdvanced("t", NOW, NOW + 1, HOME), begun(RUN)))
    ((_, error),) = written.refused
    assert isinstance(error, StaleError)
    assert written.ledger.tasks() == [a_task(home="another", home_by="moved")]
    assert written.ledger.live() == []


def test_a_task_that_has_moved_is_told_as_such_though_its_time_has_a_run_by_now(
    written: WrittenLedger,
) -> None:
    """Its new home was quicker: the ledger refuses a second run, which would tell nobody of the move."""
    written.write(decided(put(a_task())))
    there = a_run(scheduled=NOW)
    written.write(decided(put(a_task(home="another", next=NOW + 1), HOME), begun(there)))
    written.write(decided(TaskAdvanced("t", NOW, NOW + 1, HOME), begun(a_run(scheduled=NOW))))
    ((_, error),) = written.refused
    assert isinstance(error, StaleError)
    assert written.ledger.live() == [there]


def test_a_time_that_has_its_run_is_refused_at_its_home(written: WrittenLedger) -> None:
    written.write(decided(put(a_task()), begun(there := a_run(scheduled=NOW))))
    written.write(decided(TaskAdvanced("t", NOW, NOW + 1, HOME), begun(a_run(scheduled=NOW))))
    ((_, error),) = written.refused
    assert isinstance(error, RefusedRowError)
    assert written.ledger.live() == [there]


def test_an_attempt_that_has_ended_ends_once(written: WrittenLedger) -> None:
    written.write(decided(begun(RUN), AttemptStarted(RUN.id, 1, NOW)))
    written.write(decided(AttemptRecorded(RUN.id, END)))
    written.write(decided(AttemptRecorded(RUN.id, replace(END, outcome=Outcome.FAILED))))
    ((_, error),) = written.refused
    assert isinstance(error, StaleError)
    assert [attempt.outcome for attempt in written.ledger.attempts(RUN.id)] == [Outcome.DONE]


def told_by(written: WrittenLedger, life: str, *tasks: str, seq: int) -> None:
    """Let a life have told of tasks, of the first one under this number."""
    row = {"at": NOW, "kind": "k", "run": "", "actor": "", "data": "{}", "batch": 1, "life": life}
    with written.store.connect() as connection, connection.begin():
        told = [{**row, "seq": number, "task": task} for number, task in enumerate(tasks, seq)]
        connection.execute(schema.events.insert(), told)


@pytest.mark.parametrize("told_with_it", [False, True])
def test_a_task_of_which_others_have_told_since_is_not_taken(
    written: WrittenLedger, told_with_it: bool
) -> None:
    told_by(written, "another", "t", seq=7)
    told_by(written, "another", "other", seq=8)
    told_by(written, written.lease.life, "t", seq=9)
    events = (event(a_run()),) if told_with_it else ()
    written.write(decided(SettingPut("it stands", "as of the 7th"), TaskUntouched("t", 7), events=events))
    assert not written.refused
    written.write(decided(SettingPut("it stands", "as of the 6th"), TaskUntouched("t", 6), events=events))
    ((_, error),) = written.refused
    assert isinstance(error, StaleError)
    assert written.ledger.setting("it stands") == "as of the 7th"


def test_thousands_of_tasks_read_the_events_since_once(tmp_path: Path) -> None:
    """Each of them has one itself by then: a look for each made the start of 100,000 tasks take minutes."""
    with written_ledger(str(tmp_path / "ledger.db")) as written:
        commits = OneStatement(written.store, written.lease)
        with written.store.connect() as connection:
            commits.prepare(connection)
            driver: Any = connection.connection.driver_connection
            steps: list[int] = []
            for batch, count in enumerate((1000, 2000), 1):
                names, since = [f"t{number}" for number in range(count)], batch * 10_000
                told_by(written, written.lease.life, *names, seq=since + 1)
                looks = itertools.count()
                driver.set_progress_handler(lambda looks=looks: next(looks) and 0, 1000)
                commits.commit(connection, batch, {"untouched_tasks": [(name, since) for name in names]})
                driver.set_progress_handler(None, 0)
                steps.append(next(looks))
    few, many = steps
    assert 0 < many < 3 * few


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
                go_on.wait(60)

        sa.event.listen(sa.Engine, "after_cursor_execute", stop)
        try:
            slow.writer.post(told(a_run()))
            assert inserted.wait(60)
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


# Limits of the ledger

X, Y = "tag:x", "tag:y"


def limited(written: WrittenLedger, **limits: int) -> None:
    written.write(decided(*(LimitPut(f"tag:{tag}", most, "tests") for tag, most in limits.items())))


def claim(written: WrittenLedger, run: str, *keys: str, rank: int = 0, yields: bool = True) -> KeysClaimed:
    return KeysClaimed(run, keys or (X,), rank, yields, written.lease.life)


def holds(written: WrittenLedger) -> dict[str, bool]:
    """Return the runs that hold a key, or wait for one."""
    with written.store.reading() as connection:
        return {found.run: found.held for found in read_claims(connection, written.lease.life)}


def test_a_claim_is_granted_while_there_is_room(written: WrittenLedger) -> None:
    limited(written, x=2)
    written.write(decided(claim(written, "a"), begun(RUN)), decided(claim(written, "b"), claim(written, "c")))
    assert written.settled == [{"c": frozenset({X})}], "what stands beside a refused claim is written"
    assert written.ledger.live() == [RUN]
    assert holds(written) == {"a": True, "b": True, "c": False}
    written.write(decided(KeysDropped("a", written.lease.life), KeysDropped("c", written.lease.life)))
    assert written.settled == [{"c": frozenset({X})}], "without a claim there is nothing to tell"
    written.write(decided(claim(written, "c"), claim(written, "d", Y)))
    assert written.settled[1:] == [{}]
    assert holds(written) == {"b": True, "c": True, "d": True}


def test_a_run_gets_all_its_keys_or_waits_for_those_without_room(written: WrittenLedger) -> None:
    limited(written, x=1, y=1)
    written.write(decided(claim(written, "a", Y)))
    written.write(decided(claim(written, "b", X, Y)))
    written.write(decided(claim(written, "c", X)))
    assert written.settled == [{}, {"b": frozenset({Y})}, {}]


def test_two_processes_share_a_limit_in_the_order_of_their_ranks(written: WrittenLedger) -> None:
    with written_ledger(str(written.store.path or written.store.url.render_as_string(False))) as other:
        limited(written, x=1)
        written.write(decided(claim(written, "a", rank=1)))
        other.write(decided(claim(other, "b", rank=5)))
        again = (KeysDropped("a", written.lease.life), claim(written, "c", rank=9))
        written.write(decided(*again))
        assert written.settled[1:] == [{"c": frozenset({X})}], "another one waits with a smaller rank"
        assert written.ledger.limits_and_uses([X], other.lease.life) == (
            {X: Limit(1, "tests")},
            {X: Use(0, (9,))},
        )
        other.write(decided(KeysDropped("b", other.lease.life), claim(other, "b", rank=5)))
        assert other.settled == [{"b": frozenset({X})}, {}]
        written.write(decided(KeysKept("it runs", (X,), written.lease.life)))
        other.write(decided(KeysDropped("b", other.lease.life)))
        assert other.ledger.limits_and_uses([X], other.lease.life)[1] == {X: Use(1, (9,))}
        other.write(decided(claim(other, "d", rank=10, yields=False)))
        written.write(decided(LimitPut(X, None, "tests"), claim(written, "e")))
        assert (other.settled[-1], written.settled[-1]) == ({"d": frozenset({X})}, {})


def test_claims_at_once_are_never_more_than_there_is_room(new_database: Callable[[], str]) -> None:
    url = new_database()
    with written_ledger(url) as one, written_ledger(url) as other:
        limited(one, x=3)
        for number in range(20):
            for each in (one, other):
                each.writer.post(decided(claim(each, f"{number} {each.lease.life}", rank=number)))
        for each in (one, other):
            each.settle()
        assert [*holds(one).values(), *holds(other).values()].count(True) == 3


def test_what_a_life_held_is_free_once_it_has_ended(written: WrittenLedger) -> None:
    limited(written, x=1)
    with written_ledger(str(written.store.path or written.store.url.render_as_string(False))) as other:
        other.write(decided(claim(other, "a")))
    written.write(decided(claim(written, "b")))
    assert written.settled == [{}]


def test_what_is_kept_and_dropped_in_one_group_is_not_held(written: WrittenLedger) -> None:
    limited(written, x=1)
    life = written.lease.life
    written.write(decided(KeysKept("a", (X,), life)), decided(KeysDropped("a", life), LimitPut(X, 2, "me")))
    assert holds(written) == {}
    assert written.ledger.limits() == {X: Limit(2, "me")}


def test_what_is_claimed_dropped_and_claimed_again_in_one_group_is_held_once(written: WrittenLedger) -> None:
    limited(written, x=1)
    first, again = claim(written, "a"), claim(written, "a", rank=1)
    written.write(decided(first), decided(KeysDropped("a", written.lease.life)), decided(again))
    assert (written.settled, holds(written)) == ([{}], {"a": True})
