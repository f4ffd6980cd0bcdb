"""Numbers, flags, texts and times of other libraries are read as Python's."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

from schedkit.values.scalars import flag_of, number_of, plain_scalar, plain_text, plain_time, whole_number_of


class Level(IntEnum):
    TWO = 2


class Team(str, Enum):  # noqa: UP042  # as people write it; StrEnum formats otherwise
    WEB = "web"


class Kind(StrEnum):
    BUG = "bug"


class Own(str): ...


WHOLE: list[Any] = [
    2, np.int64(2), np.int32(2), np.uint8(2), pd.Series([2]).max(), pd.Index([2])[0], Level.TWO,
]  # fmt: skip


@pytest.mark.parametrize("value", WHOLE, ids=lambda value: type(value).__name__)
def test_a_whole_number(value: Any) -> None:
    found = whole_number_of(value)
    assert (found, type(found)) == (2, int)
    assert number_of(value) == 2.0


@pytest.mark.parametrize(
    "value", [True, np.True_, 2.0, np.float64(2), "2", None, np.timedelta64(2, "D"), np.array([2]), pd.NA]
)
def test_what_is_no_whole_number(value: Any) -> None:
    assert whole_number_of(value) is None


@pytest.mark.parametrize("value", [0.5, np.float64(0.5), np.float32(0.5), Decimal("0.5"), Fraction(1, 2)])
def test_a_number(value: Any) -> None:
    found = number_of(value)
    assert (found, type(found)) == (0.5, float)


@pytest.mark.parametrize(
    "value",
    [
        False, np.False_, "0.5", None, float("nan"), float("inf"), np.float64("nan"), Decimal("NaN"),
        Decimal("sNaN"), 10**400, 1j, np.timedelta64(2, "D"), np.datetime64("2026-03-01"), pd.NaT, pd.NA,
    ],
)  # fmt: skip
def test_what_is_no_number(value: Any) -> None:
    assert number_of(value) is None


def test_a_flag() -> None:
    assert flag_of(True) is flag_of(np.True_) is flag_of(pd.Series([True]).all()) is True
    assert flag_of(False) is flag_of(np.False_) is False
    assert [flag_of(value) for value in (0, 1, np.int64(1), "no", None, pd.NA, np.array([True]))] == [
        None
    ] * 7


@pytest.mark.parametrize(
    ("value", "read"), [(np.int64(2), 2), (np.float32(0.5), 0.5), (np.True_, True), (2, 2), (0.5, 0.5)]
)
def test_a_scalar(value: Any, read: Any) -> None:
    found = plain_scalar(value)
    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize("value", [Decimal(2), "2", np.timedelta64(2, "D"), np.array([2]), np.float64("nan")])
def test_what_is_no_scalar_stays(value: Any) -> None:
    assert plain_scalar(value) is value


@pytest.mark.parametrize("value", ["web", Team.WEB, np.str_("web"), Own("web")])
def test_a_text(value: str) -> None:
    found = plain_text(value)
    assert (f"{found}", type(found)) == ("web", str)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (np.datetime64("2026-03-01"), date(2026, 3, 1)),
        (np.datetime64("2026-03-01T07:00"), datetime(2026, 3, 1, 7)),
        (np.datetime64("2026-03-01T07:00", "ns"), datetime(2026, 3, 1, 7)),
        (pd.Series(pd.to_datetime(["2026-03-01"])).to_numpy()[0], datetime(2026, 3, 1)),
        (np.timedelta64(90, "m"), timedelta(minutes=90)),
        (np.timedelta64(1500, "ms").astype("timedelta64[ns]"), timedelta(seconds=1.5)),
        (pd.Timestamp("2026-03-01T07:00:00.123456789"), datetime(2026, 3, 1, 7, 0, 0, 123456)),
        (pd.Timestamp("2026-03-01T07:00Z"), datetime(2026, 3, 1, 7, tzinfo=UTC)),
        (date(2026, 3, 1), date(2026, 3, 1)),
        (timedelta(1), timedelta(1)),
        (np.int64(5), np.int64(5)),
        ("2026-03-01", "2026-03-01"),
        (None, None),
    ],
)
def test_a_time(value: Any, read: Any) -> None:
    found = plain_time(value)
    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize(
    "value", [pd.NaT, np.datetime64("NaT", "us"), np.timedelta64("NaT", "us"), np.timedelta64(3, "M")]
)
def test_what_is_no_time_stays(value: Any) -> None:
    assert plain_time(value) is value


def test_numpy_is_not_loaded_for_it() -> None:
    code = (
        "import sys; from schedkit.values import scalars, parsers, durations; print('numpy' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
