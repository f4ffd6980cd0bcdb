"""What the engine decides: changes to write, and what to do once they are written."""

from __future__ import annotations

from typing import Any

import msgspec

from schedkit.core.engine.changes import Change
from schedkit.core.engine.stimuli import Stimulus
from schedkit.core.events import Event
from schedkit.core.model import Task
from schedkit.core.run import Run

__all__ = [
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
