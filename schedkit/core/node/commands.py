"""What people ask of a scheduler, as values that every door builds and `Dispatcher` carries out.

The ledger keeps those that are for another process.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schedkit.core.model import Requested
from schedkit.errors import SchedkitError
from schedkit.values.validation import msgspec_words

__all__ = [
    "BackfillTask",
    "CancelRun",
    "Command",
    "EndNode",
    "PauseTask",
    "RemoveTask",
    "RequestTask",
    "RescheduleTask",
    "ResumeTask",
    "SubmitRun",
    "read_command",
]


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """A command of a user or of another process.

    Attributes
    ----------
    task : str or None
        The task that it is about; None: all tasks.
    actor : str
        Who gave it; empty: the process that carries it out.
    """

    task: str | None = None
    actor: str = ""

    @property
    def kind(self) -> str:
        """Its name in the ledger."""
        return str(self.__struct_config__.tag)

    @property
    def data(self) -> dict[str, Any]:
        """What the ledger keeps of it besides its kind and its actor."""
        return {name: getattr(self, name) for name in self.__struct_fields__ if name != "actor"}


class SubmitRun(Command, frozen=True, kw_only=True, tag="submit"):
    """A run of a task, under an id that is known beforehand.

    `retry_of` is the ended run that it repeats, `request` the request that it was made by, `key` its
    idempotency key.
    """

    task: str
    run: str
    params: dict[str, Any] = {}
    retry_of: str = ""
    request: dict[str, Any] | None = None
    key: str = ""

    @property
    def cause(self) -> str:
        """Why the run exists."""
        if self.retry_of:
            return "retry"
        return "submit" if self.request is None else "request"


class CancelRun(Command, frozen=True, kw_only=True, tag="cancel"):
    """The end of a run: at once if it waits, else as soon as its code stops."""

    run: str


class PauseTask(Command, frozen=True, kw_only=True, tag="pause"):
    """No due times of a task, or of all."""


class ResumeTask(Command, frozen=True, kw_only=True, tag="resume"):
    """The due times of a task, or of all, again."""


class RemoveTask(Command, frozen=True, kw_only=True, tag="remove"):
    """A task forgotten; its history stays."""

    task: str


class RescheduleTask(Command, frozen=True, kw_only=True, tag="reschedule"):
    """Another trigger for a task, as JSON; None: it runs only when submitted."""

    task: str
    trigger: str | None


class BackfillTask(Command, frozen=True, kw_only=True, tag="backfill"):
    """A run for each due time of a task that has none, from `start` to `end` (microseconds since 1970)."""

    task: str
    start: int
    end: int


class RequestTask(Command, frozen=True, kw_only=True, tag="request"):
    """A task made of a handler, with a trigger as JSON; where there is an id, also a run of it now."""

    task: str
    requested: Requested
    trigger: str | None = None
    run: str = ""
    key: str = ""


class EndNode(Command, frozen=True, kw_only=True, tag="end"):
    """The end of a life: its runs get `patience` seconds to end, its tasks go to their heirs."""

    life: str
    patience: float


_KINDS: dict[str, type[Command]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        *(SubmitRun, CancelRun, BackfillTask, RequestTask),
        *(PauseTask, ResumeTask, RemoveTask, RescheduleTask, EndNode),
    )
}


def read_command(kind: str, data: dict[str, Any], actor: str) -> Command:
    """Return the command that the ledger keeps as a kind and data.

    Raises
    ------
    SchedkitError
        If it is not one that this schedkit knows.
    """
    known = _KINDS.get(kind)
    if known is None:
        raise SchedkitError(f"no command is called {kind!r}", hint=f"known are {', '.join(_KINDS)}")
    try:
        return msgspec.convert({**data, "kind": kind, "actor": actor}, known)
    except msgspec.ValidationError as error:
        raise SchedkitError(f"the command {kind!r} cannot be read: {msgspec_words(error)}") from None
