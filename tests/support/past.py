"""A ledger with a past: thousands of ended runs, written as its tasks' home would have."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from schedkit.core.ids import id_at
from schedkit.core.store.database import Store
from schedkit.core.store.schema import runs
from schedkit.values.instants import to_micros

__all__ = ["ended", "many_ended", "write"]

ERROR = '{"type": "UnavailableError", "message": "Jira did not answer", "traceback": "Traceback (most …)"}'


def ended(number: int, task: str, at: datetime, seconds: float | None, state: str = "DONE") -> dict[str, Any]:
    """Return the row of a run; without `seconds` it still runs."""
    began = to_micros(at)
    return {
        "id": f"{id_at(at)[:10]}{number:06d}",
        "task": task,
        "state": state if seconds is not None else "RUNNING",
        "cause": "schedule",
        "actor": "tests",
        "scheduled_at": began,
        "due_at": began,
        "queued_at": began,
        "started_at": began,
        "finished_at": None if seconds is None else began + int(seconds * 1e6),
        "priority": 10,
        "attempt": 1,
        "interruptions": 0,
        "params": "{}",
        "reason": "",
        "error": ERROR if state == "FAILED" else None,
        "result": None,
        "waiting_for": None,
    }


def many_ended(count: int, now: datetime, days: float, tasks: int) -> list[dict[str, Any]]:
    """Return runs spread evenly over the last days, every tenth of them failed."""
    chance = random.Random(11)
    step = timedelta(days=days) / (count + 1)
    return [
        ended(
            number,
            f"task {number % tasks:02d}",
            now - step * (count - number),
            1 + 30 * chance.random(),
            "FAILED" if number % 10 == 3 else "DONE",
        )
        for number in range(count)
    ]


def write(store: Store, rows: list[dict[str, Any]]) -> None:
    """Write the rows into a store."""
    store.open()
    if not rows:
        return
    with store.connect() as connection, connection.begin():
        connection.execute(runs.insert(), rows)
