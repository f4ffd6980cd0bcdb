"""Inputs of the engine, as plain values: what happened, and what was requested.

Instants are microseconds since 1970 (UTC). A stimulus with a `command` came through the ledger and is
answered there; one with a `token` came from this process, and the reply carries the token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from schedkit.core.engine.snapshot import Found, Limit, Use
from schedkit.core.events import Event
from schedkit.core.model import Task, TaskRow
from schedkit.core.states import Outcome
from schedkit.core.triggers.base import Trigger
from schedkit.errors import SchedkitError

__all__ = [
    "Abandon",
    "Adopted",
    "Announce",
    "Answer",
    "Began",
    "Cancel",
    "ClaimsSettled",
    "Declare",
    "DeclareLimits",
    "Drain",
    "Ended",
    "EventsReceived",
    "HoldWrites",
    "KeepRequest",
    "LimitsSeen",
    "Pause",
    "Recover",
    "Remove",
    "Reschedule",
    "Resume",
    "RoomSeen",
    "StandBy",
    "Stimulus",
    "StopAttempts",
    "Submit",
    "WaitFor",
]


class Stimulus(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that happened, or that was requested."""

    token: Any = None
    command: str = ""


class Declare(Stimulus, frozen=True, kw_only=True, gc=False):
    """A task was declared in this process, new or again, and is at home here from now on.

    `id`, `trigger`, `schedule_text`, `facts` and `place` are those of its row; without a place that stays as
    it is. `code` is the hash by which other processes compare theirs. `starts` are the recorded starts that
    count towards its rate. `found` is what the ledger has of it, read after `written` decisions of this
    engine; None: it is at home here. Runs of processes that are gone are interrupted for the `reason` given.
    """

    task: Task
    trigger: str | None
    schedule_text: str
    facts: dict[str, Any]
    actor: str
    id: str = ""
    place: str | None = ""
    code: str = ""
    home_by: str = "declared"
    starts: tuple[int, ...] = ()
    found: Found | None = None
    written: int = 0
    reason: str = ""


class StandBy(Stimulus, frozen=True, kw_only=True, gc=False):
    """A task was declared in this process and stays at home elsewhere: this process may inherit it."""

    task: str
    code: str


class KeepRequest(Stimulus, frozen=True, kw_only=True, gc=False):
    """A task was requested whose handler no process has: it waits, without a home."""

    row: TaskRow
    trigger: Trigger | None
    actor: str


class EventsReceived(Stimulus, frozen=True, kw_only=True, gc=False):
    """Other processes have written events to the log.

    `paused` is whether the ledger has all tasks paused; None unless that may have changed and all decisions
    of this process are written.
    """

    events: tuple[Event, ...] = ()
    paused: bool | None = None


class Submit(Stimulus, frozen=True, kw_only=True, gc=False):
    """A run is to be made.

    `scheduled` is the due time that it makes up for, `retry_of` the run that it repeats, `request` the
    request that it was made by, `key` its idempotency key.
    """

    run: str
    task: str
    params: dict[str, Any] | None = None
    cause: str = "submit"
    actor: str = ""
    scheduled: int | None = None
    retry_of: str = ""
    request: dict[str, Any] | None = None
    key: str = ""


class Cancel(Stimulus, frozen=True, kw_only=True, gc=False):
    """A run is to be cancelled: at once if it waits, else as soon as its code stops."""

    run: str
    actor: str


class Pause(Stimulus, frozen=True, kw_only=True, gc=False):
    """The due times of a task, or of all tasks (None), are to stop."""

    task: str | None
    actor: str


class Resume(Stimulus, frozen=True, kw_only=True, gc=False):
    """The due times of a task, or of all tasks (None), are to happen again."""

    task: str | None
    actor: str


class Remove(Stimulus, frozen=True, kw_only=True, gc=False):
    """A task is to be removed; its history stays."""

    task: str
    actor: str


class Reschedule(Stimulus, frozen=True, kw_only=True, gc=False):
    """A task gets another trigger, given also as JSON and as text; None: it runs only when submitted."""

    task: str
    trigger: Trigger | None
    trigger_json: str | None
    schedule_text: str
    actor: str


