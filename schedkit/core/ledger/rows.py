"""Values to rows of the ledger, and back."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from schedkit.core.events import Event, encode
from schedkit.core.run import Attempt, Run
from schedkit.core.states import Outcome, State
from schedkit.core.text import dump, load
from schedkit.values.rng import chance
from schedkit.values.text import clean

__all__ = [
    "FIXED",
    "GUARD",
    "MUTABLE",
    "attempt_from_row",
    "attempt_values",
    "event_values",
    "id_at",
    "new_id",
    "run_from_row",
    "run_values",
    "step_values",
    "time_from",
    "to_micros",
]

# What a run keeps for good …
FIXED = ("id", "task", "cause", "who", "scheduled_at", "queued_at", "params")
# … what its steps may change …
MUTABLE = (
    *("state", "due_at", "started_at", "finished_at", "priority", "attempt", "interruptions"),
    *("reason", "error", "result", "waiting_for"),
)
# … and what must still be so for a step.
GUARD = ("id", "attempt", "state")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u
_SINCE = 1_577_836_800_000  # 2020, in milliseconds
_CHANCE = (1 << 37) - 1
_TWO = [first + second for first in _ALPHABET for second in _ALPHABET]


def to_micros(when: datetime) -> int:
    """Return microseconds since 1970."""
    return (when - _EPOCH) // _MICROSECOND


def time_from(micros: int | None) -> datetime | None:
    """Return the aware UTC time, None for None."""
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)


class _Ids:
    """Makes ids of 16 letters that sort by time: 42 bits of milliseconds since 2020, 38 of chance."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._chance = chance.getrandbits(37)

    def __call__(self) -> str:
        with self._lock:
            # A step of chance, not a draw: two processes differ by where they began. Two ids of one
            # process keep their order within a millisecond and across a clock set back.
            self._chance = (self._chance * 6364136223846793005 + 1442695040888963407) & _CHANCE
            made = (int(time.time() * 1000) - _SINCE) << 38 | self._chance
            self._last = made = max(made, self._last + 1)
        return _letters(made)


def _letters(number: int) -> str:
    return "".join([_TWO[number >> shift & 1023] for shift in range(70, -1, -10)])


def id_at(when: datetime) -> str:
    """Return the smallest id of a time."""
    return _letters(max(0, int(when.timestamp() * 1000) - _SINCE) << 38)


new_id = _Ids()


def run_values(run: Run) -> tuple[Any, ...]:
    """Return a run as the values of `FIXED`, then of `MUTABLE`."""
    return (
        run.id,
        run.task,
        run.cause,
        run.who,
        None if run.scheduled_at is None else to_micros(run.scheduled_at),
        to_micros(run.queued_at),
        dump(run.params) if run.params else None,
        *_mutable(run),
    )


def step_values(before: Run, after: Run) -> tuple[Any, ...]:
    """Return a run's step as the values of `MUTABLE`, then of `GUARD`."""
    return (*_mutable(after), after.id, before.attempt, before.state.value)


def _mutable(run: Run) -> tuple[Any, ...]:
    return (
        run.state.value,
        to_micros(run.due_at),
        None if run.started_at is None else to_micros(run.started_at),
        None if run.finished_at is None else to_micros(run.finished_at),
        int(run.priority),
        run.attempt,
        run.interruptions,
        clean(run.reason) if run.reason else "",
        dump(run.error) if run.error is not None else None,
        dump(run.result) if run.result is not None else None,
        dump(run.waiting_for) if run.waiting_for else None,
    )


def run_from_row(row: Mapping[str, Any]) -> Run:
    """Return the run of a row."""
    due, queued = time_from(row["due_at"]), time_from(row["queued_at"])
    assert due is not None
    assert queued is not None
    return Run(
        id=row["id"],
        task=row["task"],
        state=State(row["state"]),
        cause=row["cause"],
        who=row["who"],
        scheduled_at=time_from(row["scheduled_at"]),
        due_at=due,
        queued_at=queued,
        started_at=time_from(row["started_at"]),
        finished_at=time_from(row["finished_at"]),
        priority=row["priority"],
        attempt=row["attempt"],
        interruptions=row["interruptions"],
        params=load(row["params"]) or {},
        reason=row["reason"],
        error=load(row["error"]),
        result=load(row["result"]),
        waiting_for=tuple(load(row["waiting_for"]) or ()),
    )


def attempt_values(run: str, attempt: Attempt) -> tuple[Any, ...]:
    """Return an ended attempt as the values of its row, in the order of the table's columns."""
    return (
        run,
        attempt.number,
        to_micros(attempt.started_at),
        to_micros(attempt.finished_at),
        attempt.outcome.value,
        None if attempt.error is None else dump(attempt.error),
        attempt.owner,
    )


def attempt_from_row(row: Mapping[str, Any]) -> Attempt:
    """Return the attempt of a row."""
    started, finished = time_from(row["started_at"]), time_from(row["finished_at"])
    assert started is not None
    assert finished is not None
    return Attempt(
        number=row["number"],
        started_at=started,
        finished_at=finished,
        outcome=Outcome(row["outcome"]),
        error=load(row["error"]),
        owner=row["owner"],
    )


def event_values(event: Event) -> tuple[Any, ...]:
    """Return a fact as the values of its row, in the order of the table's columns."""
    return (
        event.seq,
        to_micros(event.at),
        type(event).__name__,
        event.task,
        event.run,
        event.who,
        encode(event),
    )
