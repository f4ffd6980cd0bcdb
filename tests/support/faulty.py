"""Ways to make a store, or a scheduler's, fail at the driver's border."""

from __future__ import annotations

import math
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from support.lives import life_of

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.store.commits import VIEW
from schedkit.core.store.database import Store
from schedkit.core.store.sections import SECTIONS

_COMMITS = f"INSERT INTO temp.{VIEW}"


def store_of(where: Scheduler | Store) -> Store:
    return where if isinstance(where, Store) else where.queries.ledger.store


def writes_of(where: Scheduler | Store) -> sa.Engine:
    """Return what a store writes with."""
    return store_of(where)._write


def creates_of(where: Scheduler | Store) -> sa.Engine:
    """Return what a store makes its tables with."""
    return store_of(where)._create


def reads_of(where: Scheduler | Store) -> sa.Engine:
    """Return what a store reads with."""
    return store_of(where)._read


@contextmanager
def failing(
    where: Scheduler | Store, statement: str, times: int, text: str = "disk I/O error"
) -> Iterator[list[str]]:
    """Let the next `times` writes whose SQL matches `statement` fail before they reach the database.

    The one statement of a group matches if one of those does of which it consists.
    """
    with _refusing(writes_of(where), text, lambda sql: re.search(statement, sql), times) as failed:
        yield failed


@contextmanager
def answers_lost(where: Scheduler | Store, times: int) -> Iterator[list[int]]:
    """Let the next `times` commits succeed in the database and be reported as failed."""
    dialect, lost = store_of(where).dialect, list[int]()
    commit = dialect.do_commit

    def lossy(connection: Any) -> None:
        commit(connection)
        if len(lost) < times:
            lost.append(1)
            raise dialect.loaded_dbapi.OperationalError("connection lost after commit")

    dialect.do_commit = lossy
    try:
        yield lost
    finally:
        dialect.do_commit = commit


@contextmanager
def commits_failing(
    where: Scheduler | Store, times: int, meanwhile: Callable[[], object] = lambda: None
) -> Iterator[list[int]]:
    """Let the next `times` commits write nothing and be reported as failed; `meanwhile` comes after each."""
    engine, dialect, failed = writes_of(where), store_of(where).dialect, list[int]()
    commit = dialect.do_commit

    def fail(connection: Any) -> Exception:
        failed.append(1)
        connection.rollback()
        meanwhile()
        error: Exception = dialect.loaded_dbapi.OperationalError("disk I/O error")
        return error

    def refused(connection: Any) -> None:
        # A group's one statement has committed itself: it is refused below, before it begins.
        open_one = not isinstance(connection, sqlite3.Connection) or connection.in_transaction
        if open_one and len(failed) < times:
            raise fail(connection)
        commit(connection)

    def refuse_statement(connection: Any, cursor: Any, sql: str, *rest: Any) -> None:
        if sql.startswith(_COMMITS) and len(failed) < times:
            raise OperationalError(sql, {}, fail(connection.connection.dbapi_connection))

    dialect.do_commit = refused
    sa.event.listen(engine, "before_cursor_execute", refuse_statement)
    try:
        yield failed
    finally:
        sa.event.remove(engine, "before_cursor_execute", refuse_statement)
        dialect.do_commit = commit


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the write lock of a SQLite file, as another program might."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.rollback()
        connection.close()


@contextmanager
def disk_full(sched: Scheduler) -> Iterator[None]:
    """Let the file not grow any more."""
    engine = writes_of(sched)
    full = threading.Event()
    full.set()

    def limit(connection: sqlite3.Connection, record: object) -> None:
        if full.is_set():
            connection.execute(
                "PRAGMA ledger.max_page_count=1"
            )  # SQLite takes it as: not beyond what there is

    sa.event.listen(engine, "connect", limit)
    writer = life_of(sched).writer
    writer.call(lambda connection: connection.exec_driver_sql("PRAGMA ledger.max_page_count=1")).result(60)
    try:
        yield
    finally:
        full.clear()
        sa.event.remove(engine, "connect", limit)


@contextmanager
def reads_failing(where: Scheduler | Store, text: str = "disk I/O error") -> Iterator[list[str]]:
    """Let every read fail before it reaches the database; writes go through."""
    with _refusing(reads_of(where), text) as failed:
        yield failed


@contextmanager
def _refusing(
    engine: sa.Engine, text: str, wanted: Callable[[str], object] = bool, times: float = math.inf
) -> Iterator[list[str]]:
    failed: list[str] = []

    def refuse(connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool) -> None:
        if len(failed) < times and wanted(_spelt_out(sql, parameters)):
            failed.append(sql)
            raise OperationalError(sql, {}, sqlite3.OperationalError(text))

    sa.event.listen(engine, "before_cursor_execute", refuse)
    try:
        yield failed
    finally:
        sa.event.remove(engine, "before_cursor_execute", refuse)


def _spelt_out(sql: str, parameters: Any) -> str:
    """Return what a group's one statement does, as the statements of each kind of row."""
    if not sql.startswith(_COMMITS):
        return sql
    kinds = [SECTIONS[name].for_one("?") for name in SECTIONS if parameters[name] is not None]
    return ";\n".join(["UPDATE schedkit_nodes", *kinds])
