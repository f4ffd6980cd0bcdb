"""Merged headers above columns with several levels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from support.excel_issues import issue_frame
from support.workbook_edits import retyped

from schedkit import excel
from schedkit.excel.new_workbook.header_rows import HeaderRows, text_format

Cells = Callable[..., list[list[Any]]]


def pivot(**options: Any) -> pd.DataFrame:
    frame = issue_frame(60).pivot_table(
        index="Type", columns=["Priority", "Status Category"], values="Story Points", observed=True, **options
    )
    assert isinstance(frame, pd.DataFrame)
    return frame


def test_groups_are_merged_above_the_last_level(tmp_path: Path, cells: Cells) -> None:
    frame = pivot(aggfunc=["sum", "mean"])
    written = excel.write(frame, tmp_path / "pivot.xlsx")
    sheet = openpyxl.load_workbook(written.path).active
    assert [sheet["B1"].value, sheet["N1"].value] == ["sum", "mean"]
    assert {str(area) for area in sheet.merged_cells.ranges} >= {"B1:M1", "N1:Y1", "B2:D2", "W2:Y2"}
    assert sheet["B3"].value == "sum / High / Done"
    (table,) = sheet.tables.values()
    assert table.ref == "A3:Y6"
    assert table.autoFilter.ref == "A3:Y6"
    assert sheet.freeze_panes == "B4"
    assert sheet.print_title_rows == "$1:$3"
    assert cells(written.path)[3][0] == "Bug"
    pd.testing.assert_frame_equal(excel.read(written.path), frame)


def test_a_header_shows_its_last_level_while_it_holds_the_whole(tmp_path: Path) -> None:
    sheet = openpyxl.load_workbook(excel.write(pivot(aggfunc="sum"), tmp_path / "p.xlsx").path).active
    rules = {
        str(area.sqref): [(rule.formula, rule.dxf.numFmt.formatCode) for rule in area.rules]
        for area in sheet.conditional_formatting
        if area.rules[0].dxf.numFmt
    }
    assert rules["B2"] == [(['EXACT(B2,"High / Done")'], ';;;"Done"')]
    assert "A2" not in rules
    # Formats of rules are numbered, each code once.
    formats = [rule.dxf.numFmt for area in sheet.conditional_formatting for rule in area.rules]
    numbers = {each.formatCode: each.numFmtId for each in formats if each}
    assert sorted(set(numbers.values())) == [164, 165, 166]


def test_totals_of_all_amounts_go_by_the_last_level(tmp_path: Path) -> None:
    labels = [("Team", ""), ("Version", "count"), ("Points", "Year")]
    frame = pd.DataFrame([["Web", 1, 2026]], columns=pd.MultiIndex.from_tuples(labels))
    sheet = openpyxl.load_workbook(excel.write(frame, tmp_path / "p.xlsx", totals=True).path).active
    assert [cell.value for cell in sheet[4]] == ["Total", "=SUBTOTAL(109,p[Version / count])", None]


def test_groups_are_set_apart_and_show_their_numbers_evenly(tmp_path: Path) -> None:
    labels = [("Team", ""), ("Points", "a"), ("Points", "b"), ("Age", "a")]
    frame = pd.DataFrame([["Web", 1, 2.25, 3]], columns=pd.MultiIndex.from_tuples(labels))
    sheet = openpyxl.load_workbook(excel.write(frame, tmp_path / "p.xlsx").path).active
    assert [cell.number_format for cell in sheet[3]] == ["General", "#,##0.00", "#,##0.00", "#,##0"]
    lines = [
        str(area.sqref)
        for area in sheet.conditional_formatting
        if area.rules[0].dxf.border and area.rules[0].dxf.border.left
    ]
    assert lines == ["B3 D3"]


def test_totals_formats_and_links_are_for_columns_groups_and_labels(tmp_path: Path) -> None:
    frame = pivot(aggfunc=["sum", "mean"])
    path = excel.write(
        frame,
        tmp_path / "p.xlsx",
        formats={
            "mean": "0.00",
            ("mean", "High"): "0.0",
            "sum / Low / Done": "bar",
            ("sum", "Low", "To Do"): "0",
        },
        totals={"sum": "sum"},
    ).path
    sheet = openpyxl.load_workbook(path).active
    assert [sheet.cell(4, place).number_format for place in (2, 8, 10, 14, 17)] == [
        "#,##0",
        "#,##0",
        "0",
        "0.0",
        "0.00",
    ]
    assert sheet["B7"].value == "=SUBTOTAL(109,p[sum / High / Done])"
    assert sheet["N7"].value is None
    assert [str(area.sqref) for area in sheet.conditional_formatting if area.rules[0].type == "dataBar"] == [
        "H4:H6"
    ]


def test_rows_are_appended_and_updated_below_merged_headers(tmp_path: Path) -> None:
    frame = pivot(aggfunc="sum")
    path = excel.write(frame, tmp_path / "p.xlsx").path
    written = excel.write(frame + 1, path, mode="upsert", key="Type")
    assert (written.updated, written.added) == (3, 0)
    pd.testing.assert_frame_equal(excel.read(path), frame + 1)
    more = frame.rename(index=lambda name: f"{name} 2")
    excel.write(more, path, mode="append")
    pd.testing.assert_frame_equal(
        excel.read(path), pd.concat([frame + 1, more]), check_index_type=False, check_categorical=False
    )
    # The same frame on a sheet of its own of a workbook that is there: formats of rules find their place.
    excel.write(frame, path, sheet="More", mode="append")
    pd.testing.assert_frame_equal(excel.read(path, "More"), frame)


def test_headers_that_people_rename_are_read_so(tmp_path: Path) -> None:
    path = excel.write(pivot(aggfunc="sum"), tmp_path / "p.xlsx").path
    retyped(path, "B2", "Ready")
    assert list(excel.read(path).columns[:2]) == [("Ready", ""), ("High", "In Progress")]


# Tables of which others reported that pandas does not write them: the labels as they are there.
FOOTBALL = [
    ("club", "club"), ("season", "season"), ("division", "division"), ("league", "apps"), ("league", "goals"),
    ("fa cup", "apps"), ("fa cup", "goals"), ("other", "apps"), ("other", "goals"), ("total", "apps"),
    ("total", "goals"),
]  # fmt: skip
MEASURES = [("site", ""), ("2014", "height"), ("2014", "weight")]
TOY = [("Foo", "A"), ("Foo", "B"), ("Bar", "C"), ("Baz", "D"), ("Baz", "E")]


@pytest.mark.parametrize("labels", [FOOTBALL, MEASURES, TOY])
def test_tables_of_bug_reports(labels: list[tuple[str, str]], tmp_path: Path) -> None:
    rows = [range(place, place + len(labels)) for place in range(4)]
    frame = pd.DataFrame(rows, columns=pd.MultiIndex.from_tuples(labels))
    path = excel.write(frame, tmp_path / "table.xlsx").path
    pd.testing.assert_frame_equal(excel.read(path), frame)
    sheet = openpyxl.load_workbook(path).active
    groups = {group for group, label in labels if label}
    assert {cell.value for cell in sheet[1] if cell.value} == groups


@pytest.mark.parametrize(
    ("file", "sheet", "index", "columns", "values"),
    [
        ("closedxml/PivotTables.xlsx", "PastrySalesData", "Name", ["Month", "Code"], "NumberOfOrders"),
        ("closedxml/outputfile.xlsx", "Data", ["Sex", "Age"], ["Sex", "Id"], "Age"),
        ("openxlsx/pandas.xlsx", None, "speed", ["dist"], "lspeed"),
    ],
)
def test_pivots_of_real_workbooks(
    shared_data: Path,
    file: str,
    sheet: str | None,
    index: Any,
    columns: list[str],
    values: str,
    tmp_path: Path,
) -> None:
    frame = excel.read(shared_data / "excel" / file, sheet)
    if isinstance(index, list):
        frame = frame.assign(Age=frame["Age"].astype("int64") // 20 * 20, Id=frame["Id"] % 2)
    if values not in frame or not pd.api.types.is_numeric_dtype(frame[values]):
        frame = frame.assign(**{values: frame[columns[0]]})
    made = frame.pivot_table(index=index, columns=columns, values=[values], aggfunc=["sum", "count"])
    pd.testing.assert_frame_equal(excel.read(excel.write(made, tmp_path / "p.xlsx").path), made)


@pytest.mark.parametrize(
    "labels",
    [
        pd.Index(["a", "b"], name="Status"),
        pd.Index([2024, 2025], name="Year"),
        pd.date_range("2026-01-01", periods=2, freq="MS", unit="us", name="Month"),
        pd.to_datetime(["2026-01-01", "2026-02-01"]).tz_localize("UTC").as_unit("us"),
        pd.PeriodIndex(["2026-01", "2026-02"], freq="M", name="Month"),
        pd.to_timedelta(["1h", "2h"]).as_unit("us"),
        pd.CategoricalIndex(["High", "Low"], ["Low", "High"], ordered=True, name="Priority"),
        pd.MultiIndex.from_product([[2024], ["a", "b"]], names=["Year", None]),
        pd.MultiIndex.from_product([pd.to_datetime(["2026-01-01"]).as_unit("us"), [True, False]]),
        pd.MultiIndex.from_tuples([("a", "x", "1"), ("a", "y", "")], names=["A", "B", "C"]),
    ],
)
def test_column_labels_come_back_as_they_were(labels: pd.Index, tmp_path: Path) -> None:
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=labels)
    back = excel.read(excel.write(frame, tmp_path / "labels.xlsx").path)
    pd.testing.assert_frame_equal(back, frame, check_freq=False)


def test_labels_of_the_same_group_that_are_apart() -> None:
    labels = [("a", "x"), ("b", "x"), ("a", "y"), ("", "")]
    found = HeaderRows.of(labels, ["a / x", "b / x", "a / y", "Column 4"])
    assert found.labels == ("x", "x", "y", "Column 4")
    assert [(group.left, group.right, group.text) for group in found.groups[0]] == [
        (1, 1, "a"),
        (2, 2, "b"),
        (3, 3, "a"),
    ]
    assert HeaderRows.of([("a", ""), ("b", "")], ["a", "b"]) == HeaderRows()


def test_a_label_with_quotes_or_too_long_for_a_format(tmp_path: Path) -> None:
    assert text_format('5" disk') == ';;;"5"\\"" disk"'
    labels = [("a", '5" disk'), ("a", "x" * 251)]
    frame = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples(labels))
    sheet = openpyxl.load_workbook(excel.write(frame, tmp_path / "p.xlsx").path).active
    assert [str(area.sqref) for area in sheet.conditional_formatting] == ["A2"]
    assert sheet["A2"].value == 'a / 5" disk'


def test_a_group_with_a_long_name_widens_its_columns(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        [[1, 2]], columns=pd.MultiIndex.from_product([["a long name of a group " * 2], ["x", "y"]])
    )
    sheet = openpyxl.load_workbook(excel.write(frame, tmp_path / "p.xlsx").path).active
    assert sheet.column_dimensions["A"].width + sheet.column_dimensions["B"].width >= 46
