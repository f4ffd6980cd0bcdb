"""Values to rows of the ledger, and back."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from schedkit.core.events import Event, encode
from schedkit.core.model import Attempt, Run
from schedkit.core.states import Outcome, State
from schedkit.core.text import clean, dump, load

__all__ = [
    "attempt_row",
    "event_row",
    "id_at",
    "new_id",
    "run_from_row",
    "run_row",
    "time_from",
    "to_micros",
]

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
        self._chance = random.SystemRandom().getrandbits(37)

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


def run_row(run: Run) -> dict[str, Any]:
    """Return the row of a run."""
    return {
        "id": run.id,
        "task": run.task,
        "state": run.state.value,
        "cause": run.cause,
        "who": run.who,
        "scheduled_at": None if run.scheduled_at is None else to_micros(run.scheduled_at),
        "due_at": to_micros(run.due_at),
        "queued_at": to_micros(run.queued_at),
        "started_at": None if run.started_at is None else to_micros(run.started_at),
        "finished_at": None if run.finished_at is None else to_micros(run.finished_at),
        "priority": int(run.priority),
        "attempt": run.attempt,
        "interruptions": run.interruptions,
        "params": dump(run.params) if run.params else None,
        "reason": clean(run.reason) if run.reason else "",
        "error": dump(run.error) if run.error is not None else None,
        "result": dump(run.result) if run.result is not None else None,
        "waiting_for": dump(run.waiting_for) if run.waiting_for else None,
    }


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


def attempt_row(run: str, attempt: Attempt) -> dict[str, Any]:
    """Return the row of an ended attempt."""
    return {
        "run": run,
        "number": attempt.number,
        "started_at": to_micros(attempt.started_at),
        "finished_at": to_micros(attempt.finished_at),
        "outcome": attempt.outcome.value,
        "error": None if attempt.error is None else dump(attempt.error),
        "owner": attempt.owner,
    }


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


def event_row(event: Event) -> dict[str, Any]:
    """Return the row of a fact."""
    return {
        "seq": event.seq,
        "at": to_micros(event.at),
        "kind": type(event).__name__,
        "task": event.task,
        "run": event.run,
        "who": event.who,
        "data": encode(event),
    }
