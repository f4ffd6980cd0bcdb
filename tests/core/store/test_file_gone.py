"""The ledger's file is removed or replaced while a scheduler works with it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from core.conftest import Recorder
from support import past
from support.boards import board_now
from support.faulty import failing
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import StoreAway, StoreBack
from schedkit.core.states import State
from schedkit.core.store.database import Store
from schedkit.core.store.schema import runs
from schedkit.errors import LedgerError, SchedkitError

Make = Callable[..., Scheduler]


@pytest.fixture
def where(tmp_path: Path) -> str:
    """Only a file can be removed."""
    return str(tmp_path / "ledger.db")


def test_what_is_submitted_waits_until_the_file_is_back(
    sched: Scheduler, recorder: Recorder, where: str
) -> None:
    task = sched.task(name="one")(lambda: 1)
    task.submit().result("60s")
    kept = Path(where).with_name("moved.db")
    Path(where).rename(kept)
    submitted = threading.Event()

    def submit() -> None:
        task.submit().result("60s")
        submitted.set()

    threading.Thread(target=submit, daemon=True).start()
    (away,) = recorder.wait_for(recorder.of(StoreAway))
    assert "was removed or replaced" in away.reason
    assert not submitted.is_set(), "nothing is durable in a file that nobody can open again"
    with pytest.raises(LedgerError, match=r"was removed or replaced .*put it back, or stop the scheduler"):
        sched.runs()
    assert not Path(where).exists(), "nobody begins an empty ledger in its place"
    kept.rename(where)
    recorder.wait_for(recorder.of(StoreBack))
    assert submitted.wait(60)
    assert len(sched.runs("one")) == 2


@pytest.mark.parametrize("take_away", [True, False], ids=["gone", "full"])
def test_who_asks_is_refused_after_a_told_time_and_the_run_is_withdrawn(
    make: Make, where: str, take_away: bool
) -> None:
    sched = make(write_patience="0.2s")
    sched.start()
    calls = itertools.count(1)
    task = sched.task("0 7 1 1 *", name="one")(lambda: next(calls))
    task.submit().result("60s")
    assert board_now(sched)["scheduler"]["trouble"] is None
    recorder, kept = Recorder(sched), Path(where).with_name("moved.db")
    with contextlib.ExitStack() as away:
        if take_away:
            Path(where).rename(kept)
            away.callback(kept.rename, where)
        else:
            away.enter_context(failing(sched, "INSERT", 10**6, "database or disk is full"))
        words = r"has taken no writes for .*: .*\(submitted runs are withdrawn; other commands are "
        for ask in (
            task.submit,
            lambda: asyncio.run(task.aio.submit()),
            lambda: task.submit().result(),
            lambda: sched.submit_many("one", [{}, {}]),
            task.pause,
        ):
            with pytest.raises(LedgerError, match=words):
                ask()
        assert "does not take writes" in board_now(sched)["scheduler"]["trouble"]
    recorder.wait_for(recorder.of(StoreBack))
    wait_until(lambda: task.paused and sched.queries.ledger.task("one").paused)
    wait_until(lambda: all(run.state.final for run in sched.runs("one")))
    assert [run.state for run in sched.runs("one")] == [State.CANCELLED] * 5 + [State.DONE]
    assert task.submit().result("60s") == 2, "none of them has called the function"


def test_a_scheduler_whose_file_is_gone_stops_and_begins_anew(make: Make, where: str) -> None:
    sched = make()
    sched.start()
    task = sched.task(name="one")(lambda: 1)
    task.submit().result("60s")
    for file in Path(where).parent.glob("ledger.db*"):
        file.unlink()
    sched.stop("0.5s")
    assert sched.state == "stopped"
    sched.start()
    task.submit().result("60s")
    assert len(sched.runs("one")) == 1


def test_a_copy_put_in_its_place_is_another_file(sched: Scheduler, recorder: Recorder, where: str) -> None:
    task = sched.task(name="one")(lambda: 1)
    task.submit().result("60s")
    shutil.copy(where, where + ".backup")
    Path(where + ".backup").replace(where)

    def submit() -> None:
        with contextlib.suppress(SchedkitError):  # its scheduler stops before the file is back
            task.submit()

    threading.Thread(target=submit, daemon=True).start()
    recorder.wait_for(recorder.of(StoreAway))


@pytest.mark.parametrize("other", [False, True], ids=["moved", "replaced"])
@pytest.mark.parametrize("writes", [False, True], ids=["reading", "writing"])
def test_a_file_that_goes_as_it_is_connected_to_leaves_no_trace(
    where: str, other: bool, writes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a look at the file and the connection, somebody may move it away."""
    store = Store(where)
    past.write(store, [past.ended(1, "kept", datetime(2026, 1, 1, tzinfo=UTC), 1)])
    beside, kept, check = Path(where), Path(where).with_name("moved.db"), store.check_there

    def goes() -> None:
        check()
        monkeypatch.undo()
        beside.rename(kept)
        if other:
            sqlite3.connect(beside).close()

    def names() -> list[str]:
        with store.writing() if writes else store.reading() as connection:
            return list(connection.scalars(sa.select(runs.c.task)))

    monkeypatch.setattr(store, "check_there", goes)
    with pytest.raises(LedgerError, match=r"was removed or replaced .*put it back"):
        names()
    assert beside.exists() == other, "an empty ledger would take the log of the one that is put back"
    kept.replace(beside)
    assert [names() for _ in range(3)] == [["kept"]] * 3
    store.close()
