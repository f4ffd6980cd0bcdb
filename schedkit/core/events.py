"""One frozen class per fact.

Facts with a `seq` above 0 are in the ledger's event log, in that order, written in the transaction that
made them true; those that are about to be written have `TO_COME`, because the ledger numbers them. Those with
`seq` 0 (progress, log lines, a blocked loop) live in memory only.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from schedkit.core.states import Disposition, Outcome, State
from schedkit.core.text import dump

__all__ = [
    "TO_COME",
    "Event",
    "Fired",
    "LoopBlocked",
    "NodeChanged",
    "RunEnded",
    "RunLogged",
    "RunNoted",
    "RunProgressed",
    "RunQueued",
    "RunRetrying",
    "RunStarted",
    "StoreAway",
    "StoreBack",
    "TaskChanged",
    "decode",
    "encode",
]


TO_COME = -1


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True, gc=False):
    """What every fact tells: when (aware, UTC), about which task and run, by whom."""

    at: datetime
    seq: int = TO_COME
    task: str = ""
    run: str = ""
    who: str = ""


class TaskChanged(Event, frozen=True, kw_only=True):
    """A task was declared, redeclared, paused, resumed, rescheduled or removed, or moved its next time.

    `change` is one of these words ("advanced" for the last); an empty `task` means all (paused, resumed).
    """

    change: str
    next_time: datetime | None = None
    trigger: str = ""  # in words
    paused: bool = False
    waiting: bool = False  # in the ledger, but its code has not been declared in this process
    tags: tuple[str, ...] = ()
    priority: int = 10
    description: str = ""
    limit: int | None = None  # of its runs at once; None: only the scheduler's
    place: str = ""  # "thread" or "process", which it takes; empty: the users' loop has room for all
    rate: str = ""  # of its starts, in words
    options: dict[str, str] = {}  # those that a screen lists, by name


class Fired(Event, frozen=True, kw_only=True):
    """A due time that started no run: missed, coalesced or overlapped; `count` times up to `until`."""

    scheduled_at: datetime
    until: datetime
    count: int | None
    disposition: Disposition


class RunQueued(Event, frozen=True, kw_only=True):
    """A run exists; `state` is QUEUED, or PENDING while it waits for `waiting_for` (parents' names)."""

    state: State
    cause: str
    scheduled_at: datetime | None = None
    due_at: datetime
    priority: int
    params: dict[str, Any] = {}
    waiting_for: tuple[str, ...] = ()


class RunStarted(Event, frozen=True, kw_only=True):
    """An attempt began."""

    attempt: int


class RunRetrying(Event, frozen=True, kw_only=True):
    """An attempt ended, and another follows: `state` is RETRY (due at `due_at`) or QUEUED."""

    state: State
    attempt: int
    outcome: Outcome
    due_at: datetime
    error: dict[str, Any] | None = None
    reason: str = ""


class RunEnded(Event, frozen=True, kw_only=True):
    """A run reached a final state; `seconds` is its last attempt's length."""

    state: State
    attempt: int
    seconds: float | None = None
    error: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    reason: str = ""


class RunProgressed(Event, frozen=True, kw_only=True):
    """A stage of a run has done `done` of `total` units (None: unknown)."""

    seq: int = 0
    stage: str
    done: float
    total: float | None = None


class RunLogged(Event, frozen=True, kw_only=True):
    """A log line of a run; `level` is the `logging` module's."""

    seq: int = 0
    level: int
    message: str


class RunNoted(Event, frozen=True, kw_only=True):
    """A run left facts (`kind`, `facts`) or a file (`kind` "artifact", facts `path` and `label`)."""

    seq: int = 0
    kind: str
    facts: dict[str, Any]


class LoopBlocked(Event, frozen=True, kw_only=True):
    """A coroutine keeps the users' loop busy for `seconds` so far; `where` is its file and line.

    `over` tells that the loop goes on again.
    """

    seq: int = 0
    seconds: float
    where: str = ""
    over: bool = False


class NodeChanged(Event, frozen=True, kw_only=True):
    """A process began or ceased to run tasks: `change` is started, stopped, gone (found dead) or lost."""

    change: str
    name: str
    life: str = ""


class StoreAway(Event, frozen=True, kw_only=True):
    """The store does not take writes; they wait. `reason` is the driver's message."""

    seq: int = 0
    reason: str


class StoreBack(Event, frozen=True, kw_only=True):
    """The store takes writes again after `seconds`."""

    seq: int = 0
    seconds: float


AnyEvent = (
    TaskChanged
    | Fired
    | RunQueued
    | RunStarted
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


def encode(event: Event) -> str:
    """Return the event as JSON text; a value JSON does not know becomes its text."""
    return dump(event)


def decode(text: str | bytes) -> Event:
    """Return the event that `encode` wrote."""
    return _decoder.decode(text)
