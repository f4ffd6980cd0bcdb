"""A time in the hour that the clock shows twice comes back of a workbook as the moment that it was."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from schedkit import excel
from schedkit.excel.repeated_hours import localized, shown_again

BERLIN = ZoneInfo("Europe/Berlin")
# Both are 02:17 in Berlin.
FIRST, SECOND = (pd.Timestamp(f"2027-10-31T0{hour}:17", tz="UTC") for hour in (0, 1))


def times(*moments: pd.Timestamp | None) -> pd.DataFrame:
    when = pd.Series(moments, dtype=pd.DatetimeTZDtype("us", "UTC"))
    return pd.DataFrame({"Key": [f"A-{number}" for number in range(len(when))], "When": when})


def back(frame: pd.DataFrame, folder: Path, **options: str) -> list[pd.Timestamp]:
    path = excel.write(frame, folder / "a.xlsx", tz="Europe/Berlin", **options).path
    return excel.read(path)["When"].tolist()


def test_the_second_hour_comes_back_as_such(tmp_path: Path) -> None:
    frame = times(SECOND, None, FIRST + timedelta(minutes=1), SECOND, pd.Timestamp("2027-07-01", tz="UTC"))
    assert back(frame, tmp_path) == frame["When"].tolist()


def test_of_two_that_a_cell_shows_alike_the_first_is_taken(tmp_path: Path) -> None:
    assert back(times(FIRST, SECOND), tmp_path) == [FIRST, FIRST]


def test_rows_that_are_added_later_have_theirs(tmp_path: Path) -> None:
    back(times(FIRST - timedelta(hours=3)), tmp_path)
    both = times(FIRST - timedelta(hours=3), SECOND)
    assert back(both, tmp_path, mode="upsert", key="Key") == both["When"].tolist()


def test_a_first_hour_that_is_added_later_makes_both_the_first(tmp_path: Path) -> None:
    """A cell shows them alike, as in a column that is written at once."""
    back(times(SECOND), tmp_path)
    assert back(times(SECOND, FIRST), tmp_path, mode="upsert", key="Key") == [FIRST, FIRST]


def test_a_second_hour_stays_one_when_rows_are_added(tmp_path: Path) -> None:
    back(times(SECOND), tmp_path)
    july = pd.Timestamp("2027-07-01", tz="UTC")
    assert back(times(SECOND, july), tmp_path, mode="upsert", key="Key") == [SECOND, july]


def test_an_arrow_column_has_them_too(tmp_path: Path) -> None:
    frame = times(SECOND)
    frame["When"] = frame["When"].astype("timestamp[us, tz=UTC][pyarrow]")
    assert back(frame, tmp_path) == [SECOND]


@pytest.mark.parametrize(
    "zone",
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tokyo", "UTC"],
)
def test_every_minute_of_years_comes_back_unless_another_is_shown_alike(zone: str) -> None:
    minutes = pd.Series(pd.date_range("2025-12-31", "2027-01-02", freq="min", tz="UTC", unit="us"))
    tz = ZoneInfo(zone)
    wall = minutes.dt.tz_convert(tz).dt.tz_localize(None)
    alike = wall.duplicated(keep="first").to_numpy()
    for part in (~alike, ~wall.duplicated(keep="last").to_numpy()):
        again = shown_again(minutes[part], tz)
        assert (localized(wall[part], tz, again) == minutes[part]).all()
    assert shown_again(minutes, tz) == []
    assert len(shown_again(minutes[alike], tz)) == alike.sum()


def test_moments_outside_the_calendar_are_none() -> None:
    far = pd.Series(np.array([-(2**62), 2**62], "datetime64[us]")).dt.tz_localize("UTC")
    assert shown_again(far, BERLIN) == []
    assert shown_again(pd.Series(np.array([2**61], "datetime64[s]")).dt.tz_localize("UTC"), BERLIN) == []
