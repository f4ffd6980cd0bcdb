"""Pure folds: one row of the board and one event make the next row. Rows are replaced, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from schedkit.core import events as ev
from schedkit.core.run import Attempt, Run
from schedkit.core.states import Priority, State

__all__ = [
    "detail_fields",
    "ended_task_row",
    "folded_run",
    "new_run_row",
    "new_task_row",
    "run_row",
    "task_state",
]

Row = dict[str, Any]

LOG_LINES = 200
AGAIN = 50
DURATIONS = 30
_PRIORITIES = {int(priority): priority.name.lower() for priority in Priority}
_COUNTED = {State.DONE: True, State.FAILED: False, State.TIMEOUT: False}


def iso(at: datetime | None) -> str | None:
    """Return a moment as ISO 8601, None as None."""
    return None if at is None else at.isoformat()


def priority_word(value: int) -> str | int:
    """Return the priority's name where it has one."""
    return _PRIORITIES.get(value, value)


def new_task_row(name: str) -> Row:
    """Return the row of a task of which nothing but the name is known."""
    return {
        "name": name,
        "description": "",
        "state": "idle",
        "trigger": "",
        "next_run": None,
        "paused": False,
        "declared": True,
        "last": None,
        "success_rate": None,
        "durations": [],
        "tags": [],
        "priority": "medium",
        "limit": None,
        "place": "",
        "rate": "",
        "options": {},
    }


def task_state(row: Row, running: bool, waiting: bool) -> str:
    """Tell in one word what a task does now."""
    if running:
        return "running"
    if not row["declared"]:
        return "waiting"
    if row["paused"]:
        return "paused"
    return "queued" if waiting else "idle"


def ended_task_row(
    row: Row, run: str, state: State, at: datetime, seconds: float | None, error: Mapping[str, Any] | None
) -> Row:
    """Return the task's row after one of its runs has ended."""
    durations = row["durations"]
    if seconds is not None:
        durations = [*durations[1 - DURATIONS :], [round(seconds, 3), str(state)]]
    verdicts = [_COUNTED[State(how)] for _, how in durations if how in _COUNTED]
    last = {
        "run": run,
        "state": str(state),
        "finished": iso(at),
        "seconds": seconds,
        "error": error.get("message") if error else None,
    }
    rate = round(sum(verdicts) / len(verdicts), 4) if verdicts else None
    return {**row, "last": last, "durations": durations, "success_rate": rate}


def new_run_row(run: str, task: str) -> Row:
    """Return the row of a run of which nothing but the name is known."""
    return {
        "id": run,
        "task": task,
        "state": str(State.QUEUED),
        "priority": "medium",
        "cause": "",
        "scheduled_at": None,
        "due_at": None,
        "queued_at": None,
        "started_at": None,
        "finished_at": None,
        "attempt": 0,
        "attempts": [],
        "stages": [],
        "log": [],
        "params": {},
        "error": None,
        "reason": "",
        "artifacts": [],
        "facts": {},
        "result": None,
        "waiting_for": None,
    }


def run_row(run: Run) -> Row:
    """Return the row of a run read from the ledger, without its long parts."""
    row = new_run_row(run.id, run.task)
    row.update(
        state=str(run.state),
        priority=priority_word(run.priority),
        cause=run.cause,
        scheduled_at=iso(run.scheduled_at),
        due_at=iso(run.due_at),
        queued_at=iso(run.queued_at),
        started_at=iso(run.started_at),
        finished_at=iso(run.finished_at),
        attempt=run.attempt,
        params=run.params,
        error=run.error,
        reason=run.reason,
        result=run.result,
        waiting_for=_waiting(run.state, run.waiting_for),
    )
    return row


def detail_fields(details: Mapping[str, Any], attempts: Iterable[Attempt]) -> Row:
    """Return the fields of a run's long parts: what it told, and its ended attempts."""
    log = details.get("log", [])[-LOG_LINES:]
    return {
        "stages": details.get("stages", []),
        "log": [{"n": number, **line} for number, line in enumerate(log, 1)],
        "facts": details.get("facts", {}),
        "artifacts": details.get("artifacts", []),
        "attempts": [_attempt(attempt) for attempt in attempts],
    }


