"""Frames of every dtype, written, then read cell by cell by python-calamine and typed by `read`."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from support.excel_strategies import frames, objects

from schedkit import excel

PROFILE = settings.get_profile("excel")


def expected(value: Any, numbers_as_text: bool) -> Any:
    """What calamine must see for a frame's value, told without the writer's code."""
    if isinstance(value, list | dict):
        return None if not value else type(value)
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, dt.timedelta):
        return value if value >= dt.timedelta(0) else str(pd.Timedelta(value))
    if isinstance(value, dt.datetime):
        return value if value >= dt.datetime(1900, 3, 1) else pd.Timestamp(value).isoformat(sep=" ")
    if isinstance(value, dt.date):
        return value if value >= dt.date(1900, 3, 1) else value.isoformat()
    if isinstance(value, dt.time):
        return value
    if numbers_as_text and isinstance(value, int | np.integer | Decimal):
        return str(value)
    return str(float(value)) if math.isinf(value) else float(value)


def same(got: Any, want: Any) -> bool:
    if want is None:
        return got == ""
    if want is list or want is dict:
        return isinstance(got, str)
    if isinstance(want, str):
        # calamine leaves the two noncharacters as they are written in the file; lone surrogates are replaced.
        clean = want.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        clean = clean.replace("\ufffe", "_xFFFE_").replace("\uffff", "_xFFFF_")
        return got == clean
    if isinstance(want, bool):
        return got is want
    if isinstance(want, float):
        return isinstance(got, float) and got == want
    if isinstance(want, dt.time):
        # Among other values a time is text.
        return got == want.isoformat() or (isinstance(got, dt.time) and seconds_apart(got, want) < 0.001)
    if isinstance(want, dt.timedelta):
        return abs(as_duration(got) - want) <= dt.timedelta(milliseconds=1)
    if isinstance(want, dt.date) and not isinstance(want, dt.datetime):
        return got == want or got == dt.datetime.combine(want, dt.time())
    return abs(as_moment(got) - want) <= dt.timedelta(milliseconds=1)


def seconds_apart(one: dt.time, other: dt.time) -> float:
    day = dt.date(2000, 1, 1)
    apart = abs(dt.datetime.combine(day, one) - dt.datetime.combine(day, other)).total_seconds()
    return min(apart, 86_400 - apart)


def as_duration(got: Any) -> dt.timedelta:
    return got if isinstance(got, dt.timedelta) else dt.timedelta(days=got)


def as_moment(got: Any) -> dt.datetime:
    if isinstance(got, dt.datetime):
        return got
    return dt.datetime.combine(got, dt.time())


@PROFILE
@given(frame=frames())
def test_typed_frames_survive(
    frame: pd.DataFrame, tmp_path: Path, cells: Callable[..., list[list[Any]]]
) -> None:
    written = excel.write(frame, tmp_path / "frame.xlsx", tz="UTC", links=False)
    assert written.rows == len(frame)
    got = cells(written.path)
    headers = got[0]
    assert len({str(header).casefold() for header in headers}) == frame.shape[1]
    body = got[1 : 1 + len(frame)] + [[""] * frame.shape[1]] * (len(frame) + 1 - len(got))
    for place in range(frame.shape[1]):
        for row in range(len(frame)):
            value = frame.iloc[row, place]
            if isinstance(value, pd.Timestamp) and value.tzinfo:
                value = value.tz_localize(None)
            want = expected(value, numbers_as_text=False)
            assert same(body[row][place], want), (body[row][place], want)
    back = excel.read(written.path)
    pd.testing.assert_frame_equal(back, frame, check_exact=True, check_column_type=False)


@PROFILE
@given(frame=frames(objects))
def test_object_frames_lose_no_cell(
    frame: pd.DataFrame, tmp_path: Path, cells: Callable[..., list[list[Any]]]
) -> None:
    frame = frame.set_axis([f"c{place}" for place in range(frame.shape[1])], axis=1)
    written = excel.write(frame, tmp_path / "objects.xlsx", tz="UTC", links=False)
    got = cells(written.path)
    body = got[1 : 1 + len(frame)] + [[""] * frame.shape[1]] * (len(frame) + 1 - len(got))
    for place in range(frame.shape[1]):
        values = list(frame.iloc[:, place])
        long = any(
            (isinstance(v, int) and not isinstance(v, bool) and abs(v) >= 10**15)
            or (isinstance(v, Decimal) and v.is_finite() and len(v.normalize().as_tuple().digits) > 15)
            for v in values
        )
        for row, value in enumerate(values):
            want = expected(value, numbers_as_text=long)
            assert same(body[row][place], want), (body[row][place], want)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_datetime_units_survive(unit: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"t": pd.Series(["2024-02-29 12:34:56", None], dtype=f"datetime64[{unit}]")})
    back = excel.read(excel.write(frame, tmp_path / "t.xlsx").path)
    pd.testing.assert_frame_equal(back, frame)
