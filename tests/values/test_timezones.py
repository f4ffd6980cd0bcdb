"""A time zone has one reading and one spelling."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dateutil.tz
import pytest
import pytz
import tzlocal

from schedkit.errors import UsageError
from schedkit.values.timezones import in_known_zone, local_timezone, parse_timezone, timezone_name

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "zone", "name"),
    [
        ("Europe/Berlin", BERLIN, "Europe/Berlin"),
        ("europe/berlin", BERLIN, "Europe/Berlin"),
        (" Europe/Berlin ", BERLIN, "Europe/Berlin"),
        (BERLIN, BERLIN, "Europe/Berlin"),
        (pytz.timezone("Europe/Berlin"), BERLIN, "Europe/Berlin"),
        (dateutil.tz.gettz("Europe/Berlin"), BERLIN, "Europe/Berlin"),
        ("utc", UTC, "UTC"),
        ("Z", UTC, "UTC"),
        (UTC, UTC, "UTC"),
        (ZoneInfo("UTC"), UTC, "UTC"),
        ("etc/utc", UTC, "UTC"),
        (ZoneInfo("Etc/UTC"), UTC, "UTC"),
        (pytz.utc, UTC, "UTC"),
        (dateutil.tz.UTC, UTC, "UTC"),
        ("+00:00", UTC, "UTC"),
        ("+02:00", timezone(timedelta(hours=2)), "+02:00"),
        ("-05:30", timezone(-timedelta(hours=5, minutes=30)), "-05:30"),
        (timezone(timedelta(hours=2)), timezone(timedelta(hours=2)), "+02:00"),
        (pytz.FixedOffset(120), timezone(timedelta(hours=2)), "+02:00"),
        (dateutil.tz.tzoffset("x", 7200), timezone(timedelta(hours=2)), "+02:00"),
    ],
    ids=repr,
)
def test_every_spelling_of_a_zone_is_that_zone(value: Any, zone: tzinfo, name: str) -> None:
    found = parse_timezone(value)
    assert found == zone
    assert timezone_name(found) == timezone_name(value if isinstance(value, tzinfo) else found) == name
    assert parse_timezone(name) == zone


def test_a_zone_of_pytz_is_read_with_todays_offset() -> None:
    # pytz's own object, put on a wall time, reads it with the local mean time of 1893: 53 minutes.
    wall = datetime(2026, 1, 5, 7, tzinfo=parse_timezone(pytz.timezone("Europe/Berlin")))
    assert wall.utcoffset() == timedelta(hours=1)


PYTZ_BERLIN = pytz.timezone("Europe/Berlin")
FOLD = datetime(2026, 10, 25, 2, 30)


@pytest.mark.parametrize(
    ("moment", "utc"),
    [
        (datetime(2026, 1, 5, 7, tzinfo=PYTZ_BERLIN), "2026-01-05 06:00"),  # pytz: 06:07
        (PYTZ_BERLIN.localize(datetime(2026, 7, 5, 7)), "2026-07-05 05:00"),
        (PYTZ_BERLIN.localize(FOLD, is_dst=True), "2026-10-25 00:30"),
        (PYTZ_BERLIN.localize(FOLD, is_dst=False), "2026-10-25 01:30"),
        (FOLD.replace(tzinfo=dateutil.tz.gettz("Europe/Berlin"), fold=1), "2026-10-25 01:30"),
        (datetime(2026, 1, 5, 7, tzinfo=pytz.FixedOffset(120)), "2026-01-05 05:00"),
        (datetime(2026, 1, 5, 7, tzinfo=BERLIN), "2026-01-05 06:00"),
    ],
)
def test_a_moment_keeps_its_wall_time_in_the_zone_of_the_same_name(moment: datetime, utc: str) -> None:
    found = in_known_zone(moment)
    assert found.replace(tzinfo=None) == moment.replace(tzinfo=None)
    assert found.astimezone(UTC).strftime("%Y-%m-%d %H:%M") == utc
    assert found.tzinfo == parse_timezone(timezone_name(found.tzinfo or UTC))


def test_a_moment_without_a_zone_stays_without_one() -> None:
    assert in_known_zone(FOLD) is FOLD


@pytest.fixture
def shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine is in Shanghai; tzlocal reads its settings once in a process."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "Asia/Shanghai")
        tzlocal.reload_localzone()
        yield
    tzlocal.reload_localzone()


@pytest.mark.usefixtures("shanghai")
@pytest.mark.parametrize("value", ["local", "Local", dateutil.tz.tzlocal()])
def test_local_is_the_machines(value: Any) -> None:
    assert timezone_name(parse_timezone(value)) == "Asia/Shanghai" == timezone_name(local_timezone())


class Unnamed(tzinfo):
    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(hours=1)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("Europe", "unknown time zone 'Europe' .did you mean 'Europe/"),
        ("Europe/Berln", "unknown time zone 'Europe/Berln' .did you mean 'Europe/Berlin'"),
        ("GMT+2", r"unknown time zone 'GMT\+2' .write it as '\+02:00'"),
        ("UTC-0530", "write it as '-05:30'"),
        ("GMT-11", "write it as '-11:00'"),
        ("utc+5:45", r"write it as '\+05:45'"),
        ("nonsense", "unknown time zone 'nonsense' .use e.g. 'Europe/Berlin'"),
        ("", "unknown time zone ''"),
        ("../../etc/passwd", "unknown time zone"),
        ("x\x00y", "unknown time zone"),
        ("+99:00", r"invalid time zone '\+99:00' .write an offset"),
        ("+", "invalid time zone"),
        (5, "invalid time zone 5"),
        (None, "invalid time zone None"),
        (Unnamed(), "has no name"),
        (dateutil.tz.tzrange("EST"), "has no name"),
    ],
)
def test_what_is_no_zone_is_refused_in_one_sentence(value: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        parse_timezone(value)
    assert "\n" not in str(refused.value)


def test_a_machine_whose_settings_contradict_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def conflicting() -> None:
        raise ZoneInfoNotFoundError("Multiple conflicting time zone configurations found:\n/etc/timezone: …")

    monkeypatch.setattr(tzlocal, "get_localzone", conflicting)
    with pytest.raises(UsageError, match="cannot determine this machine's time zone"):
        local_timezone()