class Announce(Stimulus, frozen=True, kw_only=True, gc=False):
    """An event of this process for the log, and settings for the ledger."""

    event: Event
    settings: Mapping[str, str] = {}


class Answer(Stimulus, frozen=True, kw_only=True, gc=False):
    """A command was carried out, or refused, outside the engine."""

    answer: Mapping[str, Any] = {}
    error: SchedkitError | None = None


class Began(Stimulus, frozen=True, kw_only=True, gc=False):
    """The code of an attempt began `at` that time on the monotonic clock; told only when it is asked for."""

    run: str
    attempt: int
    at: int


class Ended(Stimulus, frozen=True, kw_only=True, gc=False):
    """The code of an attempt has ended.

    `value` is what its function returned, for waiters in this process; `details` is what it has reported;
    `worker` is where it ran, if that was away from here.
    """

    run: str
    attempt: int
    outcome: Outcome
    value: Any = None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    retryable: bool = False
    skipped: bool = False
    reason: str = ""
    details: dict[str, Any] | None = None
    worker: str = ""


class Adopted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An attempt whose code is alive in this process, for an engine that is rebuilt.

    `task` is its declaration at its start; `started` is when it was started and `begun` when its code began,
    if that is known, on the monotonic clock; `why` and `actor` are the reason of its stop, if it was asked to
    stop.
    """

    run: str
    task: Task
    attempt: int
    started: int
    begun: int | None = None
    why: str = ""
    actor: str = ""
    wanted: bool = False


class Recover(Stimulus, frozen=True, kw_only=True, gc=False):
    """The engine was built from the ledger.

    Runs that are running there are interrupted for the `reason` given. Without a reason they are this
    process's own: those that are not among `adopted` were claimed and never started. `runs_aside` and
    `tasks_aside` stay as they are: the ledger refuses decisions about them. `away_until` is when the last
    lease of a process that died is over (microseconds): until then its code on workers may continue.
    """

    adopted: tuple[Adopted, ...] = ()
    reason: str = ""
    runs_aside: frozenset[str] = frozenset()
    tasks_aside: frozenset[str] = frozenset()
    away_until: int | None = None


class DeclareLimits(Stimulus, frozen=True, kw_only=True, gc=False):
    """This process declares how many runs may hold a key at once, in all processes together.

    `alone`: no other process lives, and limits that it does not declare are forgotten.
    """

    limits: Mapping[str, int]
    alone: bool
    actor: str


class ClaimsSettled(Stimulus, frozen=True, kw_only=True, gc=False):
    """The claims of a decision are written: `refused` has the keys that had no room for a run.

    A run in `runs` that is not in it holds what it claimed. `number` counts the decision.
    """

    number: int
    runs: Sequence[str]
    refused: Mapping[str, frozenset[str]]


class LimitsSeen(Stimulus, frozen=True, kw_only=True, gc=False):
    """What the ledger says of its limits, and of the use of keys for which runs here wait.

    It was read after `written` decisions of this engine.
    """

    limits: Mapping[str, Limit]
    uses: Mapping[str, Use]
    written: int = 0


class RoomSeen(Stimulus, frozen=True, kw_only=True, gc=False):
    """How many runs the workers elsewhere have room for, those included that they have.

    `most` is in all, `of_task` of each task, and `why` says why there is no worker for a task.
    """

    most: int
    of_task: Mapping[str, int] = {}
    why: Mapping[str, str] = {}


class HoldWrites(Stimulus, frozen=True, kw_only=True, gc=False):
    """The store accepts no writes (`held`), or accepts them again; nothing new begins meanwhile."""

    held: bool


class Drain(Stimulus, frozen=True, kw_only=True, gc=False):
    """Nothing new is to begin."""


class StopAttempts(Stimulus, frozen=True, kw_only=True, gc=False):
    """All running attempts are to stop."""


class Abandon(Stimulus, frozen=True, kw_only=True, gc=False):
    """All running attempts are recorded as interrupted."""


class WaitFor(Stimulus, frozen=True, kw_only=True, gc=False):
    """A run that is running here waits for the end of another one, or does not any more (`over`)."""

    run: str
    other: str
    over: bool = False
