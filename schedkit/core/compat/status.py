"""`get_status()`: the union of what the older designs answer, folded from the board."""

from __future__ import annotations

import functools
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from schedkit.core.compat.host import Screens
from schedkit.core.compat.task_snapshot import ONE_TIME
from schedkit.core.states import State
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.kinds import Cron, Every

__all__ = ["Schedule", "schedule_of", "status", "status_head", "task_status"]


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
        ``next_run_time``, ``trigger``), ``why`` (a sentence for each thing that keeps runs from starting) and
        ``tasks`` (see `task_status`).
    """
    board, counts = screens.current_board()
    rows, shown = board.tasks(), board.snapshot()
    tasks = [
        task_status(row, schedule_of(rows[row["name"]].trigger), counts.get(row["name"], {}))
        for row in shown["tasks"]
    ]
    return {**status_head(shown, pending), "tasks": tasks}


def status_head(shown: Mapping[str, Any], pending: Container[str] = ()) -> dict[str, Any]:
    """Return all of `status` but its ``tasks``, from a snapshot of the board."""
    head, tasks = shown["scheduler"], shown["tasks"]
    alive = {run["task"] for run in shown["runs"] if run["state"] not in _ENDED}
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
        "why": [each["text"] for each in head["why"]],
        "jobs": [
            {
                "id": row["name"],
                "name": row["description"] or row["name"],
                "next_run_time": None if head["paused"] or row["paused"] else row["next_run"],
                "trigger": row["trigger"],
            }
            for row in jobs
        ],
    }


def _is_over(row: Mapping[str, Any], alive: Container[str]) -> bool:
    """Tell whether a job was to run once, and has: it is a task with a history, but no job any more."""
    return ONE_TIME in row["tags"] and not (
        row["next_run"] is not None or row["paused"] or row["name"] in alive
    )


class Schedule(NamedTuple):
    """What the older designs show of a trigger."""

    kind: str
    cron: str | None = None
    seconds: float | None = None


@functools.lru_cache(maxsize=4096)
def schedule_of(trigger: str | None) -> Schedule:
    """Return what is shown of a trigger, given as it is stored."""
    if trigger is None:
        return Schedule(schedule_type(None))
    made = trigger_data.loads(trigger)
    if isinstance(made, Cron):
        return Schedule(schedule_type(made), cron=str(made.expression))
    if isinstance(made, Every):
        return Schedule(schedule_type(made), seconds=made.interval.total_seconds())
    return Schedule(schedule_type(made))


def task_status(row: Mapping[str, Any], schedule: Schedule, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return one task as the older REST designs show it.

    Parameters
    ----------
    row : mapping
        The task's row of the board.
    schedule : Schedule
        When it runs.
    counts : mapping
        State → runs of this task.
    """
    last = row["last"]
    state = row["state"]
    return {
        "name": row["name"],
        "description": row["description"],
        "enabled": not row["paused"],
        "schedule_type": schedule.kind,
        "cron_expression": schedule.cron,
        "interval_seconds": schedule.seconds,
        "status": state if state in ("running", "paused") else "idle",
        "next_run_at": None if row["paused"] else row["next_run"],
        "last_run_at": None if last is None else last["finished"],
        "last_result": None if last is None else _RESULTS.get(last["state"], last["state"].lower()),
        "run_count": sum(counts.get(state, 0) for state in _ENDED),
        "fail_count": sum(counts.get(state, 0) for state in _FAILED),
    }


_RESULTS = {"DONE": "success"}
_ENDED = [state.value for state in State if state.final]
_FAILED = [State.FAILED.value, State.TIMEOUT.value]


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
