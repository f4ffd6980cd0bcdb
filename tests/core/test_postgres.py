"""PostgreSQL is restarted, or goes away, under a working scheduler."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from core.conftest import Recorder
from crash.judge import judge_schedule
from support.lives import life_of, lives_again
from support.postgres_server import kill, postgres_server, revive
from support.waiting import wait_until

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State
from schedkit.core.store import connecting, schema
from schedkit.core.store.database import Store
from schedkit.core.tasks.origin import declared_in
from schedkit.core.triggers.constructors import every
from schedkit.errors import LedgerError


@pytest.fixture(scope="module")
def fragile() -> Iterator[Any]:
    """A server of its own, to be killed."""
    with postgres_server() as server:
        yield server


def test_the_server_is_killed_and_comes_back(fragile: Any, tmp_path: Path) -> None:
    sched = Scheduler(fragile.get_uri(), results=tmp_path / "results", lease="60s")
    recorder = Recorder(sched)
    ran: list[tuple[str, int]] = []
    with sched:
        sched.task(every("0.1s"), name="ticking", overlap="allow", coalesce=False)(
            lambda run: ran.append((run.id, run.attempt))
        )
        recorder.wait_for(recorder.of(events.RunEnded, task="ticking"), 3)
        kill(fragile)
        recorder.wait_for(recorder.of(events.StoreAway))
        revive(fragile)
        recorder.wait_for(recorder.of(events.StoreBack))
        seen = len(recorder.events)
        ended = recorder.of(events.RunEnded, task="ticking")
        recorder.wait_for(ended, sum(map(ended, recorder.events[:seen])) + 5)
        sched.pause("ticking")
        recorder.wait_for(ended, len(sched.queries.ledger.runs("ticking", limit=1000)))
        (row,) = sched.queries.ledger.tasks()
        runs = sched.runs(limit=1000)
        assert judge_schedule(sched.queries.ledger, row, runs)["run"] >= 8
        assert {run.state for run in runs} == {State.DONE}
        assert sorted(ran) == sorted((run.id, 1) for run in runs)
    sched.queries.ledger.store.close()


def test_a_life_that_ran_out_while_its_process_stood_still(
    new_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The home sleeps past its lease; another process inherits the task; the sleeper cannot record."""
    monkeypatch.setattr(connecting, "IDLE_SECONDS", 5.0)  # after which the server lets go of its life's row
    url = new_database()
    first = Scheduler(url, results=tmp_path, lease="1s", name="sleeper")
    first.start()
    entered, release = threading.Event(), threading.Event()

    def held(run: Any) -> str:
        if run.attempt == 1:
            entered.set()
            release.wait(60)
        return f"attempt {run.attempt}"

    with declared_in("/sleeper.py"):
        first.task(name="held")(held)
    run = first.submit("held")
    assert entered.wait(60)
    recorder = Recorder(first)
    # As if the process had been stopped: its writer neither renews nor writes.
    life, before = life_of(first), life_of(first).lease.life
    standing = threading.Event()
    stands = threading.Event()
    life.writer.call(lambda connection: (stands.set(), standing.wait(60), None)[2])
    assert stands.wait(60)  # in the middle of a transaction that holds its life's row
    second = Scheduler(url, results=tmp_path, lease="60s", name="heir")
    with declared_in("/heir.py"):
        second.task(name="held")(held)
    second.start()  # it stands by, or inherits at once if this took longer than the lease
    wait_until(lambda: second.at_home == ["held"])
    standing.set()
    release.set()
    recorder.wait_for(recorder.of(events.NodeChanged, change="lost"))
    assert second.run(run.id).result("60s") == "attempt 2"
    wait_until(lambda: lives_again(first, before))
    wait_until(lambda: first.standing_by == ["held"])
    assert first.state == "running"
    for sched in (first, second):
        sched.stop("1s")
        sched.queries.ledger.store.close()


def test_a_server_that_is_not_there_is_said_without_the_password(tmp_path: Path) -> None:
    from schedkit.errors import LedgerError

    sched = Scheduler("postgresql://me:secret@127.0.0.1:9/none", results=tmp_path)
    with pytest.raises(LedgerError, match="is the server up") as refused:
        sched.start()
    assert "secret" not in str(refused.value)
    assert "secret" not in repr(sched)
    assert "secret" not in sched.ledger


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"database": "nowhere"}, r'database "nowhere" does not exist \(create it, or name another\)'),
        ({"username": "nobody"}, r'role "nobody" does not exist \(create it, or name another\)'),
        (
            {"username": "weak", "database": "empty"},
            r"permission denied .*\(may this user create tables there\?\)",
        ),
        ({"database": "other"}, r"schedkit_meta.* does not exist \(is it a schedkit ledger\?\)"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_with_what_to_do(
    postgres: Any, change: dict[str, Any], words: str
) -> None:
    for name in ("other", "empty"):
        postgres.psql(f"DROP DATABASE IF EXISTS {name};")
        postgres.psql(f"CREATE DATABASE {name};")
    postgres.psql("DO $$ BEGIN CREATE ROLE weak LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;")
    url = sa.make_url(postgres.get_uri())
    other = sa.create_engine(url.set(drivername="postgresql+psycopg", database="other"))
    with other.begin() as connection:
        connection.execute(sa.text("CREATE TABLE schedkit_meta (unlike INT)"))
    other.dispose()
    where = url.set(**change)
    with pytest.raises(LedgerError, match=words):
        Scheduler(where.render_as_string(hide_password=False)).start()


def test_a_process_that_is_stopped_within_a_statement_keeps_no_row_for_ever(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the server it is not idle, as its statement has not been sent to its end."""
    monkeypatch.setattr(connecting, "TRANSACTION_SECONDS", 1.0)
    url = new_database()
    with Scheduler(url, lease="60s") as sched:
        stopped, others = Store(url), sched.queries.ledger.store

        def stop_within_a_statement() -> None:
            with stopped.writing() as connection:
                driver: Any = connection.connection.driver_connection
                if driver.info.server_version < 170_000:
                    pytest.skip("PostgreSQL bounds transactions from version 17 on")
                connection.execute(sa.select(schema.nodes.c.id).with_for_update(read=True))
                # The first of the messages of a statement, after which the process is stopped.
                body = b"\0select 1\0" + struct.pack("!h", 0)
                os.write(driver.fileno(), b"P" + struct.pack("!i", 4 + len(body)) + body)
                with others.writing() as other:
                    other.execute(schema.nodes.update().values(since=schema.nodes.c.since))
                connection.execute(sa.select(1))

        with pytest.raises(LedgerError):  # the server has ended it
            stop_within_a_statement()
        stopped.close()
