"""Whose turn it is to write a SQLite ledger, kept where no copy of the ledger's folder comes by.

SQLite's lock for writing lies in the ledger's ``-shm`` file. As with all POSIX locks, whatever else in this
process opens and closes that file drops it, and another process may write in the middle of a transaction
(measured with three nodes that copy their ledger's folder: attempts that began twice). So each transaction
that writes first locks a small database of no content, in memory and beside no ledger, to which the ledger is
attached: SQLite locks both within its one call, in this order. A lock of ours round that call would be held
while a busy cell has the interpreter.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["LEDGER", "WRITE_TURN", "connect_in_turn", "connect_to_existing", "has_turn"]

# How a ledger is called on a connection that takes its turn.
LEDGER = "ledger"
_TABLE = "schedkit_turn"
# In the triggers of a commit: it takes the lock, and writes nothing.
WRITE_TURN = f"DELETE FROM {_TABLE} WHERE 0"
# Nobody could delete the file of a ledger that is gone: so many serve all ledgers of a user, and two of them
# may have to take turns.
_FILES = 4096


def connect_in_turn(ledger: Path, **options: Any) -> sqlite3.Connection:
    """Return a connection whose transactions that write take the ledger's turn first.

    Where that cannot be made, as on a machine without room in memory, it is one to the ledger alone: SQLite's
    own lock is all there is. On Windows that belongs to the handle, and nothing drops it.
    """
    if sys.platform != "win32":
        with suppress(OSError, sqlite3.Error):
            return _connected(_place(ledger), ledger, options)
    return connect_to_existing(ledger, **options)


def connect_to_existing(ledger: Path, **options: Any) -> sqlite3.Connection:
    """Return a connection to a ledger's file; SQLite does not create it if it is missing.

    An empty file in its place would take the log of the one that is put back.
    """
    connection: sqlite3.Connection = sqlite3.connect(_existing(ledger), uri=True, **options)
    return connection


def _existing(ledger: Path) -> str:
    return f"{ledger.as_uri()}?mode=rw"


def _connected(turn: Path, ledger: Path, options: dict[str, Any]) -> sqlite3.Connection:
    connection: sqlite3.Connection = sqlite3.connect(turn.as_uri(), uri=True, **options)
    try:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} (empty)")
        connection.execute(f"ATTACH ? AS {LEDGER}", (_existing(ledger),))
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def has_turn(connection: sqlite3.Connection) -> bool:
    """Tell whether a connection takes the turn of its ledger."""
    return any(name == LEDGER for _, name, _ in connection.execute("PRAGMA database_list"))


def _place(ledger: Path) -> Path:
    """Return the file of a ledger's turn: of the ledger's owner, and the same for all names of the ledger."""
    memory = Path("/dev/shm")  # also where a service has a folder for temporary files of its own
    base = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    found = ledger.stat()
    folder = base / f"schedkit-{found.st_uid}"
    if found.st_uid == os.getuid():
        with suppress(FileExistsError):
            folder.mkdir(0o700)
    there = folder.lstat()
    if there.st_uid != found.st_uid or there.st_mode & 0o077:
        raise PermissionError(f"{folder} belongs to somebody else")
    number = zlib.crc32(f"{found.st_dev} {found.st_ino}".encode()) % _FILES
    return folder / f"turn-{number}"
