"""A new ledger of the rows that can be read in a damaged one."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from schedkit.core.events import decode
from schedkit.core.store import schema
from schedkit.core.store.backup import check_file
from schedkit.core.store.database import Store
from schedkit.core.store.rows import attempt_from_row, run_from_row, task_from_row, wait_from_row
from schedkit.core.text import load
from schedkit.errors import LedgerError
from schedkit.values.failures import translated
from schedkit.values.files import replacing, scratch_folder
from schedkit.values.private import PRIVATE
from schedkit.values.text import one_line

__all__ = ["salvage"]

# What a row holds: it is left out if it cannot be read as that, for the ledger would not open with it.
_READS: dict[str, Callable[[dict[str, Any]], object]] = {
    schema.tasks.name: task_from_row,
    schema.runs.name: run_from_row,
    schema.attempts.name: attempt_from_row,
    schema.waits.name: wait_from_row,
    schema.events.name: lambda row: decode(row["data"]),
    schema.details.name: lambda row: [load(row[name]) for name in ("stages", "log", "facts", "artifacts")],
}
# The lives of processes and what they have are of the past; the new ledger has a version of its own.
_LEFT = ("nodes", "beats", "have", "commands", "chores", "outbox")
_KINDS: dict[type[Any], tuple[type[Any], ...]] = {
    sa.Text: (str,),
    sa.BigInteger: (int,),
    sa.Integer: (int,),
    sa.Boolean: (int,),
}


def salvage(ledger: Path, target: Path) -> dict[str, int]:
    """Write a new ledger with the rows of a damaged one that can be read; return how many of each table.

    The damaged file is only read. Runs that were alive in it begin again when a scheduler starts with the new
    one, as after a crash.

    Raises
    ------
    LedgerError
        Nothing can be read, or it is no ledger of this version.
    FileError
        The new ledger cannot be written.
    """
    counts: dict[str, int] = {}
    with replacing(target, mode=PRIVATE) as new:
        store = Store(new.part)
        try:
            store.open()
            with _copy(ledger) as damaged, store.connect() as connection, connection.begin():
                damaged.row_factory = sqlite3.Row
                for name in schema.__all__:
                    table = getattr(schema, name)
                    if isinstance(table, sa.Table) and name not in _LEFT:
                        counts[name] = _copied(damaged, connection, table)
        finally:
            store.close()
        _in_one_file(new.part)
        if not counts.get("tasks") and not counts.get("runs"):
            raise LedgerError(
                f"ledger {ledger}: nothing in it can be read",
                hint="schedkit ledger restore FILE puts a backup in its place, or name another ledger",
            )
        check_file(new.part, shown=target)
    return counts


@contextmanager
def _copy(ledger: Path) -> Iterator[sqlite3.Connection]:
    """Lend a connection to a copy of a damaged ledger, as much of which can be read as SQLite allows."""
    if not ledger.is_file():
        raise LedgerError(f"there is no ledger at {ledger}", hint="name the file of a ledger")
    with scratch_folder() as folder:
        copy = folder / "ledger.db"
        with translated(ledger):
            shutil.copyfile(ledger, copy)
            if (log := ledger.with_name(f"{ledger.name}-wal")).exists():
                shutil.copyfile(log, folder / "ledger.db-wal")
        _lengthen(copy)
        with closing(sqlite3.connect(copy)) as connection:
            # Definitions that cannot be read are passed over; those of the other tables count.
            connection.execute("PRAGMA writable_schema = ON")
            yield connection


def _lengthen(file: Path) -> None:
    """Give a file that was cut the length that its header tells: else SQLite reads nothing of it."""
    with open(file, "r+b") as opened:
        header = opened.read(100)
        if header[:16] == b"SQLite format 3\0":
            size, pages = int.from_bytes(header[16:18]), int.from_bytes(header[28:32])
            whole = (65536 if size == 1 else size) * pages
            length = file.stat().st_size
            if length < whole <= 4 * length:  # a damaged header may tell anything
                opened.truncate(whole)


def _copied(damaged: sqlite3.Connection, connection: sa.Connection, table: sa.Table) -> int:
    """Copy the rows of a table that can be read; return how many."""
    insert = table.insert().prefix_with("OR REPLACE" if table is schema.meta else "OR IGNORE")
    count = 0
    for row in _readable(damaged, table):
        if _fits(table, row):
            count += connection.execute(insert, [row]).rowcount
    return count


def _readable(damaged: sqlite3.Connection, table: sa.Table) -> Iterator[dict[str, Any]]:
    """Yield rows from both ends of a table, up to the damage; those between are found where they can be."""
    key = ", ".join(column.name for column in table.primary_key)
    backwards = ", ".join(f"{column.name} DESC" for column in table.primary_key)
    seen: set[tuple[Any, ...]] = set()
    for order in (f"ORDER BY {key}", f"ORDER BY {backwards}", ""):
        with suppress(sqlite3.Error, ValueError):  # ValueError: text that is no UTF-8
            for found in damaged.execute(f"SELECT * FROM {table.name} {order}"):
                row = dict(found)
                place = tuple(row.get(column.name) for column in table.primary_key)
                if place not in seen:
                    seen.add(place)
                    yield row


def _fits(table: sa.Table, row: dict[str, Any]) -> bool:
    """Tell whether a row holds what its table's rows hold."""
    if set(row) != {column.name for column in table.columns}:
        return False
    for column in table.columns:
        value = row[column.name]
        kinds = _KINDS[type(column.type)]
        if not (isinstance(value, kinds) or (value is None and column.nullable)):
            return False
    try:
        if (read := _READS.get(table.name)) is not None:
            read(row)
    except Exception:  # whatever a decoder meets in a damaged value
        return False
    return True


def _in_one_file(path: Path) -> None:
    """Take a new ledger's log into it."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise LedgerError(
            f"ledger {path}: {one_line(str(error))}", hint="is there room on the disk?"
        ) from None
