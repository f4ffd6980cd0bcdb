"""Every kind of trigger in YAML, equal to the one of Python."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schedkit import all_of, any_of, at, calendar, cron, every
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.errors import SettingsError
from schedkit.report import loads_reports
from schedkit.report.schedule import next_time

REPORT = "name: r\nextract: {site: a, jql: b = c}\ndeliver: [{csv: {path: r.csv}}]\nschedule: "


def trigger(text: str) -> Trigger:
    (report,) = loads_reports(REPORT + text, "r")
    assert report.trigger is not None
    return report.trigger


@trigger_data.custom_trigger("test_schedule.noon")
class Noon:
    def __init__(self, hour: int = 12) -> None:
        self.hour = hour

    def to_data(self) -> dict[str, int]:
        return {"hour": self.hour}

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        today = now.replace(hour=self.hour, minute=0, second=0, microsecond=0)
        return today if today >= now else today + timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (
            "{cron: '0 7 * * mon-fri', tz: Europe/Berlin, start: 2026-03-01, end: 2026-03-31}",
            cron("0 7 * * mon-fri", tz="Europe/Berlin", start="2026-03-01", end="2026-03-31"),
        ),
        ("{cron: '@daily'}", cron("@daily")),
        ("{every: 90m, start: 2026-03-01 07:00}", every("90m", start="2026-03-01 07:00")),
        ("{at: 2026-12-24 12:00, tz: UTC}", at("2026-12-24 12:00", tz="UTC")),
        (
            "{calendar: {months: 1, at: '07:00'}, tz: UTC, start: 2026-01-31}",
            calendar(months=1, at="07:00", tz="UTC", start="2026-01-31"),
        ),
        (
            "{any_of: [{cron: '0 7 * * *', tz: UTC}, {at: 2026-12-24 12:00, tz: UTC}]}",
            any_of(cron("0 7 * * *", tz="UTC"), at("2026-12-24 12:00", tz="UTC")),
        ),
        (
            "{all_of: [{cron: '0 7 * * mon', tz: UTC}, "
            "{calendar: {weeks: 2, at: '07:00'}, tz: UTC, start: 2026-01-05}]}",
            all_of(
                cron("0 7 * * mon", tz="UTC"), calendar(weeks=2, at="07:00", tz="UTC", start="2026-01-05")
            ),
        ),
        ("{custom: test_schedule.noon, arguments: {hour: 9}}", trigger_data.of(Noon(9))),
    ],
)
def test_every_kind(text: str, same: Trigger) -> None:
    assert trigger_data.dumps(trigger(text)) == trigger_data.dumps(same)
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert trigger(text).bind(now).next(now) == same.bind(now).next(now)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{crn: '@daily'}", r"r:4:12: schedule: unknown option 'crn' .did you mean 'cron'"),
        ("{every: 1h, at: 2026-01-01}", "schedule: write exactly one of: cron, every, at, calendar"),
        ("{at: 2026-01-01, end: 2026-02-01}", "schedule: at takes no end"),
        ("{every: 1h, arguments: {a: 1}}", "schedule: arguments belong to a custom trigger"),
        ("{custom: nowhere}", "custom trigger 'nowhere' is not registered here"),
        ("{cron: '0 7 * * *', start: 2026-03-02, end: 2026-03-01}", "it never fires"),
        ("{calendar: {at: '07:00'}}", "needs at least one whole year"),
        ("{any_of: [{every: 1h, jitter: 5s}, {every: 2h}]}", "a part of any_of has a jitter"),
        ("{any_of: []}", r"any_of\(\) needs at least one trigger"),
        ("{any_of: [{every: 1h}, {evry: 2h}]}", r"r:4:35: .*unknown option 'evry' .did you mean 'every'"),
        ("{start: soon, every: 1h}", "schedule.start: .*'soon' is not a date"),
        ("daily", "schedule: write {cron: 0 7"),
    ],
)
def test_what_is_no_schedule(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        trigger(text)


def test_jitter_of_the_whole() -> None:
    (report,) = loads_reports(REPORT + "{any_of: [{every: 1h}, {every: 90m}], jitter: 1m}")
    assert report.schedule is not None
    assert report.schedule.jitter == 60


def test_the_next_time_is_told_in_the_project_s_zone() -> None:
    now, berlin = datetime(2026, 3, 1, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    found = next_time(trigger("{cron: '0 7 * * mon'}"), now, berlin)
    assert found is not None
    assert found.isoformat() == "2026-03-02T07:00:00+01:00"
    assert next_time(trigger("{every: 2h}"), now, berlin) == now + timedelta(hours=2)
    assert next_time(trigger("{at: '2026-02-01 07:00'}"), now, berlin) is None
    assert next_time(None, now, berlin) is None
