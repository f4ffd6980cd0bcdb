"""What the owner of a ledger knows, and how its steps become commits.

What is alive is kept in memory and changed first; each step is posted to the writer as one change, and
takes effect outside (a function is started, a waiter is answered) only after its commit. Nothing here
waits for the store.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec

from schedkit.core.events import (
    Event,
    LoopBlocked,
    StoreAway,
    StoreBack,
    TaskChanged,
)
from schedkit.core.ledger.changes import Change
from schedkit.core.ledger.lease import Lease
from schedkit.core.ledger.reader import Ledger, TaskRow
from schedkit.core.ledger.writer import Writer
from schedkit.core.model import Task
from schedkit.core.owner.bus import Bus
from schedkit.core.owner.door import Door
from schedkit.core.owner.joins import Joins
from schedkit.core.owner.retention import Retention
from schedkit.core.owner.rush import Rush
from schedkit.core.promise import Promise
from schedkit.core.run import Run
from schedkit.core.runner.attempt import Execution, Ports
from schedkit.core.runner.follow import MOST_INTERRUPTIONS
from schedkit.core.runner.plan import Planner
from schedkit.core.states import State
from schedkit.core.tasks.registry import Registry
from schedkit.core.when.clock import Timetable

__all__ = ["Config", "Finished", "Known", "OwnerEnded", "Waiter"]

# A cancelled attempt that goes on is recorded as cancelled after this; its place stays taken.
CANCEL_GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class Config:
    """How an owner works: its name and limits."""

    name: str
    concurrency: int = 5
    threads: int = 20
    processes: int = 2
    tag_limits: Mapping[str, int] = field(default_factory=dict)
    tz: tzinfo | None = None
    most_interruptions: int = MOST_INTERRUPTIONS
    cancel_grace: float = CANCEL_GRACE_SECONDS
    hand_over_patience: float = 20.0
    retention: Retention = field(default_factory=Retention)

    @property
    def limits(self) -> dict[str, int]:
        """How many runs may hold what others want too: ``tag:…``, ``process``, ``thread``."""
        limits = {f"tag:{tag}": most for tag, most in self.tag_limits.items()}
        limits["process"] = self.processes
        if self.threads < self.concurrency:
            limits["thread"] = self.threads
        return limits

    @property
    def at_once(self) -> dict[str, Any]:
        """All that limits how many runs there are at once, as a board shows it."""
        return {"concurrency": self.concurrency, "limits": self.limits}


class Finished(msgspec.Struct, frozen=True):
    """A run that has ended, with its value where it ended in this process."""

    run: Run
    value: Any = None
    has_value: bool = False


class Waiter(Promise[Finished]):
    """The end of a run, promised.

    A class of its own: making one through an alias of the generic class costs seven times as much.
    """

    __slots__ = ("__weakref__",)


class OwnerEnded(Exception):  # noqa: N818 - nothing went wrong
    """The owner that promised a run's end owns the ledger no more: ask who answers now."""


