"""The other processes at a ledger: woken when something was written, and checked whether they live."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio
import anyio.to_thread

from schedkit.core.node.death_watch import DeathWatch
from schedkit.core.node.own_loop import OwnLoop
from schedkit.core.node.ticks import rest, seconds_to_tick
from schedkit.core.node.wakeups import send_wakeup, wakeups_for
from schedkit.core.store.database import Store
from schedkit.core.store.lives import NodeRow, has_died

__all__ = ["Neighbours"]

# So often at most the others are woken: what is written meanwhile, they find then.
WAKE_SECONDS = 0.05
# How often to look whether the others live, where that costs a system call for each: those whose end the
# system tells, and the others.
TOLD_LIFE_SECONDS, LIFE_SECONDS = 1.0, 0.2


class Neighbours:
    """The other processes at a ledger; on our loop.

    Attributes
    ----------
    address : str
        Where wake-ups reach this process.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wakeups = wakeups_for(store)
        self._others: Sequence[NodeRow] = ()
        self._written = anyio.Event()
        self._loop: OwnLoop | None = None
        self._told = False  # that something was written
        self._deaths = DeathWatch()

    @property
    def address(self) -> str:
        """Where wake-ups reach this process."""
        return self._wakeups.address

    async def open(self) -> None:
        """Listen for wake-ups."""
        self._loop = OwnLoop()
        await self._wakeups.open()

    async def close(self) -> None:
        """Listen no more."""
        await self._wakeups.close()
        self._deaths.watch(frozenset())

    @property
    def alone(self) -> bool:
        """Whether no other process was alive at the last look."""
        return not self._others

    def know(self, nodes: Sequence[NodeRow], life: str) -> None:
        """Take note of who lives beside this life."""
        self._others = [node for node in nodes if node.alive and node.life != life]
        if self._store.sqlite:  # all are of this machine, if not of this container
            self._deaths.watch(self._pids)
            self._deaths.wake()

    @property
    def _pids(self) -> frozenset[int]:
        return frozenset(node.pid for node in self._others if node.nearby and not node.here)

    @property
    def _ends_are_told(self) -> bool:
        """Whether the system would tell the end of each of the others."""
        return all(node.nearby for node in self._others) and self._deaths.watches_all(self._pids)

    def note_written(self) -> None:
        """Have the others woken: something was written that they may want to know; from any thread."""
        if self._others and not self._told and self._loop is not None:
            self._told = True
            self._loop.call(self._written.set)

    async def wake_others(self) -> None:
        """Wake the others when something was written; for ever."""
        while True:
            await self._written.wait()
            self._written, self._told = anyio.Event(), False
            addresses = [node.address for node in self._others]
            await anyio.to_thread.run_sync(send_wakeup, self._store, addresses)
            await anyio.sleep(WAKE_SECONDS)

    async def wait(self, seconds: float) -> bool:
        """Wait until another process wakes this one, for so many seconds at most; tell whether one did."""
        return await self._wakeups.wait(seconds)

    async def watch_lives(self, lease_seconds: float, census: Callable[[], Awaitable[object]]) -> None:
        """Call `census` when one of the others has died, or where only the store can tell, now and then."""
        if not self._store.sqlite:
            while True:
                await rest(lease_seconds / 5)
                await census()
        while True:
            seconds = TOLD_LIFE_SECONDS if self._ends_are_told else LIFE_SECONDS
            await self._deaths.wait(seconds_to_tick(seconds))
            if any(has_died(self._store, node) for node in self._others):
                await census()
