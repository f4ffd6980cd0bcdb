"""What the engine takes and gives: stimuli in, a decision out. Plain values; times are microseconds.

Instants count from 1970 (UTC). A stimulus with a `command` came through the ledger and is answered there;
one with a `token` came from this process, whose token tells whom to answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from schedkit.core.events import Event
from schedkit.core.model import Task, TaskRow
from schedkit.core.run import Attempt, Run
from schedkit.core.states import Disposition, Outcome, State
from schedkit.core.triggers.base import Trigger
from schedkit.errors import SchedkitError

__all__ = [
    "Abandon",
    "Adopted",
    "Announce",
    "Answer",
    "Answered",
    "AttemptRecorded",
    "AttemptStarted",
    "Cancel",
    "Change",
    "CodeTold",
    "Decision",
    "Declare",
    "DetailsTold",
    "Drain",
    "Ended",
    "Finished",
    "FireRecorded",
    "Found",
    "Heard",
    "HoldWrites",
    "KeepRequest",
    "OutdatedError",
    "ParentsHeard",
    "Pause",
    "Recover",
    "Remove",
    "Reply",
    "Reschedule",
    "Resume",
    "RunChanged",
    "SettingPut",
    "Snapshot",
    "StandBy",
    "Start",
    "Stimulus",
    "Stop",
    "StopAttempts",
    "Submit",
    "TaskAdvanced",
    "TaskDropped",
    "TaskHeld",
    "TaskPut",
    "TaskUntouched",
    "WaitAdded",
    "WaitBound",
    "WaitDropped",
    "WaitEnded",
    "WaitRow",
]


class OutdatedError(SchedkitError):
    """What the ledger had of a task is older than what this engine has decided or heard of."""


# Stimuli


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


class KeepRequest(Stimulus, frozen=True, kw_only=True, gc=False):
    """A task was requested whose handler no process has: it waits, at home with nobody."""

    row: TaskRow
    trigger: Trigger | None
    actor: str


class Heard(Stimulus, frozen=True, kw_only=True, gc=False):
    """Other processes have written events to the log.

    `paused` is whether the ledger has all tasks paused, if that may have changed and nothing that was decided
    here is unwritten.
    """

    events: tuple[Event, ...] = ()
    paused: bool | None = None


class Submit(Stimulus, frozen=True, kw_only=True, gc=False):
    """Somebody wants a run; `scheduled` is the due time that it makes up for, `retry_of` the run repeated."""

    run: str
    task: str
    params: dict[str, Any] | None = None
    cause: str = "submit"
    actor: str = ""
    scheduled: int | None = None
    retry_of: str = ""
    request: dict[str, Any] | None = None


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


# A decision


class RunChanged(msgspec.Struct, frozen=True, gc=False):
    """A run moved on; `before` None: it is new."""

    before: Run | None
    after: Run


class AttemptStarted(msgspec.Struct, frozen=True, gc=False):
    """An attempt begins, in this process."""

    run: str
    number: int
    started: int


class AttemptRecorded(msgspec.Struct, frozen=True, gc=False):
    """An attempt has ended."""

    run: str
    attempt: Attempt


class DetailsTold(msgspec.Struct, frozen=True, gc=False):
    """What a run has told so far: stages, log, facts, artifacts."""

    run: str
    details: dict[str, Any]


class TaskPut(msgspec.Struct, frozen=True, gc=False):
    """A task's row is new, or another; `home` is where it was at home until now, None: it is new."""

    row: TaskRow
    home: str | None


class TaskAdvanced(msgspec.Struct, frozen=True, gc=False):
    """A schedule moved on from one next time to the following."""

    task: str
    was: int
    to: int | None
    home: str


class TaskDropped(msgspec.Struct, frozen=True, gc=False):
    """A task was removed."""

    task: str
    home: str


class TaskHeld(msgspec.Struct, frozen=True, gc=False):
    """What was decided holds only while a task is at home there."""

    task: str
    home: str


class TaskUntouched(msgspec.Struct, frozen=True, gc=False):
    """What was decided holds only if nobody else has written of a task since that event."""

    task: str
    since: int


class ParentsHeard(msgspec.Struct, frozen=True, gc=False):
    """A task has a run for each run of its parents of which the log tells up to an event."""

    task: str
    seq: int
    home: str


class CodeTold(msgspec.Struct, frozen=True, gc=False):
    """This process has the code of a task."""

    task: str
    code: str
    since: int


class FireRecorded(msgspec.Struct, frozen=True, gc=False):
    """A due time, or a range of `count` of them (None: many), made no run."""

    task: str
    first: int
    last: int
    count: int | None
    disposition: Disposition
    at: int
    reason: str


class WaitRow(msgspec.Struct, frozen=True, gc=False):
    """What a run waits for: one parent; `parent_run` None: one that does not exist yet."""

    run: str
    child: str
    parent: str
    parent_run: str | None
    how: str
    ended: State | None = None


class WaitAdded(msgspec.Struct, frozen=True, gc=False):
    """A run waits for a parent."""

    row: WaitRow


