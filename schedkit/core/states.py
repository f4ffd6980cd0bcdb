"""Enumerations: states of runs, outcomes of attempts, outcomes of due times, policies, priorities."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from schedkit.errors import UsageError
from schedkit.values.scalars import plain_text
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["HEAD_START_SECONDS", "DueOutcome", "Outcome", "Overlap", "Priority", "State", "parse_state"]


class State(StrEnum):
    """The state of a run.

    Attributes
    ----------
    final : bool
        Whether the run has ended for good.
    """

    PENDING = "PENDING"  # waits for the runs it depends on
    QUEUED = "QUEUED"  # starts as soon as the limits allow
    RUNNING = "RUNNING"
    RETRY = "RETRY"  # waits for the due time of its next attempt
    DONE = "DONE"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"  # its code skipped it, or its parent failed

    final: bool


for _state in State:
    _state.final = _state in (State.DONE, State.FAILED, State.TIMEOUT, State.CANCELLED, State.SKIPPED)


def parse_state(name: str) -> State:
    """Return the state of a name in capitals or small letters.

    Raises
    ------
    UsageError
        If there is none; near matches are named.
    """
    try:
        return State((plain_text(name) if isinstance(name, str) else str(name)).upper())
    except ValueError:
        raise UsageError(f"unknown state {safe_repr(name)}", hint=did_you_mean(name, State)) from None


class Outcome(StrEnum):
    """How one attempt ended."""

    DONE = "done"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # its process died or was stopped


class DueOutcome(StrEnum):
    """The result of a due time; each has exactly one."""

    RUN = "run"
    MISSED = "missed"  # past its misfire grace
    COALESCED = "coalesced"  # a later time of the same schedule ran for it
    OVERLAPPED = "overlapped"  # the task was still running, and its policy is skip


class Overlap(StrEnum):
    """What happens to a fire while `max_instances` runs of the task are still alive."""

    SKIP = "skip"
    QUEUE = "queue"
    CANCEL = "cancel"  # the running one
    ALLOW = "allow"


class Priority(IntEnum):
    """Named priorities; any int between and beyond them will do.

    One unit is a minute of head start in the queue: a HIGH run overtakes every LOW run that has not
    waited 20 minutes longer, so nothing starves.
    """

    LOW = 0
    MEDIUM = 10
    HIGH = 20


HEAD_START_SECONDS = 60
