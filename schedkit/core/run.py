"""Runs, their attempts, and the results that a task's code may return."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from schedkit.core.states import Outcome, Priority, State
from schedkit.errors import UsageError
from schedkit.values.instants import SECOND, from_micros

__all__ = [
    "FULL_TEXT",
    "PRUNED",
    "STORED",
    "TAG",
    "Attempt",
    "Run",
    "TaskResult",
    "attempt_of",
    "first_number",
]

# The kind of a result that retention has deleted; that of a run that returned None is None.
PRUNED = "pruned"
# Before a tag, in the key of its limit.
TAG = "tag:"
# Prefix of the labels of files with the full text of what is too long for the ledger.
FULL_TEXT = "Full text of "
# What is noted of a file that is kept with the results, at their URL.
STORED = {"kept": "results"}


# Output is numbered; the numbers of the next attempt begin so much higher.
NUMBERS_OF_ATTEMPT = 1_000_000_000


def first_number(attempt: int) -> int:
    """Return the number of an attempt's first output: numbers grow over all attempts of a run."""
    return attempt * NUMBERS_OF_ATTEMPT + 1


def attempt_of(number: int) -> int:
    """Return the attempt of an output number."""
    return number // NUMBERS_OF_ATTEMPT


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One try of a run that has ended."""

    number: int
    started: int  # this and the next: microseconds since 1970
    finished: int
    outcome: Outcome
    error: dict[str, Any] | None = None
    life: str = ""
    worker: str = ""  # where it ran away from its home: name and host

    @property
    def started_at(self) -> datetime:
        """When it began (aware, UTC)."""
        return from_micros(self.started)

    @property
    def finished_at(self) -> datetime:
        """When it ended (aware, UTC)."""
        return from_micros(self.finished)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished - self.started) / SECOND


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One run of a task, as the ledger knows it.

    Attributes
    ----------
    cause : str
        Why it exists: "schedule", "submit", "after", "backfill", "retry" or "request".
    retry_of : str
        The run that it repeats; empty: none.
    request : dict or None
        The request that it was made by: name, owner, metadata, options.
    key : str
        The idempotency key that it was asked for with; empty: none. Each is of one run only.
    scheduled, due, queued, started, finished : int
        Microseconds since 1970; `scheduled_at` and so on are the same as aware times in UTC.
    attempt : int
        Counts starts and fences them: 0 before the first.
    interruptions : int
        How many of the attempts did not count as tries.
    """

    id: str
    task: str
    state: State
    cause: str = "submit"
    actor: str = ""
    scheduled: int | None = None
    due: int
    queued: int
    started: int | None = None
    finished: int | None = None
    priority: int = Priority.MEDIUM
    attempt: int = 0
    interruptions: int = 0
    params: dict[str, Any] = {}
    retry_of: str = ""
    request: dict[str, Any] | None = None
    key: str = ""
    reason: str = ""
    error: dict[str, Any] | None = None  # type, message, hint, traceback
    result: dict[str, Any] | None = None  # kind, path, rows, …
    waiting_for: tuple[str, ...] = ()  # parents' tasks; limits of the ledger that are used up: tag:…

    @property
    def scheduled_at(self) -> datetime | None:
        """The due time for which it was made; None: it was submitted."""
        return from_micros(self.scheduled)

    @property
    def due_at(self) -> datetime:
        """When it is to start: jitter and the delay of a retry included."""
        return from_micros(self.due)

    @property
    def queued_at(self) -> datetime:
        """When it was made."""
        return from_micros(self.queued)

    @property
    def started_at(self) -> datetime | None:
        """When its last attempt began."""
        return from_micros(self.started)

    @property
    def finished_at(self) -> datetime | None:
        """When it ended for good."""
        return from_micros(self.finished)

    @property
    def seconds(self) -> float | None:
        """How long its last attempt took, None before its end."""
        if self.started is None or self.finished is None:
            return None
        return (self.finished - self.started) / SECOND

    @property
    def why(self) -> str:
        """The reason of its state: its error's type and message, or its reason; may be empty."""
        error = self.error or {}
        return ": ".join(filter(None, (error.get("type"), error.get("message") or self.reason)))


class TaskResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a task may return instead of a plain value.

    Examples
    --------
    >>> TaskResult.success("stock synced", rows=100).ok
    True
    """

    status: str
    message: str = ""
    error: str = ""
    data: dict[str, Any] = {}
    value: Any = None

    def __post_init__(self) -> None:
        if self.status not in ("success", "failed", "skipped"):
            raise UsageError(
                f"TaskResult: status={self.status!r}",
                hint="write TaskResult.success(…), .failed(…) or .skipped(…)",
            )

    @classmethod
    def success(cls, message: str = "", value: Any = None, /, **data: Any) -> TaskResult:
        """The run is DONE; `data` are JSON-able facts kept with it, `value` its result."""
        return cls(status="success", message=message, value=value, data=data)

    @classmethod
    def failed(cls, error: str = "", message: str = "", **data: Any) -> TaskResult:
        """The attempt failed, as if the task had raised `RetryableError`."""
        return cls(status="failed", message=message or error, error=error or message, data=data)

    @classmethod
    def skipped(cls, message: str = "", **data: Any) -> TaskResult:
        """There was nothing to do: the run is SKIPPED."""
        return cls(status="skipped", message=message, data=data)

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return self.status != "failed"
