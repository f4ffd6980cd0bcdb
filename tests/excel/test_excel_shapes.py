"""Names, headers, links and shapes at the limits."""

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
from schedkit.excel.limits import MAX_LINKS
from schedkit.excel.names import headers, sheet_names, table_names

Cells = Callable[..., list[list[Any]]]


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        (["'a"], ["a"]),
        (["x" * 40], ["x" * 31]),
        (["\N{GRINNING FACE}" * 16], ["\N{GRINNING FACE}" * 15]),
        (["History"], ["History (2)"]),
        (["a", "A", "a (2)"], ["a", "A (3)", "a (2)"]),
        (["x" * 31, "x" * 35], ["x" * 31, "x" * 27 + " (2)"]),
        (["[a]:b*c?d/e\\f"], ["a b c d e f"]),
        (["", " ' "], ["Sheet", "Sheet (2)"]),
        (["x" * 30 + "'y"], ["x" * 30]),
    ],
)
def test_sheet_names(wanted: list[str], got: list[str]) -> None:
    assert sheet_names(wanted) == got


def test_headers_are_what_a_table_accepts() -> None:
    got = headers(["a", "A", "a_2", None, 1, "two\nlines", float("nan"), ("x", "", 2), "h" * 300])
    assert got == ["a", "A_3", "a_2", "Column 4", "1", "two lines", "Column 7", "x / 2", "h" * 255]


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("A1", "_A1"),
        ("R1C1", "_R1C1"),
        ("c", "_c"),
        ("", "Table"),
        ("\u00dcber 9", "\u00dcber_9"),
        ("9", "_9"),
    ],
)
def test_table_names(wanted: str, got: str) -> None:
    assert table_names([wanted]) == [got]


def test_table_and_cells_have_the_same_headers(tmp_path: Path, cells: Cells) -> None:
    labels = ["a", "A", "a_2", None, 1, "two\nlines", "=x", "_x0041_"]
    frame = pd.DataFrame([range(8)], columns=pd.Index(labels, dtype=object))
    written = excel.write(frame, tmp_path / "open bugs.xlsx")
    sheet = openpyxl.load_workbook(written.path)["open bugs"]
    (table,) = sheet.tables.values()
    assert table.displayName == "open_bugs"
    assert table.ref == "A1:H2"
    assert [column.name for column in table.tableColumns] == cells(written.path)[0]
    assert written.altered == {"renamed_columns": 3}
    assert list(excel.read(written.path).columns) == labels


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


@pytest.mark.parametrize(("index", "told"), [([2024, 2025], 2), ([7, 3], 0), ([5, 5], 0), ([], 0)])
def test_an_index_of_whole_numbers_is_left_out_and_told_where_it_may_be_labels(
    index: list[int], told: int, tmp_path: Path, cells: Cells
) -> None:
    frame = pd.DataFrame({"n": pd.Series([1] * len(index), dtype="int64")})
    frame.index = pd.Index(index, dtype="int64")
    written = excel.write(frame, tmp_path / "years.xlsx")
    assert cells(written.path)[0] == ["n"]
    assert written.altered == ({"dropped_index": told} if told else {})


def test_levels_of_index_and_columns(tmp_path: Path, cells: Cells) -> None:
    index = pd.MultiIndex.from_tuples([("a", 1), ("a", 2)], names=["team", "sprint"])
    columns = pd.MultiIndex.from_tuples([("open", "bugs"), ("open", "tasks")])
    frame = pd.DataFrame([[1, 2], [3, 4]], index=index, columns=columns)
    written = excel.write(frame, tmp_path / "m.xlsx")
    assert cells(written.path)[0] == ["team", "sprint", "open / bugs", "open / tasks"]
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


def test_links(tmp_path: Path) -> None:
    long = "https://example.org/" + "x" * 2_080
    frame = pd.DataFrame(
        {
            "Key": ["A-1", "not a key", None, "B_2-22"],
            "URL": ['https://example.org/?a=1&b="<2>"', "text", long, "mailto:a@example.org"],
            "Build": ["7", "8", None, "9"],
        }
    )
    frame.attrs["site"] = "https://jira.example.org/"
    written = excel.write(frame, tmp_path / "l.xlsx", links={"Build": "https://ci.example.org/{}/log"})
    sheet = openpyxl.load_workbook(written.path).active
    found = {
        cell.coordinate: cell.hyperlink.target for row in sheet.iter_rows() for cell in row if cell.hyperlink
    }
    assert found == {
        "A2": "https://jira.example.org/browse/A-1",
        "A5": "https://jira.example.org/browse/B_2-22",
        "B2": "https://example.org/?a=1&b=%22%3C2%3E%22",
        "B5": "mailto:a@example.org",
        "C2": "https://ci.example.org/7/log",
        "C3": "https://ci.example.org/8/log",
        "C5": "https://ci.example.org/9/log",
    }
    assert written.altered == {"links_as_text": 1}
    assert sheet["A2"].font.underline == "single"
    assert sheet["A3"].font.underline is None
    assert sheet["B4"].value == long


def test_no_links_unless_wanted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Key": ["A-1"]})
    frame.attrs["site"] = "https://jira.example.org"
    sheet = openpyxl.load_workbook(excel.write(frame, tmp_path / "l.xlsx", links=False).path).active
    assert sheet["A2"].hyperlink is None


@pytest.mark.parametrize(
    ("links", "message"),
    [({"Nope": "https://x/{}"}, "no column 'Nope' to link"), ({"Key": "https://x"}, "needs exactly one {}")],
)
def test_bad_links_are_refused(links: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=message):
        excel.write(pd.DataFrame({"Key": ["A-1"]}), tmp_path / "l.xlsx", links=links)


@pytest.mark.parametrize("extra", [0, 1])
def test_links_at_the_limit(extra: int, tmp_path: Path, cells: Cells) -> None:
    rows = MAX_LINKS + extra
    frame = pd.DataFrame({"Key": [f"A-{n}" for n in range(rows)], "Parent": ["A-1"] * rows})
    frame.attrs["site"] = "https://jira.example.org"
    written = excel.write(frame, tmp_path / "many.xlsx")
    assert written.altered == {"links_as_text": rows + extra}
    assert cells(written.path)[-1] == [f"A-{rows - 1}", "A-1"]


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
