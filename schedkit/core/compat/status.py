"""`get_status()`: the union of what the older designs answer, folded from the board."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import UTC, datetime
from typing import Any

from schedkit.core.compat.host import Screens
from schedkit.core.compat.task_snapshot import ONE_TIME
from schedkit.core.model import TaskRow
from schedkit.core.states import State
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.kinds import Cron, Every

__all__ = ["status", "task_status"]


def status(screens: Screens, pending: Container[str] = ()) -> dict[str, Any]:
    """Return the scheduler's state as JSON-able data.

    Parameters
    ----------
    pending : container of str
        One-time jobs that are to be submitted as soon as the scheduler runs.

    Returns
    -------
    dict
        ``status`` (running, paused, stopped or watching), ``is_running`` and ``running`` (bool),
        ``job_count``, ``jobs_count`` and ``task_count``, ``running_jobs`` and ``paused_jobs`` (numbers of
        tasks), ``uptime`` (seconds, None while no scheduler runs), ``jobs`` (``id``, ``name``,
        ``next_run_time``, ``trigger``) and ``tasks`` (see `task_status`).
    """
    board, counts = screens.current_board()
    rows, shown = board.tasks(), board.snapshot()
    head, tasks = shown["scheduler"], shown["tasks"]
    alive = {run["task"] for run in shown["runs"] if not State(run["state"]).final}
    jobs = [row for row in tasks if row["name"] in pending or not _is_over(row, alive)]
    running, oldest = head["state"] == "running", next(iter(head["nodes"]), None)
    stopped = oldest is None or head["state"] == "stopped"
    started = None if oldest is None or stopped else datetime.fromisoformat(oldest["since"])
    return {
        "status": "paused" if running and head["paused"] else head["state"],
        "is_running": running,
        "running": running,
        "job_count": len(jobs),
        "jobs_count": len(jobs),
        "task_count": len(tasks),
        "running_jobs": sum(row["state"] == "running" for row in tasks),
        "paused_jobs": sum(row["state"] == "paused" for row in tasks),
        "uptime": None if started is None else (datetime.now(UTC) - started).total_seconds(),
        "jobs": [
            {
                "id": row["name"],
                "name": row["description"] or row["name"],
                "next_run_time": row["next_run"],
                "trigger": row["trigger"],
            }
            for row in jobs
        ],
        "tasks": [
            task_status(row, _trigger(rows[row["name"]]), counts.get(row["name"], {})) for row in tasks
        ],
    }


def _is_over(row: Mapping[str, Any], alive: Container[str]) -> bool:
    """Tell whether a job was to run once, and has: it is a task with a history, but no job any more."""
    waits = row["next_run"] is not None or row["paused"] or row["name"] in alive
    return ONE_TIME in row["tags"] and not waits


def _trigger(row: TaskRow) -> Trigger | None:
    return None if row.trigger is None else trigger_data.loads(row.trigger)


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
