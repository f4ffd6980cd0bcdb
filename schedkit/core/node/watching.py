"""Events of other processes at the same ledger, polled and published here."""

from __future__ import annotations

import functools
from collections.abc import Container, Sequence
from datetime import UTC, datetime
from typing import Any

import anyio
import anyio.to_thread

from schedkit.core.events import Event, RunLogged, RunOutput, RunProgressed, RunStep
from schedkit.core.node.event_bus import EventBus
from schedkit.core.states import State
from schedkit.core.store.reader import Ledger
from schedkit.core.store.rows import OutputRow

__all__ = ["Watching"]

# How often the progress of runs elsewhere is read; they write it about as often.
PROGRESS_SECONDS = 0.5


class Watching:
    """Publishes the events of other processes on `bus`; on our loop.

    Attributes
    ----------
    seen : int or None
        The number of the last event that was published here; None before `begin`.
    """

    def __init__(self, ledger: Ledger, bus: EventBus) -> None:
        self.seen: int | None = None
        self._ledger, self._bus = ledger, bus
        self._poll_at = 0.0
        # Run → the number of the last of its events that was published here.
        self._published: dict[str, int] = {}
        self._running: set[str] = set()  # the runs that run elsewhere: without any there is no progress

    async def begin(self) -> None:
        """Start at the newest event: a board reads what is older from the ledger."""
        last = await anyio.to_thread.run_sync(self._ledger.last_seq)
        if self.seen is None or self.seen > last:  # the file may be another one
            self.seen = last
        live = await anyio.to_thread.run_sync(self._ledger.live)
        self._running = {run.id for run in live if run.state is State.RUNNING}

    async def catch_up(self, life: str | None = None) -> Sequence[Event]:
        """Publish the events since the last call that this life has not written, and return them."""
        found: list[Event] = []
        while True:
            since = self.seen or 0
            # Read first: the next call finds what is written after this.
            last = await anyio.to_thread.run_sync(self._ledger.last_seq)
            if last <= since:
                return found
            page = await anyio.to_thread.run_sync(functools.partial(self._ledger.events, since, besides=life))
            if not page:
                self.seen = last
                return found
            self.seen = page[-1].seq
            self._bus.publish(page, elsewhere=True)
            self._note_running(page)
            found += page

    def _note_running(self, page: Sequence[Event]) -> None:
        for event in page:
            if isinstance(event, RunStep):
                change = self._running.add if event.after.state is State.RUNNING else self._running.discard
                change(event.run)

    async def poll_progress(self, here: Container[str] = ()) -> None:
        """Publish the progress and the log of the runs that are running, but of those `here`."""
        now = anyio.current_time()
        if now < self._poll_at or not (self._running or self._published):
            return
        self._poll_at = now + PROGRESS_SECONDS
        before, self._published = self._published, {}
        for output in await anyio.to_thread.run_sync(self._ledger.running_output, before):
            if output.run in here:
                continue
            known = before.get(output.run, 0)
            events = _events_since(output, known)
            self._bus.publish(events, elsewhere=True)
            if output.running:  # else there will be no more
                self._published[output.run] = events[-1].number if events else known


def _events_since(output: OutputRow, number: int) -> list[RunOutput]:
    """Return the progress and the log lines of a run after that number, in order."""
    whose: dict[str, Any] = {"task": output.task, "run": output.run}
    found: list[RunOutput] = [
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
        for stage in output.stages
        if stage["n"] > number
    ]
    found += [
        RunLogged(
            at=datetime.fromisoformat(line["at"]),
            number=line["n"],
            level=line["level"],
            message=line["message"],
            **whose,
        )
        for line in output.log
        if line["n"] > number
    ]
    return sorted(found, key=lambda event: event.number)
