"""A transaction begins once others leave the ledger free, if that takes longer than a statement waits too."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from schedkit.core.store import database
from schedkit.core.store.connecting import locked
from schedkit.core.store.database import Store
from schedkit.core.store.lives import Lease, living
from schedkit.errors import LedgerError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "ledger.db")
    made.open()
    yield made
    made.close()


@pytest.fixture
def other(store: Store) -> Iterator[sqlite3.Connection]:
    """Another connection, which keeps the lock for writing."""
    assert store.path is not None
    connection = sqlite3.connect(store.path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def test_it_waits_until_others_have_written(
    store: Store, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the start of one of several processes that start at once on a busy machine: it failed."""
    waits = 0

    def given_up(error: DBAPIError) -> bool:
        nonlocal waits
        waits += 1
        if waits == 2:
            other.execute("ROLLBACK")
        return locked(error)

    monkeypatch.setattr(database, "locked", given_up)
    lease = Lease(store, "here")
    lease.begin()
    assert [(node.name, node.alive) for node in living(store)] == [("here", True)]
    assert waits == 2
    lease.end()


@pytest.mark.usefixtures("other")
def test_it_does_not_wait_for_ever(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAITS", 2)
    with pytest.raises(LedgerError, match="database is locked"), store.writing():
        pass


def test_the_end_of_a_life_does_not_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.path is not None
    waits: list[bool] = []
    monkeypatch.setattr(database, "locked", lambda error: waits.append(True) or locked(error))
    lease = Lease(store, "here")
    lease.begin()
    connection = sqlite3.connect(store.path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    lease.end()
    connection.close()
    assert "the end of this process was not recorded" in caplog.text
    assert waits == []
    assert [node.alive for node in living(store)] == [False]


def test_what_is_refused_otherwise_is_refused_at_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ledger.db").rename(tmp_path / "moved.db")
    monkeypatch.setattr(store, "connect", lambda connect=store.connect: asked.append(1) or connect())
    asked: list[int] = []
    with pytest.raises(LedgerError, match="was removed or replaced"), store.writing():
        pass
    assert asked == [1]
    (tmp_path / "moved.db").rename(tmp_path / "ledger.db")
