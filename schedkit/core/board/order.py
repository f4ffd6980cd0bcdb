"""What comes next on a board: the next due time, and the order of the runs that wait."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from schedkit.core.board.rows import Row

__all__ = ["next_due", "queue_order"]

_RANKS = {"low": 0, "medium": 10, "high": 20}


def next_due(tasks: Iterable[Row]) -> Row | None:
    """Return the task that is due first, and when; None if none is."""
    due = [(task["next_run"], task["name"]) for task in tasks if task["next_run"] and not task["paused"]]
    if not due:
        return None
    at, name = min(due)
    return {"task": name, "at": at}


def queue_order(runs: Iterable[Row]) -> list[str]:
    """Return the ids of the runs that wait, in the order in which they start."""

    def rank(row: Row) -> float:
        word = row["priority"]
        priority: int = _RANKS[word] if isinstance(word, str) else word
        return float(datetime.fromisoformat(row["due_at"]).timestamp() - 60 * priority)

    waiting = [row for row in runs if row["due_at"] and row["state"] in ("PENDING", "QUEUED", "RETRY")]
    return [row["id"] for row in sorted(waiting, key=rank)]
