"""Whether a column of moments holds dates."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from schedkit.values.dates import all_midnight, field_type, holds_dates


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo", "America/Los_Angeles"])
def test_midnights_are_those_of_the_columns_own_zone(zone: str | None) -> None:
    days = pd.Series(pd.to_datetime(["2026-03-01", None, "2026-10-25"])).dt.tz_localize(zone)
    assert all_midnight(days)
    assert not all_midnight(days + pd.Timedelta(seconds=1))
    mixed = pd.concat([days, days + pd.Timedelta(hours=1)])
    assert not all_midnight(mixed)
    if zone is not None:
        other = "Europe/Berlin"
        assert not all_midnight(days.dt.tz_convert(other))


def test_without_a_value_there_is_no_date() -> None:
    assert not all_midnight(pd.Series([pd.NaT], dtype="datetime64[us, UTC]"))
    assert not all_midnight(pd.Series([], dtype="datetime64[us]"))


def test_a_field_of_moments_holds_none_whatever_its_values() -> None:
    midnights = pd.Series(pd.to_datetime(["2026-03-01"], utc=True))
    assert holds_dates(midnights, "date")
    assert holds_dates(midnights)
    assert not holds_dates(midnights, "datetime")
    # What somebody put into a column of dates since keeps its time.
    assert not holds_dates(midnights + pd.Timedelta(hours=1), "date")


@pytest.mark.parametrize(
    "attrs", [{}, {"fields": "x"}, {"fields": {"Due": "x"}}, {"fields": {"Due": {"type": 1}}}]
)
def test_attrs_of_others_tell_no_type(attrs: dict[Any, Any]) -> None:
    assert field_type(attrs, "Due") is None


def test_the_type_of_a_column() -> None:
    assert field_type({"fields": {"Due": {"id": "duedate", "type": "date"}}}, "Due") == "date"
