"""What a viewer hears of a ledger that another process owns, and when it may take it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from schedkit.core.events import RunLogged, RunOutput, RunProgressed, TaskChanged
from schedkit.core.model import Task
from schedkit.core.node.event_bus import EventBus
from schedkit.core.store.lease import Lease
from schedkit.core.store.reader import Ledger, ToldRow
from schedkit.core.tasks.registry import Registry
from schedkit.errors import DeclarationError

__all__ = ["Watching"]

# How often a viewer looks for what runs tell; the owner writes it down about as often.
OVERHEAR_SECONDS = 0.5

_log = logging.getLogger("schedkit")


class Watching:
    """The events of a ledger, told on `bus` as they come; on our loop.

    Attributes
    ----------
    seen : int or None
        The last event that was told here; None before the first look.
    declared : dict
        When tasks were declared here, as a viewer.
    """

    def __init__(self, ledger: Ledger, lease: Lease, registry: Registry, bus: EventBus) -> None:
        self.seen: int | None = None
        self.declared: dict[str, datetime] = {}
        self._ledger, self._lease, self._registry, self._bus = ledger, lease, registry, bus
        self._heir_until = 0.0
        self._listen_at = 0.0
        # Run → the number of the last that it has told and that was told here.
        self._heard: dict[str, int] = {}

    async def sync(self, declare: Callable[[Task], Awaitable[None]]) -> None:
        """Tell the ledger what is declared here and not known there."""
        fresh = self.seen is None
        if fresh:
            seen = await asyncio.to_thread(self._ledger.last_seq)
        else:
            await self.catch_up()
        holder = await asyncio.to_thread(self._ledger.holder)
        _log.info("the ledger %s is owned by %s; this process is a viewer", self._ledger.store, holder)
        # A former owner has told what it declares; of that, what was removed since must not come back.
        known = () if fresh else {row.name for row in await asyncio.to_thread(self._ledger.tasks)}
        for task in list(self._registry.values()):
            if task.name not in known:
                await declare(task)
        if fresh:
            self.seen = seen

    async def catch_up(self) -> None:
        """Tell what the owner has done since the last look."""
        while self.seen is not None:
            news = await asyncio.to_thread(self._ledger.events, self.seen)
            if not news:
                break
            self.seen = news[-1].seq
            for event in news:
                if isinstance(event, TaskChanged) and event.change == "removed":
                    self.forget(event.task, event.at)
            self._bus.publish(news)

    async def poll_progress(self) -> None:
        """Tell the progress and the log of the owner's running runs, which are no events of the ledger."""
        now = asyncio.get_running_loop().time()
        if now < self._listen_at:
            return
        self._listen_at = now + OVERHEAR_SECONDS
        before, self._heard = self._heard, {}
        for told in await asyncio.to_thread(self._ledger.telling, before):
            words = _told_since(told, before.get(told.run, 0))
            self._bus.publish(words)
            if told.running:  # else these were its last words
                self._heard[told.run] = words[-1].number if words else before.get(told.run, 0)

    def forget(self, name: str, at: datetime | None = None) -> None:
        """Take back a declaration of before `at` (None: of any time): its task was removed."""
        if at is None or name not in self.declared or self.declared[name] < at:
            # Who removed it did not know of what comes after it here, which needs it.
            with contextlib.suppress(DeclarationError):
                self._registry.remove(name)

    def leave_to_heir(self, seconds: float) -> None:
        """Leave the ledger for so long to the process that asked for it."""
        self._heir_until = asyncio.get_running_loop().time() + seconds

    async def free(self) -> bool:
        """Take the ledger if nobody owns it and it is not left to an heir."""
        if self._heir_until > asyncio.get_running_loop().time():
            holder = await asyncio.to_thread(self._ledger.holder)
            if holder is None or holder.epoch <= self._lease.epoch:
                return False
        self._heir_until = 0.0
        return await asyncio.to_thread(self._lease.take)


def _told_since(told: ToldRow, number: int) -> list[RunOutput]:
    """Return what a run has told after that number, in order."""
    whose: dict[str, Any] = {"task": told.task, "run": told.run}
    words: list[RunOutput] = [
        RunProgressed(
            at=datetime.now(UTC),
            number=stage["n"],
            stage=stage["stage"],
            done=stage["done"],
            total=stage["total"],
            started=datetime.fromisoformat(stage["started"]),
            rate=stage["rate"],
            **whose,
        )
        for stage in told.stages
        if stage["n"] > number
    ]
    words += [
        RunLogged(
            at=datetime.fromisoformat(line["at"]),
            number=line["n"],
            level=line["level"],
            message=line["message"],
            **whose,
        )
        for line in told.log
        if line["n"] > number
    ]
    return sorted(words, key=lambda word: word.number)
