"""Triggers: what is accepted, what is refused, and the same times from data after every restart."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import dateutil.tz
import pytest
import pytz
from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger
from apscheduler.triggers.combining import AndTrigger, OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from hypothesis import given
from hypothesis import strategies as st

from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.constructors import Times, Trigger, all_of, any_of, at, calendar, cron, every
from schedkit.core.triggers.data import cron_fields, custom_trigger, dumps, from_data, loads, of
from schedkit.errors import TriggerError
from schedkit.values.durations import duration_text
from schedkit.values.timezones import local_timezone, timezone_name

BERLIN = ZoneInfo("Europe/Berlin")
# A Monday.
START = datetime(2026, 1, 5, tzinfo=UTC)


def moments(trigger: Trigger, count: int = 4, after: datetime = START) -> list[str]:
    return [t.strftime("%a %d %b %H:%M") for t in trigger.walk(after, count)]


def test_one_is_monday_and_both_0_and_7_are_sunday() -> None:
    assert moments(cron("0 6 * * 1", tz="UTC"), 1) == ["Mon 05 Jan 06:00"]
    assert moments(cron("0 6 * * 0", tz="UTC"), 1) == ["Sun 11 Jan 06:00"]
    assert cron("0 6 * * 7") == cron("0 6 * * sun") == cron("0 6 * * 0")
    # APScheduler reads the same expression as Tuesday; that trap is the reason for our parser.
    theirs = CronTrigger.from_crontab("0 6 * * 1", timezone=UTC)
    assert moments(of(theirs), 1) == ["Tue 06 Jan 06:00"]


def test_either_of_two_restricted_day_fields_fires() -> None:
    assert moments(cron("0 0 13 * fri", tz="UTC"), 4) == [
        "Fri 09 Jan 00:00",
        "Tue 13 Jan 00:00",
        "Fri 16 Jan 00:00",
        "Fri 23 Jan 00:00",
    ]


def test_ranges_may_wrap_except_over_the_end_of_a_month() -> None:
    assert moments(cron("0 22-1 * * *", tz="UTC"), 4) == [
        "Mon 05 Jan 01:00",
        "Mon 05 Jan 22:00",
        "Mon 05 Jan 23:00",
        "Tue 06 Jan 00:00",
    ]
    assert cron("0 0 * nov-feb *") == cron("0 0 * 1,2,11,12 *")
    assert cron("0 0 * * fri-mon") == cron("0 0 * * 0,1,5,6")
    assert cron("0 0 * * sat-sun") == cron("0 0 * * 6,7")
    assert cron("0 0 * * 7-2") == cron("0 0 * * 0-2")
    with pytest.raises(TriggerError, match="'28-3' in day of month runs backwards"):
        cron("0 0 28-3 * *")


def test_steps_and_names() -> None:
    assert cron("20-35/15 * * * *") == cron("20,35 * * * *")
    assert cron("5/15 8-18/5 * JAN-MAR Mon-Fri") == cron("5,20,35,50 8,13,18 * 1-3 1-5")
    assert cron(" 0   0  ? * ?") == cron("0 0 * * *") == cron("@daily") == cron("@midnight")
    assert cron("@hourly") == cron("0 * * * *")
    assert cron("@weekly") == cron("0 0 * * sun")
    assert cron("@monthly") == cron("0 0 1 * *")
    assert cron("@yearly") == cron("@annually") == cron("0 0 1 1 *")


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("* * * * * *", r"6 fields.*no seconds.*every\('10s'\)"),
        ("* * * *", "4 fields instead of five"),
        ("60 * * * *", "'60' in minute is not 0-59"),
        ("* 24 * * *", "'24' in hour is not 0-23"),
        ("* * 0 * *", "'0' in day of month is not 1-31"),
        ("* * * 13 *", "'13' in month is not 1-12 or a name like jan"),
        ("* * * * 8", "'8' in day of week is not 0-7 or a name like mon"),
        ("* * * * mond", "'mond' in day of week"),
        ("*/0 * * * *", r"step of '\*/0'"),
        ("*/x * * * *", r"step of '\*/x'"),
        ("*/90 * * * *", r"longer than the field \(0-59\).*every\('90m'\)"),
        ("@reboot", r"has no time.*submit\(\)"),
        ("@fortnightly", "@fortnightly is unknown.*@daily"),
        ("0 0 L * *", "L, W and # are not crontab"),
        ("0 0 * * mon#2", "L, W and # are not crontab"),
        ("0 0 30 2 *", "it never fires"),
        ("0 0 31 4,6,9,11 *", "it never fires"),
        ("1,, * * * *", "'' in minute"),
    ],
)
def test_bad_crontabs_are_refused_where_they_are_written(expression: str, told: str) -> None:
    with pytest.raises(TriggerError, match=told):
        cron(expression)


def test_a_leap_day_is_waited_for() -> None:
    assert cron("0 0 29 2 *", tz="UTC").next(START) == datetime(2028, 2, 29, tzinfo=UTC)


def test_every_never_drifts() -> None:
    trigger = every("7s", start=START)
    assert trigger.next(START + timedelta(seconds=20, microseconds=5)) == START + timedelta(seconds=21)
    assert trigger.next(START - timedelta(days=1)) == START
    assert trigger.next(START) == START + timedelta(seconds=7)


def test_every_without_a_start_counts_from_its_declaration() -> None:
    trigger = every(hours=1)
    assert not trigger.bound
    bound = trigger.bind(START)
    assert bound.next(START) == START + timedelta(hours=1)
    # Asking later gives the same times: the anchor is data, not the clock.
    assert bound.next(START + timedelta(days=3, minutes=1)) == START + timedelta(days=3, hours=1)
    assert bound.bind(START + timedelta(minutes=5)) == bound


def test_every_spellings() -> None:
    assert every("1h30m") == every(5400) == every(timedelta(minutes=90)) == every(hours=1, minutes=30)
    assert every("250ms").bind(START).next(START) == START + timedelta(milliseconds=250)


@pytest.mark.parametrize("interval", [0, "0s", timedelta(0), -5, timedelta(seconds=-1), "soon", True, None])
def test_intervals_of_nothing_are_refused(interval: object) -> None:
    with pytest.raises(TriggerError):
        every(interval)


@pytest.mark.parametrize("interval", [0.001, "9ms", timedelta(microseconds=1)])
def test_intervals_shorter_than_any_task_are_refused(interval: Any) -> None:
    with pytest.raises(TriggerError, match=r"the interval is shorter than 10ms .*in one task"):
        every(interval)
    assert every("10ms").bind(START).next(START) == START + timedelta(milliseconds=10)


def test_every_takes_one_interval() -> None:
    with pytest.raises(TriggerError, match="one interval"):
        every("1h", minutes=5)
    with pytest.raises(TriggerError, match="longer than zero"):
        every(minutes=-5)


def test_at_fires_once() -> None:
    trigger = at("2026-03-01 07:00", tz="Asia/Shanghai")
    assert trigger.next(START) == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert trigger.next(datetime(2026, 2, 28, 23, tzinfo=UTC)) is None
    assert at("2026-03-01T07:00+08:00").next(START) == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert at(date(2026, 3, 1), tz="UTC").next(START) == datetime(2026, 3, 1, tzinfo=UTC)
    assert at(datetime(2026, 3, 1, 7, tzinfo=BERLIN)).next(START) == datetime(2026, 3, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize("moment", ["tomorrow", "2026-13-01", 5])
def test_at_refuses_what_is_no_time(moment: object) -> None:
    with pytest.raises(TriggerError, match="is not a date and time"):
        at(moment)


def test_calendar_keeps_the_time_of_day() -> None:
    trigger = calendar(days=1, at="07:00", start="2026-03-28", tz="Europe/Berlin")
    local = [t.astimezone(BERLIN).hour for t in trigger.walk(START, 5)]
    assert local == [7] * 5
    # Elapsed time does not keep it: that is what `every` is for.
    elapsed = every(days=1, start="2026-03-28 07:00", tz="Europe/Berlin")
    assert [t.astimezone(BERLIN).hour for t in elapsed.walk(START, 3)] == [7, 8, 8]


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        (
            every(days=7, start="2026-03-01 16:00", tz="Europe/Brussels"),
            "every 7d of elapsed time (a clock change moves the time of day), Europe/Brussels, "
            "from 2026-03-01 16:00",
        ),
        (every(days=1, start="2026-03-01 16:00", tz="UTC"), "every 1d, UTC, from 2026-03-01 16:00"),
        (
            every(days=1, start="2026-03-01 16:00", tz="Asia/Shanghai"),
            "every 1d, Asia/Shanghai, from 2026-03-01 16:00",
        ),
        (
            every(hours=12, start="2026-03-01 16:00", tz="Europe/Berlin"),
            "every 12h, Europe/Berlin, from 2026-03-01 16:00",
        ),
        (every(days=1), "every 1d"),
    ],
)
def test_every_says_what_a_clock_change_does_to_its_days(trigger: Trigger, words: str) -> None:
    assert trigger.text() == words


def test_calendar_passes_over_months_without_the_day() -> None:
    trigger = calendar(months=1, at=time(9), start="2026-01-31", tz="UTC")
    assert moments(trigger, 3) == ["Sat 31 Jan 09:00", "Tue 31 Mar 09:00", "Sun 31 May 09:00"]


def test_calendar_years_from_its_start_without_walking_there() -> None:
    daily = calendar(days=3, at="06:00", start="1990-01-01", tz="UTC")
    found = daily.next(START)
    assert found is not None
    assert (found.date() - date(1990, 1, 1)).days % 3 == 0
    assert timedelta(0) < found - START <= timedelta(days=3)
    assert calendar(weeks=2, start="2026-01-05", tz="UTC").next(START) == START + timedelta(weeks=2)
    assert calendar(years=1, at="01:00", start="2020-01-05", tz="UTC").next(START) == START + timedelta(
        hours=1
    )


def test_calendar_without_a_start_begins_on_the_day_of_its_declaration() -> None:
    trigger = calendar(days=1, at="07:00", tz="UTC").bind(START + timedelta(hours=9))
    assert moments(trigger, 2, START + timedelta(hours=9)) == ["Tue 06 Jan 07:00", "Wed 07 Jan 07:00"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "at least one whole year, month, week or day"),
        ({"days": -1}, "at least one"),
        ({"days": 0.5}, r"every\('12h'\)"),
        ({"days": 1, "at": "7 o'clock"}, "not a time of day"),
        ({"days": 1, "at": time(7, tzinfo=UTC)}, "has an offset"),
        ({"days": 1, "at": 7}, r"calendar\(at=7\) is not a time of day"),
        ({"days": True}, "at least one whole"),
    ],
)
def test_bad_calendars(options: dict[str, object], told: str) -> None:
    with pytest.raises(TriggerError, match=told):
        calendar(**options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"interval": 1e30}, r"interval: invalid duration 1e\+30"),
        ({"minutes": "5"}, r"every\(minutes='5'\): no length of time"),
        ({"hours": float("inf")}, r"every\(hours=inf\): no length of time"),
        ({"weeks": 10**9}, "weeks=1000000000"),
    ],
)
def test_bad_intervals(options: dict[str, Any], told: str) -> None:
    with pytest.raises(TriggerError, match=told):
        every(**options)


@pytest.mark.parametrize("tz", ["UTC", "Asia/Kolkata"])
def test_an_interval_that_counts_from_now_never_meets_a_crontab(tz: str) -> None:
    with pytest.raises(TriggerError, match=r"its triggers never coincide .give the interval a start="):
        all_of(cron("0 * * * *", tz=tz), every("1h"))
    both = all_of(cron("0 * * * *", tz="UTC"), every("2h", start=START))
    assert both.next(START) == START + timedelta(hours=2)


def test_start_and_end_are_part_of_the_window() -> None:
    trigger = cron("0 * * * *", tz="UTC", start="2026-01-05 03:00", end="2026-01-05 05:00")
    assert moments(trigger, 9) == ["Mon 05 Jan 03:00", "Mon 05 Jan 04:00", "Mon 05 Jan 05:00"]
    # A day as the end includes that day.
    assert len(moments(cron("0 12 * * *", tz="UTC", start="2026-01-06", end="2026-01-08"), 9)) == 3
    assert len(moments(every("1d", start=START, end=START + timedelta(days=2)), 9)) == 2
    with pytest.raises(TriggerError, match="it never fires"):
        cron("0 0 29 2 *", start="2026-01-01", end="2027-12-31")
    with pytest.raises(TriggerError, match="it never fires"):
        every("1h", start="2026-01-02", end="2026-01-01")


def test_any_of_and_all_of() -> None:
    either = any_of(cron("0 7 * * *", tz="UTC"), "0 7 * * mon", timedelta(hours=12))
    assert len(either.data()["triggers"]) == 3
    both = any_of(cron("0 7 * * *", tz="UTC"), cron("0 7,9 * * *", tz="UTC"))
    assert moments(both, 3) == ["Mon 05 Jan 07:00", "Mon 05 Jan 09:00", "Tue 06 Jan 07:00"]
    shared = all_of(
        cron("0 7 * * mon", tz="UTC"), calendar(weeks=2, at="07:00", start="2026-01-12", tz="UTC")
    )
    assert moments(shared, 2) == ["Mon 12 Jan 07:00", "Mon 26 Jan 07:00"]
    ended = all_of(cron("0 7 * * *", tz="UTC"), at("2026-01-07 07:00", tz="UTC"))
    assert moments(ended, 3) == ["Wed 07 Jan 07:00"]


def test_combinations_that_cannot_fire_are_refused() -> None:
    with pytest.raises(TriggerError, match="never fires"):
        all_of(every("2s", start="2026-01-01 00:00:00"), every("2s", start="2026-01-01 00:00:01"))
    with pytest.raises(TriggerError, match="needs at least one"):
        any_of()
    with pytest.raises(TriggerError, match=r"give it to any_of\(…, jitter=…\)"):
        any_of(every("1h", jitter="5s"))


def test_a_trigger_in_words() -> None:
    told = {
        cron("0 7 * * mon-fri", tz="Europe/Berlin"): "at 07:00 on Monday to Friday, Europe/Berlin",
        cron("* * * * *"): "every minute",
        cron("*/15 * * * *"): "every 15 minutes",
        cron("* 7 * * *"): "every minute in the hour 07",
        cron("*/10 9-17 * * sat,sun"): "every 10 minutes in the hours 09 to 17 on Saturday and Sunday",
        cron("0 * * * *"): "every hour",
        cron("0 8-18 * * *"): "on the hour in the hours 08 to 18",
        cron("0 */2 * * *"): "on the hour every 2 hours",
        cron("1 * * * *"): "1 minute past every hour",
        cron("5-7 8-18 * * *"): "5 to 7 minutes past in the hours 08 to 18",
        cron("0 0 1 * *"): "at 00:00 on day 1 of every month",
        cron("0 0 1,15 1-3 *"): "at 00:00 on day 1 and 15 in January to March",
        cron("0 9,12 13 * fri,sun"): "at 09:00 and 12:00 on day 13 or on any Friday or Sunday",
        cron("0 7 * 12 *"): "at 07:00 in December",
        every("90m", end="2026-03-01 12:00:30"): "every 1h 30m, until 2026-03-01 12:00:30",
        at("2026-03-01 07:00", tz="Asia/Shanghai"): "once, on 2026-03-01 07:00, Asia/Shanghai",
        at("2026-03-01 07:00"): "once, on 2026-03-01 07:00",
        calendar(months=1, days=2, at="07:00"): "every month and 2 days at 07:00",
        calendar(days=1, at="07:00:30"): "every day at 07:00:30",
        cron_fields({"hour": 7, "day_of_week": "mon-fri"}): "at 07:00 on Monday to Friday",
        cron_fields({"day": "last", "hour": 7}): "at day last, hour 7, minute 0, second 0",
        cron_fields({"second": "*"}): "every second",
        any_of(every("1h"), every("2h")): "every 1h or every 2h",
        all_of(every("1h"), every("2h")): "every 1h and every 2h",
    }
    for trigger, words in told.items():
        assert trigger.text() == str(trigger) == words
        assert words in repr(trigger)


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        (cron("0 22 * * *"), "at 22:00, Europe/Berlin"),
        (cron("0 22 * * *", tz="Asia/Shanghai"), "at 22:00, Asia/Shanghai"),
        (cron_fields({"hour": 22, "second": 5}), "at hour 22, second 5, Europe/Berlin"),
        (at(datetime(2026, 3, 1, 7)), "once, on 2026-03-01 07:00, Europe/Berlin"),
        (at(datetime(2026, 3, 1, 7, tzinfo=UTC)), "once, on 2026-03-01 07:00, UTC"),
        (calendar(days=1, at="07:00"), "every day at 07:00, Europe/Berlin"),
        (every("1h"), "every 1h"),
        (every("1h", start=datetime(2026, 1, 5, 8)), "every 1h, Europe/Berlin, from 2026-01-05 08:00"),
        (every("1h", start=START), "every 1h, from 2026-01-05 00:00"),
        (any_of(cron("0 7 * * *"), cron("0 9 * * *", tz="UTC")), "at 07:00, Europe/Berlin or at 09:00, UTC"),
    ],
)
def test_the_zone_of_a_project_is_named_where_a_wall_time_has_none(trigger: Trigger, words: str) -> None:
    assert trigger.text(BERLIN) == words


TRIGGERS = [
    cron("0 7 * * mon-fri", tz="Europe/Berlin", start="2026-01-01", end="2030-01-01", jitter="30s"),
    cron("*/7 */2 1-5,9 jan,mar sun"),
    every("1h30m"),
    every(0.25, start=START),
    at("2026-03-01 07:00"),
    at("2026-03-01 07:00", tz="Asia/Shanghai", jitter=3),
    at(datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=2)))),
    calendar(months=1, days=2, at="07:00:30", tz="+02:00"),
    calendar(years=1, weeks=3, start="2026-01-01"),
    cron_fields({"day": "last", "hour": 7}, tz="UTC"),
    any_of(cron("0 7 * * *"), every("1h"), jitter=5),
    all_of(cron("0 7 * * *", tz="UTC"), calendar(days=2, at="07:00", start="2026-01-01", tz="UTC")),
]


@pytest.mark.parametrize("trigger", TRIGGERS, ids=str)
def test_a_trigger_survives_the_ledger(trigger: Trigger) -> None:
    text = dumps(trigger)
    again = loads(text)
    assert again == trigger
    assert hash(again) == hash(trigger)
    assert dumps(again) == text
    bound = trigger.bind(START, BERLIN)
    assert loads(dumps(bound)) == bound
    assert list(bound.walk(START, 5)) == list(again.bind(START, BERLIN).walk(START, 5))


def test_equal_schedules_spelt_differently_are_stored_alike() -> None:
    assert dumps(cron("0 7 * * MON-FRI")) == dumps(cron("0  7 * *  1,2,3,4,5"))
    assert dumps(every("60s")) == dumps(every("1m"))
    assert dumps(cron("0 7 * * *")) != dumps(cron("0 7 * * *", tz="UTC"))


def test_unknown_data_is_refused() -> None:
    with pytest.raises(TriggerError, match="unknown type 'lunar'"):
        from_data({"type": "lunar"})


def test_apscheduler_triggers_are_taken_over() -> None:
    after = datetime(2026, 1, 5, 6, 30, tzinfo=UTC)
    theirs = [
        CronTrigger(hour="7-9", day_of_week="mon-fri", timezone="Europe/Berlin"),
        CronTrigger(day="last", hour=7, timezone=UTC, start_date=START, end_date=START + timedelta(days=90)),
        CronTrigger(second="*/10", timezone=UTC),
        CronTrigger(month="feb", day="2nd tue", timezone=UTC),
        CronTrigger(week="*/2", timezone=UTC),
        CronTrigger(day_of_week="1-5", timezone=UTC),
        IntervalTrigger(hours=3, start_date=START, timezone=UTC),
        DateTrigger(datetime(2026, 1, 6, tzinfo=UTC)),
        CalendarIntervalTrigger(days=2, hour=7, start_date="2026-01-01", timezone=UTC),
        OrTrigger([CronTrigger(hour=7, timezone=UTC), CronTrigger(hour=9, timezone=UTC)]),
    ]
    for trigger in theirs:
        ours = loads(dumps(of(trigger)))
        expected = []
        previous, now = None, after
        while len(expected) < 6 and (found := trigger.get_next_fire_time(previous, now)) is not None:
            if found > after:
                expected.append(found)
            previous = now = found
        assert list(ours.walk(after, len(expected))) == expected, trigger


def test_an_apscheduler_conjunction_is_taken_over() -> None:
    # Its own search for the second time never ends: it steps back to the previous time for ever.
    theirs = AndTrigger([CronTrigger(hour=7, timezone=UTC), CronTrigger(day="*/2", hour="*", timezone=UTC)])
    assert moments(of(theirs), 2) == ["Mon 05 Jan 07:00", "Wed 07 Jan 07:00"]


def test_apscheduler_jitter_becomes_ours_and_leaves_the_key_alone() -> None:
    ours = of(CronTrigger(hour=7, timezone=UTC, jitter=120))
    assert ours.jitter == 120
    assert ours.next(START) == START + timedelta(hours=7)


def test_an_apscheduler_interval_without_a_start_is_recognised_when_the_cell_runs_again() -> None:
    first, second = of(IntervalTrigger(hours=1, timezone=UTC)), of(IntervalTrigger(hours=1, timezone=UTC))
    assert dumps(first) == dumps(second)
    assert not first.bound
    explicit = IntervalTrigger(hours=1, start_date=datetime.now(UTC).replace(microsecond=0), timezone=UTC)
    assert of(explicit).bound


def test_apscheduler_weekday_numbers_are_stored_as_names() -> None:
    # Its 0 is Monday; a number in the ledger would be read the wrong way by people.
    data = of(CronTrigger(day_of_week="1-5,0", second=30, timezone=UTC)).data()
    assert data["fields"]["day_of_week"] == "tue-sat,mon"


def test_cron_fields_become_a_crontab_where_one_means_the_same() -> None:
    assert cron_fields({"hour": "7-9", "day_of_week": "mon-fri"}) == cron("0 7-9 * * mon-fri")
    assert of(CronTrigger(day_of_week=0, timezone=UTC)) == cron("0 0 * * mon", tz=UTC)
    for fields in (
        {"day": "1st mon"},
        {"day": "last"},
        {"day_of_week": "*/2"},
        {"day": 13, "day_of_week": "fri"},
    ):
        assert cron_fields(fields).data()["type"] == "cron_fields"


def test_cron_fields_refuse_what_apscheduler_refuses() -> None:
    with pytest.raises(TriggerError, match="higher than the maximum"):
        cron_fields({"hour": 25})
    with pytest.raises(TriggerError, match=r"\(month='2', day='30'.*never fires"):
        cron_fields({"month": 2, "day": 30})
    assert cron_fields({"year": 1999}, tz="UTC").next(START) is None


def test_of_reads_what_people_hand_in() -> None:
    assert of("0 7 * * *") == cron("0 7 * * *")
    assert of(timedelta(minutes=5)) == every("5m")
    assert of(START) == at(START)
    with pytest.raises(TriggerError, match=r"42 is not a trigger.*use cron"):
        of(42)


class Workdays:
    """A trigger somebody wrote against APScheduler's interface: 07:00 on weekdays."""

    def __init__(self, hour: int = 7) -> None:
        self.hour = hour

    def to_data(self) -> dict[str, object]:
        return {"hour": self.hour}

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        found = now.replace(hour=self.hour, minute=0, second=0, microsecond=0)
        while found < now or found.weekday() > 4:
            found += timedelta(days=1)
        return found


