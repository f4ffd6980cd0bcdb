"""Where the clocks change: a fixed time happens exactly once, `*` follows elapsed time."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedkit.core.triggers.constructors import Trigger, at, calendar, cron, every
from schedkit.core.triggers.data import cron_fields
from schedkit.core.triggers.wallclock import instant
from schedkit.errors import UsageError
from schedkit.values.timezones import local_timezone

NEW_YORK = "America/New_York"
# On 8 March 2026, 02:00 EST became 03:00 EDT; on 1 November 2026, 02:00 EDT becomes 01:00 EST.
GAP = datetime(2026, 3, 8, 5, tzinfo=UTC)
FOLD = datetime(2026, 11, 1, 4, tzinfo=UTC)


def local(trigger: Trigger, after: datetime, count: int) -> list[str]:
    zone = ZoneInfo(NEW_YORK)
    return [t.astimezone(zone).strftime("%d %H:%M%z") for t in trigger.walk(after, count)]


def test_a_time_the_clocks_jump_over_happens_right_after_the_jump() -> None:
    expected = ["08 03:00-0400", "09 02:30-0400"]
    assert local(cron("30 2 * * *", tz=NEW_YORK), GAP, 2) == expected
    assert local(calendar(days=1, at="02:30", start="2026-03-08", tz=NEW_YORK), GAP, 2) == expected
    assert local(cron_fields({"hour": 2, "minute": 30}, tz=NEW_YORK), GAP, 2) == expected
    assert local(at("2026-03-08 02:30", tz=NEW_YORK), GAP, 2) == expected[:1]


def test_several_times_in_one_gap_are_one() -> None:
    assert local(cron("0,15,30 2,3 * * *", tz=NEW_YORK), GAP, 4) == [
        "08 03:00-0400",
        "08 03:15-0400",
        "08 03:30-0400",
        "09 02:00-0400",
    ]


def test_a_time_the_clocks_repeat_happens_once_the_first_time() -> None:
    expected = ["01 01:30-0400", "02 01:30-0500"]
    assert local(cron("30 1 * * *", tz=NEW_YORK), FOLD, 2) == expected
    assert local(calendar(days=1, at="01:30", start="2026-11-01", tz=NEW_YORK), FOLD, 2) == expected
    assert local(cron_fields({"hour": 1, "minute": 30}, tz=NEW_YORK), FOLD, 2) == expected
    assert local(at("2026-11-01 01:30", tz=NEW_YORK), FOLD, 2) == expected[:1]


def test_from_inside_the_second_pass_a_fixed_time_waits_for_the_next_day() -> None:
    second_pass = datetime(2026, 11, 1, 6, 10, tzinfo=UTC)
    assert local(cron("30 1 * * *", tz=NEW_YORK), second_pass, 1) == ["02 01:30-0500"]


def test_stars_follow_elapsed_time() -> None:
    hourly = cron("0 * * * *", tz=NEW_YORK)
    assert local(hourly, GAP, 4) == ["08 01:00-0500", "08 03:00-0400", "08 04:00-0400", "08 05:00-0400"]
    assert local(hourly, FOLD, 4) == ["01 01:00-0400", "01 01:00-0500", "01 02:00-0500", "01 03:00-0500"]
    half = cron("*/30 1,2 * * *", tz=NEW_YORK)
    assert local(half, FOLD, 6) == [
        "01 01:00-0400",
        "01 01:30-0400",
        "01 01:00-0500",
        "01 01:30-0500",
        "01 02:00-0500",
        "01 02:30-0500",
    ]
    assert local(half, GAP, 3) == ["08 01:00-0500", "08 01:30-0500", "09 01:00-0400"]


def test_a_rare_star_finds_the_second_pass_of_a_later_year() -> None:
    rare = cron("*/30 1 1 11 *", tz=NEW_YORK)
    assert local(rare, datetime(2025, 11, 1, 12, tzinfo=UTC), 4) == [
        "01 01:00-0400",
        "01 01:30-0400",
        "01 01:00-0500",
        "01 01:30-0500",
    ]


def test_an_interval_knows_no_clock_changes() -> None:
    times = list(every("6h", start=GAP, tz=NEW_YORK).walk(GAP, 8))
    assert {b - a for a, b in itertools.pairwise(times)} == {timedelta(hours=6)}


def test_a_day_left_out_altogether() -> None:
    # Samoa went from 29 to 31 December 2011.
    apia = ZoneInfo("Pacific/Apia")
    assert instant(datetime(2011, 12, 30, 12), apia) == datetime(2011, 12, 30, 10, tzinfo=UTC)
    daily = cron("0 12 * * *", tz="Pacific/Apia")
    days = [
        t.astimezone(apia).strftime("%d %H:%M") for t in daily.walk(datetime(2011, 12, 29, tzinfo=UTC), 3)
    ]
    assert days == ["29 12:00", "31 00:00", "31 12:00"]


ZONES = ["UTC", NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "America/Sao_Paulo"]


@settings(max_examples=60)
@given(
    zone=st.sampled_from(ZONES),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    year=st.integers(2010, 2030),
)
def test_a_daily_time_happens_exactly_once_every_day(zone: str, hour: int, minute: int, year: int) -> None:
    tz = ZoneInfo(zone)
    start = datetime(year, 1, 1, tzinfo=tz)
    trigger = cron(f"{minute} {hour} * * *", tz=zone)
    times = list(trigger.walk(start.astimezone(UTC) - timedelta(microseconds=1), 365))
    days = [t.astimezone(tz).date() for t in times]
    assert len(set(days)) == len(days)
    assert (days[-1] - days[0]).days == len(days) - 1
    # On all days but the few on which the clocks change it is that very time.
    exact = [t for t in times if t.astimezone(tz).strftime("%H:%M") == f"{hour:02}:{minute:02}"]
    assert len(exact) >= 362


@settings(max_examples=60)
@given(
    zone=st.sampled_from(ZONES),
    step=st.sampled_from([1, 5, 10, 15, 20, 30]),
    offset=st.integers(0, 525_600),
    year=st.integers(2010, 2030),
)
def test_stars_agree_with_looking_at_every_minute(zone: str, step: int, offset: int, year: int) -> None:
    tz = ZoneInfo(zone)
    after = datetime(year, 1, 1, tzinfo=UTC) + timedelta(minutes=offset)
    minutes = (after + timedelta(minutes=m) for m in range(1, 200))
    expected = [m for m in minutes if m.astimezone(tz).minute % step == 0]
    found = list(cron(f"*/{step} * * * *", tz=zone).walk(after, len(expected)))
    assert found == expected


@pytest.mark.parametrize("change", [GAP + timedelta(hours=2), FOLD + timedelta(hours=2)])
def test_stars_near_a_change_of_the_clocks(change: datetime) -> None:
    tz = ZoneInfo(NEW_YORK)
    trigger = cron("*/20 * * * *", tz=NEW_YORK)
    minutes = [change + timedelta(minutes=m) for m in range(-180, 180)]
    expected = [m for m in minutes if m.astimezone(tz).minute % 20 == 0]
    assert list(trigger.walk(minutes[0] - timedelta(seconds=1), len(expected))) == expected


def test_the_machines_zone() -> None:
    assert local_timezone().utcoffset(GAP) is not None


def test_a_machine_that_contradicts_itself_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import tzlocal

    def conflicting() -> None:
        raise ZoneInfoNotFoundError("Multiple conflicting time zone configurations found:\n/etc/timezone: …")

    monkeypatch.setattr(tzlocal, "get_localzone", conflicting)
    with pytest.raises(
        UsageError, match=r"cannot determine this machine's time zone: Multiple.*tz='Europe/Berlin'"
    ):
        cron("0 7 * * *").upcoming(1)
