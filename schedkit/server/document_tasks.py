"""Tasks as the design documents 000, 001 and 002 show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from schedkit.core.compat.status import schedule_of
from schedkit.core.model import Requested, TaskRow
from schedkit.core.run import Run
from schedkit.server.answers import iso
from schedkit.server.pictures import Picture
from schedkit.server.shapes import DocumentTask, TaskDetail
from schedkit.values.instants import from_micros

__all__ = ["document_task", "document_tasks", "run_as_task", "task_detail"]

PENDING = "PENDING"


def document_tasks(picture: Picture) -> list[DocumentTask]:
    """Return every task as document 001 shows it, by name."""
    latest = _latest_states(picture)
    return [
        DocumentTask(**_fields(picture, picture.rows[row["name"]], row, latest))
        for row in picture.snapshot["tasks"]
        if row["name"] in picture.rows
    ]


def document_task(picture: Picture, name: str) -> DocumentTask | None:
    """Return one task as document 001 shows it."""
    return next((task for task in document_tasks(picture) if task.name == name), None)


def task_detail(picture: Picture, row: TaskRow, last: Run | None) -> TaskDetail:
    """Return one task with the fields of documents 000 and 002 too; `last` is its last ended run."""
    shown = picture.task(row.name) or {}
    fields = _fields(picture, row, shown, _latest_states(picture))
    return TaskDetail(
        **fields,
        tag=next(iter(fields["tags"]), ""),
        schedule_type=schedule_of(row.trigger).kind,
        scheduled_at=shown.get("next_run"),
        executed_at=_iso(None if last is None else last.finished_at),
        retry_count=max(0, last.attempt - 1) if last is not None else 0,
        task_id=row.id,
        message=last.why if last is not None else "",
        scheduler_status="running" if fields["status"] in _GOES_ON or shown.get("next_run") else "completed",
    )


def run_as_task(run: Run, tags: list[str], task_id: str) -> TaskDetail:
    """Return a run made by a request as a task, which ends with the run."""
    asked = run.request or {}
    return TaskDetail(
        id=run.id,
        name=asked.get("name") or run.task,
        task_type="IMMEDIATE",
        cron_expr=None,
        status=str(run.state),
        created_at=iso(run.queued_at),
        updated_at=iso(run.finished_at or run.started_at or run.queued_at),
        priority=_priority(int(run.priority)),
        metadata=asked.get("metadata", {}),
        tags=[*tags, *(tag for tag in asked.get("options", {}).get("tags", ()) if tag not in tags)],
        owner=asked.get("owner") or run.actor or None,
        dependencies=[],
        timeout_seconds=None,
        retry_policy=_retry_policy(asked.get("options", {})),
        parameters=run.params,
        tag=next(iter(tags), ""),
        schedule_type="manual",
        scheduled_at=_iso(run.scheduled_at),
        executed_at=_iso(run.finished_at),
        retry_count=max(0, run.attempt - 1),
        task_id=run.id,
        message=run.why,
        scheduler_status="completed" if run.state.final else "running",
    )


_GOES_ON = ("PENDING", "QUEUED", "RUNNING", "RETRY")


def _latest_states(picture: Picture) -> Mapping[str, str]:
    """Return task → the state of its latest run on the board, which has all runs that have not ended."""
    newest: dict[str, tuple[str, str]] = {}
    for run in picture.snapshot["runs"]:
        newest[run["task"]] = max(newest.get(run["task"], ("", "")), (run["id"], run["state"]))
    return {task: state for task, (_, state) in newest.items()}


def _fields(
    picture: Picture, row: TaskRow, shown: Mapping[str, Any], latest: Mapping[str, str]
) -> dict[str, Any]:
    last = shown.get("last") or {}
    schedule, asked = schedule_of(row.trigger), row.requested or Requested(handler="")
    facts = row.facts
    parents = [picture.rows[name].id for name in facts.get("after", ()) if name in picture.rows]
    return {
        "id": row.id,
        "name": row.name,
        "task_type": "IMMEDIATE" if row.trigger is None else "SCHEDULED",
        "cron_expr": schedule.cron,
        "status": latest.get(row.name) or last.get("state") or PENDING,
        "created_at": iso(from_micros(row.created)),
        "updated_at": iso(from_micros(row.declared)),
        "priority": _priority(int(facts.get("priority", 10))),
        "metadata": asked.metadata,
        "tags": list(facts.get("tags", ())),
        "owner": asked.owner or row.actor or None,
        "dependencies": parents,
        "timeout_seconds": facts.get("timeout"),
        "retry_policy": _retry_policy(asked.options),
        "parameters": asked.parameters,
    }


def _retry_policy(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the retry policy as the request wrote it; None if it has none."""
    policy = options.get("retry_policy", options.get("retry"))
    return policy if isinstance(policy, dict) or policy is None else {"attempts": policy}


def _priority(value: int) -> str:
    return "HIGH" if value >= 20 else "LOW" if value <= 0 else "MEDIUM"


def _iso(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()
