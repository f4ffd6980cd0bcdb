"""Moments and dates as cells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from confluence.tables.test_render import column

from schedkit.confluence.tables.look import Look
from schedkit.confluence.tables.render import render
from schedkit.errors import UsageError

LATE = pd.Series(pd.to_datetime(["2026-01-02T23:30:00Z", None], utc=True))


@pytest.mark.parametrize(
    ("look", "shown"),
    [
        (Look(), "2026-01-02 23:30"),
        (Look(tz="Europe/Berlin"), "2026-01-03 00:30 Europe/Berlin"),
        (Look(tz="Europe/Berlin", show_zone=False), "2026-01-03 00:30"),
        (Look(tz="UTC"), "2026-01-02 23:30"),
        (Look(show_zone=True), "2026-01-02 23:30 UTC"),
        (Look(dates=["A"]), '<time datetime="2026-01-02" />'),
        (Look(tz="Europe/Berlin", dates=["A"]), '<time datetime="2026-01-03" />'),
    ],
)
def test_moments_show_their_time_and_their_zone_where_it_is_another(
    look: Look, shown: str, machine_zone: Callable[[str], None]
) -> None:
    machine_zone("UTC")
    assert column(LATE, look=look) == [shown, ""]
    one = pd.Series([datetime(2026, 1, 2, 23, 30, tzinfo=UTC), "x"], dtype=object)
    assert column(one, look=look) == [shown, "x"]
    assert column(one.astype("category"), look=look)[1] == "x"


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Shanghai", "America/New_York"])
@pytest.mark.parametrize("typed", [True, False])
def test_dates_show_the_day_of_their_own_zone(zone: str | None, typed: bool) -> None:
    midnights = pd.Series(pd.to_datetime(["2026-07-02", None])).dt.tz_localize(zone)
    dates = midnights if typed else midnights.astype(object)
    for look in (Look(), Look(tz="Pacific/Auckland"), Look(tz="Pacific/Honolulu", dates=["A"])):
        assert column(dates, look=look) == ['<time datetime="2026-07-02" />', ""]


def test_the_field_of_a_column_says_whether_it_holds_dates(machine_zone: Callable[[str], None]) -> None:
    machine_zone("UTC")
    at_midnight = pd.Series(pd.to_datetime(["2026-01-02T00:00Z"], utc=True))
    frame = pd.DataFrame({"Updated": at_midnight, "Due": at_midnight, "Seen": at_midnight})
    frame.attrs["fields"] = {"Updated": {"type": "datetime"}, "Due": {"type": "date"}}
    (updated,), (due,), (seen,) = render(frame).columns
    assert (updated, due, seen) == ("2026-01-02 00:00", *['<time datetime="2026-01-02" />'] * 2)
    frame.attrs["fields"] = "something else"
    assert render(frame).columns == [['<time datetime="2026-01-02" />']] * 3


def test_days_that_are_declared_in_a_column_of_anything() -> None:
    mixed = pd.Series([datetime(2026, 1, 2, 5, 1), date(2026, 1, 3), "soon", None], dtype=object)
    shown = column(mixed, look=Look(dates=["A"]))
    assert shown == ['<time datetime="2026-01-02" />', '<time datetime="2026-01-03" />', "soon", ""]
    assert column(mixed)[0] == "2026-01-02 05:01"


def test_every_spelling_of_a_zone_is_one_zone() -> None:
    late = pd.Series(pd.to_datetime(["2026-01-02T23:30:00Z"], utc=True))
    for tz in ("europe/berlin", "+01:00", ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=1))):
        assert column(late, look=Look(tz=tz, show_zone=False)) == ["2026-01-03 00:30"]
    for tz in ("Europe", 5, "nonsense"):
        with pytest.raises(UsageError, match="time zone"):
            Look(tz=tz)


def test_moments_without_a_zone_are_shown_as_they_are() -> None:
    naive = pd.Series(pd.to_datetime(["2026-01-02 23:30", None]))
    assert column(naive, look=Look(tz="Asia/Shanghai")) == ["2026-01-02 23:30", ""]
    assert column(naive, look=Look(tz="Asia/Shanghai", dates=["A"])) == ['<time datetime="2026-01-02" />', ""]
