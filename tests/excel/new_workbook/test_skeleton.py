"""The sheets of a new workbook besides their rows: header, table, links, totals row, Index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
from support.excel_issues import issue_frame

from schedkit import excel


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


def test_reserved_names_go_to_the_front(tmp_path: Path) -> None:
    frames: dict[str, Any] = {"Summary": issue_frame(2), "index": issue_frame(1)}
    written = excel.write(frames, tmp_path / "r.xlsx", summary=True)
    assert drawn(written.path).sheetnames == ["Summary", "Index", "Summary (2)", "index (2)"]
    assert list(excel.read_all(written.path)) == ["Summary", "index"]
