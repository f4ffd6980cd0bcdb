"""How the connections of a store are set up, and when their transactions begin."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from schedkit.core.store.turns import LEDGER, has_turn

__all__ = [
    "AUTOCOMMIT",
    "begin_immediate",
    "bound_transactions",
    "connect_checked",
    "locked",
    "tune_reader",
    "tune_writer",
]

# How long PostgreSQL keeps an idle transaction: one whose process was stopped in the middle, as by a laptop's
# sleep, would keep the lease's row locked, and no other process could take the ledger.
IDLE_SECONDS = 5.0
# How long PostgreSQL keeps any transaction, from version 17 on: a process that was stopped within a
# statement, before its last message, is not idle to the server, which would wait for it with the row locked.
TRANSACTION_SECONDS = 60.0
AUTOCOMMIT = "schedkit_autocommit"  # an option of connections


def connect_checked(engine: sa.Engine, check: Callable[[], object]) -> sa.Connection:
    """Connect to what `check` does not object to, before it and after it.

    A ledger's file may be moved away or replaced in between: a connection to another file would stay in the
    pool, and read that one for good once the ledger is back.
    """
    check()
    try:
        connection = engine.connect()
    except OperationalError:
        check()  # what it says is clearer
        raise
    try:
        check()
    except OperationalError:
        connection.invalidate()
        connection.close()
        raise
    return connection


def tune_writer(durable: str, connection: sqlite3.Connection, record: object) -> None:
    """Set up a connection of SQLite for writing."""
    # The driver's own transaction control begins too late for BEGIN IMMEDIATE.
    connection.isolation_level = None
    ledger = LEDGER if has_turn(connection) else "main"
    connection.execute(f"PRAGMA {ledger}.journal_mode=WAL")
    connection.execute(f"PRAGMA {ledger}.synchronous={'FULL' if durable == 'full' else 'NORMAL'}")
    # Checkpoints are made beside the writer (`Store.checkpoint`); this is for when that lags far behind.
    connection.execute("PRAGMA wal_autocheckpoint=50000")
    connection.execute(f"PRAGMA {ledger}.cache_size=-16000")


def tune_reader(connection: sqlite3.Connection, record: object) -> None:
    """Set up a connection of SQLite for reading."""
    connection.isolation_level = None
    connection.execute("PRAGMA query_only=ON")


def bound_transactions(connection: Any, record: object) -> None:
    """Have PostgreSQL end a transaction in which nothing happens, or that takes too long."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = {int(IDLE_SECONDS * 1000)}")
        if connection.info.server_version >= 170_000:
            cursor.execute(f"SET transaction_timeout = {int(TRANSACTION_SECONDS * 1000)}")
    connection.commit()


def begin_immediate(connection: sa.Connection) -> None:
    """Take SQLite's lock for writing as a transaction begins."""
    if not connection.get_execution_options().get(AUTOCOMMIT):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def locked(error: DBAPIError) -> bool:
    """Tell whether another connection kept SQLite's lock for as long as a statement waits."""
    return isinstance(error.orig, sqlite3.OperationalError) and "is locked" in str(error.orig)