class Known:
    """State and its commits; every method runs on our loop unless it says otherwise."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        bus: Bus,
        ports: Ports,
        config: Config,
        lease: Lease,
        lost: Callable[[], object],
    ) -> None:
        self.ledger, self.registry, self.bus, self.ports, self.config = ledger, registry, bus, ports, config
        self.lease = lease
        self._lost = lost
        self._turned = time.monotonic()
        self.writer = Writer(
            ledger.store,
            lease,
            committed=self._committed_anywhere,
            lost=lambda: self.loop.call_soon_threadsafe(lost),
            away=lambda why: self._trouble(StoreAway(at=datetime.now(UTC), reason=why)),
            back=lambda seconds: self._trouble(StoreBack(at=datetime.now(UTC), seconds=round(seconds, 3))),
            healthy=lambda: time.monotonic() - self._turned < lease.seconds,
        )
        self.loop = asyncio.get_running_loop()
        self.door = Door(self.loop, self.pump, self._pressed)
        self.timetable = Timetable()
        self.rush = Rush(self.loop)
        self.planner = Planner(config.concurrency, config.limits)
        self.rows: dict[str, TaskRow] = {}
        self.paused = False
        self.runs: dict[str, Run] = {}
        self.executions: dict[str, Execution] = {}
        self.joins = Joins()
        self.stopping = False
        self.trouble: Event | None = None  # what a board that is made now would have missed
        self._by_task: dict[str, dict[str, None]] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self._children: dict[str, dict[str, Task]] = {}
        self._followed: dict[str, tuple[str, ...]] = {}
        self._last: dict[str, State] = {}
        self._seq = self.written = 0
        self._changes: list[Change] = []
        self._to_launch: deque[Execution] = deque()
        self._fresh: dict[str, tuple[Change, Run]] = {}
        self._waiters: dict[str, list[Waiter]] = {}
        self._claimed: set[str] = set()
        # When tasks were removed, as ids, which sort by time: a declaration from before is void.
        self.removed: dict[str, str] = {}

    def pump(self) -> None:
        """Start what may start, and post every step taken since the last time."""
        raise NotImplementedError

    def alive(self, task: str) -> int:
        """Return how many runs of a task have not ended."""
        return len(self._by_task.get(task, ()))

    def live_of(self, task: str) -> list[Run]:
        """Return the runs of a task that have not ended; on any thread."""
        found = [self.runs.get(run) for run in list(self._by_task.get(task, ()))]
        return [run for run in found if run is not None]

    def next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def _keep(self, run: Run) -> None:
        self.runs[run.id] = run
        self._by_task.setdefault(run.task, {})[run.id] = None

    def _post(self, change: Change) -> None:
        self._changes.append(change)

    def when_durable(self, receipt: Callable[[BaseException | None], object]) -> None:
        """Have `receipt` called on the writer's thread when all that was decided so far is committed."""
        change = Change()
        change.receipt = receipt
        self._post(change)
        self.pump()

    def _tell(self, event: Event) -> None:
        self.bus.publish((event,))

    def _trouble(self, event: StoreAway | StoreBack | LoopBlocked) -> None:
        over = isinstance(event, StoreBack) or (isinstance(event, LoopBlocked) and event.over)
        self.trouble = None if over else event
        self._tell(event)

    def _tell_task(self, change: Change, word: str, row: TaskRow, who: str, log: bool = True) -> None:
        change.tell(self._task_event(word, row, who, self.next_seq() if log else 0))

    def _task_event(self, word: str, row: TaskRow, who: str, seq: int) -> TaskChanged:
        return TaskChanged(
            at=datetime.now(UTC),
            seq=seq,
            task=row.name,
            who=who,
            change=word,
            next_time=row.next_at,
            trigger=row.words,
            paused=row.paused,
            waiting=row.name not in self.registry,
            tags=tuple(row.facts.get("tags", ())),
            priority=row.facts.get("priority", 10),
            description=row.facts.get("description", ""),
            limit=row.limit,
            place=row.facts.get("place", ""),
            rate=row.facts.get("rate", ""),
            options=row.facts.get("options", {}),
        )

    def _committed_anywhere(self, outcome: list[tuple[Change, BaseException | None]]) -> None:
        told = [event for change, error in outcome if error is None for event in change.events]
        self.written = max([self.written, *(event.seq for event in told)])
        self.bus.publish(told)
        done = [(call, error) for change, error in outcome for call in change.done]
        if done:
            self.loop.call_soon_threadsafe(self._committed, done)

    def _committed(
        self, done: list[tuple[Callable[[BaseException | None], object], BaseException | None]]
    ) -> None:
        for call, error in done:
            call(error)
        self.pump()

    def _pressed(self) -> bool:
        """Tell whether due times wait for the loop, or runs that have been recorded for their start."""
        if self._to_launch:
            return True
        upcoming = self.timetable.next_due()
        return upcoming is not None and upcoming.timestamp() <= time.time()

    def calm(self, before: float) -> bool:
        """Tell whether nothing is on its way to its start or due `before` then (seconds since 1970)."""
        if self._to_launch or self.timetable.taken:
            return False
        upcoming, waiting = self.timetable.next_due(), self.planner.next_time()
        return (upcoming is None or upcoming.timestamp() >= before) and (waiting is None or waiting >= before)

    def turn(self) -> None:
        """Note that the loop turns; an owner that stands still must not renew its lease."""
        self._turned = time.monotonic()
