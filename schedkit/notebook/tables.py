"""A snapshot of the board as rows of plain text, for HTML and for terminals alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from schedkit.core.board.rows import error_words
from schedkit.values.durations import elapsed_text
from schedkit.values.timezones import parse_timezone, timezone_name

__all__ = [
    "RUN_STATE",
    "TASK_STATE",
    "Table",
    "clock",
    "elapsed",
    "headline",
    "only",
    "places",
    "run_seconds",
    "runs",
    "tasks",
    "zone",
]

# In which column the state of a row stands.
TASK_STATE, RUN_STATE = 2, 1
WAITING = {"PENDING", "QUEUED", "RETRY"}
BAD = {"FAILED", "TIMEOUT"}
VERDICTS = {"DONE", *BAD}


class Table(NamedTuple):
    """Heads, rows of text, and the column of states."""

    heads: tuple[str, ...]
    rows: list[list[str]]
    state: int


def only(board: Mapping[str, Any], task: str) -> Mapping[str, Any]:
    """Return a board of one task; the whole one for an empty name."""
    if not task:
        return board
    tasks = [row for row in board["tasks"] if row["name"] == task]
    return {**board, "tasks": tasks, "runs": [row for row in board["runs"] if row["task"] == task]}


def zone(board: Mapping[str, Any]) -> tzinfo:
    """Return the time zone in which the scheduler shows times."""
    return parse_timezone(board["scheduler"].get("tz") or "UTC")


def headline(board: Mapping[str, Any]) -> tuple[str, str]:
    """Return the scheduler's state, and how many tasks there are, run, wait and fail."""
    scheduler, number = board["scheduler"], len(board["tasks"])
    failing = sum(_task_state(task).upper() in BAD for task in board["tasks"])
    counts = [
        f"{number} task{'' if number == 1 else 's'}",
        f"{scheduler['running']} running",
        f"{scheduler['queued']} waiting",
    ]
    if failing:
        counts.append(f"{failing} failing")
    return f"Scheduler {scheduler['state']}", ", ".join(counts)


def places(board: Mapping[str, Any]) -> str:
    """Return which tasks run elsewhere, where some do; the others run here."""
    nodes = {node["life"]: node for node in board["scheduler"].get("nodes", ())}
    elsewhere = defaultdict[str, list[str]](list)
    for task in board["tasks"]:
        node = nodes.get(task.get("home"))
        if node is not None and not node["here"]:
            elsewhere[f"{node['name']} (pid {node['pid']} on {node['host']})"].append(task["name"])
    told = [f"{', '.join(names)} in {where}" for where, names in elsewhere.items()]
    return f"runs elsewhere: {'; '.join(told)}" if told else ""


def _task_state(task: Mapping[str, Any]) -> str:
    """Return a task's state; one that has failed stays failed until it has run well."""
    verdicts = [how for _, how in task["durations"] if how in VERDICTS]
    failed = task["state"] == "idle" and verdicts and verdicts[-1] in BAD
    return str(verdicts[-1] if failed else task["state"]).lower()


def tasks(board: Mapping[str, Any]) -> Table:
    """Return the tasks."""
    tz, rows = zone(board), []
    for task in board["tasks"]:
        last = task["last"] or {}
        ended = f"{last['state'].lower()} {clock(last['finished'], tz)}" if last else "never ran"
        success = "" if task["success_rate"] is None else f"{task['success_rate']:.0%}"
        rows.append(
            [
                task["name"],
                task["trigger"],
                _task_state(task),
                clock(task["next_run"], tz),
                ended,
                elapsed(last.get("seconds")),
                success,
            ]
        )
    return Table(
        ("Task", "Schedule", "State", "Next run", "Last run", "Duration", "Success"), rows, TASK_STATE
    )


def runs(board: Mapping[str, Any], kind: str) -> Table:
    """Return the runs, the last started first; of ``"queue"`` those that wait."""
    tz = zone(board)
    shown = [row for row in board["runs"] if row["state"] in WAITING or kind != "queue"]
    newest = sorted(shown, key=lambda row: row["started_at"] or row["due_at"] or "", reverse=True)
    rows = [
        [
            row["task"],
            row["state"].lower(),
            clock(row["started_at"] or row["due_at"], tz),
            elapsed(run_seconds(row)),
            error_words(row["error"]),
        ]
        for row in newest
    ]
    return Table(("Task", "State", "Started", "Duration", "Error"), rows, RUN_STATE)


def clock(moment: str | None, tz: tzinfo = UTC) -> str:
    """Return a moment with its zone; empty where there is none."""
    if not moment:
        return ""
    return f"{datetime.fromisoformat(moment).astimezone(tz):%Y-%m-%d %H:%M:%S} {timezone_name(tz)}"


def run_seconds(row: Mapping[str, Any]) -> float | None:
    """Return how long a run took, None before its end."""
    if not row["started_at"] or not row["finished_at"]:
        return None
    length = datetime.fromisoformat(row["finished_at"]) - datetime.fromisoformat(row["started_at"])
    return length.total_seconds()


def elapsed(seconds: float | None) -> str:
    """Return seconds in words; empty where there are none."""
    return "" if seconds is None else elapsed_text(seconds)
