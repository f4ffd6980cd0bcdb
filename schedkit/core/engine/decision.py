"""What the engine decides: changes to write, and what to do once they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from schedkit.core.engine.changes import Change, KeysClaimed
from schedkit.core.engine.stimuli import Stimulus
from schedkit.core.events import Event
from schedkit.core.model import Task
from schedkit.core.run import Run

__all__ = [
    "AskBegin",
    "Decision",
    "Finished",
    "Reply",
    "Start",
    "Stop",
]


class Start(msgspec.Struct, frozen=True, gc=False):
    """An attempt begins once its claim is written."""

    run: Run
    task: Task


class Stop(msgspec.Struct, frozen=True, gc=False):
    """An attempt is asked to stop for `why`: "cancel", "timeout" or "stop".

    `recorded`: its end is in the ledger, and with `final` its run's. Its hooks get `why`. `wanted`: if it
    ends well all the same, it counts.
    """

    run: str
    attempt: int
    why: str
    actor: str = ""
    recorded: bool = False
    final: bool = False
    wanted: bool = False


class AskBegin(msgspec.Struct, frozen=True, gc=False):
    """An attempt would have timed out if its code had begun at its start: when it began is to be told."""

    run: str
    attempt: int


class Finished(msgspec.Struct, frozen=True):
    """A run that has ended, with its value where it ended in this process."""

    run: Run
    value: Any = None
    has_value: bool = False


class Reply(msgspec.Struct, frozen=True, gc=False):
    """The result of a stimulus: an answer, or the error that refused it."""

    stimulus: Stimulus
    answer: dict[str, Any]
    error: Exception | None = None


class Decision(msgspec.Struct, frozen=True):
    """What follows from stimuli and a time: written in one transaction, then carried out in this order.

    Attributes
    ----------
    stops : list
        May be carried out before the commit: they only set a flag.
    more : bool
        Whether the next call may begin more at once.
    wake_at : int or None
        When to call again if no stimulus comes before; None: never.
    """

    changes: list[Change]
    events: list[Event]
    starts: list[Start]
    stops: list[Stop]
    replies: list[Reply]
    finished: list[Finished]
    more: bool
    wake_at: int | None
    asks: Sequence[AskBegin] = ()

    @property
    def claims(self) -> list[str]:
        """The runs that claim limited keys."""
        return [change.run for change in self.changes if isinstance(change, KeysClaimed)]

    @property
    def writes(self) -> bool:
        """Whether it needs a commit; if not, its events may be published at once."""
        return bool(self.changes) or any(event.seq for event in self.events)