class WaitBound(msgspec.Struct, frozen=True, gc=False):
    """The parent's run that a run waits for exists now."""

    run: str
    parent: str
    parent_run: str


class WaitEnded(msgspec.Struct, frozen=True, gc=False):
    """A run knows how the run of a parent ended for which it waits."""

    run: str
    parent: str
    state: State


class WaitDropped(msgspec.Struct, frozen=True, gc=False):
    """A run waits for a parent no more."""

    run: str
    parent: str


class SettingPut(msgspec.Struct, frozen=True, gc=False):
    """A note of the whole ledger."""

    key: str
    value: str


class Answered(msgspec.Struct, frozen=True, gc=False):
    """A command of the ledger has its answer."""

    command: str
    at: int
    answer: dict[str, Any]


Change = (
    RunChanged
    | AttemptStarted
    | AttemptRecorded
    | DetailsTold
    | TaskPut
    | TaskAdvanced
    | TaskDropped
    | TaskHeld
    | TaskUntouched
    | ParentsHeard
    | CodeTold
    | FireRecorded
    | WaitAdded
    | WaitBound
    | WaitEnded
    | WaitDropped
    | SettingPut
    | Answered
)


class Start(msgspec.Struct, frozen=True, gc=False):
    """An attempt begins once its claim is written."""

    run: Run
    task: Task


class Stop(msgspec.Struct, frozen=True, gc=False):
    """An attempt is asked to stop, and why: "cancel", "timeout" or "stop".

    `recorded`: it has ended for the ledger, `final` with it its run; `why` is what its hooks are told.
    """

    run: str
    attempt: int
    why: str
    actor: str = ""
    recorded: bool = False
    final: bool = False


class Finished(msgspec.Struct, frozen=True):
    """A run that has ended, with its value where it ended in this process."""

    run: Run
    value: Any = None
    has_value: bool = False


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What became of a stimulus: an answer, or the error that refused it."""

    stimulus: Stimulus
    answer: dict[str, Any]
    error: Exception | None = None


class Decision(msgspec.Struct, frozen=True):
    """What follows from stimuli and a time: written in one transaction, then carried out in this order.

    Attributes
    ----------
    stops : list
        May be carried out before they are written: they only ask.
    more : bool
        Whether more begins as soon as the engine is asked again.
    wake_at : int or None
        When the engine wants to be asked again, if no stimulus comes before; None: never.
    """

    changes: list[Change]
    events: list[Event]
    starts: list[Start]
    stops: list[Stop]
    replies: list[Reply]
    finished: list[Finished]
    more: bool
    wake_at: int | None

    @property
    def writes(self) -> bool:
        """Whether the ledger has anything of it; if not, what is told of it needs no commit."""
        return bool(self.changes) or any(event.seq for event in self.events)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger has of one task, for an engine that takes it in.

    Attributes
    ----------
    row : TaskRow or None
        None: the task is new.
    last : mapping of str to State
        How its last run ended, and that of each of its parents.
    seq : int
        The number of the newest event at that moment.
    here, abroad : set of str
        Runs that are running in this process, and in others which live; they end there.
    elsewhere : list of Run
        Runs of its parents that have not ended.
    unheard : list of tuple of int and Run
        Runs of its parents of which its home had not heard, with the event that tells of each.
    children : mapping of str to list of tuple of int and Run
        The same for each task that follows it in the process that takes it in.
    ended : list of Run
        Runs for which its runs wait and which have ended, of which its home had not heard.
    """

    row: TaskRow | None = None
    seq: int = 0
    live: list[Run] = []
    waits: list[WaitRow] = []
    taken: set[int] = set()
    last: Mapping[str, State] = {}
    here: frozenset[str] = frozenset()
    abroad: frozenset[str] = frozenset()
    elsewhere: list[Run] = []
    unheard: list[tuple[int, Run]] = []
    children: Mapping[str, list[tuple[int, Run]]] = {}
    ended: list[Run] = []


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine is made from: the ledger's rows of the tasks that are at home with one life.

    Attributes
    ----------
    abroad : set of str
        Runs of these tasks that are running in other processes; they end there.
    guests : set of str
        Runs of tasks that are at home elsewhere, which run here.
    elsewhere : list of Run
        Runs of parents at home elsewhere that have not ended.
    unheard : mapping of str to list of tuple of int and Run
        Task → the runs of its parents of which this life had not heard, with the event that tells of each.
    ended : list of Run
        Runs for which others wait and which have ended, of which this life had not heard.
    taken : mapping of str to set of int
        Times of each task, from its next one on, that have their run already: as after the clock was set
        back.
    last : mapping of str to State
        How the last run of each parent ended.
    """

    tasks: list[TaskRow] = []
    live: list[Run] = []
    waits: list[WaitRow] = []
    taken: Mapping[str, set[int]] = {}
    last: Mapping[str, State] = {}
    abroad: frozenset[str] = frozenset()
    guests: frozenset[str] = frozenset()
    elsewhere: list[Run] = []
    unheard: Mapping[str, list[tuple[int, Run]]] = {}
    ended: list[Run] = []
    paused: bool = False
    seq: int = 0
