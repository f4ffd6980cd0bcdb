"""Rows of one kind, written in as few statements as can be.

SQLite's driver gives up the interpreter's lock at every row of an ``executemany`` and has to wait for it
again, up to 5 ms each time while another thread computes. One statement for many rows gives it up once.
PostgreSQL's driver sends an ``executemany`` in one go by itself.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from schedkit.core import schema
from schedkit.core.changes import MUTABLE, Op, Statements

__all__ = ["Sql"]

# Rows per statement: powers of two, so that few texts are ever prepared; 256 rows of 19 values stay below
# the 32,766 parameters that every SQLite with UPDATE … FROM takes.
SIZES = (256, 128, 64, 32, 16, 8, 4, 2, 1)
_INSERTS = {
    Op.INSERT_RUN: schema.runs,
    Op.INSERT_ATTEMPT: schema.attempts,
    Op.INSERT_EVENT: schema.events,
}
_GUARD = ("id", "was_attempt", "was_state")


class Sql:
    """The statements of one database."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self._one = Statements(dialect)
        # UPDATE … FROM came with 3.33.
        self._many = dialect.name == "sqlite" and sqlite3.sqlite_version_info >= (3, 33)

    def write(self, connection: sa.Connection, op: Op, rows: Sequence[dict[str, Any]]) -> int:
        """Write rows of one kind; return how many rows that touched."""
        if not self._many or (op not in _INSERTS and op is not Op.UPDATE_RUN):
            return connection.exec_driver_sql(self._one[op], list(rows)).rowcount
        if op is Op.UPDATE_RUN:
            return sum(self._bulk(connection, op, part) for part in _distinct(rows))
        return self._bulk(connection, op, rows)

    def _bulk(self, connection: sa.Connection, op: Op, rows: Sequence[dict[str, Any]]) -> int:
        columns, touched, start = _columns(op), 0, 0
        for size in SIZES:
            while len(rows) - start >= size:
                values = tuple([row[name] for row in rows[start : start + size] for name in columns])
                touched += connection.exec_driver_sql(_text(op, size), values).rowcount
                start += size
        return touched


def _distinct(rows: Sequence[dict[str, Any]]) -> list[Sequence[dict[str, Any]]]:
    """Part rows where a run comes up again: its second step can only find what the first has written."""
    parts: list[list[dict[str, Any]]] = [[]]
    seen: set[str] = set()
    for row in rows:
        if row["id"] in seen:
            parts.append([])
            seen.clear()
        seen.add(row["id"])
        parts[-1].append(row)
    return list(parts)


@functools.cache
def _columns(op: Op) -> tuple[str, ...]:
    table = _INSERTS.get(op)
    return (*_GUARD, *MUTABLE) if table is None else tuple(column.name for column in table.c)


@functools.cache
def _text(op: Op, size: int) -> str:
    columns = _columns(op)
    values = ", ".join([f"({', '.join('?' * len(columns))})"] * size)
    table = _INSERTS.get(op)
    if table is not None:
        return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES {values}"
    name = schema.runs.name
    fields = ", ".join(
        f"{column} = v.column{number}" for number, column in enumerate(MUTABLE, len(_GUARD) + 1)
    )
    return (
        f"UPDATE {name} SET {fields} FROM (VALUES {values}) AS v "
        f"WHERE {name}.id = v.column1 AND {name}.attempt = v.column2 AND {name}.state = v.column3"
    )
