"""One database behind a URL: its connections, its clock, its errors as ours."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from schedkit.core.store import schema
from schedkit.core.store.connecting import (
    AUTOCOMMIT,
    begin_immediate,
    bound_transactions,
    connect_checked,
    locked,
    tune_reader,
    tune_writer,
)
from schedkit.core.store.driver_errors import advice, reason
from schedkit.core.store.file_systems import FileSystem, network_file_system
from schedkit.core.store.foreign import refuse_foreign_file
from schedkit.core.store.ledger_url import parse_ledger_url
from schedkit.core.store.locks import SqliteGuard
from schedkit.core.store.one_name import refuse_several_names
from schedkit.core.store.pooled import replace_lost
from schedkit.core.store.turns import connect_in_turn, connect_to_existing
from schedkit.errors import LedgerError
from schedkit.values.extras import requires_extra
from schedkit.values.forks import undivided
from schedkit.values.private import make_private, make_private_folder
from schedkit.values.secrets import masked_url
from schedkit.values.text import one_line

__all__ = ["POSTGRES_CLOCK", "Store"]

_log = logging.getLogger("schedkit")

# How long one statement waits for another process's lock before the writer takes note and tries again.
BUSY_SECONDS = 1.0
_SQLITE_OPTIONS: dict[str, Any] = {"timeout": BUSY_SECONDS, "check_same_thread": False}
# How long a PostgreSQL server may take to accept a connection.
CONNECT_SECONDS = 10
# How many times a separate transaction waits BUSY_SECONDS for SQLite's lock, which is not given in order.
WAITS = 10
# Two commits in one tick of the system's clock leave the same time on a file.
RECENT_NS = 100_000_000


class Store:
    """A ledger's database.

    Parameters
    ----------
    where : str or Path
        A file for SQLite, or an SQLAlchemy URL.
    durable : {"normal", "full"}
        On SQLite, what a commit survives: the death of the process, or a power cut too.

    Attributes
    ----------
    sqlite : bool
        Whether this is a SQLite file.
    """

    def __init__(self, where: str | Path, *, durable: str = "normal") -> None:
        self.url = parse_ledger_url(where)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.durable = durable
        self._readers = threading.Condition()
        self._reading = 0
        self._checked_file_system = False
        self._network: FileSystem | None = None
        self._file: tuple[int, int] | None = None  # which file was opened
        self._guarded: tuple[int, int] | None = None  # … and which one is guarded
        self.path = Path(self.url.database) if self.sqlite and self.url.database else None
        self._guard = None if self.path is None else SqliteGuard(self.path)
        # Statements of commits name their parameters. Those of reads do not: 16,000 names took SQLite 3 s.
        writing = self._opened_by(connect_in_turn) | ({"paramstyle": "named"} if self.sqlite else {})
        try:
            with requires_extra("postgres", "PostgreSQL ledgers"):
                # The one that makes the tables.
                self._create = sa.create_engine(self.url, poolclass=NullPool, **self._options())
                self._write = sa.create_engine(self.url, poolclass=NullPool, **self._options(), **writing)
                self._read = sa.create_engine(
                    self.url,
                    poolclass=QueuePool,
                    pool_size=4,
                    max_overflow=16,
                    isolation_level=None if self.sqlite else "AUTOCOMMIT",
                    **self._options(),
                    **self._opened_by(connect_to_existing),
                )
        except SQLAlchemyError as error:
            raise LedgerError(
                f"ledger {self}: {error}", hint="is the driver installed? pip install 'schedkit[postgres]'"
            ) from error
        if self.sqlite:
            for engine in (self._create, self._write):
                sa.event.listen(engine, "connect", partial(tune_writer, durable))
                sa.event.listen(engine, "begin", begin_immediate)
            sa.event.listen(self._read, "connect", tune_reader)
        else:
            for engine in (self._create, self._write):
                sa.event.listen(engine, "connect", bound_transactions)
            replace_lost(self._read)
        # The engines hold no reference to the store: it is collected when unused, and they close.
        weakref.finalize(self, _dispose, self._create, self._write, self._read)

    @property
    def dialect(self) -> sa.Dialect:
        """What statements are compiled for."""
        return self._write.dialect

    def __str__(self) -> str:
        # A URL may hold a password; SQLAlchemy masks the one before the host.
        return str(self.path) if self.path else masked_url(self.url.render_as_string(hide_password=True))

    def _opened_by(self, connect: Callable[..., sqlite3.Connection]) -> dict[str, Any]:
        return {} if self.path is None else {"creator": partial(connect, self.path, **_SQLITE_OPTIONS)}

    def _options(self) -> dict[str, Any]:
        connect_args = _SQLITE_OPTIONS if self.sqlite else {"connect_timeout": CONNECT_SECONDS}
        # No row's values in an error: it goes to logs.
        return {"hide_parameters": True, "connect_args": connect_args}

    def open(self) -> None:
        """Create the tables, unless they are there.

        Raises
        ------
        LedgerError
            If the store is corrupt, read-only, away, of another version or no ledger at all.
        """
        before, self._file = self._file, None
        if self.path is not None:
            try:
                make_private_folder(self.path.parent)
            except OSError as error:
                raise LedgerError(
                    f"ledger {self}: its folder cannot be made ({error.strerror})",
                    hint="name a writable folder",
                ) from error
            self._check_file_system(self.path)
            refuse_several_names(self.path, str(self))
            refuse_foreign_file(self.path, str(self))
            with suppress(OSError):  # what cannot be made, SQLite explains
                make_private(self.path)  # its log beside it gets the same permissions
        with self.explained():
            for left in range(30, -1, -1):
                try:
                    with undivided(), self._create.connect() as connection, connection.begin():
                        self.alone(connection)
                        schema.create(connection, str(self))
                    if self.path is not None and self._network is None:
                        self._file = _identity(self.path)
                    if before is not None and self._file != before:
                        self._read.dispose()  # its connections see the file that was there before
                    return
                except DBAPIError as error:
                    # Two processes that open a new ledger at once: the second finds it made.
                    if not left or not self.passing(error):
                        raise
                    time.sleep(0.1)

    def alone(self, connection: sa.Connection) -> None:
        """Hold the lock for creating and upgrading this ledger until the transaction ends."""
        if not self.sqlite:  # there every transaction that may write is alone
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ALONE})")

    def _check_file_system(self, path: Path) -> None:
        if self._checked_file_system:
            return
        self._checked_file_system = True
        self._network = network = network_file_system(path)
        if network is not None:
            _log.warning(
                "the ledger %s lies on a file system that another system serves (%s), where SQLite's "
                "locks and its log cannot be trusted: two processes may run a task at once, and the file "
                "may be damaged. Keep it on a disk of this machine (of a container: on a volume, -v "
                "ledger:/ledger), or use PostgreSQL: ledger: postgresql://user@host/name",
                self,
                network,
            )

    def connect(self) -> sa.Connection:
        """Return a new connection for writing; its transactions take the write lock as they begin."""
        return connect_checked(self._write, self.check_there)

    @contextmanager
    def writing(self, *, patient: bool = True) -> Iterator[sa.Connection]:
        """Lend a connection for one transaction that writes.

        Parameters
        ----------
        patient : bool
            Whether to wait for others for some seconds, or for no longer than a statement does.

        Raises
        ------
        LedgerError
            If the store refuses it, is away, or others keep it locked.
        """
        with self.explained(), undivided(), ExitStack() as begun:
            for left in range(WAITS - 1 if patient else 0, -1, -1):
                try:
                    connection = begun.enter_context(self.connect())
                    begun.enter_context(connection.begin())
                    break
                except OperationalError as error:
                    begun.close()
                    if not left or not locked(error):
                        raise
            yield connection

    @contextmanager
    def autocommit(self, connection: sa.Connection) -> Iterator[None]:
        """Have each statement on a connection be a transaction of its own."""
        alone: dict[str, Any] = {AUTOCOMMIT: True} if self.sqlite else {"isolation_level": "AUTOCOMMIT"}
        usual = {AUTOCOMMIT: False} if self.sqlite else {"isolation_level": "READ COMMITTED"}
        connection.execution_options(**alone)
        try:
            with connection.begin():
                yield
        finally:
            if not connection.invalidated:
                connection.execution_options(**usual)

    def guard(self) -> None:
        """Keep SQLite's locks while a connection is open, whatever else this process does with the file."""
        opened = self._file
        if self._guard is not None and opened is not None and self._guarded != opened:
            self._guard.take()
            self._guarded = opened

    def mark(self) -> tuple[int, int] | None:
        """Return what is another after each commit of any process; None: only a look at the rows can tell.

        It is SQLite's log: its time, which is as exact as the system's tick, and its size.
        """
        if self.path is None:
            return None
        try:
            found = os.stat(f"{self.path}-wal")
        except OSError:
            return None
        recent = time.time_ns() - found.st_mtime_ns < RECENT_NS
        return None if recent else (found.st_mtime_ns, found.st_size)

    def check_there(self) -> None:
        """Raise if the file that was opened is no longer the one of that name.

        SQLite would continue writing to a file that has no name any more, and create an empty one for new
        connections. Files on a network may change their inode numbers and are not checked.
        """
        opened = self._file  # read once: another thread may be opening it again
        if opened is not None and self.path is not None and _identity(self.path) != opened:
            gone = sqlite3.OperationalError("its file was removed or replaced while it was open")
            raise OperationalError("", None, gone)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Lend a connection for reading, which blocks no writer."""
        with self._readers:
            self._reading += 1
        try:
            with (
                self.explained(),
                undivided(),
                connect_checked(self._read, self.check_there) as connection,
            ):
                yield connection
        finally:
            with self._readers:
                self._reading -= 1
                self._readers.notify_all()

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """Lend a connection for reading on which all reads see the ledger at the same moment."""
        with self.reading() as connection:
            if not self.sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                if self.sqlite:
                    connection.exec_driver_sql("BEGIN")
                yield connection

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn a driver's error into a `LedgerError` that says what to do."""
        try:
            yield
        except SQLAlchemyError as error:
            raise self.error_of(error) from error

    def error_of(self, error: SQLAlchemyError) -> LedgerError:
        """Return the `LedgerError` for a driver's error."""
        if isinstance(error, DBAPIError):
            return LedgerError(f"ledger {self}: {reason(error)}", hint=advice(str(error.orig)))
        return LedgerError(f"ledger {self}: {one_line(str(error))}", hint="is it a schedkit ledger?")

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Turn an error about an invalid value into a `LedgerError`: the file is damaged."""
        try:
            yield
        except (ValueError, TypeError, KeyError, AssertionError, OverflowError, RecursionError) as error:
            raise LedgerError(
                f"ledger {self}: a value cannot be read: {one_line(str(error) or type(error).__name__)}",
                hint="the file is damaged: restore it, or name another ledger",
            ) from error

    def passing(self, error: BaseException) -> bool:
        """Tell whether `error` may be temporary: the store is locked, full, restarting or away."""
        if not isinstance(error, DBAPIError):
            return isinstance(error, OSError)
        text = str(error.orig).lower()
        if self.sqlite:
            return isinstance(error, OperationalError) and not any(
                word in text for word in ("no such", "syntax", "has no column")
            )
        return error.connection_invalidated or isinstance(error, OperationalError)

    def now(self, connection: sa.Connection) -> int:
        """Return the store's clock in microseconds since 1970."""
        if self.sqlite:
            return int(time.time() * 1e6)
        return int(connection.scalar(sa.text(f"SELECT {POSTGRES_CLOCK}")) or 0)

    def checkpoint(self) -> None:
        """Move what SQLite has in its write-ahead log into the file, without holding up the writer."""
        if self.path is not None:
            self.check_there()
            with undivided():
                connection = self._write.raw_connection()  # outside any transaction
                try:
                    connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
                finally:
                    connection.close()

    def forked(self) -> None:
        """In a forked child: leave the connections to the parent, which still uses them."""
        self._readers, self._reading = threading.Condition(), 0
        self._guarded = None  # the parent has the locks
        self._read.dispose(close=False)

    def close(self) -> None:
        """Close every pooled connection, once those that are lent have come back."""
        with self._readers:
            self._readers.wait_for(lambda: not self._reading, timeout=5.0)
        if self._guard is not None:  # first: beside it SQLite would leave its log behind
            self._guard.release()
            self._guarded = None
        _dispose(self._write, self._read)


# "schedkit" in eight bytes: the number of the lock that those who make or take a ledger hold.
_ALONE = int.from_bytes(b"schedkit")
POSTGRES_CLOCK = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


def _dispose(*engines: sa.Engine) -> None:
    with undivided():
        for engine in engines:
            engine.dispose()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
