"""Whose turn it is to write a SQLite ledger, kept where no copy of the ledger's folder comes by.

SQLite's lock for writing lies in the ledger's ``-shm`` file. As with all POSIX locks, whatever else in this
process opens and closes that file drops it, and another process may write in the middle of a transaction
(measured with three nodes that copy their ledger's folder: attempts that began twice). So each transaction
that writes also locks a small database of no content, in memory and beside no ledger. SQLite locks both
within its one call: a lock of ours round that call would be held while a busy cell has the interpreter.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa

__all__ = ["WRITE_TURN", "attach_turn", "has_turn"]

_NAME = "schedkit_turn"
# Nobody could delete the file of a ledger that is gone: so many serve all ledgers of a user, and two of them
# may have to take turns.
_FILES = 256
# In the triggers of a commit: it takes the lock, and writes nothing. A trigger may not name the database.
WRITE_TURN = f"DELETE FROM {_NAME} WHERE 0"


def attach_turn(connection: sqlite3.Connection, ledger: Path) -> None:
    """Have the transactions of a new connection lock the turn of a ledger, too.

    Where it cannot be made, as on a machine without room in memory, SQLite's own lock is all there is. On
    Windows that lock belongs to the handle, and nothing drops it.
    """
    if sys.platform == "win32":
        return
    with suppress(OSError, sqlite3.Error):
        connection.execute(f"ATTACH ? AS {_NAME}", (str(_place(ledger)),))
        try:
            connection.execute(f"PRAGMA {_NAME}.synchronous=OFF")
            connection.execute(f"CREATE TABLE IF NOT EXISTS {_NAME}.{_NAME} (empty)")
        except sqlite3.Error:
            connection.execute(f"DETACH {_NAME}")


def has_turn(connection: sa.Connection) -> bool:
    """Tell whether a connection locks the turn of its ledger."""
    return any(name == _NAME for _, name, _ in connection.exec_driver_sql("PRAGMA database_list"))


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
