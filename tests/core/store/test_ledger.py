"""The ledger opens, or is refused with what to do."""

from __future__ import annotations

import errno
import gc
import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from support.faulty import creates_of, reads_of

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.store import locks, schema
from schedkit.core.store.database import Store
from schedkit.core.store.reader import Ledger
from schedkit.errors import LedgerError, SettingsError

Make = Callable[..., Scheduler]


# Opening


def test_a_ledger_is_made_with_its_folder(tmp_path: Path) -> None:
    store = Store(tmp_path / "new" / "folder" / "ledger.db")
    store.open()
    store.open()
    with store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_others_cannot_read_what_a_scheduler_keeps(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with Scheduler(folder / "ledger.db", results=folder / "results") as sched:
        sched.task(name="long")(lambda run: run.log("x" * 50_000) or ["y" * 9_000]).submit().result("60s")
        # The file of locks is empty, and whoever may read the ledger has to read it.
        kept = [folder, *(each for each in folder.rglob("*") if each.suffix != ".lives")]
        assert {each.name for each in kept} >= {"ledger.db", "ledger.db-wal", "results", "long", "texts"}
        for each in kept:
            assert stat.S_IMODE(each.stat().st_mode) & 0o077 == 0, each
    sched.queries.ledger.store.close()
    (folder / "ledger.db").chmod(0o640)
    with Scheduler(folder / "ledger.db") as sched:
        assert stat.S_IMODE((folder / "ledger.db-wal").stat().st_mode) == 0o640
    assert stat.S_IMODE((folder / "ledger.db").stat().st_mode) == 0o640


def test_a_ledger_that_is_closed_is_one_file(tmp_path: Path) -> None:
    """Who copies it then has all of it."""
    path = tmp_path / "ledger.db"
    with Scheduler(path, results=tmp_path / "results") as sched:
        sched.task(name="one")(lambda: 1)
        sched.submit("one").result("60s")
    sched.queries.ledger.store.close()
    assert not path.with_name("ledger.db-wal").exists()
    copy = Store(shutil.copy(path, tmp_path / "copy.db"))
    assert len(Ledger(copy).runs()) == 1
    copy.close()


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"This is a letter, not a ledger. " * 100)
    with pytest.raises(LedgerError, match=r"not a database .*restore it, or name another ledger"):
        Scheduler(path).start()


def test_a_ledger_with_damaged_pages_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Scheduler(path, results=tmp_path / "results") as sched:
        sched.task(name="one")(lambda: 1)
        sched.submit("one").result("60s")
    sched.queries.ledger.store.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xa5" * (len(whole) - 100))
    with pytest.raises(LedgerError, match=r"the file is .*damaged: restore it, or name another ledger"):
        Scheduler(path).start()
    # Its schema may still be whole; then the first page that is needed and damaged is told the same way.
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    damaged = Scheduler(path)
    with pytest.raises(LedgerError, match=r"the file is .*damaged: restore it, or name another ledger"):
        damaged.start()
    assert damaged.state == "stopped"
    path.write_bytes(whole)
    again = Scheduler(path, results=tmp_path / "results")
    again.start()
    assert len(again.runs()) == 1, "the lock was given back"
    again.stop()
    again.queries.ledger.store.close()


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody may write to, not even root."""
    if not os.geteuid():
        yield Path("/proc")
        return
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    yield folder
    folder.chmod(0o700)


@pytest.mark.skipif(sys.platform == "win32", reason="a folder's read-only mark means nothing on Windows")
def test_a_read_only_folder_is_refused(read_only: Path) -> None:
    with pytest.raises(LedgerError, match=r"unable to open .*may you write there"):
        Scheduler(read_only / "ledger.db").start()
    with pytest.raises(LedgerError, match=r"its folder cannot be made .*name a writable folder"):
        Scheduler(read_only / "inner" / "ledger.db").start()


def test_a_lock_that_nobody_can_have_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ledger.db.lives").mkdir()
    with pytest.raises(LedgerError, match=r"its lock .*ledger\.db\.lives cannot be taken .*may you write"):
        Scheduler(tmp_path / "ledger.db").start()

    def without_locks(file: object, position: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "_lock", without_locks)
    with pytest.raises(LedgerError, match=r"No locks available.*does its file system know locks"):
        Scheduler(tmp_path / "other.db").start()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LedgerError, match="name a writable folder"):
        Store(tmp_path / "file" / "ledger.db").open()
    with pytest.raises(LedgerError, match="unable to open database file"):
        Store(tmp_path).open()


def test_a_read_only_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=1")  # the file is there, and has no tables
    connection.commit()
    connection.close()
    store = Store(path)
    sa.event.listen(creates_of(store), "connect", lambda c, r: c.execute("PRAGMA query_only=ON"))
    with pytest.raises(LedgerError, match=r"readonly database .*may you write"):
        store.open()


def test_a_store_that_nobody_holds_closes_its_connections(where: str) -> None:
    store = Store(where)
    store.open()
    with store.reading() as connection:
        connection.execute(sa.select(schema.meta))
    pool = reads_of(store).pool
    assert isinstance(pool, sa.pool.QueuePool)
    assert pool.checkedin() == 1
    del store, connection
    gc.collect()
    assert pool.checkedin() == 0


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("1", r"has schema 1, of an earlier schedkit; this one uses schema 5 \(name another ledger, or move"),
        ("0", "has schema 0, of an earlier schedkit"),
        ("99", r"has schema 99; this schedkit knows up to 5 \(upgrade schedkit"),
        ("ninety", "has invalid schema version 'ninety'"),
        (None, "has schema 0, of an earlier schedkit"),
    ],
)
def test_another_schema_is_refused_by_name(where: str, told: str | None, message: str) -> None:
    store = Store(where)
    store.open()
    with store.connect() as connection, connection.begin():
        note = schema.meta.c.key == "schema"
        if told is None:
            connection.execute(schema.meta.delete().where(note))
        else:
            connection.execute(schema.meta.update().where(note).values(value=told))
    with pytest.raises(LedgerError, match=message):
        store.open()
    store.close()


def test_a_ledger_has_an_identity_for_good(where: str) -> None:
    store = Store(where)
    store.open()
    identity = Ledger(store).identity
    assert str(UUID(identity)) == identity
    store.open()
    assert Ledger(store).identity == identity
    store.close()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("", "no name given"),
        (None, "expected a file name or a database URL, got None"),
        ("sqlite://", "lost with its process"),
        ("mysql://root:secret@host/db", "mysql is not supported"),
        ("postgresql+nonsense://root:secret@host/db", "is the driver installed"),
        ("://secret", "not a database URL"),
    ],
)
def test_a_name_that_is_no_ledger(where: str, message: str) -> None:
    with pytest.raises(LedgerError, match=message) as refused:
        Store(where)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "options",
    [
        {"concurrency": 0},
        {"threads": -1},
        {"processes": 0},
        {"tz": "Mars/Base"},
        {"keep_runs": 0},
        {"keep_results": 0},
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        Scheduler(tmp_path / "ledger.db", **options)
