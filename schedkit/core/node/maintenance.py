"""Maintenance of a life, now and then: while nothing is due if possible, else anyway after a while.

Each of it takes the interpreter or the disk for a millisecond or more, and a due time that falls into that
is late by as much.
"""

from __future__ import annotations

import functools
import logging
import math
import sqlite3
import time
from collections.abc import Callable

import anyio
import anyio.to_thread
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from schedkit.core.engine.obstacles import Obstacles
from schedkit.core.node.life import Life
from schedkit.core.node.ticks import rest
from schedkit.core.store.chores import take_chore
from schedkit.core.store.kept_obstacles import keep_obstacles
from schedkit.core.store.retention import prune
from schedkit.core.store.workers import keep_workers
from schedkit.errors import SchedkitError
from schedkit.loop import awaited
from schedkit.values.instants import SECOND

__all__ = ["Maintenance", "wait_idle"]

_log = logging.getLogger("schedkit")

# A multiple of what lives are looked at, see `schedkit.core.node.ticks`.
TURN_SECONDS, IDLE_TURN_SECONDS = 0.4, 1.0
# Moving SQLite's log into its file keeps the disk busy for some ten milliseconds. While there is no room for
# that between due times the log grows, by about 13 MB a second at 200 runs a second.
MOVE_AHEAD_SECONDS, MOVE_PATIENCE_SECONDS = 0.05, 10.0
PRUNE_SECONDS = 900.0
WORKERS_SECONDS = OBSTACLES_SECONDS = 2.0
_STEP_SECONDS = 0.001


async def wait_idle(life: Life, ahead: float, patience: float) -> None:
    """Wait for a moment with no due time in the next `ahead` seconds, for `patience` seconds at most."""
    until = anyio.current_time() + patience
    while not life.calm(ahead) and anyio.current_time() < until:
        await anyio.sleep(_STEP_SECONDS)


class Maintenance:
    """A life's housekeeping; every method runs on our loop, and but for `move` and `prune` for ever."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._moved_at, self._moved_groups = time.monotonic(), -1

    async def turn(self) -> None:
        """Show that the loop turns, write down what runs tell, watch the users' loop, log what keeps runs."""
        while True:
            self._life.turn()
            self._life.executors.pass_on_beat()
            self._life.save_progress()
            self._life.executors.users.watch()
            self._life.obstacles.look()
            await rest(TURN_SECONDS if self._life.executions else IDLE_TURN_SECONDS)

    async def keep_workers(self) -> None:
        """Write down which workers are heard, for other processes; nothing where there never were any."""
        life, kept = self._life, False
        while True:
            await rest(WORKERS_SECONDS)
            workers = life.executors.workers
            if not (workers or kept):
                continue
            keep = functools.partial(keep_workers, life=life.lease.life, workers=workers)
            if await self._written(keep):
                kept = bool(workers)

    async def keep_obstacles(self) -> None:
        """Write down what has kept runs from starting for a while, for the boards of other processes."""
        life, kept = self._life, Obstacles()
        while True:
            await rest(OBSTACLES_SECONDS)
            found = life.obstacles.lasting()
            if found == kept:
                continue
            keep = functools.partial(keep_obstacles, life=life.lease.life, obstacles=found)
            if await self._written(keep):
                kept = found

    async def _written(self, keep: Callable[[sa.Connection], None]) -> bool:
        """Write what other processes are to see; False if the ledger refuses it."""
        try:
            await awaited(self._life.writer.call(keep))
        except SchedkitError as error:
            _log.debug("a note for other processes could not be written: %s", error)
            return False
        return True

    async def keep_log_short(self) -> None:
        """Move what is in SQLite's write-ahead log now and then."""
        while True:
            await rest(IDLE_TURN_SECONDS)
            await self.move(time.monotonic())

    async def move(self, now: float) -> None:
        """Move SQLite's log into its file, if there is any, while nothing is due, and anyway after a time.

        Parameters
        ----------
        now : float
            Seconds on the monotonic clock.
        """
        groups = self._life.writer.groups
        patient = now - self._moved_at < MOVE_PATIENCE_SECONDS
        if groups == self._moved_groups or (patient and not self._life.calm(MOVE_AHEAD_SECONDS)):
            return
        try:
            await anyio.to_thread.run_sync(self._life.ledger.store.checkpoint)
        except (sqlite3.Error, SQLAlchemyError) as error:
            # A store that is full or cannot be opened may refuse; the next time will do.
            _log.debug("the ledger's write-ahead log could not be checkpointed: %s", error)
        else:
            self._moved_at, self._moved_groups = now, groups

    async def forget(self) -> None:
        """Prune by the retention policy now and then, a slice at a time."""
        while True:
            await anyio.sleep(PRUNE_SECONDS)
            await self.prune_if_due()

    async def prune_if_due(self, patience: float = math.inf) -> None:
        """Prune for at most `patience` seconds, unless a process has pruned this ledger not long ago."""
        life = self._life
        now = life.decisions.clock.wall()
        again = now + round(PRUNE_SECONDS * SECOND)
        take = functools.partial(take_chore, name="retention", life=life.lease.life, now=now, again=again)
        try:
            with anyio.move_on_after(patience):  # the ledger may be away
                if not await awaited(life.writer.call(take)):
                    return
                with anyio.CancelScope(shield=True):  # what has no row any more must lose its file
                    await self.prune(patience)
        except SchedkitError as error:
            _log.warning("the ledger could not be pruned: %s", error)

    async def prune(self, patience: float = math.inf) -> int:
        """Forget what the retention policy lets go; return how many rows and files."""
        life = self._life
        tasks, results = list(life.engine.rows), life.executors.results
        return await prune(life.config.retention, life.writer, tasks, results, patience)
