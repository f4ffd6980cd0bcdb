"""Rows and runs converted to answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from schedkit.core.api.live_view import DueTime
from schedkit.core.board.rows import brief_error
from schedkit.core.run import Attempt, Run
from schedkit.core.states import State
from schedkit.core.store.audit import AuditRow
from schedkit.server import shapes

__all__ = [
    "audit_entry",
    "due_time",
    "finished_run",
    "history_entry",
    "run_answer",
    "run_detail",
    "shown_message",
    "shown_run",
]

API = "/api/v1"


def iso(when: datetime) -> str:
    """Return a time as text, with its offset."""
    return when.isoformat()


def _iso(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()


def _run_fields(run: Run, traceback: bool) -> dict[str, Any]:
    return {
        "id": run.id,
        "task": run.task,
        "state": str(run.state),
        "cause": run.cause,
        "actor": run.actor,
        "priority": int(run.priority),
        "scheduled_at": _iso(run.scheduled_at),
        "due_at": iso(run.due_at),
        "queued_at": iso(run.queued_at),
        "started_at": _iso(run.started_at),
        "finished_at": _iso(run.finished_at),
        "seconds": run.seconds,
        "attempt": run.attempt,
        "params": run.params,
        "error": _failure(run.error, traceback),
        "reason": run.reason,
        "result": _without_path(run.result),
    }


def run_answer(run: Run) -> shapes.RunAnswer:
    """Return a run in brief."""
    return shapes.RunAnswer(**_run_fields(run, traceback=False))


def run_detail(
    run: Run, told: Mapping[str, Any], attempts: Iterable[Attempt], *, traceback: bool
) -> shapes.RunDetail:
    """Return a run with its whole output; with tracebacks only for those who may see them."""
    return shapes.RunDetail(
        **_run_fields(run, traceback),
        stages=[
            shapes.Stage(stage=stage["stage"], done=stage["done"], total=stage["total"])
            for stage in told["stages"]
        ],
        log=[
            shapes.LogLine(at=line["at"], level=line["level"], message=line["message"])
            for line in told["log"]
        ],
        facts=told["facts"],
        artifacts=[_artifact(run.id, number, file) for number, file in enumerate(told["artifacts"])],
        attempts=[
            shapes.AttemptAnswer(
                number=attempt.number,
                started_at=iso(attempt.started_at),
                finished_at=iso(attempt.finished_at),
                outcome=str(attempt.outcome),
                error=_failure(attempt.error, traceback),
                worker=attempt.worker,
            )
            for attempt in attempts
        ],
    )


def _failure(error: Mapping[str, Any] | None, traceback: bool) -> shapes.Failure | None:
    if error is None:
        return None
    names = ("type", "message", "hint", *(["traceback"] if traceback else []))
    return shapes.Failure(**{name: str(error.get(name) or "") for name in names})


def _artifact(run: str, number: int, file: Mapping[str, Any]) -> shapes.Artifact:
    return shapes.Artifact(
        name=PurePath(file["path"]).name,
        label=str(file.get("label") or ""),
        href=f"{API}/runs/{quote(run)}/artifacts/{number}",
    )


def _without_path(result: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if result is None else {name: value for name, value in result.items() if name != "path"}


def due_time(row: DueTime) -> shapes.DueTimeAnswer:
    """Return a due time with its outcome."""
    return shapes.DueTimeAnswer(
        scheduled_at=iso(row.scheduled_at),
        until=iso(row.until),
        count=row.count,
        outcome=row.outcome,
        run=row.run,
        reason=row.reason,
    )


def audit_entry(row: AuditRow) -> shapes.AuditEntry:
    """Return an entry of the audit log."""
    return shapes.AuditEntry(
        seq=row.seq, at=iso(row.at), actor=row.actor, action=row.action, task=row.task, run=row.run
    )


def history_entry(run: Run) -> shapes.HistoryEntry:
    """Return a run as document 004 shows it."""
    word = "success" if run.state is State.DONE else str(run.state).lower()
    return shapes.HistoryEntry(started_at=_iso(run.started_at), status=word, message=run.why)


def finished_run(run: Run, task_id: str) -> shapes.FinishedRun:
    """Return an ended run as documents 000 and 001 show it."""
    assert run.finished_at is not None
    rows = (run.result or {}).get("rows")
    return shapes.FinishedRun(
        id=run.id,
        task_id=task_id,
        success=run.state is State.DONE,
        payload=run.why or (f"{rows} rows" if rows is not None else ""),
        reported_at=iso(run.finished_at),
        name=run.task,
        status=str(run.state),
    )


# The board's own rows, whole or only the fields that changed


def shown_message(message: Mapping[str, Any], *, traceback: bool) -> dict[str, Any]:
    """Return a message of the board's feed as a reader may see it."""
    runs = message["runs"]
    if isinstance(runs, list):
        shown: Any = [shown_run(row["id"], row, traceback) for row in runs]
    else:
        shown = {key: row and shown_run(key, row, traceback) for key, row in runs.items()}
    return {**message, "runs": shown}


def shown_run(id: str, row: Mapping[str, Any], traceback: bool) -> dict[str, Any]:
    """Return a run's row of the board, whole or only the fields that changed, as a reader may see it."""
    shown = dict(row)
    if shown.get("result"):
        shown["result"] = _without_path(shown["result"])
    if shown.get("artifacts"):
        shown["artifacts"] = [_artifact(id, number, file) for number, file in enumerate(shown["artifacts"])]
    if not traceback:
        if shown.get("error"):
            shown["error"] = brief_error(shown["error"])
        if shown.get("attempts"):
            shown["attempts"] = [
                {**attempt, "error": attempt["error"] and brief_error(attempt["error"])}
                for attempt in shown["attempts"]
            ]
    return shown
