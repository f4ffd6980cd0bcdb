"""A process's place at a ledger when the store fails it in the middle of a change of owners."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from core.conftest import Heard
from sqlalchemy.exc import OperationalError
from support.faulty import reads_failing

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State
from schedkit.core.store import schema
from schedkit.errors import LedgerError, NotOwnerError
from schedkit.loop import service

Make = Callable[..., Scheduler]


@pytest.fixture
def where(tmp_path: Path) -> str:
    """How the store fails is the same for all of them."""
    return str(tmp_path / "ledger.db")


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


def taken_by_another(where: str) -> None:
    engine = sa.create_engine(f"sqlite:///{where}")
    with engine.begin() as connection:
        connection.execute(schema.lease.update().values(epoch=99, owner="another", pid=1, host="elsewhere"))
    engine.dispose()


def test_a_standby_that_cannot_read_the_ledger_tries_again(
    make: Make, sched: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    standby = make(name="standby")
    standby.task(name="one")(lambda: 1)
    standby.start(standby=True)
    heard = Heard(standby)
    calls = failing_once(monkeypatch, standby._ledger, "snapshot", LedgerError("the server restarts"))
    sched.stop()
    heard.wait_for(heard.of(events.OwnerChanged, change="started", owner="standby"))
    assert len(calls) == 2
    assert standby.submit("one").result("10s") == 1


def test_an_owner_with_nothing_to_do_keeps_its_lease(make: Make) -> None:
    sched = make(lease="1s")
    sched.start()

    def beat() -> int:
        with sched._ledger.store.reading() as connection:
            return int(connection.scalar(sa.select(schema.lease.c.beat)) or 0)

    begun, give_up = beat(), time.monotonic() + 20
    while beat() < begun + 2_500_000:  # by then it would have lost it more than once
        assert time.monotonic() < give_up, "its lease is not renewed"
        time.sleep(0.05)
    assert sched.state == "running"


def test_a_viewer_that_cannot_read_the_ledger_tries_again(
    make: Make, sched: Scheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    viewer = make(name="viewer")
    viewer.task(name="theirs")(lambda: 1)
    owner = Heard(sched)
    failing_once(monkeypatch, viewer._ledger, "last_seq", LedgerError("the server restarts"))
    with caplog.at_level(logging.WARNING, "schedkit"):
        viewer.start()
    assert viewer.state == "viewer"
    assert any("the server restarts; this process is a viewer and tries" in r.message for r in caplog.records)
    owner.wait_for(owner.of(events.TaskChanged, change="declared", task="theirs"))
    seen = Heard(viewer)
    sched.task(name="one")(lambda: 1)
    run = sched.submit("one")
    seen.wait_for(seen.of(events.RunEnded, run=run.id))


def test_a_viewer_outlives_a_store_that_is_away(make: Make, sched: Scheduler) -> None:
    viewer = make(name="viewer")
    viewer.start()
    seen = Heard(viewer)
    give_up = time.monotonic() + 20
    with reads_failing(viewer) as failed:
        while sum("schedkit_events" in sql for sql in failed) < 2:
            assert time.monotonic() < give_up, "it looks no more"
            time.sleep(0.01)
    sched.task(name="one")(lambda: 1)
    run = sched.submit("one")
    seen.wait_for(seen.of(events.RunEnded, run=run.id))


def test_who_hands_over_lets_its_runs_end(make: Make, sched: Scheduler) -> None:
    entered, release = threading.Event(), threading.Event()

    @sched.task(name="held")
    def held() -> str:
        entered.set()
        release.wait(20)
        return "in one go"

    run = sched.submit("held")
    assert entered.wait(10)
    owner = sched._node.owner
    assert owner is not None
    heir = make(name="heir")
    heir.start()
    taking = threading.Thread(target=heir.take_over, kwargs={"timeout": "30s"})
    taking.start()
    while not owner.stopping:
        threading.Event().wait(0.01)
    assert [execution.why for execution in owner.executions.values()] == [""], "it has not been asked to stop"
    release.set()
    taking.join(30)
    assert heir.state == "running"
    ended = heir.run(run.id)
    assert (ended.state, ended.run.attempt) == (State.DONE, 1)


def test_a_stop_while_the_ledger_is_being_taken_gives_it_back(make: Make, sched: Scheduler) -> None:
    standby = make(name="standby")
    standby.start(standby=True)
    node = standby._node
    service().call(node._leave)  # it is about to take it …
    sched.stop()

    async def taken_too_late() -> None:
        assert await node.watching.free()
        await node.stop(0.0)  # … when it is stopped
        await node._promote()

    service().call(taken_too_late)
    assert standby.state == "stopped"
    third = make(name="third")
    third.start()
    assert third.state == "running"


def test_a_stop_that_finds_another_owner_stays_a_stop(sched: Scheduler, where: str) -> None:
    entered, release = threading.Event(), threading.Event()

    @sched.task(name="held")
    def held() -> None:
        entered.set()
        release.wait(20)

    sched.submit("held")
    assert entered.wait(10)
    taken_by_another(where)
    heard = Heard(sched)
    sched.stop("0s")  # only now it writes, and is told that the ledger is another's
    release.set()
    heard.wait_for(heard.of(events.OwnerChanged, change="lost"))
    assert sched.state == "stopped"
    assert sched._node._tasks == []


def test_who_loses_the_ledger_asks_its_code_to_stop(sched: Scheduler, where: str) -> None:
    """The new owner begins the run again: the old attempt should not go on beside it."""
    entered, stopped = threading.Event(), threading.Event()

    @sched.task(name="listens")
    def listens(run: Any) -> None:
        entered.set()
        while not run.should_stop():
            threading.Event().wait(0.01)
        stopped.set()

    sched.submit("listens")
    assert entered.wait(10)
    owner = sched._node.owner
    assert owner is not None
    taken_by_another(where)
    with pytest.raises(NotOwnerError):
        owner.writer.call(lambda connection: None).result(10)
    assert stopped.wait(10)


def test_a_checkpoint_that_cannot_be_made_is_made_later(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    sched = make()
    refused = OperationalError("", {}, Exception("unable to open database file"))
    calls = failing_once(monkeypatch, sched._ledger.store, "checkpoint", refused)
    sched.start()
    heard = Heard(sched)
    told = threading.Event()

    @sched.task(name="tells")
    def tells(run: Any) -> None:
        run.progress("rows", 1, 2)
        told.set()
        while len(calls) < 3:
            threading.Event().wait(0.01)  # our own housekeeping goes on; it sends no word of its own

    run = sched.submit("tells")
    assert told.wait(10)
    heard.wait_for(heard.of(events.RunEnded, run=run.id))
    assert run.state is State.DONE


def test_a_part_that_ends_by_an_error_is_told_and_stop_works(sched: Scheduler) -> None:
    """It should not happen; if it does, nobody must find out by the schedules that stand still."""
    told = threading.Event()
    records: list[logging.LogRecord] = []

    class Hears(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno == logging.CRITICAL:
                records.append(record)
                told.set()

    async def breaks() -> None:
        raise ZeroDivisionError("no such part")

    async def spawn() -> None:
        sched._node._spawn(breaks())

    handler = Hears()
    logging.getLogger("schedkit").addHandler(handler)
    try:
        service().call(spawn)
        assert told.wait(10)
    finally:
        logging.getLogger("schedkit").removeHandler(handler)
    assert records[0].getMessage() == "a part of the scheduler ended: stop it and start it again"
    assert records[0].exc_info is not None
    assert isinstance(records[0].exc_info[1], ZeroDivisionError)
    sched.stop()
    assert sched.state == "stopped"
