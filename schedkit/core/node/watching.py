"""What a process hears of others at its ledger."""

from __future__ import annotations

import functools
from collections.abc import Container, Sequence
from datetime import UTC, datetime
from typing import Any

import anyio
import anyio.to_thread

from schedkit.core.events import Event, RunLogged, RunProgressed
from schedkit.core.node.event_bus import EventBus
from schedkit.core.store.reader import Ledger

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
        # Run → its stages as they were told here, and when its last line was logged.
        self._heard: dict[str, tuple[dict[str, dict[str, Any]], str]] = {}

    async def begin(self) -> None:
        """Look from now on: what has happened so far, a board reads from the ledger."""
        if self.seen is None:
            self.seen = await anyio.to_thread.run_sync(self._ledger.last_seq)

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
        """Tell the progress and the log of running runs, which are no events of the log, but of those `here`."""
        now = anyio.current_time()
        if now < self._listen_at:
            return
        self._listen_at = now + PROGRESS_SECONDS
        before, self._heard = self._heard, {}
        words: list[Event] = []
        for told in await anyio.to_thread.run_sync(self._ledger.telling):
            if told.run in here:
                continue
            stages, until = before.get(told.run, ({}, ""))
            whose: dict[str, Any] = {"task": told.task, "run": told.run}
            for stage in told.stages:
                known = stages.get(stage["stage"])
                if known != stage:
                    # The first word of a stage tells when it began: its rate is reckoned from there.
                    at = datetime.now(UTC) if known else datetime.fromisoformat(stage["started"])
                    words.append(
                        RunProgressed(
                            at=at,
                            stage=stage["stage"],
                            done=stage["done"],
                            total=stage["total"],
                            **whose,
                        )
                    )
            for line in told.log:
                if line["at"] > until:
                    at = datetime.fromisoformat(line["at"])
                    words.append(RunLogged(at=at, level=line["level"], message=line["message"], **whose))
            last = told.log[-1]["at"] if told.log else ""
            self._heard[told.run] = {stage["stage"]: stage for stage in told.stages}, last
        if words:
            self._bus.publish(words, elsewhere=True)
