"""Arithmetic counts the times of a crontab as going through them one by one does."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedkit.core.model import Task
from schedkit.core.states import DueOutcome
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.constructors import cron
from schedkit.core.triggers.crontab import parse
from schedkit.core.triggers.schedule import Schedule, settle
from schedkit.core.triggers.wall_times import WallTimes, offset_changes

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
MONTH = timedelta(days=31)


@st.composite
def expressions(draw: st.DrawFn) -> str:
    minute = draw(st.sampled_from(["0", "*/5", "7", "0,30", "*", "59"]))
    hour = draw(st.sampled_from(["*", "7", "2", "*/6", "0,23", "1-3"]))
    day = draw(st.sampled_from(["*", "*", "1", "13,31"]))
    month = draw(st.sampled_from(["*", "*", "3", "10"]))
    weekday = draw(st.sampled_from(["*", "*", "mon-fri", "0", "5"]))
    return f"{minute} {hour} {day} {month} {weekday}"


@given(
    expressions(),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    st.timedeltas(timedelta(), timedelta(days=9)),
)
def test_as_one_by_one(expression: str, zone: str, start: datetime, length: timedelta) -> None:
    trigger = cron(expression, tz=zone)
    after = start.replace(tzinfo=UTC)
    until = after + length
    bound = trigger.bind(after)
    plain = Trigger.times(bound, after, until, limit=20_000)
    assert trigger.times(after, until, limit=20_000) == plain
    assert trigger.latest(after, until) == (None if plain is None else plain.last)


@pytest.mark.parametrize(
    ("expression", "days", "count"),
    [("*/5 * * * *", 7, 2016), ("0 7 * * mon-fri", 7, 5), ("0 0 1 * *", 400, 13)],
)
def test_a_long_time_is_counted_to_its_end(expression: str, days: int, count: int) -> None:
    after = datetime(2026, 1, 4, 23, 59, tzinfo=UTC)
    found = cron(expression, tz="UTC").times(after, after + timedelta(days=days))
    assert found is not None
    assert found.count == count


def test_a_time_that_the_clocks_jump_over_counts_too() -> None:
    trigger = cron("30 2 * * *", tz="Europe/Berlin")
    after = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    found = trigger.times(after, after + timedelta(days=3))
    assert found is not None
    assert (found.first, found.count) == (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), 3)


def test_an_end_ends_the_count() -> None:
    trigger = cron("0 * * * *", tz="UTC", end="2026-01-05 12:00")
    after = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    found = trigger.times(after, after + MONTH)
    assert found is not None
    assert (found.count, found.last) == (3, datetime(2026, 1, 5, 12, tzinfo=UTC))


def test_windows_without_a_time_and_times_that_are_none() -> None:
    after = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    assert cron("0 7 * * *", tz="UTC").times(after, after + timedelta(hours=1)) is None
    hourly = WallTimes(parse("0 * * * *"))
    assert hourly.range(datetime(2026, 1, 5, 7, 30), datetime(2026, 1, 6)) is None


def test_a_thousand_schedules_a_week_down_take_little_time() -> None:
    now = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
    tasks = [Task(name=f"t{n}", trigger=cron("*/5 * * * *", tz="UTC")) for n in range(1000)]
    schedules = [Schedule.of(task, now) for task in tasks]
    began = time.process_time()
    for schedule in schedules:
        earlier, run = settle(schedule, now - timedelta(days=7), now, 0).fires
        assert (earlier.count, run.kind) == (2016, DueOutcome.RUN)
    assert time.process_time() - began < 3, "0.3 s here; one by one it took 8"


def test_changes_of_a_zone() -> None:
    winter = datetime(2026, 3, 20, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    assert offset_changes(winter, winter + MONTH, berlin)
    assert not offset_changes(winter, winter + timedelta(days=8), berlin)
    assert not offset_changes(winter, winter, berlin)
