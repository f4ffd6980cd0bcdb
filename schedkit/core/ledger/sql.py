"""Rows of one kind, written in as few statements as can be.

SQLite's driver gives up the interpreter's lock at every row of an ``executemany`` and has to wait for it
again, up to 5 ms each time while another thread computes. One statement for many rows gives it up once.
PostgreSQL's driver sends an ``executemany`` in one go by itself.
"""

from __future__ import annotations

import functools
import itertools
import sqlite3
from typing import Any

import sqlalchemy as sa

from schedkit.core.ledger import schema
from schedkit.core.ledger.changes import Op, Statements
from schedkit.core.ledger.rows import FIXED, GUARD, MUTABLE

__all__ = ["Sql"]

# Rows per statement: few sizes, so that all texts stay prepared (sqlite3 keeps 128), yet enough of them that
# two or three statements do. 256 rows of 18 values stay below the 32,766 parameters that every SQLite with
# UPDATE … FROM takes.
SIZES = (256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
PREPARED = 4  # of these, from the smallest, are made before they are needed
_TABLES = {
    Op.INSERT_RUN: schema.runs,
    Op.UPDATE_RUN: schema.runs,
    Op.INSERT_ATTEMPT: schema.attempts,
    Op.INSERT_EVENT: schema.events,
}
_ID = len(MUTABLE) + GUARD.index("id")  # where a step has its run


class Sql:
    """The statements of one database."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self._named = Statements(dialect)
        self._mark = "?" if dialect.name == "sqlite" else "%s"
        self._prepared = False
        # UPDATE … FROM came with 3.33.
        self._many = dialect.name == "sqlite" and sqlite3.sqlite_version_info >= (3, 33)

    def prepare(self) -> None:
        """Make the texts of what a run writes, once: else the first run waits for them, some milliseconds."""
        if not self._prepared:
            self._prepared = True
            self._named.prepare(Op.ADVANCE)
            for op in _TABLES:
                for size in SIZES[-PREPARED:]:
                    _text(op, size if self._many else 1, self._mark)

    def write(self, connection: sa.Connection, op: Op, rows: list[Any]) -> int:
        """Write rows of one kind; return how many rows that touched."""
        if op not in _TABLES:
            return connection.exec_driver_sql(self._named[op], rows).rowcount
        if not self._many:
            return connection.exec_driver_sql(_text(op, 1, self._mark), rows).rowcount
        if op is Op.UPDATE_RUN:
            return sum(self._bulk(connection, op, part) for part in _distinct(rows))
        return self._bulk(connection, op, rows)

    def _bulk(self, connection: sa.Connection, op: Op, rows: list[tuple[Any, ...]]) -> int:
        touched, start = 0, 0
        for size in SIZES:
            while len(rows) - start >= size:
                values = tuple(itertools.chain.from_iterable(rows[start : start + size]))
                touched += connection.exec_driver_sql(_text(op, size, self._mark), values).rowcount
                start += size
        return touched


def _distinct(steps: list[tuple[Any, ...]]) -> list[list[tuple[Any, ...]]]:
    """Part steps where a run comes up again: its second step can only find what the first has written."""
    parts: list[list[tuple[Any, ...]]] = [[]]
    seen: set[str] = set()
    for step in steps:
        if step[_ID] in seen:
            parts.append([])
            seen.clear()
        seen.add(step[_ID])
        parts[-1].append(step)
    return parts


@functools.cache
def _text(op: Op, size: int, mark: str) -> str:
    table = _TABLES[op]
    if op is not Op.UPDATE_RUN:
        columns = (*FIXED, *MUTABLE) if op is Op.INSERT_RUN else tuple(table.c.keys())
        values = ", ".join([_row(len(columns), mark)] * size)
        return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES {values}"
    if size == 1:
        fields = ", ".join(f"{name} = {mark}" for name in MUTABLE)
        return f"UPDATE {table.name} SET {fields} WHERE {' AND '.join(f'{name} = {mark}' for name in GUARD)}"
    values = ", ".join([_row(len(MUTABLE) + len(GUARD), mark)] * size)
    fields = ", ".join(f"{name} = v.column{number}" for number, name in enumerate(MUTABLE, 1))
    guard = " AND ".join(
        f"{table.name}.{name} = v.column{number}" for number, name in enumerate(GUARD, len(MUTABLE) + 1)
    )
    return f"UPDATE {table.name} SET {fields} FROM (VALUES {values}) AS v WHERE {guard}"


def _row(width: int, mark: str) -> str:
    return f"({', '.join([mark] * width)})"
