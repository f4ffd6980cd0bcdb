"""What became of due times, by day: counted in the database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import past

from schedkit.core.board import due_outcomes as module
from schedkit.core.board.due_outcomes import due_outcomes
from schedkit.core.store.database import Store
from schedkit.core.store.schema import fires
from schedkit.values.instants import to_micros

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
BOUNDS = [MONDAY + timedelta(days=number) for number in range(3)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "past.db")
    yield store
    store.close()


def hour(number: float) -> datetime:
    return MONDAY + timedelta(hours=number)


def fire(
    task: str, first: datetime, last: datetime, count: int | None, outcome: str = "missed"
) -> dict[str, Any]:
    return {
        "task": task,
        "scheduled_at": to_micros(first),
        "until": to_micros(last),
        "count": count,
        "outcome": outcome,
        "at": to_micros(last),
        "reason": "the computer slept",
    }


def put(store: Store, *rows: dict[str, Any]) -> None:
    with store.connect() as connection, connection.begin():
        connection.execute(fires.insert(), list(rows))


def brief(days: list[list[dict[str, Any]]]) -> list[set[tuple[Any, ...]]]:
    return [{(entry["task"], entry["outcome"], entry["count"]) for entry in day} for day in days]


def test_runs_by_day_task_and_state(store: Store) -> None:
    rows = [
        past.ended(1, "bugs", hour(-1), 1),
        past.ended(2, "bugs", hour(7), 1),
        past.ended(3, "bugs", hour(8), 1, "FAILED"),
        past.ended(4, "bugs", hour(9), 1),
        past.ended(5, "tree", hour(30), None),
        past.ended(6, "bugs", hour(48), 1),
        {**past.ended(7, "bugs", hour(10), 1), "scheduled_at": None},
    ]
    past.write(store, rows)
    days = due_outcomes(store, BOUNDS)
    assert brief(days) == [{("bugs", "DONE", 2), ("bugs", "FAILED", 1)}, {("tree", "RUNNING", 1)}]
    done = next(entry for entry in days[0] if entry["outcome"] == "DONE")
    assert (done["at"], done["until"]) == (hour(7).isoformat(), hour(9).isoformat())
    assert done["run"] == rows[3]["id"]
    assert brief(due_outcomes(store, BOUNDS, "tree")) == [set(), {("tree", "RUNNING", 1)}]


def test_due_times_without_a_run(store: Store) -> None:
    past.write(store, [])
    put(
        store,
        fire("old", hour(-30), hour(-29), 2),
        fire("night", hour(-5), hour(3), 9),
        fire("bugs", hour(5), hour(6), 2),
        fire("bugs", hour(9), hour(9), 1),
        fire("bugs", hour(10), hour(10), 1, "overlapped"),
        fire("fast", hour(26), hour(27), None, "coalesced"),
        fire("fast", hour(28), hour(28), 1, "coalesced"),
    )
    days = due_outcomes(store, BOUNDS)
    assert brief(days) == [
        {("night", "missed", 9), ("bugs", "missed", 3), ("bugs", "overlapped", 1)},
        {("fast", "coalesced", None)},
    ]
    night = next(entry for entry in days[0] if entry["task"] == "night")
    assert (night["at"], night["run"]) == (hour(0).isoformat(), None)


def test_there_are_so_many_at_most(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    past.write(store, [past.ended(number, f"task {number}", hour(number), 1) for number in range(5)])
    put(store, *(fire(f"task {number}", hour(number), hour(number), 1) for number in range(5)))
    monkeypatch.setattr(module, "MOST_ENTRIES", 7)
    (day,) = due_outcomes(store, BOUNDS[:2])
    assert [entry["outcome"] for entry in day] == ["DONE"] * 5 + ["missed"] * 2
