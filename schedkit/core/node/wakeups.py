"""How processes at one ledger tell each other to look at it at once.

A wake-up carries no content: its receiver reads the ledger, as it does each second anyway. A lost one
costs that second, a forged one a look. On SQLite it is a datagram to the process's address: a Unix socket,
on Windows a socket of 127.0.0.1. On PostgreSQL it is NOTIFY.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import anyio
import anyio.to_thread
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from schedkit.core.ids import new_id
from schedkit.core.store.database import Store
from schedkit.errors import LedgerError
from schedkit.values.forks import register_fork_hook

__all__ = ["Wakeups", "send_wakeup", "wakeups_for"]

_log = logging.getLogger("schedkit")

CHANNEL = "schedkit"
NOTIFY = "notify:"


class Wakeups(Protocol):
    """Where a process hears wake-ups.

    Attributes
    ----------
    address : str
        What others need to send one here, for its row; empty: nothing.
    """

    address: str

    async def open(self) -> None:
        """Listen from now on. What is not to be had is done without: looks come anyway."""

    async def wait(self, seconds: float) -> bool:
        """Wait for a wake-up for so many seconds at most; tell whether one came."""

    async def close(self) -> None:
        """Listen no more."""


def wakeups_for(store: Store) -> Wakeups:
    """Return the way that fits a store."""
    return Datagrams() if store.sqlite else Notifications(store)


def send_wakeup(store: Store, addresses: Iterable[str]) -> None:
    """Have the processes of these addresses look at the ledger; from any thread, never with an error."""
    if not store.sqlite:
        _notify(store, [name for address in addresses if (name := address.removeprefix(NOTIFY)) != address])
        return
    for address in addresses:
        family, target = _target(address)
        if family is None:
            continue
        # It has ended, its socket is full of wake-ups, or it lives in another container.
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(b"!", target)


def _notify(store: Store, names: list[str]) -> None:
    if not names:
        return
    try:
        with store.writing() as connection:
            for name in names:
                connection.execute(sa.select(sa.func.pg_notify(CHANNEL, name)))
    except LedgerError as error:
        _log.debug("a wake-up was not sent: %s", error.message)


def _system() -> str:
    return str(sys.platform)  # mypy takes what is for another system than its own for unreachable


def _target(address: str) -> tuple[int | None, str | tuple[str, int]]:
    """Return the family of an address's socket (None: it has none) and what to send to."""
    kind, _, rest = address.partition(":")
    unix: int | None = getattr(socket, "AF_UNIX", None)
    if kind == "abstract" and unix is not None:
        return unix, f"\0{rest}"
    if kind == "unix" and unix is not None:
        return unix, rest
    if kind == "udp" and rest.isdecimal():
        return socket.AF_INET, ("127.0.0.1", int(rest))
    return None, ""


class Datagrams:
    """Wake-ups by datagram; every process has a socket of its own."""

    def __init__(self) -> None:
        self.address = ""
        self._socket: socket.socket | None = None
        self._path: Path | None = None
        register_fork_hook(self._close_socket)

    async def open(self) -> None:
        """Make the socket."""
        family = socket.AF_INET if _system() == "win32" else socket.AF_UNIX
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self.address = self._bind(self._socket, f"schedkit-{new_id()}")
        except OSError as error:
            _log.debug("no socket for wake-ups: %s", error)
            self._close_socket()

    def _bind(self, made: socket.socket, name: str) -> str:
        """Bind a socket and return its address."""
        if _system() == "win32":
            made.bind(("127.0.0.1", 0))
            return f"udp:{made.getsockname()[1]}"
        if _system() == "linux":  # a name without a file: a killed process leaves nothing behind
            made.bind(f"\0{name}")
            return f"abstract:{name}"
        path = Path(tempfile.gettempdir(), name)
        made.bind(str(path))
        self._path = path
        return f"unix:{path}"

    async def wait(self, seconds: float) -> bool:
        """Wait for a datagram; any number of them are one wake-up."""
        if self._socket is None:
            await anyio.sleep(seconds)
            return False
        with anyio.move_on_after(seconds):
            await anyio.wait_readable(self._socket)
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._socket.recv(16)
            return True
        return False

    async def close(self) -> None:
        """Close the socket."""
        self._close_socket()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None

    def _close_socket(self) -> None:
        """Close this process's copy: a forked child must not take the parent's wake-ups."""
        self.address = ""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Notifications:
    """Wake-ups by PostgreSQL's NOTIFY, on a connection of their own."""

    def __init__(self, store: Store) -> None:
        self.address = ""
        self._store = store
        self._name = new_id()
        self._connection: sa.Connection | None = None

    async def open(self) -> None:
        """Listen on a connection."""
        self.address = NOTIFY + self._name
        await anyio.to_thread.run_sync(self._listen)

    def _listen(self) -> None:
        try:
            self._connection = self._store.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._connection.exec_driver_sql(f"LISTEN {CHANNEL}")
        except SQLAlchemyError as error:
            _log.debug("no wake-ups: %s", error)
            self._drop()

    async def wait(self, seconds: float) -> bool:
        """Wait for a notification to this process; a lost connection is reopened at the next wait."""
        if self._connection is None:
            await anyio.sleep(seconds)
            await anyio.to_thread.run_sync(self._listen)
            return False
        with anyio.move_on_after(seconds):
            while True:
                await anyio.wait_readable(self._driver(self._connection))
                heard = await anyio.to_thread.run_sync(self._heard)
                if heard is None or heard:
                    return True
        return False

    def _heard(self) -> bool | None:
        """Tell whether one was for this process; None: the connection is lost."""
        assert self._connection is not None
        try:
            told = [notice.payload for notice in self._driver(self._connection).notifies(timeout=0)]
        except Exception as error:  # the driver is not imported here: it is an extra
            _log.debug("the connection for wake-ups is lost: %s", error)
            self._drop()
            return None
        return self._name in told

    @staticmethod
    def _driver(connection: sa.Connection) -> Any:
        return connection.connection.driver_connection  # a psycopg.Connection

    def _drop(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with contextlib.suppress(Exception):  # it may be broken
                connection.invalidate()
                connection.close()

    async def close(self) -> None:
        """Close the connection."""
        await anyio.to_thread.run_sync(self._drop)