def test_a_custom_trigger_is_stored_under_its_name() -> None:
    with pytest.raises(TriggerError, match=r"Workdays is a custom trigger class.*@custom_trigger"):
        of(Workdays())
    custom_trigger("workdays")(Workdays)
    trigger = of(Workdays(9))
    assert json.loads(dumps(trigger)) == {"type": "custom", "name": "workdays", "arguments": {"hour": 9}}
    again = loads(dumps(trigger))
    assert again == trigger
    assert again.text() == "workdays(hour=9)"
    friday = datetime(2026, 1, 9, 9, tzinfo=UTC)
    assert again.next(friday) == datetime(2026, 1, 12, 9, tzinfo=UTC)
    with pytest.raises(TriggerError, match="'moon' is not registered here"):
        from_data({"type": "custom", "name": "moon", "arguments": {}})


def test_custom_triggers_that_cannot_be_stored() -> None:
    class NoData:
        def get_next_fire_time(self, previous: object, now: object) -> None: ...

    with pytest.raises(TriggerError, match=r"'nodata' has no to_data\(\)"):
        custom_trigger("nodata")(NoData)

    @custom_trigger("bad data")
    class BadData(NoData):
        def to_data(self) -> object:
            return {"when": START}

    with pytest.raises(TriggerError, match="not a JSON object"):
        of(BadData())


