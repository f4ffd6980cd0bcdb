"""A process's place at a ledger: its life, when the store fails it, and when others take it for dead."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from core.conftest import Recorder
from sqlalchemy.exc import OperationalError
from support.lives import life_of, lives_again, seem_dead
from support.waiting import wait_until

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.node import node
from schedkit.core.node.life import Life
from schedkit.core.node.listening import Listening
from schedkit.core.states import Outcome, State
from schedkit.core.store import schema
from schedkit.errors import LedgerError
from schedkit.loop import awaited

Make = Callable[..., Scheduler]


@pytest.fixture
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """How the store fails is the same for all of them; how a process tells that it lives is not."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return str(tmp_path / "ledger.db")
    return str(request.getfixturevalue("new_database")())


both = pytest.mark.parametrize("where", ["sqlite", "postgres"], indirect=True)


def failing_once(monkeypatch: pytest.MonkeyPatch, thing: object, name: str, error: Exception) -> list[int]:
    """Let the next call of a method fail; returns a list that grows with every call."""
    method, calls = getattr(thing, name), list[int]()

    def call(*what: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise error
        return method(*what)

    monkeypatch.setattr(thing, name, call)
    return calls


def bury(sched: Scheduler, other: Scheduler) -> None:
    """Let another take it for dead; it sees that soon, at its beat."""
    buried = Recorder(other)
    seem_dead(sched)
    other.start()
    buried.wait_for(buried.of(events.NodeChanged, change="gone", name="tests"))


@both
def test_who_is_taken_for_dead_is_born_again_and_goes_on(
    sched: Scheduler, recorder: Recorder, make: Make
) -> None:
    sched.task(name="one")(lambda: 1)
    before = life_of(sched).lease.life
    other = make(name="other")
    bury(sched, other)
    recorder.wait_for(recorder.of(events.NodeChanged, change="lost", life=before))
    wait_until(lambda: lives_again(sched, before))
    assert sched.state == "running"
    wait_until(lambda: sched.at_home == ["one"])
    assert other.submit("one").result("60s") == 1
    assert [node.name for node in sched.nodes] == ["other", "tests"]


def test_a_process_born_again_while_the_ledger_cannot_be_read_tries_again(
    make: Make, sched: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    sched.task(name="one")(lambda: 1)
    before = life_of(sched).lease.life
    calls = failing_once(monkeypatch, sched.queries.ledger, "snapshot", LedgerError("the server restarts"))
    bury(sched, make(name="other"))
    wait_until(lambda: lives_again(sched, before))
    assert len(calls) == 2
    wait_until(lambda: sched.at_home == ["one"])
    assert sched.submit("one").result("60s") == 1
    assert len(sched.nodes) == 2, "the life that came to nothing has ended"


def test_a_stop_while_a_process_is_born_again_ends_it(
    make: Make, sched: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def away(life: str) -> None:
        tried.set()
        raise LedgerError("the server is away")

    monkeypatch.setattr(sched.queries.ledger, "snapshot", away)
    bury(sched, make(name="other"))
    assert tried.wait(60)
    sched.stop("1s")
    assert sched.state == "stopped"
    assert [node.name for node in sched.nodes] == ["other"]


def test_a_stop_that_finds_its_life_gone_stays_a_stop(make: Make, sched: Scheduler) -> None:
    entered, release = threading.Event(), threading.Event()

    @sched.task(name="held")
    def held() -> None:
        entered.set()
        release.wait(60)

    run = sched.submit("held")
    assert entered.wait(60)
    other = make(name="other")
    other.start()
    buried = Recorder(other)
    seem_dead(sched)
    buried.wait_for(buried.of(events.NodeChanged, change="gone", name="tests"))
    sched.stop("0s")  # only now it writes, and is told
    release.set()
    assert sched.state == "stopped"
    assert [node.name for node in other.nodes] == ["other"]
    assert other.run(run.id).state is State.QUEUED


def test_who_is_taken_for_dead_asks_its_code_to_stop(make: Make, sched: Scheduler) -> None:
    """The run begins again: the old attempt should not go on beside it."""
    entered, stopped = threading.Semaphore(0), threading.Event()

    @sched.task(name="listens")
    def listens(run: Any) -> int:
        entered.release()
        while run.attempt == 1 and not run.should_stop():
            threading.Event().wait(0.01)
        stopped.set()
        return int(run.attempt)

    run = sched.submit("listens")
    assert entered.acquire(timeout=60)
    bury(sched, make(name="other"))
    assert stopped.wait(60)
    assert run.result("60s") == 2
    assert [attempt.outcome for attempt in run.attempts] == [Outcome.INTERRUPTED, Outcome.DONE]


@pytest.mark.parametrize("where", ["postgres"], indirect=True)
def test_what_is_declared_at_the_end_of_a_life_is_at_home_with_the_next(
    sched: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that slept is taken for dead; the cell that declares then must not fail for it."""
    sched.task(name="early")(lambda: "ran")
    assert sched.submit("early").result("60s") == "ran"
    lease, store = life_of(sched).lease, sched.queries.ledger.store
    claim = lease.claim

    def marked_as_gone(connection: sa.Connection, batch: int) -> None:
        with store.writing() as others:
            gone = schema.nodes.update().where(schema.nodes.c.id == lease.life)
            others.execute(gone.values(gone=schema.nodes.c.since))
        claim(connection, batch)

    monkeypatch.setattr(lease, "claim", marked_as_gone)
    sched.task(name="late")(lambda: "ran")
    wait_until(lambda: lives_again(sched, lease.life) and sched.at_home == ["early", "late"])
    assert sched.submit("late").result("60s") == "ran"


@pytest.mark.parametrize("where", ["postgres"], indirect=True)
def test_who_has_nothing_to_do_tells_that_it_lives(make: Make) -> None:
    sched = make(lease="1s")
    sched.start()

    def expires() -> int:
        with sched.queries.ledger.store.reading() as connection:
            return int(connection.scalar(sa.select(schema.beats.c.expires)) or 0)

    begun, give_up = expires(), time.monotonic() + 60
    while expires() < begun + 2_500_000:  # by then it would have been buried more than once
        assert time.monotonic() < give_up, "it does not tell that it lives"
        threading.Event().wait(0.05)
    assert sched.state == "running"
    wait_until(lambda: sched.nodes[0].alive)


def losing_lives(monkeypatch: pytest.MonkeyPatch, number: int) -> list[str]:
    """Let as many of the next lives be marked as gone before they serve; returns their ids as they are."""
    lost: list[str] = []

    def listening(life: Life, *more: Any) -> Listening:
        made = Listening(life, *more)
        if len(lost) < number:
            lost.append(life.lease.life)
            with life.ledger.store.writing() as others:
                gone = schema.nodes.update().where(schema.nodes.c.id == life.lease.life)
                others.execute(gone.values(gone=schema.nodes.c.since))

            async def buries() -> None:
                await awaited(life.writer.call(lambda connection: None))

            made.take_census = buries
        return made

    monkeypatch.setattr(node, "Listening", listening)
    return lost


@both
def test_who_is_taken_for_dead_while_it_starts_lives_its_next_life(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = losing_lives(monkeypatch, 2)
    sched = make()
    sched.task(name="one")(lambda: 1)
    sched.start()
    assert len(lost) == 2
    assert sched.submit("one").result("60s") == 1
    assert [each.life for each in sched.nodes] == [life_of(sched).lease.life]


@both
def test_who_is_taken_for_dead_again_while_it_is_born_again_goes_on(
    sched: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a laptop that wakes for a moment: its scheduler must not end by itself."""
    sched.task(name="one")(lambda: 1)
    before = life_of(sched).lease.life
    lost = losing_lives(monkeypatch, 1)
    with sched.queries.ledger.store.writing() as connection:
        connection.execute(schema.nodes.update().values(gone=schema.nodes.c.since))
    wait_until(lambda: lost and lives_again(sched, before) and life_of(sched).lease.life not in lost)
    assert sched.state == "running"
    wait_until(lambda: sched.at_home == ["one"])
    assert sched.submit("one").result("60s") == 1


def test_a_checkpoint_that_cannot_be_made_is_made_later(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    sched = make()
    refused = OperationalError("", {}, Exception("unable to open database file"))
    calls = failing_once(monkeypatch, sched.queries.ledger.store, "checkpoint", refused)
    sched.start()
    recorder = Recorder(sched)
    told = threading.Event()

    @sched.task(name="tells")
    def tells(run: Any) -> None:
        run.progress("rows", 1, 2)
        told.set()
        while len(calls) < 2:
            threading.Event().wait(0.01)  # our own housekeeping goes on; it sends no word of its own

    run = sched.submit("tells")
    assert told.wait(60)
    recorder.wait_for(recorder.of(events.RunEnded, run=run.id))
    assert run.state is State.DONE


def test_a_part_that_ends_by_an_error_is_told_and_it_can_be_started_again(
    sched: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should not happen; if it does, nobody must find out by the schedules that stand still."""
    sched.task(name="one")(lambda: 1)
    told = threading.Event()
    records: list[logging.LogRecord] = []

    class Hears(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno == logging.CRITICAL:
                records.append(record)
                told.set()

    def breaks(life: Any) -> None:
        raise ZeroDivisionError("no such part")

    handler = Hears()
    logging.getLogger("schedkit").addHandler(handler)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(type(life_of(sched)), "save_progress", breaks)
            assert told.wait(60)
    finally:
        logging.getLogger("schedkit").removeHandler(handler)
    assert "the scheduler failed; restart it" in records[0].getMessage()
    assert records[0].exc_info is not None
    assert "no such part" in repr(records[0].exc_info[1])
    assert sched.state == "stopped"
    assert sched.nodes == [], "its tasks may be inherited"
    with sched:
        assert sched.submit("one").result("60s") == 1