def _attempt(attempt: Attempt) -> Row:
    return {
        "number": attempt.number,
        "started_at": iso(attempt.started_at),
        "finished_at": iso(attempt.finished_at),
        "outcome": str(attempt.outcome),
        "error": attempt.error,
    }


def _waiting(state: State, parents: Iterable[str]) -> str | None:
    if state is State.PENDING:
        return ", ".join(parents) or None
    return "its next attempt" if state is State.RETRY else None


def folded_run(row: Row, event: ev.Event) -> Row:
    """Return the run's row after `event`."""
    match event:
        case ev.RunQueued():
            return {
                **row,
                "state": str(event.state),
                "priority": priority_word(event.priority),
                "cause": event.cause,
                "scheduled_at": iso(event.scheduled_at),
                "due_at": iso(event.due_at),
                "queued_at": row["queued_at"] or iso(event.at),
                "params": event.params,
                "waiting_for": _waiting(event.state, event.waiting_for),
            }
        case ev.RunStarted():
            return {
                **row,
                "state": str(State.RUNNING),
                "started_at": iso(event.at),
                "attempt": event.attempt,
                "stages": [],
                "waiting_for": None,
            }
        case ev.RunRetrying():
            return {
                **_with_attempt(row, event, str(event.outcome)),
                "state": str(event.state),
                "due_at": iso(event.due_at),
                "error": event.error,
                "reason": event.reason,
                "waiting_for": _waiting(event.state, ()),
            }
        case ev.RunEnded():
            return {
                **_with_attempt(row, event, str(event.state).lower()),
                "state": str(event.state),
                "finished_at": iso(event.at),
                "error": event.error,
                "reason": event.reason,
                "result": event.result,
                "waiting_for": None,
            }
        case ev.RunProgressed():
            return {**row, "stages": _staged(row["stages"], event)}
        case ev.RunLogged():
            return {**row, "log": _logged(row["log"], event)}
        case ev.RunNoted(kind="artifact"):
            known = [file for file in row["artifacts"] if file["path"] != event.facts.get("path")]
            return {**row, "artifacts": [*known, event.facts]}
        case ev.RunNoted():
            return {**row, "facts": {**row["facts"], event.kind: event.facts}}
        case _:
            raise AssertionError(f"{type(event).__name__} is no event of a run")


def _with_attempt(row: Row, event: ev.RunRetrying | ev.RunEnded, outcome: str) -> Row:
    if not event.attempt or (row["attempts"] and row["attempts"][-1]["number"] >= event.attempt):
        return row
    attempt = {
        "number": event.attempt,
        "started_at": row["started_at"],
        "finished_at": iso(event.at),
        "outcome": outcome,
        "error": event.error,
    }
    return {**row, "attempts": [*row["attempts"], attempt]}


def _staged(stages: list[Row], event: ev.RunProgressed) -> list[Row]:
    for place, known in enumerate(stages):
        if known["stage"] == event.stage:
            elapsed = (event.at - datetime.fromisoformat(known["started"])).total_seconds()
            rate = round(event.done / elapsed, 3) if elapsed > 0 else None
            stage = {**known, "done": event.done, "total": event.total, "rate": rate}
            return [*stages[:place], stage, *stages[place + 1 :]]
    stage = {
        "stage": event.stage,
        "done": event.done,
        "total": event.total,
        "started": iso(event.at),
        "rate": None,
    }
    return [*stages, stage]


def _logged(lines: list[Row], event: ev.RunLogged) -> list[Row]:
    number = lines[-1]["n"] + 1 if lines else 1
    line = {"n": number, "at": iso(event.at), "level": event.level, "message": event.message}
    # A viewer that has just read the whole log may then hear its last lines again.
    if any({**known, "n": number} == line for known in lines[-1:-AGAIN:-1]):
        return lines
    return [*lines[1 - LOG_LINES :], line]