def test_custom_triggers_that_answer_oddly() -> None:
    @custom_trigger("once")
    class Once(Workdays):
        def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
            # Answers with its one time however late it is, as APScheduler's DateTrigger does.
            return START if previous is None else None

    trigger = of(Once())
    assert trigger.next(START - timedelta(days=1)) == START
    assert trigger.next(START) is None

    @custom_trigger("stuck")
    class Stuck(Workdays):
        def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
            return START

    assert of(Stuck()).next(START) is None

    @custom_trigger("naive")
    class Naive(Workdays):
        def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
            return now.replace(tzinfo=None)

    with pytest.raises(TriggerError, match="time without a time zone"):
        of(Naive()).next(START)


def test_a_moment_without_a_zone_is_told_with_the_one_in_which_it_is_read() -> None:
    local = timezone_name(local_timezone())
    assert trigger_data.words(at("2026-03-01 07:00"), None) == f"once, on 2026-03-01 07:00, {local}"
    assert trigger_data.words(at("2026-03-01 07:00"), BERLIN) == "once, on 2026-03-01 07:00, Europe/Berlin"
    assert trigger_data.words(at("2026-03-01 07:00", tz="UTC"), None) == "once, on 2026-03-01 07:00, UTC"
    assert trigger_data.words(cron("0 7 * * *"), None) == "at 07:00"


