"""Copies of a SQLite ledger: made while processes write to it, checked, and put back."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from schedkit.core.store import schema
from schedkit.errors import LedgerError, UsageError
from schedkit.values.files import replacing
from schedkit.values.private import PRIVATE
from schedkit.values.text import one_line

__all__ = ["back_up", "check_file", "file_of", "put_back"]

SHOWN = 5  # what is wrong with a damaged file, at most
_BESIDE = ("-wal", "-shm")


def file_of(path: Path | None, program: str) -> Path:
    """Return the file of a ledger.

    Raises
    ------
    UsageError
        It has none: it is a database of a server, for which there is `program`.
    """
    if path is None:
        raise UsageError("the ledger is a database of a server", hint=f"use its own tools: {program}")
    return path


def back_up(ledger: Path, target: Path) -> int:
    """Copy a ledger as it is at one moment, and return how many bytes the copy has.

    Processes may continue writing. The copy is one file, checked before it takes the place of an earlier one.

    Raises
    ------
    LedgerError
        The ledger cannot be read, or is damaged.
    FileError
        The copy cannot be written.
    UsageError
        `target` is the ledger itself.
    """
    if target.resolve() == ledger.resolve():
        raise UsageError(f"{target} is the ledger itself", hint="name another file")
    with replacing(target, mode=PRIVATE) as new, _explained(ledger):
        _copy(ledger, new.part)
        check_file(new.part, shown=ledger)
    return new.path.stat().st_size


def check_file(ledger: Path, *, shown: Path | None = None) -> dict[str, int]:
    """Check every page and index of a ledger; return how many rows its tables have.

    Parameters
    ----------
    shown : Path, optional
        How messages call it.

    Raises
    ------
    LedgerError
        It is damaged, of another version of schedkit, or no ledger.
    """
    name = shown or ledger
    with _explained(name), closing(_opened(ledger)) as connection:
        found = [row[0] for row in connection.execute(f"PRAGMA integrity_check({SHOWN})")]
        if found != ["ok"]:
            raise LedgerError(
                f"ledger {name} is damaged: {one_line('; '.join(map(str, found)))}",
                hint="schedkit ledger restore FILE puts a backup in its place, ledger salvage FILE saves "
                "what can be read",
            )
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        if schema.meta.name not in tables or schema.runs.name not in tables:
            raise LedgerError(f"{name} is not a ledger", hint="name the file of a ledger")
        told = connection.execute(f"SELECT value FROM {schema.meta.name} WHERE key = 'schema'").fetchone()
        if told is None or told[0] != str(schema.VERSION):
            shown_version = "none" if told is None else told[0]
            raise LedgerError(
                f"ledger {name} has schema {shown_version}; this schedkit uses schema {schema.VERSION}",
                hint="use the schedkit that made it, or name another ledger",
            )
        counted = [table.name for table in (schema.tasks, schema.runs, schema.events)]
        numbers = [connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in counted]
        return dict(zip((name.removeprefix("schedkit_") for name in counted), numbers, strict=True))


def put_back(backup: Path, ledger: Path) -> Path | None:
    """Put a checked backup in the place of a ledger that no process uses; return where the old one is now.

    Raises
    ------
    LedgerError
        The backup is damaged or no ledger.
    FileError
        It cannot be written.
    """
    check_file(backup)
    kept = None
    if ledger.exists():
        kept = _free_name(ledger)
        with replacing(kept, mode=PRIVATE) as old, open(ledger, "rb") as file:
            shutil.copyfileobj(file, old.file)
        for suffix in _BESIDE:
            beside = ledger.with_name(ledger.name + suffix)
            if beside.exists():
                beside.replace(kept.with_name(kept.name + suffix))
    with replacing(ledger, mode=PRIVATE) as new, _explained(backup):
        _copy(backup, new.part)
    for suffix in _BESIDE:
        with suppress(FileNotFoundError):
            ledger.with_name(ledger.name + suffix).unlink()
    return kept


def _copy(ledger: Path, target: Path) -> None:
    with closing(_opened(ledger)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it


def _free_name(ledger: Path) -> Path:
    for number in range(1, 10_000):
        name = ledger.with_name(f"{ledger.name}.before-restore-{number}")
        if not name.exists():
            return name
    raise LedgerError(f"{ledger}: 9,999 old ledgers are kept beside it", hint="delete those you do not need")


def _opened(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise LedgerError(f"there is no ledger at {path}", hint="name the file of a ledger")
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30.0)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(
            f"ledger {path}: {one_line(str(error))}",
            hint="is it a ledger? schedkit ledger restore FILE puts a backup in its place",
        ) from None
