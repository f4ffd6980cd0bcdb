"""`get_status()`: the union of what the older designs answer, from one look at the scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from schedkit.core.compat.task_snapshot import task_snapshots
from schedkit.core.states import State
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.kinds import Cron, Every

if TYPE_CHECKING:
    from schedkit.core.api.scheduler import Scheduler

__all__ = ["status", "task_status"]


def status(scheduler: Scheduler) -> dict[str, Any]:
    """Return the scheduler's state as JSON-able data.

    Returns
    -------
    dict
        ``status`` (running, paused, stopped or viewer), ``is_running`` and ``running`` (bool),
        ``job_count``, ``jobs_count`` and ``task_count``, ``running_jobs`` and ``paused_jobs`` (numbers of
        tasks), ``uptime`` (seconds, None while nobody owns the ledger), ``jobs`` (``id``, ``name``,
        ``next_run_time``, ``trigger``) and ``tasks`` (see `task_status`).
    """
    board = scheduler.board()
    known, counts = task_snapshots(scheduler), scheduler._ledger.counts()
    tasks = [
        task_status(row, known[row["name"]].trigger, counts.get(row["name"], {}))
        for row in board["tasks"]
        if row["name"] in known
    ]
    # A job that was to run once, and has, is a task with a history but no job any more.
    present = {job.id for job in scheduler.get_jobs()}
    jobs = [row for row in board["tasks"] if row["name"] in present]
    running = scheduler.running
    paused = running and scheduler.paused
    owner = scheduler.owner if scheduler.state != "stopped" else None
    return {
        "status": "paused" if paused else scheduler.state,
        "is_running": running,
        "running": running,
        "job_count": len(jobs),
        "jobs_count": len(jobs),
        "task_count": len(tasks),
        "running_jobs": sum(row["state"] == "running" for row in board["tasks"]),
        "paused_jobs": sum(row["state"] == "paused" for row in board["tasks"]),
        "uptime": None if owner is None else (datetime.now(UTC) - owner.since).total_seconds(),
        "jobs": [
            {
                "id": row["name"],
                "name": row["description"] or row["name"],
                "next_run_time": row["next_run"],
                "trigger": row["trigger"],
            }
            for row in jobs
        ],
        "tasks": tasks,
    }


def task_status(row: dict[str, Any], trigger: Trigger | None, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return one task as the older REST designs show it.

    Parameters
    ----------
    row : dict
        The task's row of the board.
    counts : mapping
        State → runs of this task.
    """
    last = row["last"]
    state = row["state"]
    return {
        "name": row["name"],
        "description": row["description"],
        "enabled": not row["paused"],
        "schedule_type": schedule_type(trigger),
        "cron_expression": str(trigger.expression) if isinstance(trigger, Cron) else None,
        "interval_seconds": trigger.interval.total_seconds() if isinstance(trigger, Every) else None,
        "status": state if state in ("running", "paused") else "idle",
        "next_run_at": row["next_run"],
        "last_run_at": None if last is None else last["finished"],
        "last_result": None if last is None else _RESULTS.get(last["state"], last["state"].lower()),
        "run_count": sum(counts.get(state, 0) for state in State if state.final),
        "fail_count": sum(counts.get(state, 0) for state in (State.FAILED, State.TIMEOUT)),
    }


_RESULTS = {"DONE": "success"}


def schedule_type(trigger: Trigger | None) -> str:
    """Return the word for a kind of trigger: cron, interval, date, calendar, combined, custom or manual."""
    if trigger is None:
        return "manual"
    kind: str = trigger.data()["type"]
    return _TYPES.get(kind, kind)


_TYPES = {
    "cron_fields": "cron",
    "every": "interval",
    "at": "date",
    "any_of": "combined",
    "all_of": "combined",
}