def test_upcoming_shows_local_times() -> None:
    shown = cron("0 7 * * *", tz="Europe/Berlin").upcoming(2, START)
    assert [t.isoformat() for t in shown] == ["2026-01-05T07:00:00+01:00", "2026-01-06T07:00:00+01:00"]
    assert at("2026-03-01 07:00", tz="Asia/Shanghai").upcoming(3, START)[0].hour == 7
    assert len(any_of("0 7 * * *", "0 8 * * *").upcoming(3)) == 3


def test_bad_zones_are_named() -> None:
    with pytest.raises(TriggerError, match=r"tz: invalid time zone 5 \(use e.g. 'Europe/Berlin'"):
        cron("0 7 * * *", tz=5)
    with pytest.raises(
        TriggerError, match=r"unknown time zone 'Europe/Berln' \(did you mean 'Europe/Berlin'"
    ):
        cron("0 7 * * *", tz="Europe/Berln")
    with pytest.raises(TriggerError, match=r"unknown time zone 'qqqq' .use e.g. 'Europe/Berlin'"):
        cron("0 7 * * *", tz="qqqq")
    with pytest.raises(TriggerError, match=r"invalid time zone '\+99' .write an offset as '\+02:00'"):
        cron("0 7 * * *", tz="+99")


@pytest.mark.parametrize("zone", [pytz.timezone("Europe/Berlin"), dateutil.tz.gettz("Europe/Berlin"), BERLIN])
def test_zones_of_other_libraries_mean_the_same_in_every_argument(zone: Any) -> None:
    seven = datetime(2026, 1, 5, 7, tzinfo=zone)
    six = datetime(2026, 1, 5, 6, tzinfo=UTC)
    assert cron("0 7 * * *", tz=zone).next(START) == six
    assert len(cron("*/30 * * * *", tz=zone).upcoming(2, START)) == 2
    assert at(seven).next(START) == of(seven).next(START) == six
    assert of(DateTrigger(seven.replace(tzinfo=None), timezone=zone)).next(START) == six
    for trigger in (
        every("1d", start=seven),
        calendar(days=1, at="07:00", start=seven, tz=zone),
        cron_fields({"hour": 7}, tz=zone, start=seven),
    ):
        assert trigger.next(START) == loads(dumps(trigger)).next(START) == six, trigger
    assert cron("0 7 * * *", tz=zone, end=seven).times(START, START + timedelta(days=9)) == Times(six, six, 1)
    assert cron("0 7 * * *", tz="UTC").upcoming(1, seven)[0].hour == 7
    assert at(seven).text() == "once, on 2026-01-05 07:00, Europe/Berlin"


