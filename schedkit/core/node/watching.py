"""What a process hears of others at its ledger."""

from __future__ import annotations

import functools
from collections.abc import Container, Sequence
from datetime import UTC, datetime
from typing import Any

import anyio
import anyio.to_thread

from schedkit.core.events import Event, RunLogged, RunOutput, RunProgressed
from schedkit.core.node.event_bus import EventBus
from schedkit.core.store.reader import Ledger, ToldRow

__all__ = ["Watching"]

# How often to look for what runs tell; they write it down about as often.
PROGRESS_SECONDS = 0.5


class Watching:
    """The events of other processes, told on `bus` as they come; on our loop.

    Attributes
    ----------
    seen : int or None
        The last event that was told here; None before the first look.
    """

    def __init__(self, ledger: Ledger, bus: EventBus) -> None:
        self.seen: int | None = None
        self._ledger, self._bus = ledger, bus
        self._listen_at = 0.0
        # Run → the number of the last that it has told and that was told here.
        self._heard: dict[str, int] = {}

    async def begin(self) -> None:
        """Look from now on: what has happened so far, a board reads from the ledger."""
        last = await anyio.to_thread.run_sync(self._ledger.last_seq)
        if self.seen is None or self.seen > last:  # the file may be another one
            self.seen = last

    async def catch_up(self, life: str | None = None) -> Sequence[Event]:
        """Tell what others than this life have done since the last look, and return it."""
        told: list[Event] = []
        while True:
            since = self.seen or 0
            # Read first: what comes later than this, the next look finds.
            last = await anyio.to_thread.run_sync(self._ledger.last_seq)
            if last <= since:
                return told
            news = await anyio.to_thread.run_sync(functools.partial(self._ledger.events, since, besides=life))
            if not news:
                self.seen = last
                return told
            self.seen = news[-1].seq
            self._bus.publish(news, elsewhere=True)
            told += news

    async def poll_progress(self, here: Container[str] = ()) -> None:
        """Tell the progress and the log of the runs that are running, but of those `here`."""
        now = anyio.current_time()
        if now < self._listen_at:
            return
        self._listen_at = now + PROGRESS_SECONDS
        before, self._heard = self._heard, {}
        for told in await anyio.to_thread.run_sync(self._ledger.telling, before):
            if told.run in here:
                continue
            words = _told_since(told, before.get(told.run, 0))
            self._bus.publish(words, elsewhere=True)
            if told.running:  # else these were its last words
                self._heard[told.run] = words[-1].number if words else before.get(told.run, 0)


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
