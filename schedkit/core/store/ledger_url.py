"""Where a ledger is: a file name or a database URL, as one checked SQLAlchemy URL."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from schedkit.core.store.one_name import own_name
from schedkit.errors import LedgerError

__all__ = ["parse_ledger_url"]


def parse_ledger_url(where: str | Path) -> sa.URL:
    """Return the URL of a ledger, with an absolute path and the driver that is used.

    Raises
    ------
    LedgerError
        If it is no file name and no URL of SQLite or PostgreSQL.
    """
    if not isinstance(where, str | os.PathLike):
        raise LedgerError(
            f"ledger: expected a file name or a database URL, got {where!r}", hint="e.g. schedkit.db"
        )
    if isinstance(where, Path) or "://" not in str(where):
        if not str(where).strip():
            raise LedgerError(
                "ledger: no name given", hint="name a file, e.g. schedkit.db, or a database URL"
            )
        return sa.URL.create("sqlite", database=own_name(where))
    try:
        url = sa.make_url(str(where))
    except (SQLAlchemyError, ValueError):  # ValueError: a port that is not a number
        # The text may hold a password: it stays out of the message and of the chain.
        raise LedgerError(
            "ledger: not a database URL", hint="write e.g. postgresql://user@host/name"
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            raise LedgerError("ledger: SQLite in memory is lost with its process", hint="name a file")
        return url.set(database=own_name(url.database))
    if backend != "postgresql":
        raise LedgerError(
            f"ledger: {backend} is not supported", hint="SQLite (a file name) or postgresql://…"
        )
    # Plain postgresql:// means psycopg 3, the driver that is installed with schedkit[postgres].
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url
