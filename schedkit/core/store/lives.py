"""The lives of processes at a ledger: which may write, and which have died.

A life is one row, from the start of a process's scheduler to its end. While it lives, it holds on SQLite a
lock on a byte of a file beside the ledger; on PostgreSQL its beat has not expired by the store's clock. Every
transaction of a life begins with the fence: it is not marked as gone.
"""

from __future__ import annotations

import logging
import os
import socket
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from schedkit.core.ids import new_id
from schedkit.core.store.database import POSTGRES_CLOCK, Store
from schedkit.core.store.locks import ByteLock, held_elsewhere
from schedkit.core.store.queries import mappings
from schedkit.core.store.schema import beats, claims, meta, nodes
from schedkit.errors import LedgerError, LifeEndedError
from schedkit.values.instants import from_micros, wall_now
from schedkit.values.processes import alive, pid_space

__all__ = ["LEASE_SECONDS", "Lease", "NodeRow", "has_died", "living", "living_in", "mark_gone"]

_log = logging.getLogger("schedkit")

LEASE_SECONDS = 15.0
# Two measures of a clock that differ by so many microseconds tell the same.
OFFSET_NOISE = 20_000
# A slow answer makes a measurement inexact: at the beginning of a life it is repeated at most so often.
MOST_MEASURES = 5


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A life of a process at a ledger."""

    life: str
    name: str
    kind: str
    pid: int
    host: str
    pid_space: str  # where the pid means it, as `pid_space` returns it
    since: datetime
    alive: bool
    address: str = ""  # where wake-ups reach it
    expires: int | None = None  # microseconds; when its lease is over by its last beat, where there are beats

    @property
    def nearby(self) -> bool:
        """Whether this process knows its process by the pid: not that of another machine or container."""
        return self.pid_space == pid_space()

    @property
    def here(self) -> bool:
        """Whether this process lives it."""
        return self.pid == os.getpid() and self.nearby

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid} on {self.host}, since {self.since:%Y-%m-%d %H:%M} UTC)"


class Lease:
    """This process's life at a store, under a name; every life has an id of its own.

    Attributes
    ----------
    life : str
        The id; empty before the first.
    seconds : float
        How long a life counts as alive after its last beat, on PostgreSQL.
    offset : int
        Microseconds from this machine's clock to the store's, measured at each beat: several machines keep
        one time. 0 on SQLite, where all processes share a clock.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        kind: str = "script",
        address: str = "",
        seconds: float = LEASE_SECONDS,
        wall: Callable[[], int] = wall_now,
    ) -> None:
        self.store, self.name, self.kind, self.seconds = store, name, kind, seconds
        self.address = address
        self.offset = 0
        self._wall = wall
        self.life = ""
        self._lock: ByteLock | None = None
        self._told = time.monotonic()

    def age(self) -> float:
        """Return how many seconds ago this life told the store that it lives; 0 where a lock tells it."""
        return 0.0 if self.store.sqlite else time.monotonic() - self._told

    def begin(self) -> None:
        """Begin a new life.

        Raises
        ------
        LedgerError
            If the store is away, or the lock beside it cannot be had by anybody.
        """
        self._take_lock()
        self._told = time.monotonic()
        try:
            with self.store.writing() as connection:
                self._write(connection)
        except BaseException:
            self._let_go()
            raise

    def _take_lock(self) -> None:
        path = _lives_file(self.store)
        self.life = new_id()
        if path is None:
            return
        try:
            while not (lock := ByteLock(path, _position(self.life))).take():
                self.life = new_id()  # another life has this byte
        except OSError as error:
            raise LedgerError(
                f"ledger {self.store}: its lock {error.filename or path} cannot be taken ({error.strerror})",
                hint="may you write to the file and its folder, and does its file system know locks?",
            ) from error
        self._lock = lock

    def _write(self, connection: sa.Connection) -> None:
        now = self._measured(connection)
        row = {
            "id": self.life,
            "name": self.name,
            "kind": self.kind,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "pid_space": pid_space(),
            "version": version("schedkit"),
            "since": now,
            "address": self.address,
            "batch": 0,
            "base": 0,
        }
        connection.execute(nodes.insert(), [row])
        if not self.store.sqlite:
            connection.execute(beats.insert(), [{"life": self.life, "expires": now + self._micros}])

    def _measured(self, connection: sa.Connection) -> int:
        """Return the store's present, and measure how far from it this machine's clock is."""
        for _ in range(MOST_MEASURES):
            before = self._wall()
            now = self.store.now(connection)
            after = self._wall()
            if self.store.sqlite:
                break
            self._note_clock(before, now, after)
            if after - before <= OFFSET_NOISE:
                break
        return now

    def _note_clock(self, before: int, now: int, after: int) -> None:
        """Take note of the store's present, which was read between two moments of this machine's clock."""
        offset = now - (before + after) // 2
        if abs(offset - self.offset) > max(after - before, OFFSET_NOISE):
            self.offset = offset

    @property
    def _micros(self) -> int:
        return int(self.seconds * 1e6)

    def claim(self, connection: sa.Connection, batch: int) -> None:
        """Begin a transaction of this life, and note its number.

        Raises
        ------
        LifeEndedError
            If it is marked as gone.
        """
        mine = nodes.update().where(nodes.c.id == self.life, nodes.c.gone.is_(None))
        if connection.execute(mine.values(batch=batch)).rowcount != 1:
            raise self.lost()

    def committed(self, connection: sa.Connection, batch: int) -> bool:
        """Tell whether the transaction of this number was committed, once its outcome is certain.

        Raises
        ------
        LifeEndedError
            If this life is marked as gone.
        """
        # The row is locked: a server may still be at work on a commit whose connection broke.
        query = sa.select(nodes.c.batch, nodes.c.gone).where(nodes.c.id == self.life).with_for_update()
        row = connection.execute(query).one_or_none()
        if row is None or row.gone is not None:
            raise self.lost()
        return bool(row.batch == batch)

    def beat(self, connection: sa.Connection) -> None:
        """Renew the beat; where a lock shows life, only check that this life is not gone.

        Raises
        ------
        LifeEndedError
            If it is marked as gone.
        """
        alive = sa.select(nodes.c.id).where(nodes.c.id == self.life, nodes.c.gone.is_(None))
        if self.store.sqlite:
            if connection.execute(alive).one_or_none() is None:
                raise self.lost()
            return
        # All in one statement: every idle process does this all the time.
        expires = sa.literal_column(POSTGRES_CLOCK, sa.BigInteger) + self._micros
        mine = beats.update().where(beats.c.life == self.life, alive.exists())
        before, asked = self._wall(), time.monotonic()
        told = connection.scalar(mine.values(expires=expires).returning(beats.c.expires))
        if told is None:
            raise self.lost()
        self._told = asked
        self._note_clock(before, told - self._micros, self._wall())

    def lost(self) -> LifeEndedError:
        """Return the error for writes of this life after it was marked as gone."""
        return LifeEndedError(
            f"ledger {self.store}: this process was marked as dead, as after a long stop",
            hint="it continues under a new id: try again",
        )

    def end(self) -> None:
        """End this life in the ledger, unless the store is away."""
        try:
            with self.store.writing(patient=False) as connection:  # else others see that its lock is free
                now = self.store.now(connection)
                mine = nodes.update().where(nodes.c.id == self.life, nodes.c.gone.is_(None))
                connection.execute(mine.values(gone=now))
                _forget(connection, self.life)
        except LedgerError as error:
            _log.warning("the end of this process was not recorded: %s", error.message)
        finally:
            self._let_go()

    def leave(self) -> None:
        """End this life without a record: another process that finds it dead marks it as gone."""
        self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def living(store: Store) -> list[NodeRow]:
    """Return the lives that are not marked as gone, the oldest first; `alive` tells those that have died."""
    with store.reading() as connection:
        return living_in(store, connection)


