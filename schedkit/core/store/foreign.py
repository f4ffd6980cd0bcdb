"""Databases of other programs, which are refused before anything is written to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from schedkit.errors import LedgerError
from schedkit.values.forks import undivided

__all__ = ["refuse_foreign_file", "refuse_foreign_tables"]

# Every ledger has this table.
OURS = "schedkit_meta"


def refuse_foreign_file(path: Path, where: str) -> None:
    """Refuse another program's SQLite file before a connection for writing changes it.

    What cannot be read is left to that connection, whose errors are explained.

    Raises
    ------
    LedgerError
        If the file has tables, and none of a ledger.
    """
    if not path.exists():
        return
    try:
        # By SQLite, read-only: closing a file that was opened otherwise would drop the locks on it.
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with undivided(), closing(sqlite3.connect(uri, uri=True)) as connection:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.Error:
        return
    refuse_foreign_tables([name for (name,) in found], where)


def refuse_foreign_tables(tables: Collection[str], where: str) -> None:
    """Refuse a SQLite database by its tables.

    Raises
    ------
    LedgerError
        If there are any, and none is of a ledger.
    """
    if tables and OURS not in tables:
        names = ", ".join(sorted(tables)[:3])
        raise LedgerError(
            f"{where} is a database of something else: it has tables ({names}) and none of a ledger",
            hint="name another file for the ledger",
        )