def test_a_moment_in_a_zone_without_a_name_is_refused() -> None:
    with pytest.raises(TriggerError, match=r"at\(\): time zone .* has no name"):
        at(datetime(2026, 1, 5, tzinfo=dateutil.tz.tzrange("EST")))


def test_a_zone_without_a_name_cannot_be_stored() -> None:
    from datetime import tzinfo

    class Odd(tzinfo):
        def utcoffset(self, moment: datetime | None) -> timedelta:
            return timedelta(hours=1)

    with pytest.raises(TriggerError, match=r"time zone .*Odd object.* has no name .use zoneinfo"):
        dumps(cron("0 7 * * *", tz=Odd()))


simple = st.one_of(
    st.builds(
        lambda seconds, offset: every(seconds, start=START + timedelta(seconds=offset)),
        st.integers(1, 5000),
        st.integers(-5000, 5000),
    ),
    st.sampled_from(
        [
            "* * * * *",
            "*/7 * * * *",
            "0 7 * * mon-fri",
            "30 2 * * *",
            "0 0 1 * *",
            "0 9-17 * * 1",
            "5 4 1-7 * fri",
        ]
    ).map(lambda e: cron(e, tz="Europe/Berlin")),
    st.builds(
        lambda d, h: calendar(days=d, at=f"{h:02}:30", start="2026-01-01", tz="UTC"),
        st.integers(1, 9),
        st.integers(0, 23),
    ),
)


