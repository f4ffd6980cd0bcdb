"""The calendar of a screen: seven days of due times in the reader's zone."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support import past
from support.due_tasks import scheduled

from schedkit.core.api import due_calendar as module
from schedkit.core.api.due_calendar import due_calendar
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import TaskRow
from schedkit.core.store.database import Store
from schedkit.core.tasks.declare import declare
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.constructors import cron, every
from schedkit.errors import TriggerError, UsageError
from schedkit.values.instants import to_micros

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 25, 9, 0, tzinfo=UTC)  # a Wednesday; on Sunday the clocks go forward


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "past.db")
    past.write(store, [])
    yield store
    store.close()


task = functools.partial(scheduled, now=NOW)


def entries(calendar: dict[str, Any]) -> list[tuple[str, str, int | None]]:
    return [
        (day["day"], entry["task"], entry["count"]) for day in calendar["days"] for entry in day["entries"]
    ]


def test_what_comes_by_day_in_the_readers_zone(store: Store) -> None:
    tasks = [task("bugs", cron("30 0 * * mon-fri")), task("often", every("1h"))]
    found = due_calendar(store, tasks, NOW, 0, BERLIN)
    assert [day["day"] for day in found["days"]] == [f"2026-03-{day}" for day in range(25, 32)]
    assert [count for day, name, count in entries(found) if name == "often"] == [13, 24, 24, 24, 23, 24, 24]
    bugs = [entry for day in found["days"] for entry in day["entries"] if entry["task"] == "bugs"]
    # Half past midnight in Berlin is still the day before in UTC.
    assert [entry["times"] for entry in bugs] == [
        [f"2026-03-{day}T{clock}:30:00+00:00"] for day, clock in ((25, 23), (26, 23), (29, 22), (30, 22))
    ]
    assert {entry["outcome"] for entry in bugs} == {"due"}
    assert found["zone"] == "Europe/Berlin"
    assert entries(due_calendar(store, tasks, NOW, 0, BERLIN, "bugs")) == [
        (f"2026-03-{day}", "bugs", 1) for day in (26, 27, 30, 31)
    ]


def test_what_passed_stands_before_what_comes(store: Store) -> None:
    past.write(store, [past.ended(1, "often", NOW - timedelta(hours=2), 5, "FAILED")])
    today = due_calendar(store, [task("often", every("1h"))], NOW, 0, BERLIN)["days"][0]
    assert [(entry["outcome"], entry["count"]) for entry in today["entries"]] == [("FAILED", 1), ("due", 13)]
    before = due_calendar(store, [task("often", every("1h"))], NOW, -7, BERLIN)
    assert (before["days"][0]["day"], entries(before)) == ("2026-03-18", [])


def test_few_due_times_are_listed_and_many_counted(store: Store) -> None:
    tasks = [task("few", cron("0 */6 * * *")), task("many", every("10s"))]
    tomorrow = due_calendar(store, tasks, NOW, 1, BERLIN)["days"][0]["entries"]
    assert [(entry["task"], entry["count"], len(entry["times"])) for entry in tomorrow] == [
        ("few", 4, 4),
        ("many", 8640, 0),
    ]
    assert tomorrow[1]["until"] == "2026-03-26T22:59:50+00:00"


def test_what_does_not_come_is_not_there(store: Store) -> None:
    late = NOW + timedelta(days=30)
    tasks = [
        task("paused", every("1h"), paused=True),
        task("later", every("1h"), next=late),
        TaskRow(name="on demand", anchored=0, declared=0),
        task("own", every("1h")).__class__(
            name="own", trigger='{"custom": "nobody"}', anchored=0, declared=0, next=to_micros(NOW)
        ),
    ]
    found = due_calendar(store, tasks, NOW, 0, UTC)
    # Of a trigger whose code is not here only the next time is known.
    assert entries(found) == [("2026-03-25", "own", None)]


def test_most_tasks_are_counted_only(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TASKS", 2)
    tasks = [task(f"task {number}", cron(f"{number} 12 * * *")) for number in range(5)]
    found = due_calendar(store, tasks, NOW, 0, UTC)
    assert found["left_out"] == 3
    assert {name for _, name, _ in entries(found)} == {"task 0", "task 1"}


def test_days_too_far_away_are_refused(store: Store) -> None:
    with pytest.raises(UsageError, match="no day 100000 days from today"):
        due_calendar(store, [], NOW, 100_000, UTC)


def test_a_scheduler_has_a_calendar_and_an_audit_log(tmp_path: Path) -> None:
    with Scheduler(tmp_path / "ledger.db", timezone="Europe/Berlin") as sched:
        sched.add(declare(lambda: None, every("1h"), name="often"))
        sched.pause("often")
        sched.resume("often")
        seen = sched.screens.calendar()
        assert seen["zone"] == "Europe/Berlin"
        assert {name for _, name, _ in entries(seen)} == {"often"}
        assert sched.screens.calendar(zone="UTC", task="nobody")["zone"] == "UTC"
        first = sched.screens.audit_page(limit=1)
        assert [item["action"] for item in first["items"]] == ["resumed"]
        following = sched.screens.audit_page(before=first["next"], limit=1)
        assert [(item["action"], item["task"]) for item in following["items"]] == [("paused", "often")]


def test_crontabs_that_others_wrote_are_counted_as_they_fire(store: Store, shared_data: Path) -> None:
    lines = (shared_data / "cron" / "robfig_vectors.tsv").read_text(encoding="utf-8").splitlines()
    specs = {line.split("\t")[2] for line in lines if line.count("\t") > 2}
    tasks = []
    for spec in sorted(specs):
        with contextlib.suppress(TriggerError):  # theirs have other dialects too
            tasks.append(task(spec, cron(spec, tz="America/New_York")))
    triggers = {row.name: trigger_data.loads(row.trigger or "") for row in tasks}
    days = due_calendar(store, tasks, NOW, 0, BERLIN)["days"]
    listed = [entry for day in days for entry in day["entries"] if entry["count"] is not None]
    assert len(listed) > 40
    for entry in listed:
        first, last = map(datetime.fromisoformat, (entry["at"], entry["until"]))
        found = triggers[entry["task"]].times(first - timedelta(microseconds=1), last, 10_000)
        assert found is not None
        assert (found.first, found.last, found.count) == (first, last, entry["count"])
