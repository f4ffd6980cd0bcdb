"""APScheduler's triggers and ours, made of them, fire at the same times: whatever their fields, in any zone.

On purpose different, and left out here: on the days on which the clocks change each wall time happens once,
and one that does not exist right after the jump; APScheduler repeats the one and passes over the other.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from schedkit.core.triggers.data import of

START = datetime(2026, 1, 5, 6, 30, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
COUNT = 25
NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def theirs(trigger: Any) -> list[datetime]:
    """Return the next times after `START` by APScheduler's own arithmetic."""
    found: list[datetime] = []
    previous, now = None, START
    while len(found) < COUNT and (at := trigger.get_next_fire_time(previous, now)) is not None:
        if at > START:
            found.append(at)
        previous = now = at
    return found


def on_usual_days(moments: list[datetime], zone: ZoneInfo) -> list[datetime]:
    """Return those on days on which the clocks do not change, nor on the next or the last."""

    def steady(day: date) -> bool:
        offsets = {
            datetime(each.year, each.month, each.day, hour, tzinfo=zone).utcoffset()
            for each in (day - timedelta(days=1), day, day + timedelta(days=1))
            for hour in (0, 23)
        }
        return len(offsets) == 1

    return [at for at in moments if steady(at.astimezone(zone).date())]


def number(chance: random.Random, low: int, high: int) -> str:
    """Return an expression for a field of numbers."""
    first, last = sorted(chance.sample(range(low, high + 1), 2))
    return chance.choice(
        [
            f"{first}",
            f"{first},{last}",
            f"{first}-{last}",
            f"*/{chance.randint(2, 5)}",
            f"{first}-{high}/{min(2, high - first) or 1}",
        ]
    )


def cron_trigger(chance: random.Random, zone: str) -> CronTrigger:
    fields: dict[str, str] = {"hour": number(chance, 0, 23), "minute": str(chance.randint(0, 59))}
    day = chance.choice(["any", "week", "month", "last", "nth", "both"])
    if day in ("week", "both"):
        fields["day_of_week"] = ",".join(chance.sample(NAMES, chance.randint(1, 3)))
    if day in ("month", "both"):
        fields["day"] = number(chance, 1, 28)
    if day == "last":
        fields["day"] = "last"
    if day == "nth":
        fields["day"] = f"{chance.choice(['1st', '2nd', '3rd', 'last'])} {chance.choice(NAMES)}"
    if chance.random() < 0.3:
        fields["month"] = number(chance, 1, 12)
    if chance.random() < 0.3:
        fields["second"] = str(chance.randint(0, 59))
    return CronTrigger(timezone=zone, **fields)


def same(trigger: Any, zone: str) -> None:
    expected = theirs(trigger)
    ours = list(of(trigger).walk(START, len(expected)))
    usual = ZoneInfo(zone)
    last = min(expected[-1], ours[-1]) if expected and ours else START
    assert [at for at in on_usual_days(ours, usual) if at <= last] == [
        at for at in on_usual_days(expected, usual) if at <= last
    ], str(trigger)


@pytest.mark.parametrize("zone", ZONES)
def test_crons(zone: str) -> None:
    chance = random.Random(zone)
    for _ in range(40):
        same(cron_trigger(chance, zone), zone)


@pytest.mark.parametrize("zone", ZONES)
def test_intervals_and_combinations(zone: str) -> None:
    chance = random.Random(zone)
    begin = datetime(2026, 1, 1, chance.randint(0, 23), chance.randint(0, 59), tzinfo=ZoneInfo(zone))
    for _ in range(10):
        length = {chance.choice(["minutes", "hours", "days", "weeks"]): chance.randint(1, 50)}
        same(IntervalTrigger(**length, start_date=begin, timezone=zone), zone)
        same(OrTrigger([cron_trigger(chance, zone), cron_trigger(chance, zone)]), zone)
        apart = {chance.choice(["days", "weeks", "months"]): chance.randint(1, 5)}
        same(CalendarIntervalTrigger(**apart, hour=7, start_date=begin.date(), timezone=zone), zone)
