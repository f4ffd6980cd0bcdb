"""One frozen class per event.

Events with a `seq` above 0 are in the ledger's event log, in that order, written in the transaction that
made them true; those that are about to be written have `TO_COME`, because the ledger numbers them. Those with
`seq` 0 (progress, log lines, a blocked loop) live in memory only.

An event about a task or a run carries its value, as it is from then on: nothing is copied out of it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from schedkit.core.model import TaskRow
from schedkit.core.run import Attempt, Run
from schedkit.core.states import DueOutcome
from schedkit.core.text import dump

__all__ = [
    "ALL_EXTRACTIONS",
    "EXTRACTION",
    "TO_COME",
    "Event",
    "Fired",
    "LoopBlocked",
    "NodeChanged",
    "RunEnded",
    "RunLogged",
    "RunNoted",
    "RunOutput",
    "RunProgressed",
    "RunQueued",
    "RunRetrying",
    "RunStarted",
    "RunStep",
    "RunStopping",
    "ScheduleAdvanced",
    "StoreAway",
    "StoreBack",
    "TaskChanged",
    "decode",
    "encode",
]


# The kind under which an extraction reports its facts; and under which those of several in one run add up.
EXTRACTION = "extraction"
ALL_EXTRACTIONS = "all extractions"
TO_COME = -1


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True, gc=False):
    """The fields of all events: time (aware, UTC), task, run (its id) and actor."""

    at: datetime
    seq: int = TO_COME

    @property
    def task(self) -> str:
        """The task's name; empty: of none, or of all."""
        return ""

    @property
    def run(self) -> str:
        """The run's id; empty: of none."""
        return ""

    @property
    def actor(self) -> str:
        """Who made it so."""
        return ""


class TaskChanged(Event, frozen=True, kw_only=True):
    """A task was declared, redeclared, paused, resumed, rescheduled or removed.

    Attributes
    ----------
    change : str
        One of these words.
    row : TaskRow or None
        The task from then on, or as it was when it was removed; None: all tasks were paused or resumed.
    waiting : bool
        It is in the ledger, but its code has not been declared in this process.
    """

    change: str
    row: TaskRow | None = None
    waiting: bool = False
    actor: str = ""

    @property
    def task(self) -> str:
        """The task's name; empty: all tasks."""
        return "" if self.row is None else self.row.name


class ScheduleAdvanced(Event, frozen=True, kw_only=True):
    """The next due time of a schedule changed, in microseconds since 1970; None: it has none left."""

    task: str
    next: int | None


class Fired(Event, frozen=True, kw_only=True):
    """A due time that started no run: missed, coalesced or overlapped; `count` times up to `until`."""

    task: str
    scheduled_at: datetime
    until: datetime
    count: int | None
    outcome: DueOutcome


class RunStep(Event, frozen=True, kw_only=True):
    """A run changed; `after` is the run from then on.

    `by` is who cancelled it; empty: it was not cancelled.
    """

    after: Run
    by: str = ""

    @property
    def task(self) -> str:
        """The run's task."""
        return self.after.task

    @property
    def run(self) -> str:
        """The run's id."""
        return self.after.id

    @property
    def actor(self) -> str:
        """Who made it so: who cancelled the run, else who asked for it."""
        return self.by or self.after.actor


class RunQueued(RunStep, frozen=True, kw_only=True):
    """A run is QUEUED, or PENDING while it waits for its parents.

    `followed`: it is new, and each task that depends on its task is to have a run for it.
    """

    followed: bool = False


class RunStarted(RunStep, frozen=True, kw_only=True):
    """An attempt began."""


class RunStopping(RunStep, frozen=True, kw_only=True):
    """A running run was cancelled; it ends as soon as its code stops."""


class RunRetrying(RunStep, frozen=True, kw_only=True):
    """An attempt ended, and another follows: the run is in RETRY, or QUEUED."""

    attempt: Attempt


class RunEnded(RunStep, frozen=True, kw_only=True):
    """A run reached a final state; `attempt` is the one that ended with it, None if none was running."""

    attempt: Attempt | None = None


class RunOutput(Event, frozen=True, kw_only=True):
    """Output of a running attempt; its `number` grows over all attempts of the run."""

    seq: int = 0
    task: str
    run: str
    number: int = 0


class RunProgressed(RunOutput, frozen=True, kw_only=True):
    """A stage of a run has done `done` of `total` units (None: unknown), `rate` of them a second."""

    stage: str
    done: float
    total: float | None = None
    started: datetime | None = None
    rate: float | None = None


class RunLogged(RunOutput, frozen=True, kw_only=True):
    """A log line of a run; `level` is the `logging` module's."""

    level: int
    message: str


class RunNoted(RunOutput, frozen=True, kw_only=True):
    """A run reported facts (`kind`, `facts`) or a file (`kind` "artifact", facts `path` and `label`)."""

    kind: str
    facts: dict[str, Any]


class LoopBlocked(Event, frozen=True, kw_only=True):
    """A coroutine keeps the users' loop busy for `seconds` so far; `where` is its file and line.

    `over`: the loop runs again.
    """

    seq: int = 0
    task: str = ""
    run: str = ""
    seconds: float
    where: str = ""
    over: bool = False


class NodeChanged(Event, frozen=True, kw_only=True):
    """A process began or ceased to run tasks: `change` is started, stopped, gone (found dead) or lost.

    Or it is "ending", as `actor` has asked.
    """

    change: str
    name: str
    life: str = ""
    actor: str = ""


class StoreAway(Event, frozen=True, kw_only=True):
    """The store does not accept writes; they wait. `reason` is the driver's message."""

    seq: int = 0
    reason: str


class StoreBack(Event, frozen=True, kw_only=True):
    """The store accepts writes again after `seconds`."""

    seq: int = 0
    seconds: float


AnyEvent = (
    TaskChanged
    | ScheduleAdvanced
    | Fired
    | RunQueued
    | RunStarted
    | RunStopping
    | RunRetrying
    | RunEnded
    | RunProgressed
    | RunLogged
    | RunNoted
    | LoopBlocked
    | NodeChanged
    | StoreAway
    | StoreBack
)

_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_WITH_ATTEMPT = (RunRetrying, RunEnded)
# In the log: the error of an attempt is that of its run. An error is never empty.
_AS_OF_RUN: dict[str, Any] = {}


def encode(event: Event) -> str:
    """Return the event as JSON text; a value JSON does not know becomes its text."""
    if isinstance(event, _WITH_ATTEMPT) and event.attempt is not None:
        error = event.attempt.error
        if error is not None and error == event.after.error:
            event = replace(event, attempt=replace(event.attempt, error=_AS_OF_RUN))
    return dump(event)


def decode(text: str | bytes) -> Event:
    """Return the event that `encode` wrote."""
    event = _decoder.decode(text)
    if not isinstance(event, _WITH_ATTEMPT) or event.attempt is None:
        return event
    if event.attempt.error != _AS_OF_RUN:
        return event
    return replace(event, attempt=replace(event.attempt, error=event.after.error))
