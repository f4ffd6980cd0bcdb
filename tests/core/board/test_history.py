"""A window of history: counted in the database, the same on both, and small whatever lies in it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from support import past

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.board.history import BARS, LANES, window
from schedkit.core.store.database import Store
from schedkit.values.instants import to_micros

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    store = Store(where)
    yield store
    store.close()


def test_a_ledger_without_a_past(store: Store) -> None:
    store.open()
    seen = window(store, NOW, 24)
    assert seen == {
        "since": NOW.isoformat(),
        "until": NOW.isoformat(),
        "total": 0,
        "failed": 0,
        "half": None,
        "most": None,
        "tasks": [],
        "states": [],
        "lanes": [],
        "more": 0,
        "first": 0,
        "runs": [],
    }


def test_what_a_window_holds(store: Store) -> None:
    rows = [
        past.ended(1, "old", NOW - 25 * HOUR, 5),
        past.ended(2, "bugs", NOW - 3 * HOUR, 60),
        past.ended(3, "bugs", NOW - 2 * HOUR, 120, "FAILED"),
        past.ended(4, "tree", NOW - 2 * HOUR, 10, "TIMEOUT"),
        past.ended(5, "tree", NOW - 1 * HOUR, None),
        {**past.ended(6, "waits", NOW, None), "state": "QUEUED", "started_at": None},
    ]
    past.write(store, rows)
    seen = window(store, NOW, 24)
    assert [run["id"][-1] for run in seen["runs"]] == ["6", "5", "4", "3", "2"]
    assert (seen["total"], seen["failed"], seen["half"], seen["most"]) == (5, 2, 60.0, 120.0)
    assert seen["tasks"] == ["bugs", "tree", "waits"]
    assert seen["states"] == ["DONE", "FAILED", "QUEUED", "RUNNING", "TIMEOUT"]
    # The time line begins with the first run, not hours before it.
    assert seen["since"] == (NOW - 3 * HOUR).isoformat()
    hour = 3_600_000
    assert seen["lanes"] == [
        {
            "task": "bugs",
            "runs": 2,
            "bars": [[0, 60_000, 1, 0, 60, 0, 0], [hour, hour + 120_000, 1, 1, 120, 0, 0]],
        },
        {
            "task": "tree",
            "runs": 2,
            "bars": [[hour, hour + 10_000, 1, 1, 10, 0, 0], [2 * hour, 3 * hour, 1, 0, 3600, 1, 0]],
        },
        {"task": "waits", "runs": 1, "bars": []},
    ]
    failed = next(run for run in seen["runs"] if run["state"] == "FAILED")
    assert failed["error"] == {"type": "UnavailableError", "message": "Jira did not answer"}
    assert window(store, NOW, 26)["total"] == 6


def test_every_state_of_every_task_is_counted(store: Store) -> None:
    chance = random.Random(5)
    states = ["DONE", "FAILED", "TIMEOUT", "SKIPPED", "CANCELLED"]
    rows = [
        past.ended(
            number,
            chance.choice(["a", "A", "ä", "a b", "%", "never done"]),
            NOW - chance.random() * 48 * HOUR,
            chance.choice([None, 1.5, 60]),
            chance.choice(states),
        )
        for number in range(400)
    ]
    for row in rows:
        if row["task"] == "never done" and row["state"] == "DONE":
            row["state"] = "SKIPPED"
    past.write(store, rows)
    since = to_micros(NOW - 24 * HOUR)
    inside = [row for row in rows if row["queued_at"] >= since]
    for task, state in [("", ""), ("a", ""), ("never done", "DONE"), ("", "DONE"), ("A", "RUNNING")]:
        mine = [row for row in inside if task in ("", row["task"]) and state in ("", row["state"])]
        seen = window(store, NOW, 24, task=task, state=state)
        assert seen["total"] == len(mine)
        assert seen["failed"] == sum(row["state"] in ("FAILED", "TIMEOUT") for row in mine)
        assert seen["tasks"] == sorted({row["task"] for row in inside})
        assert seen["states"] == sorted({row["state"] for row in inside})
        for lane in seen["lanes"]:
            own = [row for row in mine if row["task"] == lane["task"]]
            counts = [sum(bar[place] for bar in lane["bars"]) for place in (2, 3, 5, 6)]
            assert counts == [
                len(own),
                sum(row["state"] in ("FAILED", "TIMEOUT") for row in own),
                sum(row["finished_at"] is None for row in own),
                sum(row["state"] in ("SKIPPED", "CANCELLED") for row in own),
            ]
        assert {lane["task"] for lane in seen["lanes"]} == {row["task"] for row in mine}


def test_by_task_and_by_state(store: Store) -> None:
    past.write(store, past.many_ended(200, NOW, days=1, tasks=4))
    every = window(store, NOW, 48)
    one = window(store, NOW, 48, task="task 01")
    assert (every["total"], one["total"], len(one["lanes"])) == (200, 50, 1)
    assert {run["task"] for run in one["runs"]} == {"task 01"}
    # What can be chosen does not shrink with the choice.
    assert one["tasks"] == every["tasks"]
    bad = window(store, NOW, 48, state="FAILED")
    assert bad["total"] == bad["failed"] == every["failed"] == 20
    assert bad["states"] == ["DONE", "FAILED"]
    neither = window(store, NOW, 48, task="nobody's")
    assert (neither["total"], neither["lanes"], neither["runs"]) == (0, [], [])


def test_pages_hold_every_run_once(store: Store) -> None:
    rows = past.many_ended(120, NOW, days=1, tasks=3)
    past.write(store, rows)
    pages = [window(store, NOW, 48, first=first, rows=50)["runs"] for first in (0, 50, 100, 150)]
    assert [len(page) for page in pages] == [50, 50, 20, 0]
    assert [run["id"] for page in pages for run in page] == sorted((row["id"] for row in rows), reverse=True)


def test_thousands_of_runs_make_a_small_answer(store: Store) -> None:
    past.write(store, past.many_ended(20_000, NOW, days=30, tasks=30))
    seen = window(store, NOW, 720)
    assert (seen["total"], seen["failed"], seen["more"]) == (20_000, 2000, 30 - LANES)
    assert len(seen["lanes"]) == LANES
    assert all(len(lane["bars"]) <= BARS for lane in seen["lanes"])
    for lane in seen["lanes"]:
        assert sum(runs for _, _, runs, *_ in lane["bars"]) == lane["runs"]
    assert len(msgspec.json.encode(seen)) < 200_000


def test_a_scheduler_looks_back(make: Callable[..., Scheduler]) -> None:
    sched = make()
    with sched:

        @sched.task
        def told(run: Any) -> int:
            run.log("a line")
            return 7

        done = told.submit()
        done.result(timeout=60)
        seen = sched.screens.history_window(1)
        assert [(run["id"], run["state"]) for run in seen["runs"]] == [(done.id, "DONE")]
        row = sched.screens.run_detail(done.id)
        assert [line["message"] for line in row["log"]] == ["a line"]
        assert [attempt["outcome"] for attempt in row["attempts"]] == ["done"]