def has_died(store: Store, node: NodeRow) -> bool:
    """Tell whether the lock of a life is free; only where a lock tells that it lives (SQLite)."""
    path = _lives_file(store)
    return path is not None and not held_elsewhere(path, _position(node.life))


def mark_gone(store: Store, connection: sa.Connection, life: str) -> bool:
    """Mark a life that has died as gone, in the present transaction; False if it lives or is marked."""
    store.alone(connection)
    row = next((node for node in living_in(store, connection) if node.life == life), None)
    if row is None or row.alive:
        return False
    connection.execute(nodes.update().where(nodes.c.id == life).values(gone=store.now(connection)))
    _forget(connection, life)
    return True


def _forget(connection: sa.Connection, life: str) -> None:
    """Delete what counts only while a life lasts: its beat, its notes, the limited keys of its runs."""
    for table in (beats, claims):
        connection.execute(table.delete().where(table.c.life == life))
    connection.execute(meta.delete().where(meta.c.key.endswith(f" {life}")))


def living_in(store: Store, connection: sa.Connection) -> list[NodeRow]:
    """Return what `living` does, as a connection sees it."""
    # In the same statement: every idle process does this all the time.
    present = sa.null() if store.sqlite else sa.literal_column(POSTGRES_CLOCK, sa.BigInteger)
    query = (
        sa.select(nodes, beats.c.expires, present.label("present"))
        .outerjoin(beats, beats.c.life == nodes.c.id)
        .where(nodes.c.gone.is_(None))
        .order_by(nodes.c.id)
    )
    rows = list(mappings(connection, query))
    now = (rows[0]["present"] or store.now(connection)) if rows else 0
    return [_node(store, row, now) for row in rows]


def _node(store: Store, row: Mapping[str, Any], now: int) -> NodeRow:
    return NodeRow(
        life=row["id"],
        name=row["name"],
        kind=row["kind"],
        pid=row["pid"],
        host=row["host"],
        pid_space=row["pid_space"],
        since=from_micros(row["since"]),
        alive=_is_alive(store, row, now),
        address=row["address"],
        expires=row["expires"],
    )


def _is_alive(store: Store, row: Mapping[str, Any], now: int) -> bool:
    path = _lives_file(store)
    if path is not None:
        return held_elsewhere(path, _position(row["id"]))
    # Sooner than its beat tells, where its process can be seen.
    nearby = row["pid_space"] == pid_space()
    seen = not nearby or row["pid"] == os.getpid() or alive(row["pid"], untold=True)
    return seen and (row["expires"] or 0) > now


def _lives_file(store: Store) -> Path | None:
    return None if store.path is None else store.path.with_name(store.path.name + ".lives")


def _position(life: str) -> int:
    """Return the byte that a life locks: within what Windows can address."""
    return zlib.crc32(life.encode()) >> 1
