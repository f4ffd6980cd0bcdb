"""What a decision changes in the ledger: one value for each row or condition. Times are microseconds."""

from __future__ import annotations

from typing import Any

import msgspec

from schedkit.core.engine.snapshot import WaitRow
from schedkit.core.model import TaskRow
from schedkit.core.run import Attempt, Run
from schedkit.core.states import DueOutcome, State

__all__ = [
    "Answered",
    "AttemptRecorded",
    "AttemptStarted",
    "Change",
    "CodeRecorded",
    "DetailsRecorded",
    "FireRecorded",
    "HomeExpected",
    "KeysClaimed",
    "KeysDropped",
    "KeysKept",
    "LimitPut",
    "ParentsFollowed",
    "RunChanged",
    "SettingPut",
    "TaskAdvanced",
    "TaskDropped",
    "TaskPut",
    "TaskUntouched",
    "WaitAdded",
    "WaitBound",
    "WaitDropped",
    "WaitEnded",
]


class RunChanged(msgspec.Struct, frozen=True, gc=False):
    """A run changed; `before` None: it is new."""

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


class DetailsRecorded(msgspec.Struct, frozen=True, gc=False):
    """What a run has reported so far: stages, log, facts, artifacts."""

    run: str
    details: dict[str, Any]


class TaskPut(msgspec.Struct, frozen=True, gc=False):
    """A task's row is new or changed; `home` is its home before, None: it is new."""

    row: TaskRow
    home: str | None


class TaskAdvanced(msgspec.Struct, frozen=True, gc=False):
    """The next time of a schedule changed."""

    task: str
    was: int
    to: int | None
    home: str


class TaskDropped(msgspec.Struct, frozen=True, gc=False):
    """A task was removed."""

    task: str
    home: str


class HomeExpected(msgspec.Struct, frozen=True, gc=False):
    """A condition of the decision: the task is at home there."""

    task: str
    home: str


class TaskUntouched(msgspec.Struct, frozen=True, gc=False):
    """A condition of the decision: no other process has written about the task since that event."""

    task: str
    since: int


class ParentsFollowed(msgspec.Struct, frozen=True, gc=False):
    """A task has a run for each run of its parents in the log up to an event."""

    task: str
    seq: int
    home: str


class CodeRecorded(msgspec.Struct, frozen=True, gc=False):
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
    outcome: DueOutcome
    at: int
    reason: str


class WaitAdded(msgspec.Struct, frozen=True, gc=False):
    """A run waits for a parent."""

    row: WaitRow


class WaitBound(msgspec.Struct, frozen=True, gc=False):
    """The parent's run that a run waits for exists now."""

    run: str
    parent: str
    parent_run: str


class WaitEnded(msgspec.Struct, frozen=True, gc=False):
    """The parent's run for which a run waits has ended."""

    run: str
    parent: str
    state: State


class WaitDropped(msgspec.Struct, frozen=True, gc=False):
    """A run no longer waits for a parent."""

    run: str
    parent: str


class LimitPut(msgspec.Struct, frozen=True, gc=False):
    """How many runs may hold a key at once, in all processes together; `most` None: any number."""

    key: str
    most: int | None
    actor: str


class KeysClaimed(msgspec.Struct, frozen=True, gc=False):
    """A run is to hold limited keys; it gets all of them, or waits for those that have no room.

    `yields`: a run of another process that waits with a smaller rank goes first.
    """

    run: str
    keys: tuple[str, ...]
    rank: int
    yields: bool
    life: str


class KeysKept(msgspec.Struct, frozen=True, gc=False):
    """A run that is running holds limited keys, whether they have room or not."""

    run: str
    keys: tuple[str, ...]
    life: str


class KeysDropped(msgspec.Struct, frozen=True, gc=False):
    """A run in this life holds no limited keys any more, and waits for none."""

    run: str
    life: str


class SettingPut(msgspec.Struct, frozen=True, gc=False):
    """A setting of the whole ledger."""

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
    | DetailsRecorded
    | TaskPut
    | TaskAdvanced
    | TaskDropped
    | HomeExpected
    | TaskUntouched
    | ParentsFollowed
    | CodeRecorded
    | FireRecorded
    | KeysClaimed
    | KeysDropped
    | KeysKept
    | LimitPut
    | WaitAdded
    | WaitBound
    | WaitEnded
    | WaitDropped
    | SettingPut
    | Answered
)
