"""Values and events as rows of the board: pure functions. Rows are replaced, never changed.

What a row shows of a run or a task is one entry of a table here; the ledger's values and an event's go
through the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from schedkit.core import events as ev
from schedkit.core.model import TaskRow
from schedkit.core.run import TAG, Attempt, Run, attempt_of
from schedkit.core.states import Priority, State

__all__ = [
    "Row",
    "brief_error",
    "detail_fields",
    "end_fields",
    "error_words",
    "figures_of",
    "folded_run",
    "iso",
    "priority_word",
    "run_row",
    "stopped_scheduler",
    "task_fields",
    "task_state",
]

Row = dict[str, Any]

LOG_LINES = 200
_PRIORITIES = {int(priority): priority.name.lower() for priority in Priority}
_COUNTED = {State.DONE: True, State.FAILED: False, State.TIMEOUT: False}


def iso(at: datetime | None) -> str | None:
    """Return a moment as ISO 8601, None as None."""
    return None if at is None else at.isoformat()


def brief_error(error: Mapping[str, Any]) -> Row:
    """Return an error without its traceback and lines of code, which are read when the run is opened."""
    return {name: value for name, value in error.items() if name not in ("traceback", "lines")}


def error_words(error: Mapping[str, Any] | None) -> str:
    """Return type and message of an error in one text, empty where there is none."""
    return ": ".join(filter(None, ((error or {}).get("type"), (error or {}).get("message"))))


def priority_word(value: int) -> str | int:
    """Return the priority's name where it has one."""
    return _PRIORITIES.get(value, value)


# Tasks

_TASK: Mapping[str, Callable[[TaskRow], Any]] = {
    "name": lambda row: row.name,
    "description": lambda row: row.facts.get("description", ""),
    "trigger": lambda row: row.schedule_text,
    "next_run": lambda row: iso(row.next_at),
    "paused": lambda row: row.paused,
    "tags": lambda row: list(row.facts.get("tags", ())),
    "priority": lambda row: priority_word(row.facts.get("priority", int(Priority.MEDIUM))),
    "limit": lambda row: row.limit,
    "executor": lambda row: row.facts.get("executor", ""),
    "rate": lambda row: row.facts.get("rate", ""),
    "options": lambda row: row.facts.get("options", {}),
    "signature": lambda row: row.facts.get("signature", []),
    "home": lambda row: row.home,
}


def task_fields(row: TaskRow, *, waiting: bool) -> Row:
    """Return what a task's row shows of the task itself; `waiting` for its code to be declared."""
    return {**{name: field(row) for name, field in _TASK.items()}, "declared": not waiting}


def end_fields(run: Run) -> Row:
    """Return what a task's row shows of its last run."""
    return {
        "run": run.id,
        "state": str(run.state),
        "finished": iso(run.finished_at),
        "seconds": run.seconds,
        "error": error_words(run.error) or None,
    }


def figures_of(ended: Iterable[Row]) -> Row:
    """Return what a task's row shows of its latest runs: `end_fields` of each, in the order of their ends."""
    last: Row | None = None
    durations: list[list[Any]] = []
    for last in ended:
        if last["seconds"] is not None:
            durations.append([round(last["seconds"], 3), last["state"]])
    verdicts = [_COUNTED[how] for _, how in durations if how in _COUNTED]
    rate = round(sum(verdicts) / len(verdicts), 4) if verdicts else None
    return {"last": last, "durations": durations, "success_rate": rate}


def task_state(fields: Row, running: bool, waiting: bool) -> str:
    """Tell in one word what a task does now."""
    if running:
        return "running"
    if not fields["declared"]:
        return "waiting"
    if fields["paused"]:
        return "paused"
    return "queued" if waiting else "idle"


# Runs

_RUN: Mapping[str, Callable[[Run], Any]] = {
    "id": lambda run: run.id,
    "task": lambda run: run.task,
    "state": lambda run: str(run.state),
    "priority": lambda run: priority_word(run.priority),
    "cause": lambda run: run.cause,
    "scheduled_at": lambda run: iso(run.scheduled_at),
    "due_at": lambda run: iso(run.due_at),
    "queued_at": lambda run: iso(run.queued_at),
    "started_at": lambda run: iso(run.started_at),
    "finished_at": lambda run: iso(run.finished_at),
    "attempt": lambda run: run.attempt,
    "params": lambda run: run.params,
    "error": lambda run: run.error,
    "reason": lambda run: run.reason,
    "result": lambda run: run.result,
    "waiting_for": lambda run: _waiting_for(run),
}
# The output of a run, with the number of the last of it, and its ended attempts.
_NO_OUTPUT: Row = {"stages": [], "log": [], "facts": {}, "artifacts": [], "last_output": 0}
_NO_DETAILS: Row = {**_NO_OUTPUT, "attempts": []}


