"""Locks on single bytes of a file, held until they are released or their process dies.

The kernel drops them with their process, keeps them while a laptop sleeps, and needs no clock. On POSIX they
belong to the open file (F_OFD_SETLK of Linux and macOS), so that another part of this process which opens
and closes the same file does not drop them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO

from schedkit.values.forks import register_fork_hook

__all__ = ["ByteLock", "SqliteGuard", "held_elsewhere"]

# Error numbers of a lock that is held elsewhere.
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)

_open: weakref.WeakSet[ByteLock | SqliteGuard] = weakref.WeakSet()

# SQLite's own bytes, from its os_unix.c: of a database a reader locks these, shared …
_SHARED, _SHARED_SIZE = 0x40000002, 510
# … and of its index of the write-ahead log this one, as long as it is open.
_INDEX_OPEN = 128


class ByteLock:
    """An exclusive lock on one byte of a file; the file need not be so long."""

    def __init__(self, path: Path, position: int) -> None:
        self._path, self._position = path, position
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Take the lock if it is free.

        Raises
        ------
        OSError
            If the file cannot be written, or its file system knows no locks.
        """
        file = open(self._path, "ab")  # noqa: SIM115  # held open as long as the lock
        try:
            taken = _lock(file, self._position)
        except BaseException:
            file.close()
            raise
        if taken:
            self._file = file
            _open.add(self)
        else:
            file.close()
        return taken

    def release(self) -> None:
        """Release the lock."""
        if self._file is not None:
            self._file.close()
            self._file = None


class SqliteGuard:
    """Keeps SQLite's locks on a database while this process has it open.

    SQLite locks as POSIX does: whatever else in this process opens the file and closes it again, as a cell
    that copies it, drops all of SQLite's locks. Another process that closes the database then takes itself
    for the last one and removes the log, with what was written to it (measured: 995 of 1,804 rows kept).
    Locks of the open file on the same bytes stay.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: list[IO[bytes]] = []
        weakref.finalize(self, _close, self._files)

    def take(self) -> None:
        """Lock, while a connection is open that has read or written; again after the file was replaced."""
        self.release()
        for path, position, length in (
            (self._path, _SHARED, _SHARED_SIZE),
            (self._path.with_name(f"{self._path.name}-shm"), _INDEX_OPEN, 1),
        ):
            # A file system without such locks has the others neither; Windows' locks belong to the handle.
            with contextlib.suppress(OSError):
                file = open(path, "rb")  # noqa: SIM115  # held open as long as the lock
                self._files.append(file)
                _lock_shared(file, position, length)
        _open.add(self)

    def release(self) -> None:
        """Release the locks."""
        _close(self._files)


def _close(files: list[IO[bytes]]) -> None:
    while files:
        files.pop().close()


def held_elsewhere(path: Path, position: int) -> bool:
    """Tell whether the lock on a byte is held, in this process or another.

    Raises
    ------
    OSError
        If the file cannot be opened, or its file system knows no locks.
    """
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        return _is_held(file, position)
    return False


def lock_byte(file: IO[bytes], locking: Callable[[int, int, int], object], mode: int, position: int) -> bool:
    """Lock as Windows does: `locking` takes so many bytes from where the file's position is."""
    file.seek(position)
    try:
        locking(file.fileno(), mode, 1)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes], position: int) -> bool:
        return lock_byte(file, msvcrt.locking, msvcrt.LK_NBLCK, position)

    def _is_held(file: IO[bytes], position: int) -> bool:
        return not _lock(file, position)  # closing the file gives it back

    def _lock_shared(file: IO[bytes], position: int, length: int) -> None:
        """Nothing: what else opens a file here drops no locks."""

else:
    import fcntl

    _DARWIN = sys.platform == "darwin"
    # Not in the module of every Python: <sys/fcntl.h> of macOS.
    _SET = 90 if _DARWIN else fcntl.F_OFD_SETLK
    _GET = 92 if _DARWIN else fcntl.F_OFD_GETLK

    def _flock(kind: int, position: int, length: int = 1) -> bytes:
        if _DARWIN:
            return struct.pack("qqihh", position, length, 0, kind, os.SEEK_SET)
        return struct.pack("hhqqi4x", kind, os.SEEK_SET, position, length, 0)

    def _lock_shared(file: IO[bytes], position: int, length: int) -> None:
        fcntl.fcntl(file.fileno(), _SET, _flock(fcntl.F_RDLCK, position, length))

    def _lock(file: IO[bytes], position: int) -> bool:
        try:
            fcntl.fcntl(file.fileno(), _SET, _flock(fcntl.F_WRLCK, position))
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise
        return True

    def _is_held(file: IO[bytes], position: int) -> bool:
        found = fcntl.fcntl(file.fileno(), _GET, _flock(fcntl.F_WRLCK, position))
        kind: int = struct.unpack_from("h", found, 20 if _DARWIN else 0)[0]
        return kind != fcntl.F_UNLCK


def _forked() -> None:
    """In a forked child: a lock stays with the parent; the child's copy would keep it past its death."""
    for lock in list(_open):
        lock.release()


register_fork_hook(_forked)