@given(simple, st.integers(0, 500_000), st.integers(0, 200_000))
def test_ranges_agree_with_walking(trigger: Trigger, offset: int, length: int) -> None:
    after = START + timedelta(seconds=offset)
    until = after + timedelta(seconds=length)
    walked = [t for t in trigger.walk(after, 400) if t <= until]
    times = trigger.times(after, until, limit=300)
    latest = trigger.latest(after, until)
    if not walked:
        assert times is None
        assert latest is None
        assert trigger.newest(after, until, 3) == []
        return
    assert times is not None
    assert times.first == walked[0]
    if len(walked) < 300:
        assert times.last == latest == walked[-1]
        assert times.count == len(walked)
        assert trigger.newest(after, until, 3) == walked[-3:]
    else:
        assert times.last == latest is not None


def test_a_long_range_is_not_listed() -> None:
    trigger = any_of(cron("* * * * *", tz="UTC"), cron("0 7 * * *", tz="UTC"))
    times = trigger.times(START, START + timedelta(days=365))
    assert times is not None
    assert times.count is None
    assert times.last == START + timedelta(days=365)
    week = every("1s", start=START).times(START - timedelta(seconds=1), START + timedelta(days=7))
    assert week is not None
    assert week.count == 604_801


def test_durations_are_shown_as_they_are_read() -> None:
    assert [duration_text(s) for s in (0, 0.25, 90, 5400, 90061, 1e-6)] == [
        "0s",
        "250ms",
        "1m 30s",
        "1h 30m",
        "1d 1h 1m 1s",
        "1us",
    ]


