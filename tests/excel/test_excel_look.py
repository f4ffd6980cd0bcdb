"""What a drawn workbook shows besides its rows."""

from __future__ import annotations

import re
import zipfile
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from support.excel_issues import issue_frame

from schedkit import excel
from schedkit.errors import WorkbookError


def drawn(path: Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(path)


def test_a_sheet_of_issues(tmp_path: Path) -> None:
    frame = issue_frame(50)
    written = excel.write(
        frame, tmp_path / "issues.xlsx", tz="Europe/Berlin", sheet="Issues", title="Open bugs"
    )
    book = drawn(written.path)
    assert book.sheetnames == ["Issues"]
    sheet = book["Issues"]
    assert sheet.freeze_panes == "B2"
    assert sheet["A1"].font.bold
    assert sheet["A1"].fill.fgColor.rgb == "001F3A5F"
    assert sheet.tables["Issues"].ref == "A1:L51"
    assert sheet.tables["Issues"].autoFilter.ref == "A1:L51"
    assert sheet.tables["Issues"].tableStyleInfo.showRowStripes
    assert sheet.dimensions == "A1:L51"
    assert [sheet[f"{name}2"].number_format for name in "AHJL"] == [
        "General",
        "yyyy-mm-dd hh:mm",
        "yyyy-mm-dd",
        "#,##0",
    ]
    assert 25 < sheet.column_dimensions["B"].width <= 60
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (book.properties.title, book.properties.creator) == ("Open bugs", "schedkit")
    assert book.properties.subject == "JQL: project = DEMO ORDER BY created"


def test_headers_tell_where_their_column_comes_from(tmp_path: Path) -> None:
    sheet = drawn(excel.write(issue_frame(3), tmp_path / "i.xlsx", tz="Europe/Berlin").path).active
    assert sheet["A1"].comment.text == (
        "Field: issuekey (issuekey)\nJQL: project = DEMO ORDER BY created\n"
        "Site: https://jira.example.org\nExtracted: 2026-11-20 10:31 (Europe/Berlin)"
    )
    assert sheet["H1"].comment.text == "Times in Europe/Berlin"
    assert sheet["L1"].comment.text == "Field: customfield_10016 (number)"
    assert sheet["B1"].comment is None


def test_no_origin_no_notes(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs["extraction"] = {"as_of": ["no date"]}
    assert drawn(excel.write(frame, tmp_path / "i.xlsx").path).active["A1"].comment is None
    frame.attrs["extraction"] = {"as_of": 5}
    assert drawn(excel.write(frame, tmp_path / "i.xlsx").path).active["A1"].comment is None


def test_colours_follow_status_priority_and_due_date(tmp_path: Path) -> None:
    sheet = drawn(excel.write(issue_frame(20), tmp_path / "i.xlsx").path).active
    rules = {
        str(area.sqref): [
            (rule.type, rule.formula, rule.dxf and rule.dxf.font.color.rgb) for rule in area.rules
        ]
        for area in sheet.conditional_formatting
    }
    assert set(rules) == {"D2:D21", "E2:E21", "F2:F21", "J2:J21", "L2:L21"}
    assert [ink for _, _, ink in rules["D2:D21"]] == ["0042526E", "000747A6", "00006644"]
    assert all('$E2="done"' in formula for _, (formula,), _ in rules["E2:E21"][2:])
    assert '$F2="Blocker"' in rules["F2:F21"][0][1][0]
    assert rules["J2:J21"][0][1][0].startswith("AND(ISNUMBER($J2),$J2<TODAY(),NOT(")
    assert rules["L2:L21"][0][0] == "dataBar"


def test_colours_without_a_category(tmp_path: Path) -> None:
    frame = issue_frame(5)[["Status", "Due"]]
    sheet = drawn(excel.write(frame, tmp_path / "i.xlsx").path).active
    (area,) = sheet.conditional_formatting
    assert str(area.sqref) == "B2:B6"
    assert area.rules[0].formula == ["AND(ISNUMBER($B2),$B2<TODAY())"]


def totals_row(path: Path, row: int) -> dict[str, tuple[str, str]]:
    with zipfile.ZipFile(path) as package:
        xml = package.read("xl/worksheets/sheet1.xml").decode()
    found = re.findall(rf'<c r="([A-Z]+){row}"[^>]*><f>([^<]*)</f><v>([^<]*)</v></c>', xml)
    return {column: (formula, value) for column, formula, value in found}


def test_totals_are_formulas_with_their_values(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "Key": ["A-1", "A-2", None],
            "Issue id": [1, 2, 3],
            "Points [#]": [1.5, None, 2.5],
            "Took": pd.to_timedelta(["12h", "24h", None]),
            "Empty": pd.array([None] * 3, "Int64"),
        }
    )
    written = excel.write(frame, tmp_path / "t.xlsx", totals=True, sheet="Work log")
    table = drawn(written.path).active.tables["Work_log"]
    assert table.ref == "A1:E5"
    assert table.autoFilter.ref == "A1:E4"
    assert table.totalsRowCount == 1
    assert [column.totalsRowFunction for column in table.tableColumns] == [None, None, "sum", "sum", "sum"]
    assert table.tableColumns[0].totalsRowLabel == "Total"
    assert totals_row(written.path, 5) == {
        "C": ("SUBTOTAL(109,Work_log[Points '[&#35;']])".replace("&#35;", "'#"), "4.0"),
        "D": ("SUBTOTAL(109,Work_log[Took])", "1.5"),
        "E": ("SUBTOTAL(109,Work_log[Empty])", "0.0"),
    }
    pd.testing.assert_frame_equal(excel.read(written.path), frame)


def test_totals_of_choice(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Key": ["A-1", None], "n": [1, 2], "m": [3.0, 5.0]})
    totals = {"Key": "count", "n": "max", "m": "average"}
    written = excel.write(frame, tmp_path / "t.xlsx", totals=totals)
    assert totals_row(written.path, 4) == {
        "A": ("SUBTOTAL(103,t[Key])", "1.0"),
        "B": ("SUBTOTAL(104,t[n])", "2.0"),
        "C": ("SUBTOTAL(101,t[m])", "4.0"),
    }


@pytest.mark.parametrize(
    ("totals", "message"),
    [
        ({"x": "sum"}, "no column 'x' to total"),
        ({"n": "median"}, "unknown total 'median'"),
        ({"Key": "sum"}, "column 'Key' holds no numbers to take the sum of"),
    ],
)
def test_totals_that_cannot_be(totals: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=message):
        excel.write(pd.DataFrame({"Key": ["A"], "n": [1]}), tmp_path / "t.xlsx", totals=totals)


def test_an_index_leads_to_every_sheet(tmp_path: Path) -> None:
    frames = {"It's open": issue_frame(3), "Done": issue_frame(2)}
    book = drawn(excel.write(frames, tmp_path / "two.xlsx", title="Week 47").path)
    assert book.sheetnames == ["Index", "It's open", "Done"]
    index = book["Index"]
    assert index["B1"].value == "Week 47"
    assert [[cell.value for cell in row[1:5]] for row in index.iter_rows(min_row=3, max_row=5)] == [
        ["Sheet", "Rows", "Columns", "JQL"],
        ["It's open", 3, 12, "project = DEMO ORDER BY created"],
        ["Done", 2, 12, "project = DEMO ORDER BY created"],
    ]
    assert index["B4"].hyperlink.location == "'It''s open'!A1"


def test_the_summary_tells_figures_and_draws_charts(tmp_path: Path) -> None:
    frame = issue_frame(300)
    written = excel.write(frame, tmp_path / "s.xlsx", summary=True, title="=Open bugs", tz="UTC")
    assert written.sheets == ("Summary", "s")
    book = drawn(written.path)
    assert book.sheetnames == ["Summary", "s"]
    sheet = book["Summary"]
    assert (sheet["B1"].value, sheet["B1"].data_type) == ("=Open bugs", "s")
    assert sheet["B2"].value == "JQL: project = DEMO ORDER BY created"
    assert "2026-11-20 09:31 (UTC)" in sheet["B3"].value
    tiles = {sheet.cell(5, column).value: sheet.cell(6, column).value for column in range(2, 14, 2)}
    categories = frame["Status Category"].value_counts()
    late = (frame["Due"] < "2026-11-20") & (frame["Status Category"] != "Done")
    assert tiles == {
        "Issues": 300,
        "To Do": categories["To Do"],
        "In Progress": categories["In Progress"],
        "Done": categories["Done"],
        "Overdue": late.sum(),
        "Story points": frame["Story Points"].sum(),
    }
    assert sheet.page_setup.fitToHeight == 1
    kinds = [type(chart).__name__ for chart in sheet._charts]
    assert kinds == ["DoughnutChart", "BarChart", "AreaChart", "LineChart"]
    texts = [cell.value for row in sheet.iter_rows(max_col=14) for cell in row if cell.value is not None]
    for told in ("Status", "Assignee", "Component", "Zo\u00eb \u00c5", "API"):
        assert told in texts


@pytest.mark.parametrize("columns", [["Key"], ["Key", "Status"], ["Status", "Status Category"], []])
def test_a_summary_of_what_there_is(columns: list[str], tmp_path: Path) -> None:
    written = excel.write(issue_frame(4)[columns], tmp_path / "s.xlsx", summary=True)
    sheet = drawn(written.path)["Summary"]
    assert sheet["B6"].value == 4
    assert len(sheet._charts) == ("Status" in columns)


def test_a_summary_of_nothing(tmp_path: Path) -> None:
    written = excel.write(issue_frame(5).head(0), tmp_path / "s.xlsx", summary=True)
    assert drawn(written.path)["Summary"]["B6"].value == 0


def test_reserved_names_go_to_the_front(tmp_path: Path) -> None:
    frames: dict[str, Any] = {"Summary": issue_frame(2), "index": issue_frame(1)}
    written = excel.write(frames, tmp_path / "r.xlsx", summary=True)
    assert drawn(written.path).sheetnames == ["Summary", "Index", "Summary (2)", "index (2)"]
    assert list(excel.read_all(written.path)) == ["Summary", "index"]


@pytest.mark.parametrize(
    ("header", "values", "want"),
    [
        ("Points", [1.0, 2.0, None], "#,##0"),
        ("Points", [0.5, 1e9], "#,##0.0"),
        ("Points", [0.25, 1], "#,##0.00"),
        ("Issue id", [1.0, 2.0], "0"),
        ("Year", [1.5], "General"),
    ],
)
def test_numbers_show_the_places_they_need(
    header: str, values: list[float | None], want: str, tmp_path: Path
) -> None:
    frame = pd.DataFrame({header: pd.Series(values, dtype="float64")})
    sheet = drawn(excel.write(frame, tmp_path / "n.xlsx").path).active
    assert sheet["A2"].number_format == want


@pytest.mark.parametrize(
    ("header", "values", "number_format"),
    [
        ("p", [0.00012, 0.5], "#,##0.00000"),
        ("p", [0.004, 0.5], "#,##0.000"),
        ("p", [1e-8, 0.5], "General"),
        ("x", [0.1 + 0.2 - 0.3, 1.25], "#,##0.00"),
        ("x", [0.0, 0.0], "#,##0"),
        ("FY", [2024, 2025], "0"),
        ("FY 2024", [1.5, 2.5], "General"),
        ("Started", [2024, 2025], "0"),
        ("Build", [9999, 10115], "0"),
        ("accountId", [1, 123456], "0"),
        ("Runs", [10115, 10116], "0"),
        ("Amount", [900, 45000], "#,##0"),
        ("Paid", [900, 45000], "#,##0"),
        ("Amount", [900.5, 45000], "#,##0.0"),
        ("Price", [Decimal("0.00012"), Decimal(1)], "#,##0.00000"),
        ("Took", pd.to_timedelta([0.25, 2], "s"), "[h]:mm:ss.000"),
        ("Took", pd.to_timedelta([0.25, 7200], "s"), "[h]:mm:ss"),
        ("At", [time(9, 30), time(17, 5, 1)], "hh:mm:ss"),
    ],
)
def test_numbers_are_shown_with_the_digits_that_matter(
    header: str, values: Any, number_format: str, tmp_path: Path
) -> None:
    frame = pd.DataFrame({header: values})
    written = excel.write(frame, tmp_path / "n.xlsx")
    assert drawn(written.path).active["A2"].number_format == number_format
    assert excel.read(written.path)[header].tolist() == frame[header].astype(object).map(plain).tolist()


def plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def test_columns_are_as_wide_as_what_they_show(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "n": [1_234_567, 123_456_789, 1_234_567_890],
            "中文": ["一二三四五六七八九十一二三四五六七八"] * 3,
            "Überschrift mit Umlauten": [1, 2, 3],
            "x": [-1.5, 2, 3e6],
        }
    )
    sheet = drawn(excel.write(frame, tmp_path / "w.xlsx", totals=True).path).active
    widths = {name: sheet.column_dimensions[name].width for name in "ABCD"}
    assert widths["A"] >= len("1,359,259,246") + 1
    assert 36 <= widths["B"] <= 40
    assert widths["C"] >= len("Überschrift mit Umlauten")
    assert widths["D"] >= len("3,000,000.5") + 1


def test_formats_and_colours_of_columns(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"Key": ["A-1", "A-2"], "Share": [0.123, 0.5], "Age": [3, 9], "State": ['Do"ne', "Open"], "At": "x"}
    )
    formats: dict[str, Any] = {
        "Share": "0.0%",
        "Age": "bar",
        "State": {'Do"ne': "#c6efce", "Open": "FFC7CE"},
    }
    written = excel.write(frame, tmp_path / "f.xlsx", formats=formats)
    sheet = drawn(written.path).active
    assert sheet["B2"].number_format == "0.0%"
    assert sheet["C2"].number_format == "#,##0"
    rules = {str(area.sqref): area.rules for area in sheet.conditional_formatting}
    assert rules["C2:C3"][0].type == "dataBar"
    assert [(rule.formula, rule.dxf.fill.bgColor.rgb) for rule in rules["D2:D3"]] == [
        (['TRIM($D2)="Do""ne"'], "00C6EFCE"),
        (['TRIM($D2)="Open"'], "00FFC7CE"),
    ]
    both = excel.write({"a": frame, "b": frame[["Key"]]}, tmp_path / "two.xlsx", formats=formats)
    assert drawn(both.path)["a"]["B2"].number_format == "0.0%"


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        ({"Poits": "0"}, r"no column 'Poits' to format \(did you mean 'Points'\?\)"),
        ({"Points": '0 "open'}, "invalid format .* of column 'Points'"),
        ({"Points": "[Red"}, "invalid format"),
        ({"Points": "0" * 256}, "invalid format"),
        ({"Points": 5}, "invalid format 5"),
        ({"Points": {"1": "red"}}, "invalid colour 'red' of column 'Points'"),
    ],
)
def test_formats_that_cannot_be_written_are_refused(formats: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=message):
        excel.write(pd.DataFrame({"Points": [1]}), tmp_path / "f.xlsx", formats=formats)
    assert not list(tmp_path.iterdir())
