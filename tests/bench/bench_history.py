"""A window of history over 2,000,000 runs, as a screen asks for it."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.common import Row, cpu_seconds, median, seconds
from schedkit.core.board.history import window
from schedkit.core.ids import id_at
from schedkit.core.store.database import Store
from schedkit.core.store.schema import runs
from schedkit.values.instants import to_micros

COUNT, TASKS, DAYS, ROUNDS = 2_000_000, 50, 81.0, 5
BUDGETS = {24.0: 0.1, 80 * 24.0: 2.0}  # seconds by the hours of a window


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="schedkit-history-") as folder:
        store = Store(Path(folder, "ledger.db"))
        store.open()
        now = datetime.now(UTC)
        fill(Path(folder, "ledger.db"), now)
        for hours, budget in BUDGETS.items():
            found = [measure(store, now, hours) for _ in range(ROUNDS)]
            wall, cpu = median(wall for wall, _ in found), median(cpu for _, cpu in found)
            yield Row(
                f"a window of {hours / 24:g} days over {COUNT:,} runs ({cpu:.2f} s CPU)",
                wall,
                budget,
                "budget",
                "s",
                wall / budget,
                1.0,
                "<=",
            )
        store.close()


def measure(store: Store, now: datetime, hours: float) -> tuple[float, float]:
    """Return the seconds that a window takes, of the clock and of the CPU."""
    cpu = [0.0]

    def ask() -> None:
        shown = window(store, now, hours)
        assert shown["total"] > 0.9 * COUNT * min(1.0, hours / 24 / DAYS)

    def timed() -> None:
        cpu[0] = cpu_seconds(ask)

    return seconds(timed), cpu[0]


def fill(ledger: Path, now: datetime, count: int = COUNT) -> None:
    """Write `count` ended runs, spread evenly over the days, by SQL."""
    names = [column.name for column in runs.columns]
    marks = ", ".join(f":{name}" for name in names)
    step = timedelta(days=DAYS) / (count + 1)

    def row(number: int) -> dict[str, Any]:
        at = now - step * (count - number)
        began = to_micros(at)
        failed = number % 10 == 3
        told = {
            "id": f"{id_at(at)[:10]}{number:07d}",
            "task": f"task {number % TASKS:02d}",
            "state": "FAILED" if failed else "DONE",
            "cause": "schedule",
            "actor": "bench",
            "scheduled_at": began,
            "due_at": began,
            "queued_at": began,
            "started_at": began,
            "finished_at": began + (1 + number * 7919 % 30) * 1_000_000,
            "priority": 10,
            "attempt": 1,
            "interruptions": 0,
            "params": "{}",
            "reason": "",
            "error": '{"type": "ValueError", "message": "no rows", "traceback": ""}' if failed else None,
        }
        return {**dict.fromkeys(names), **told}

    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.executemany(
            f"INSERT INTO {runs.name} ({', '.join(names)}) VALUES ({marks})", map(row, range(count))
        )