def test_triggers_load_no_scheduler() -> None:
    import subprocess

    code = (
        "from schedkit.core.triggers.constructors import cron; from datetime import datetime, UTC;"
        "cron('0 7 * * *', tz='UTC').next(datetime.now(UTC)); import sys;"
        "print([m for m in sys.modules if m.startswith('apscheduler.') and 'triggers' not in m])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "['apscheduler.util']"


def test_latest_finds_the_last_time_among_rare_and_dense_ones() -> None:
    day = timedelta(days=1)
    rare = cron("0 0 29 2 *", tz="UTC")
    assert rare.latest(START, START + 1000 * day) == datetime(2028, 2, 29, tzinfo=UTC)
    assert rare.latest(START, START + 10 * day) is None
    working = cron("*/5 9-17 * * mon-fri", tz="UTC")
    assert working.latest(START, datetime(2026, 1, 11, 12, tzinfo=UTC)) == datetime(
        2026, 1, 9, 17, 55, tzinfo=UTC
    )
    seconds = cron_fields({"second": "*"}, tz="UTC")
    assert seconds.latest(START, START + timedelta(hours=30, seconds=0.5)) == START + timedelta(hours=30)
    fixed = any_of(*(every("1h", start=START + timedelta(milliseconds=i * 100)) for i in range(5)))
    assert fixed.latest(START, START + timedelta(hours=2, seconds=0.35)) == START + timedelta(
        hours=2, seconds=0.3
    )
