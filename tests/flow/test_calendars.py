"""Working hours, counted minute by minute for comparison."""

from __future__ import annotations

import os
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedkit.errors import UsageError
from schedkit.flow import WorkingHours


def by_the_minute(hours: WorkingHours, start: pd.Timestamp, end: pd.Timestamp) -> timedelta:
    """Working time counted minute by minute."""
    minutes = pd.date_range(start, end, freq="min", inclusive="left").tz_convert(hours.tz)
    wall = minutes.hour * 3600 + minutes.minute * 60
    off = {str(day) for day in hours.holidays}
    working = [
        hours.mask[day.weekday()]
        and str(day.date()) not in off
        and any(a <= second < b for a, b in hours.blocks)
        for day, second in zip(minutes, wall, strict=True)
    ]
    return timedelta(minutes=sum(working))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-27T14:00Z", "2026-03-31T10:30Z"),  # over the beginning of summer time
        ("2026-10-23T06:00Z", "2026-10-27T18:00Z"),  # and its end
        ("2025-12-30T00:00Z", "2026-01-05T12:00Z"),
        ("2026-05-04T09:15Z", "2026-05-04T09:20Z"),
        ("2026-05-02T00:00Z", "2026-05-03T23:00Z"),
    ],
)
@pytest.mark.parametrize(
    "hours",
    [
        WorkingHours(tz="Europe/Berlin", holidays=["2026-01-01"]),
        WorkingHours("sun-thu", "08:30", "24:00", "Asia/Kolkata"),
        WorkingHours("fri-mon, wed", "00:00", "06:00", "America/New_York"),
    ],
)
def test_working_hours(hours: WorkingHours, start: str, end: str) -> None:
    a, b = pd.Timestamp(start), pd.Timestamp(end)
    assert hours.between(a, b) == by_the_minute(hours, a, b)
    assert hours.between(b, a) == -hours.between(a, b)
    assert pd.isna(hours.between(a, pd.NaT))
    both = hours.between(pd.Series([a, pd.NaT]), b)
    assert both.iloc[0] == hours.between(a, b)
    assert pd.isna(both.iloc[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"days": "mon-fry"}, "'mon-fry' is not a day"),
        ({"start": "9 am"}, "'9 am' is not a time of day"),
        ({"start": "18:00"}, "before it starts"),
        ({"tz": "Mars/Olympus"}, "unknown time zone 'Mars/Olympus'"),
        ({"holidays": ["25.12."]}, "a holiday is not a date"),
    ],
)
def test_calendars_that_cannot_be(arguments: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        WorkingHours(**arguments)


INSTANT = st.integers(0, 400 * 24 * 60).map(
    lambda minutes: pd.Timestamp("2026-01-01T00:00Z") + timedelta(minutes=minutes)
)


@settings(max_examples=1000 if os.environ.get("SCHEDKIT_THOROUGH") else 50)
@given(
    three=st.tuples(INSTANT, INSTANT, INSTANT),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]),
    off=st.sets(st.integers(0, 400), max_size=20),
)
def test_working_time_adds_up(three, zone: str, off: set[int]) -> None:
    holidays = [date(2026, 1, 1) + timedelta(days=number) for number in off]
    hours = WorkingHours("mon-fri", "08:30", "17:15", zone, holidays)
    a, b, c = three
    assert hours.between(a, c) == hours.between(a, b) + hours.between(b, c)
    begin, end = sorted((a, c))
    worked = hours.between(begin, end)
    assert timedelta(0) <= worked
    local = [stamp.tz_convert(zone).date() for stamp in (begin, end)]
    most = np.busday_count(local[0], local[1] + timedelta(days=1), holidays=holidays)
    assert worked <= most * timedelta(hours=8.75)


def test_a_day_in_several_blocks() -> None:
    hours = WorkingHours(blocks=[("13:00", "17:00"), ("09:00", "12:00")])
    monday = pd.Timestamp("2026-03-02T11:00Z")
    assert hours.between(monday, monday + pd.Timedelta(hours=1)) == pd.Timedelta(hours=1)
    assert hours.between(monday, monday + pd.Timedelta(hours=2)) == pd.Timedelta(hours=1), "a lunch break"
    assert hours.between(monday, monday + pd.Timedelta(days=1)) == pd.Timedelta(hours=7)


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([("09:00", "12:00"), ("11:00", "17:00")], "overlap"),
        ([("12:00", "09:00")], "ends at 09:00, before it starts at 12:00"),
        (["09:00"], "not a start and an end"),
        ([], "has no hours"),
    ],
)
def test_blocks_that_cannot_be(blocks, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        WorkingHours(blocks=blocks)
