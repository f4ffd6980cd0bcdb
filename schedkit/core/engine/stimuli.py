"""What the engine is told: what happened, and what somebody wants. Plain values.

Instants are microseconds since 1970 (UTC). A stimulus with a `command` came through the ledger and is
answered there; one with a `token` came from this process, and the token says whom to answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from schedkit.core.engine.snapshot import Found
from schedkit.core.events import Event
from schedkit.core.model import Task
from schedkit.core.states import Outcome
from schedkit.core.triggers.base import Trigger
from schedkit.errors import SchedkitError

__all__ = [
    "Abandon",
    "Adopted",
    "Announce",
    "Answer",
    "Cancel",
    "Declare",
    "Drain",
    "Ended",
    "Heard",
    "HoldWrites",
    "Pause",
    "Recover",
    "Remove",
    "Reschedule",
    "Resume",
    "StandBy",
    "Stimulus",
    "StopAttempts",
    "Submit",
]


class Stimulus(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that happened, or that somebody wants."""

    token: Any = None
    command: str = ""


class Declare(Stimulus, frozen=True, kw_only=True, gc=False):
    """A task was declared in this process, new or again, and is at home here from now on.

    `id`, `trigger`, `words`, `facts` and `place` are those of its row; `code` tells whether others have the
    same; `starts` are its latest ones that the ledger knows, which count towards its rate. `found` is what
    the ledger has of it, read when `written` of this engine's decisions were in it; None: it is at home here.
    What ran in processes that are gone was lost for the `reason` given.
    """

    task: Task
    trigger: str | None
    words: str
    facts: dict[str, Any]
    actor: str
    id: str = ""
    place: str = ""
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


class Heard(Stimulus, frozen=True, kw_only=True, gc=False):
    """Other processes have written events to the log.

    `paused` is whether the ledger has all tasks paused, if that may have changed and nothing that was decided
    here is unwritten.
    """

    events: tuple[Event, ...] = ()
    paused: bool | None = None


class Submit(Stimulus, frozen=True, kw_only=True, gc=False):
    """Somebody wants a run; `scheduled` is the due time that it makes up for."""

    run: str
    task: str
    params: dict[str, Any] | None = None
    cause: str = "submit"
    actor: str = ""
    scheduled: int | None = None


class Cancel(Stimulus, frozen=True, kw_only=True, gc=False):
    """Somebody wants a run to end: at once if it waits, else as soon as its code stops."""

    run: str
    actor: str


class Pause(Stimulus, frozen=True, kw_only=True, gc=False):
    """Somebody stops the due times of a task, or of all (None)."""

    task: str | None
    actor: str


class Resume(Stimulus, frozen=True, kw_only=True, gc=False):
    """Somebody lets due times happen again."""

    task: str | None
    actor: str


class Remove(Stimulus, frozen=True, kw_only=True, gc=False):
    """Somebody has a task forgotten; its history stays."""

    task: str
    actor: str


class Reschedule(Stimulus, frozen=True, kw_only=True, gc=False):
    """Somebody gives a task another trigger, also as JSON and in words; None: it runs only when submitted."""

    task: str
    trigger: Trigger | None
    text: str | None
    words: str
    actor: str


class Announce(Stimulus, frozen=True, kw_only=True, gc=False):
    """This process has a fact for the event log, and settings for the ledger."""

    event: Event
    settings: Mapping[str, str] = {}


class Answer(Stimulus, frozen=True, kw_only=True, gc=False):
    """A command was carried out, or refused, outside the engine."""

    answer: Mapping[str, Any] = {}
    error: SchedkitError | None = None


class Ended(Stimulus, frozen=True, kw_only=True, gc=False):
    """The code of an attempt has ended.

    `value` is what its function returned, for who waits in this process; `details` is what it has told.
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


class Adopted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An attempt whose code is alive in this process, for an engine that is made anew.

    `task` is what it was started as; `started` is when it began, on the clock that never jumps; `why` it was
    asked to stop, and by whom.
    """

    run: str
    task: Task
    attempt: int
    started: int
    why: str = ""
    actor: str = ""


class Recover(Stimulus, frozen=True, kw_only=True, gc=False):
    """The engine was made from the ledger.

    Runs that it shows as running are lost with the process that ran them for the `reason` given; without a
    reason they are this process's own: those that are not among `adopted` were claimed and never started.
    `runs_aside` and `tasks_aside` stay as they stand: the ledger refuses what was decided about them.
    """

    adopted: tuple[Adopted, ...] = ()
    reason: str = ""
    runs_aside: frozenset[str] = frozenset()
    tasks_aside: frozenset[str] = frozenset()


class HoldWrites(Stimulus, frozen=True, kw_only=True, gc=False):
    """The store takes no writes (`held`), or takes them again: meanwhile nothing new begins."""

    held: bool


class Drain(Stimulus, frozen=True, kw_only=True, gc=False):
    """Nothing new is to begin any more."""


class StopAttempts(Stimulus, frozen=True, kw_only=True, gc=False):
    """What runs is asked to stop."""


class Abandon(Stimulus, frozen=True, kw_only=True, gc=False):
    """What still runs is recorded as interrupted."""
