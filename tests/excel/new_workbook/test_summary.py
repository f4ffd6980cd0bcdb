"""The Summary sheet of a new workbook."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from support.excel_issues import issue_frame

from schedkit import excel


def drawn(path: Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(path)


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
