"""Who owns a ledger: one process at a time, judged by the store.

On PostgreSQL the lease expires by the store's clock unless it is renewed. On SQLite a lock on a file
beside the ledger decides: the kernel drops it when its process dies and keeps it while a laptop sleeps,
so an owner never loses its own live attempts to a clock.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import IO, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from schedkit.core.store.database import POSTGRES_NOW, Store, reason
from schedkit.core.store.schema import lease
from schedkit.errors import LedgerError, NotOwnerError
from schedkit.values.forks import register_fork_hook
from schedkit.values.instants import from_micros
from schedkit.values.processes import alive

__all__ = ["LEASE_SECONDS", "FileLock", "Holder", "Lease", "holder"]

_log = logging.getLogger("schedkit")

LEASE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lease of a ledger."""

    owner: str
    host: str
    pid: int
    since: datetime
    epoch: int
    alive: bool

    def __str__(self) -> str:
        return f"{self.owner} (pid {self.pid} on {self.host}, since {self.since:%Y-%m-%d %H:%M} UTC)"


# What the systems say of a lock that another process holds.
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class FileLock:
    """An exclusive lock on a file, held by this process until it is released or dies."""

    # A process may lock a file twice over; its own second scheduler must be a viewer all the same.
    _held: ClassVar[set[str]] = set()
    _guard = threading.Lock()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    @classmethod
    def forked(cls) -> None:
        """In a forked child: record locks stay with the parent."""
        cls._held, cls._guard = set(), threading.Lock()

    def take(self) -> bool:
        """Take the lock if nobody has it.

        Raises
        ------
        OSError
            If the file cannot be written, or its file system knows no locks.
        """
        key = os.path.realpath(self._path)
        with self._guard:
            if key in self._held:
                return False
            file = open(self._path, "ab")  # noqa: SIM115  # held open as long as the lock
            try:
                _lock(file)
            except OSError as error:
                file.close()
                if error.errno in _TAKEN:
                    return False
                raise  # e.g. a file system without locks: nobody holds it, and nobody ever can
            self._file = file
            self._held.add(key)
            return True

    def release(self) -> None:
        """Give the lock back."""
        with self._guard:
            if self._file is not None:
                self._file.close()
                self._file = None
                self._held.discard(os.path.realpath(self._path))


def lock_first_byte(file: IO[bytes], locking: Callable[[int, int, int], object], mode: int) -> None:
    """Lock as Windows does: `locking` takes so many bytes from where the file's position is."""
    file.seek(0)
    locking(file.fileno(), mode, 1)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        lock_first_byte(file, msvcrt.locking, msvcrt.LK_NBLCK)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        # A record lock, not flock: a forked child of the owner must not keep it.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lease:
    """This process's claim to a store, under the name `owner`."""

    def __init__(self, store: Store, owner: str, *, seconds: float = LEASE_SECONDS) -> None:
        self.store = store
        self.owner = owner
        self.seconds = seconds
        self.epoch = 0
        self._file = FileLock(store.path.with_name(store.path.name + ".owner")) if store.path else None

    def take(self) -> bool:
        """Become the owner if there is none; every write is fenced by the new `epoch`.

        Raises
        ------
        LedgerError
            If the store is away, or the lock beside it cannot be had by anybody.
        """
        try:
            if self._file is not None and not self._file.take():
                return False
        except OSError as error:
            raise LedgerError(
                f"ledger {self.store}: its lock {error.filename or ''} cannot be taken ({error.strerror})",
                hint="may you write to the file and its folder, and does its file system know locks?",
            ) from error
        try:
            with self.store.explained(), self.store.connect() as connection, connection.begin():
                taken = self._take(connection)
        except BaseException:
            self._let_go()
            raise
        if not taken:
            self._let_go()
        return taken

    def _take(self, connection: sa.Connection) -> bool:
        self.store.alone(connection)
        row = connection.execute(sa.select(lease).with_for_update()).mappings().first()
        now = self.store.now(connection)  # after the row was waited for, which may have taken its time
        mine = {
            "owner": self.owner,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "since": now,
            "beat": now,
            "expires": now + int(self.seconds * 1e6),
        }
        if row is None:
            self.epoch = 1
            connection.execute(lease.insert(), [{"id": 1, "epoch": 1, "batch": 0, **mine}])
            return True
        if self._file is None and row["owner"] and row["expires"] > now and _lives(row["host"], row["pid"]):
            return False
        self.epoch = row["epoch"] + 1
        connection.execute(lease.update().values(epoch=self.epoch, batch=0, **mine))
        return True

    def claim(self, connection: sa.Connection, batch: int) -> None:
        """Renew inside a transaction and note its number.

        Raises
        ------
        NotOwnerError
            If another process owns the store.
        """
        values = {"is_epoch": self.epoch, "to_batch": batch}
        if self.store.sqlite:
            now = self.store.now(connection)
            values |= {"to_beat": now, "to_expires": now + int(self.seconds * 1e6)}
        if connection.exec_driver_sql(self._renewal, values).rowcount != 1:
            raise self.lost()

    def committed(self, connection: sa.Connection, batch: int) -> bool:
        """Tell whether the transaction of this number was committed, once its outcome is certain.

        Raises
        ------
        NotOwnerError
            If another process owns the store.
        """
        # The row is locked: a server may still be at work on a commit whose connection broke.
        row = connection.execute(sa.select(lease).with_for_update()).mappings().one()
        if row["epoch"] != self.epoch:
            raise self.lost()
        return bool(row["batch"] == batch)

    def lost(self) -> NotOwnerError:
        """Return the error for whoever wants to write all the same."""
        return NotOwnerError(f"ledger {self.store}: another process owns it now")

    @cached_property
    def _renewal(self) -> str:
        """The SQL of `claim`, made once: every group of the writer begins with it."""
        if self.store.sqlite:
            clock: dict[str, Any] = {"beat": sa.bindparam("to_beat"), "expires": sa.bindparam("to_expires")}
        else:
            now = f"({POSTGRES_NOW})"
            clock = {"beat": sa.text(now), "expires": sa.text(f"{now} + {int(self.seconds * 1e6)}")}
        mine = (lease.c.epoch == sa.bindparam("is_epoch"), lease.c.owner != sa.literal_column("''"))
        renewal = lease.update().where(*mine).values(batch=sa.bindparam("to_batch"), **clock)
        return str(renewal.compile(dialect=self.store.dialect))

    def release(self) -> None:
        """Give the store back, so that the next owner need not wait; a store that is away is left."""
        try:
            with self.store.connect() as connection, connection.begin():
                connection.execute(
                    lease.update().where(lease.c.epoch == self.epoch).values(owner="", expires=0, pid=0)
                )
        except SQLAlchemyError as error:
            _log.warning("the lease of %s could not be given back: %s", self.store, reason(error))
        finally:
            self._let_go()

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.release()


def holder(store: Store) -> Holder | None:
    """Return who owns the store, None if nobody does."""
    with store.reading() as connection:
        row = connection.execute(sa.select(lease)).mappings().first()
        now = store.now(connection)
    if row is None or not row["owner"]:
        return None
    alive = _lives(row["host"], row["pid"]) and (store.sqlite or row["expires"] > now)
    return Holder(row["owner"], row["host"], row["pid"], from_micros(row["since"]), row["epoch"], alive)


def _lives(host: str, pid: int) -> bool:
    """Tell whether a process may live; one on another machine may."""
    return host != socket.gethostname() or pid == os.getpid() or alive(pid, untold=True)


register_fork_hook(FileLock.forked)
