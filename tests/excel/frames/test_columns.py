"""The dtypes that pandas, Arrow and Python bring besides the usual ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from schedkit import excel

Cells = Callable[..., list[list[Any]]]
NOON = dt.datetime(2024, 2, 29, 12)
DTYPES: dict[str, tuple[pd.Series, list[Any]]] = {
    "sparse": (pd.Series(pd.arrays.SparseArray([0, 0, 5])), [0.0, 0.0, 5.0]),
    "python strings": (
        pd.Series(["a", None, "=b"], dtype=pd.StringDtype("python")),
        ["a", "", "=b"],
    ),
    "category of integers": (pd.Series([1, None, 3], dtype="Int64").astype("category"), [1.0, "", 3.0]),
    "category of plain integers": (pd.Series(pd.Categorical([1, None, 3])), [1.0, "", 3.0]),
    "category of booleans": (pd.Series(pd.Categorical([True, None, False])), [True, "", False]),
    "category of dates": (pd.Series(pd.Categorical([NOON, None, NOON])), [NOON, "", NOON]),
    "category of floats": (pd.Series(pd.Categorical([1.5, None, 2.5])), [1.5, "", 2.5]),
    "category of objects": (
        pd.Series(pd.Categorical([("a", "b"), None, ("c",)], categories=[("a", "b"), ("c",)])),
        ["a, b", "", "c"],
    ),
    "category of object texts": (
        pd.Series(pd.Categorical.from_codes([0, -1, 1], pd.Index(["a", "\ud800"], dtype=object))),
        ["a", "", "\ufffd"],
    ),
    "interval": (pd.Series(pd.interval_range(0, 3)), ["(0, 1]", "(1, 2]", "(2, 3]"]),
    "period": (pd.Series(pd.period_range("2024-01", periods=3, freq="M")), ["2024-01", "2024-02", "2024-03"]),
    "unsigned": (pd.Series([1, 2, 2**64 - 1], dtype="uint64"), ["1", "2", str(2**64 - 1)]),
    "labels": (pd.Series([("ui", "api"), None, ()]), ["ui, api", "", ""]),
    "labels and NaN": (pd.Series([["=a", "\ud800"], float("nan"), ["b"]]), ["=a, \ufffd", "", "b"]),
    "labels and a number": (pd.Series([["a"], 1.5, ["b"]]), ["a", 1.5, "b"]),
    "labels and numbers within": (pd.Series([["a"], ["b", 2], None]), ["a", "b, 2", ""]),
    "bytes": (pd.Series([b"a", None, b"c"]), ["a", "", "c"]),
}
ARROW: dict[str, tuple[pa.DataType, list[Any], list[Any]]] = {
    "text": (pa.string(), ["a", None, "_x0041_"], ["a", "", "_x0041_"]),
    "large text": (pa.large_string(), ["a", None, "b"], ["a", "", "b"]),
    "moments": (pa.timestamp("ns"), [NOON, None, NOON], [NOON, "", NOON]),
    "zoned moments": (
        pa.timestamp("ms", "Europe/Berlin"),
        [NOON.replace(tzinfo=dt.UTC), None, NOON.replace(tzinfo=dt.UTC)],
        [NOON, "", NOON],
    ),
    "durations": (
        pa.duration("s"),
        [dt.timedelta(hours=1), None, dt.timedelta(days=-1)],
        [dt.timedelta(hours=1), "", "-1 days +00:00:00"],
    ),
    "booleans": (pa.bool_(), [True, None, False], [True, "", False]),
    "small integers": (pa.int8(), [1, None, -3], [1.0, "", -3.0]),
    "unsigned integers": (pa.uint8(), [1, None, 255], [1.0, "", 255.0]),
    "halves": (pa.float32(), [0.5, None, 2.0], [0.5, "", 2.0]),
    "decimals": (pa.decimal128(9, 2), [Decimal("1.10"), None, Decimal("2.25")], [1.1, "", 2.25]),
    "dates": (
        pa.date32(),
        [dt.date(2024, 1, 2), None, dt.date(1899, 1, 1)],
        [dt.date(2024, 1, 2), "", "1899-01-01"],
    ),
    "lists": (pa.list_(pa.string()), [["a", "b"], None, []], ["a, b", "", ""]),
    "structs": (pa.struct({"x": pa.int64()}), [{"x": 1}, None, {"x": 2}], ['{"x": 1}', "", '{"x": 2}']),
}


@pytest.mark.parametrize("name", DTYPES)
def test_dtypes_of_pandas(name: str, tmp_path: Path, cells: Cells) -> None:
    series, want = DTYPES[name]
    frame = pd.DataFrame({"x": series, "row": range(3)})
    got = [row[0] for row in cells(excel.write(frame, tmp_path / "d.xlsx").path)][1:]
    assert got == want
    assert [type(value) for value in got] == [type(value) for value in want]


@pytest.mark.parametrize("name", ARROW)
def test_dtypes_of_arrow(name: str, tmp_path: Path, cells: Cells) -> None:
    dtype, values, want = ARROW[name]
    frame = pd.DataFrame({"x": pd.Series(values, dtype=pd.ArrowDtype(dtype)), "row": [1, 2, 3]})
    written = excel.write(frame, tmp_path / "d.xlsx", tz="UTC")
    assert [row[0] for row in cells(written.path)][1:] == want


def test_dates_in_a_mixed_column_look_like_dates(tmp_path: Path, cells: Cells) -> None:
    frame = pd.DataFrame({"x": pd.Series([NOON, 5, "a", dt.timedelta(hours=30), True], dtype=object)})
    got = [row[0] for row in cells(excel.write(frame, tmp_path / "m.xlsx").path)][1:]
    assert got == [NOON, 5.0, "a", dt.timedelta(hours=30), True]


def test_a_duration_column_with_negative_ones(tmp_path: Path) -> None:
    frame = pd.DataFrame({"took": pd.to_timedelta(["-90min", "2h", None]).as_unit("us")})
    written = excel.write(frame, tmp_path / "d.xlsx")
    assert written.altered == {"durations_as_text": 1}
    pd.testing.assert_frame_equal(excel.read(written.path), frame)


def test_dates_out_of_range_come_back(tmp_path: Path) -> None:
    stamps = pd.Series(["1899-12-31", "9999-12-31 23:59:59.999999", "0001-01-01"], dtype="datetime64[us]")
    frame = pd.DataFrame({"day": stamps})
    written = excel.write(frame, tmp_path / "d.xlsx")
    assert written.altered == {"dates_as_text": 3}
    pd.testing.assert_frame_equal(excel.read(written.path), frame)


def test_a_category_too_long_to_remember_comes_back(tmp_path: Path) -> None:
    values = pd.Series([f"v{n:04}" for n in range(1500)], dtype="str")
    frame = pd.DataFrame({"x": values.astype("category")})
    pd.testing.assert_frame_equal(excel.read(excel.write(frame, tmp_path / "c.xlsx").path), frame)


def test_a_mapping_of_sheets_with_a_named_index_and_levels_of_columns(tmp_path: Path, cells: Cells) -> None:
    columns = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])
    frame = pd.DataFrame([[1, 2]], columns=columns, index=pd.Index(["r"], name="row"))
    found = cells(excel.write({"s": frame}, tmp_path / "i.xlsx").path)
    assert found[:2] == [["", "a", ""], ["row", "a / x", "a / y"]]


def test_surrogates_of_a_category_are_counted_by_cell(tmp_path: Path) -> None:
    index = pd.Index(["a", "\ud800"], dtype=object)
    frame = pd.DataFrame({"x": pd.Series(pd.Categorical.from_codes([0, 1, -1, 1], index))})
    assert excel.write(frame, tmp_path / "c.xlsx").altered == {"surrogates": 2}
