"""Frames laid out as sheets: indexes, several frames, and the limits of a sheet."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

from schedkit import excel
from schedkit.errors import WorkbookError

Cells = Callable[..., list[list[Any]]]


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (0, 3), (5, 0), (1, 1), (3, 2)])
def test_shapes(rows: int, columns: int, tmp_path: Path) -> None:
    frame = pd.DataFrame(np.zeros((rows, columns)), columns=[f"c{n}" for n in range(columns)])
    frame.columns = frame.columns.astype("str")
    written = excel.write(frame, tmp_path / "s.xlsx")
    assert written.rows == rows
    pd.testing.assert_frame_equal(
        excel.read(written.path), frame, check_column_type=False, check_index_type=False
    )


def test_all_null_columns(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "text": pd.Series([None, None], dtype="str"),
            "int": pd.array([None, None], "Int64"),
            "float": [np.nan, np.nan],
            "time": pd.Series([pd.NaT, pd.NaT], dtype="datetime64[us, UTC]"),
            "object": pd.Series([None, None], dtype=object),
            "category": pd.Categorical([None, None], categories=pd.Index(["a"], dtype="str")),
        }
    )
    pd.testing.assert_frame_equal(excel.read(excel.write(frame, tmp_path / "n.xlsx", tz="UTC").path), frame)


def test_a_named_index_is_written_and_an_unnamed_one_is_not(tmp_path: Path, cells: Cells) -> None:
    frame = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["x", "x"], name="team"))
    written = excel.write(frame, tmp_path / "i.xlsx")
    assert cells(written.path) == [["team", "n"], ["x", 1.0], ["x", 2.0]]
    pd.testing.assert_frame_equal(excel.read(written.path), frame)
    plain = excel.write(frame.reset_index(drop=True), tmp_path / "p.xlsx")
    assert cells(plain.path) == [["n"], [1.0], [2.0]]


def test_an_index_with_labels_is_written_without_a_name_too(tmp_path: Path, cells: Cells) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    for labelled in (frame.describe(), frame.T, frame.rename(index={0: "a", 1: "b"})):
        written = excel.write(labelled, tmp_path / "labels.xlsx")
        assert [row[0] for row in cells(written.path)] == ["index", *labelled.index]
        assert written.altered == {}
        back = excel.read(written.path)
        assert (back.index.tolist(), back.index.name) == (labelled.index.tolist(), None)
        assert excel.write(labelled, tmp_path / "labels.csv").path.read_text("utf-8-sig").startswith("index,")
    pairs = pd.DataFrame({"n": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]))
    assert cells(excel.write(pairs, tmp_path / "p.xlsx").path)[0] == ["level_0", "level_1", "n"]
    pd.testing.assert_frame_equal(excel.read(tmp_path / "p.xlsx"), pairs)


@pytest.mark.parametrize(
    ("index", "told"),
    [
        (pd.Index([2024, 2025]), 2),
        (pd.Index([7, 3]), 2),
        (pd.Index([5, 5]), 2),
        (pd.RangeIndex(3, 5), 2),
        (pd.RangeIndex(0, 4, 2), 2),
        (pd.Index([1, None], dtype="Int64"), 2),
        (pd.Index([0, 1]), 0),
        (pd.Index([0, 1], dtype="Int64"), 0),
        (pd.RangeIndex(2), 0),
        (pd.Index([], dtype="int64"), 0),
    ],
)
def test_an_index_of_whole_numbers_is_left_out_and_told_unless_it_counts_from_zero(
    index: pd.Index, told: int, tmp_path: Path, cells: Cells
) -> None:
    frame = pd.DataFrame({"n": pd.Series([1] * len(index), dtype="int64")})
    frame.index = index
    written = excel.write(frame, tmp_path / "years.xlsx")
    assert cells(written.path)[0] == ["n"]
    assert written.altered == ({"dropped_index": told} if told else {})


def test_levels_of_index_and_columns(tmp_path: Path, cells: Cells) -> None:
    index = pd.MultiIndex.from_tuples([("a", 1), ("a", 2)], names=["team", "sprint"])
    columns = pd.MultiIndex.from_tuples([("open", "bugs"), ("open", "tasks")])
    frame = pd.DataFrame([[1, 2], [3, 4]], index=index, columns=columns)
    written = excel.write(frame, tmp_path / "m.xlsx")
    assert cells(written.path)[:2] == [
        ["", "", "open", ""],
        ["team", "sprint", "open / bugs", "open / tasks"],
    ]
    pd.testing.assert_frame_equal(excel.read(written.path), frame)


def test_several_sheets(tmp_path: Path, cells: Cells) -> None:
    frames = {
        "Open": pd.DataFrame({"a": [1]}),
        "open": pd.DataFrame({"a": ["x"]}),
        "a/b": pd.DataFrame({"a": [True]}),
    }
    written = excel.write(frames, tmp_path / "several.xlsx")
    assert written.sheets == ("Index", "Open", "open (2)", "a b")
    assert written.altered == {"renamed_sheets": 2}
    assert [cells(written.path, name)[1] for name in written.sheets[1:]] == [[1.0], ["x"], [True]]
    back = excel.read_all(written.path)
    assert list(back) == ["Open", "open", "a/b"]
    pd.testing.assert_frame_equal(excel.read(written.path, "a/b"), frames["a/b"])


def test_too_many_columns_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="16,385 columns, a sheet holds 16,384"):
        excel.write(pd.DataFrame(np.zeros((1, 16_385))), tmp_path / "wide.xlsx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("extra", [0, 1])
def test_rows_at_the_limit(extra: int, tmp_path: Path, cells: Cells) -> None:
    rows = 1_048_575 + extra
    frame = pd.DataFrame({"n": np.arange(rows)})
    written = excel.write(frame, tmp_path / "long.xlsx")
    assert written.rows == rows
    assert written.sheets == (("long", "long (2)") if extra else ("long",))
    assert written.altered == ({"split_sheets": 1} if extra else {})
    with zipfile.ZipFile(written.path) as package:
        xml = package.read("xl/worksheets/sheet1.xml")
    assert xml.count(b"<row ") == 1_048_576
    end = xml[xml.rindex(b"<row ") : xml.index(b"</sheetData>")]
    assert end.startswith(b'<row r="1048576"><c r="A1048576"')
    assert end.endswith(b"><v>1048574</v></c></row>")
    if extra:
        assert cells(written.path, 1) == [["n"], [1_048_575.0]]


@pytest.mark.parametrize("name", ["report", "report.doc", "report.xls"])
def test_a_name_that_is_no_workbook_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=r"use .xlsx, .csv or .parquet"):
        excel.write(pd.DataFrame({"a": [1]}), tmp_path / name)


def test_labels_that_are_dates_show_no_time_and_come_back(tmp_path: Path) -> None:
    labels = pd.DatetimeIndex([pd.Timestamp("2026-11-01"), pd.Timestamp("2026-12-01 09:30")])
    path = excel.write(pd.DataFrame([[1, 2]], columns=labels), tmp_path / "d.xlsx").path
    assert [cell.value for cell in openpyxl.load_workbook(path).active[1]] == [
        "2026-11-01",
        "2026-12-01 09:30:00",
    ]
    excel.write(pd.DataFrame([[3, 4]], columns=labels), path, mode="append")
    assert excel.read(path).iloc[:, 0].tolist() == [1, 3]
