"""A ledger is copied and checked while its process writes to it; the commands' cases are in test_ledger."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.store.backup import check_file
from schedkit.errors import LedgerError, UsageError


def test_a_running_ledger_is_copied_and_checked(tmp_path: Path) -> None:
    with Scheduler(tmp_path / "ledger.db") as sched:
        sched.task(name="add")(lambda: 3)
        sched.submit("add").wait("60s")
        copy = tmp_path / "copy.db"
        assert sched.queries.backup(copy) == copy.stat().st_size
        assert sched.queries.check()["runs"] == 1
        assert sched.submit("add").result("60s") == 3
        assert Scheduler(copy).queries.check()["runs"] == 1
        with pytest.raises(UsageError, match="is the ledger itself"):
            sched.queries.backup(tmp_path / "." / "ledger.db")


def test_an_index_without_a_row_is_damage(tmp_path: Path) -> None:
    """The rows can be read, but a search would not find one."""
    with Scheduler(tmp_path / "live.db", results=tmp_path / "results") as sched:
        sched.task(name="add")(lambda: 3)
        sched.submit("add").result("60s")
        sched.queries.backup(tmp_path / "ledger.db")
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE type = 'index' AND tbl_name = 'schedkit_runs' LIMIT 1"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with open(tmp_path / "ledger.db", "r+b") as file:
        file.seek((page - 1) * size + 3)
        file.write(b"\0\0")  # the number of its entries
    with pytest.raises(LedgerError, match=r"is damaged: .* index"):
        check_file(tmp_path / "ledger.db")


def test_what_is_not_there_is_neither_copied_nor_made(tmp_path: Path) -> None:
    queries = Scheduler(tmp_path / "ledger.db").queries
    for use in (queries.check, lambda: queries.backup(tmp_path / "copy.db")):
        with pytest.raises(LedgerError, match="there is no ledger at"):
            use()
    assert list(tmp_path.glob("*.db*")) == []


def test_the_database_of_a_server_has_its_own_tools_and_shows_no_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    sched = Scheduler("postgresql://bot:s3cret@db.example.org/jobs?sslpassword=s3cret2", results=tmp_path)
    with pytest.raises(UsageError, match=r"database of a server .use its own tools: pg_dump"):
        sched.queries.backup(tmp_path / "copy.db")
    with pytest.raises(UsageError, match="pg_amcheck"):
        sched.queries.check()
    assert "bot:********@db.example.org/jobs?sslpassword=********" in repr(sched)
    assert "s3cret" not in repr(sched) + sched.ledger