def run_row(run: Run, known: Row | None = None) -> Row:
    """Return the row of a run; its long parts are those `known` so far."""
    row = {**(known or _NO_DETAILS), **{name: field(run) for name, field in _RUN.items()}}
    row["stages"] = _of_attempt(run.attempt, row["stages"])
    return row


def _waiting_for(run: Run) -> str | None:
    if run.state is State.PENDING:
        return ", ".join(run.waiting_for) or None
    tags = [key.removeprefix(TAG) for key in run.waiting_for if key.startswith(TAG)]
    if tags and not run.state.final:
        return ", ".join(f"another run tagged {tag}" for tag in tags)
    return "its next attempt" if run.state is State.RETRY else None


def _of_attempt(attempt: int, stages: list[Row]) -> list[Row]:
    """Return the stages without those of earlier attempts."""
    return [stage for stage in stages if attempt_of(stage["n"]) >= attempt]


def detail_fields(row: Row, details: Mapping[str, Any], attempts: Iterable[Attempt]) -> Row:
    """Return the long parts of a run's row: its output, and its ended attempts."""
    output = {name: details.get(name, empty) for name, empty in _NO_OUTPUT.items()}
    return {
        **output,
        "stages": _of_attempt(row["attempt"], output["stages"]),
        "log": output["log"][-LOG_LINES:],
        "attempts": [_attempt_row(attempt) for attempt in attempts],
    }


def _attempt_row(attempt: Attempt) -> Row:
    return {
        "number": attempt.number,
        "started_at": iso(attempt.started_at),
        "finished_at": iso(attempt.finished_at),
        "outcome": str(attempt.outcome),
        "error": attempt.error,
        "worker": attempt.worker,
    }


def folded_run(known: Row | None, event: ev.RunStep | ev.RunOutput) -> Row | None:
    """Return a run's row after `event`; None for the output of a run that is not known."""
    if isinstance(event, ev.RunStep):
        row = run_row(event.after, known)
        ended = event.attempt if isinstance(event, ev.RunRetrying | ev.RunEnded) else None
        return row if ended is None else {**row, "attempts": _with_attempt(row["attempts"], ended)}
    if known is None or event.number <= known["last_output"] or attempt_of(event.number) < known["attempt"]:
        return known  # already on the board, or of an earlier attempt
    if attempt_of(event.number) > attempt_of(
        known["last_output"]
    ):  # the ledger, too, keeps the output of one attempt
        known = {**known, **_NO_OUTPUT}
    return {**known, **_output_field(known, event), "last_output": event.number}


def _with_attempt(attempts: list[Row], ended: Attempt) -> list[Row]:
    if attempts and attempts[-1]["number"] >= ended.number:
        return attempts
    return [*attempts, _attempt_row(ended)]


def _output_field(row: Row, event: ev.RunOutput) -> Row:
    """Return the field of a run's row that `event` is about."""
    match event:
        case ev.RunProgressed():
            return {"stages": _with_stage(row["stages"], event)}
        case ev.RunLogged():
            line = {"n": event.number, "at": iso(event.at), "level": event.level, "message": event.message}
            return {"log": [*row["log"][1 - LOG_LINES :], line]}
        case ev.RunNoted(kind="artifact"):
            others = [file for file in row["artifacts"] if file["path"] != event.facts.get("path")]
            return {"artifacts": [*others, event.facts]}
        case ev.RunNoted():
            return {"facts": {**row["facts"], event.kind: event.facts}}
        case _:
            raise AssertionError(f"{type(event).__name__} is not output of a run")


def _with_stage(stages: list[Row], event: ev.RunProgressed) -> list[Row]:
    stage = {
        "n": event.number,
        "stage": event.stage,
        "done": event.done,
        "total": event.total,
        "started": iso(event.started or event.at),
        "rate": event.rate,
    }
    for place, known in enumerate(stages):
        if known["stage"] == event.stage:
            return [*stages[:place], stage, *stages[place + 1 :]]
    return [*stages, stage]


def stopped_scheduler() -> Row:
    """Return the row of a scheduler that was not started."""
    return {
        "state": "stopped",
        "nodes": [],
        "workers": [],
        "standing_by": [],
        "ledger": "",
        "concurrency": None,
        "limits": {},
        "running": 0,
        "queued": 0,
        "paused": False,
        "tz": "UTC",
        "trouble": None,
        "why": [],
    }
