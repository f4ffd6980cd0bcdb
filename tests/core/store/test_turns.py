"""Who writes a ledger is alone, though a cell of its process reads all files beside the ledger meanwhile."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from schedkit.core.store import database
from schedkit.core.store.database import Store
from schedkit.core.store.schema import meta
from schedkit.core.store.turns import has_turn
from schedkit.errors import LedgerError

# Writes a ledger, or says why it cannot.
OTHER = """
import sys
from schedkit.core.store.database import Store
from schedkit.core.store.schema import meta
from schedkit.errors import LedgerError
try:
    with Store(sys.argv[1]).writing() as connection:
        connection.execute(meta.insert(), [{"key": "other", "value": "1"}])
except LedgerError as error:
    print(error.message)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "ledger" / "a.db")
    store.open()
    return store


def in_turn(connection: sa.Connection) -> bool:
    driver = connection.connection.driver_connection
    return isinstance(driver, sqlite3.Connection) and has_turn(driver)


def other_writes(store: Store) -> str:
    """Have another process write; return why it cannot."""
    ended = subprocess.run(
        [sys.executable, "-c", OTHER, str(store.path)], capture_output=True, text=True, check=True
    )
    return ended.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there locks belong to the handle")
def test_no_other_process_writes_while_a_transaction_goes_on(store: Store, tmp_path: Path) -> None:
    assert store.path is not None
    with store.writing() as connection:
        connection.execute(meta.insert(), [{"key": "mine", "value": "1"}])
        shutil.copytree(store.path.parent, tmp_path / "copy")
        assert "database is locked" in other_writes(store)
    assert other_writes(store) == ""
    with store.reading() as connection:
        assert {"mine", "other"} <= set(connection.scalars(sa.select(meta.c.key)))


@pytest.mark.skipif(sys.platform == "win32", reason="there locks belong to the handle")
def test_a_ledger_has_one_turn_by_whatever_name(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "WAITS", 1)
    assert store.path is not None
    (tmp_path / "link.db").symlink_to(store.path)
    with Store(tmp_path / "link.db").writing() as connection:
        assert in_turn(connection)
        with pytest.raises(LedgerError, match="locked"), store.writing():
            pass


def test_without_a_place_for_it_the_ledger_is_written_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, mode: int = 0o777) -> None:
        raise OSError("no room")

    monkeypatch.setattr(Path, "mkdir", full)
    with store.writing() as connection:
        assert not in_turn(connection)
        connection.execute(meta.insert(), [{"key": "mine", "value": "1"}])
