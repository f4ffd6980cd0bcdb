"""Every trap of spreadsheets, in every column position, read back by python-calamine and openpyxl."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from support.excel_strategies import HOSTILE

from schedkit import excel
from schedkit.errors import UsageError, WorkbookError

Cells = Callable[..., list[list[Any]]]


class Colour(Enum):
    RED = "red"


TRAPS: dict[str, tuple[Any, Any, dict[str, int]]] = {
    "formula": ("=1+1", "=1+1", {}),
    "array formula": ("{=SUM(A1)}", "{=SUM(A1)}", {}),
    "plus": ("+1", "+1", {}),
    "control": ("a\x07b", "a\x07b", {"escaped": 1}),
    "carriage return": ("a\r\nb", "a\r\nb", {"escaped": 1}),
    "looks escaped": ("_x0041_", "_x0041_", {}),
    "lone surrogate": ("a\ud800b", "a\ufffdb", {"surrogates": 1}),
    "surrogate pair in halves": ("\ud83d\ude00", "\N{GRINNING FACE}", {"surrogates": 1}),
    "too long": ("x" * 40_000, "x" * 32_767, {"truncated": 1}),
    "half a pair at the end": (
        "x" * 32_766 + "\N{GRINNING FACE}",
        "x" * 32_766,
        {"truncated": 1},
    ),
    "just fits": ("\N{GRINNING FACE}" * 16_383 + "x", "\N{GRINNING FACE}" * 16_383 + "x", {}),
    "before 1900-03-01": (dt.datetime(1900, 2, 28), "1900-02-28 00:00:00", {"dates_as_text": 1}),
    "year 1": (dt.date(1, 1, 1), "0001-01-01", {"dates_as_text": 1}),
    "first day": (dt.datetime(1900, 3, 1, 12), dt.datetime(1900, 3, 1, 12), {}),
    "infinity": (float("inf"), "inf", {"infinite": 1}),
    "minus infinity": (float("-inf"), "-inf", {"infinite": 1}),
    "nan": (float("nan"), "", {}),
    "NA": (pd.NA, "", {}),
    "NaT": (pd.NaT, "", {}),
    "16 digits": (1234567890123456, "1234567890123456", {"numbers_as_text": 1}),
    "15 digits": (123456789012345, 123456789012345.0, {}),
    "list": (["a", "b"], "a, b", {}),
    "list of numbers": ([1, 2], "1, 2", {"flattened": 1}),
    "dict": ({"a": 1}, '{"a": 1}', {"flattened": 1}),
    "set": ({"b", "a"}, "a, b", {}),
    "bytes": (b"a\xff", "a\ufffd", {"flattened": 1}),
    "enum": (Colour.RED, "red", {}),
    "decimal": (Decimal("0.1"), 0.1, {}),
    "long decimal": (Decimal("1.2345678901234567"), "1.2345678901234567", {"numbers_as_text": 1}),
    "numpy bool": (np.bool_(True), True, {}),
    "negative duration": (dt.timedelta(hours=-1), "-1 days +23:00:00", {"durations_as_text": 1}),
    "numpy NaT": (np.datetime64("NaT", "ns"), "", {}),
    "time": (dt.time(7, 30), dt.time(7, 30), {}),
}


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("trap", TRAPS)
def test_trap(trap: str, position: int, tmp_path: Path, cells: Cells) -> None:
    value, want, altered = TRAPS[trap]
    columns = {name: pd.Series([f"{name}{row}" for row in range(3)], dtype=object) for name in "abc"}
    name = "abc"[position]
    columns[name] = pd.Series([None, value, None], dtype=object)
    written = excel.write(pd.DataFrame(columns), tmp_path / "trap.xlsx")
    got = cells(written.path)
    assert got[0] == ["a", "b", "c"]
    assert got[2][position] == want
    assert type(got[2][position]) is type(want)
    assert [got[1][position], got[3][position]] == ["", ""]
    assert written.altered == altered


def test_no_text_is_ever_a_formula(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"=x": HOSTILE, "text": pd.Series(HOSTILE, dtype=object), "c": pd.Categorical(HOSTILE)}
    )
    book = openpyxl.load_workbook(excel.write(frame, tmp_path / "f.xlsx").path)
    kinds = {cell.data_type for row in book.active.iter_rows() for cell in row}
    assert kinds == {"s"}
    with zipfile.ZipFile(tmp_path / "f.xlsx") as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


def test_sixteen_digits_make_text_of_an_integer_column(tmp_path: Path, cells: Cells) -> None:
    frame = pd.DataFrame({"id": pd.array([1, None, 2**60], "Int64"), "n": pd.array([1, 2, 3], "Int64")})
    written = excel.write(frame, tmp_path / "ids.xlsx")
    assert cells(written.path)[1:] == [["1", 1.0], ["", 2.0], [str(2**60), 3.0]]
    assert written.altered == {"numbers_as_text": 2}
    pd.testing.assert_frame_equal(excel.read(written.path), frame)


@pytest.mark.parametrize(("policy", "want"), [("text", ["inf", "-inf", 1.0]), ("omit", ["", "", 1.0])])
@pytest.mark.parametrize("dtype", ["float64", "object", "Float64"])
def test_infinity_follows_the_policy(
    policy: Any, want: list[Any], dtype: str, tmp_path: Path, cells: Cells
) -> None:
    frame = pd.DataFrame({"x": pd.Series([np.inf, -np.inf, 1.0], dtype=dtype)})
    written = excel.write(frame, tmp_path / "inf.xlsx", inf=policy)
    got = [row[0] for row in cells(written.path)][1:]
    assert got == want
    assert written.altered == {"infinite": 2}


@pytest.mark.parametrize("dtype", ["float64", "object"])
def test_infinity_may_be_refused(dtype: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="column 'x' holds an infinite number"):
        excel.write(pd.DataFrame({"x": pd.Series([np.inf], dtype=dtype)}), tmp_path / "inf.xlsx", inf="error")
    assert not list(tmp_path.iterdir())


def test_floats_are_exact_to_the_bit(tmp_path: Path, cells: Cells) -> None:
    numbers = [0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 2.2250738585072014e-308, 1e15 + 0.3]
    written = excel.write(pd.DataFrame({"x": numbers}), tmp_path / "x.xlsx")
    assert [row[0].hex() for row in cells(written.path)[1:]] == [number.hex() for number in numbers]
    assert [number.hex() for number in excel.read(written.path)["x"]] == [number.hex() for number in numbers]


def test_times_are_shown_in_the_chosen_zone_to_the_microsecond(tmp_path: Path, cells: Cells) -> None:
    stamps = pd.to_datetime(
        ["2024-03-31T00:59:59.999Z", "2024-03-31T01:00:00.001Z", "2024-07-01T12:00:00.123456Z"]
    )
    frame = pd.DataFrame({"Created": stamps})
    written = excel.write(frame, tmp_path / "t.xlsx", tz="Europe/Berlin")
    assert written.timezone == "Europe/Berlin"
    assert [row[0].isoformat(timespec="milliseconds") for row in cells(written.path)[1:]] == [
        "2024-03-31T01:59:59.999",
        "2024-03-31T03:00:00.001",
        "2024-07-01T14:00:00.123",
    ]
    pd.testing.assert_frame_equal(excel.read(written.path), frame)


def test_the_repeated_hour_keeps_its_wall_clock(tmp_path: Path, cells: Cells) -> None:
    stamps = pd.to_datetime(["2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z"])
    written = excel.write(pd.DataFrame({"t": stamps}), tmp_path / "t.xlsx", tz="Europe/Berlin")
    assert [str(row[0]) for row in cells(written.path)[1:]] == ["2024-10-27 02:30:00"] * 2


def test_an_unknown_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown time zone 'Mars/Olympus'"):
        excel.write(pd.DataFrame({"a": [1]}), tmp_path / "t.xlsx", tz="Mars/Olympus")
