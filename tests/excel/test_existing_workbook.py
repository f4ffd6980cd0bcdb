"""Workbooks that gain sheets, frames beside each other, and a Summary that tells the rows there are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from support.excel_issues import issue_frame
from support.workbook_corpus import workbooks

from schedkit import excel
from schedkit.errors import WorkbookError

DAYS = ("2026-11-28", "2026-11-29", "2026-11-30")


def frame(first: int, rows: int = 3) -> pd.DataFrame:
    numbers = range(first, first + rows)
    return pd.DataFrame(
        {
            "Key": [f"A-{number}" for number in numbers],
            "Points": [number / 4 for number in numbers],
            "At": pd.Timestamp("2026-11-28 09:30"),
        }
    )


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_every_run_may_have_a_sheet_of_its_own(mode: Any, tmp_path: Path) -> None:
    path = tmp_path / "runs.xlsx"
    key = "Key" if mode == "upsert" else None
    for number, day in enumerate(DAYS):
        written = excel.write(frame(number), path, sheet=day, mode=mode, key=key, totals=True)
        assert written.sheets == (day,)
        assert written.added == 3
    frames = excel.read_all(path)
    assert list(frames) == list(DAYS)
    for number, day in enumerate(DAYS):
        pd.testing.assert_frame_equal(frames[day], frame(number))
    book = openpyxl.load_workbook(path)
    looks = [(book[day]["B1"].font.color.rgb, book[day]["C2"].number_format) for day in DAYS]
    assert looks == [looks[0]] * 3
    assert len({table.id for day in DAYS for table in book[day].tables.values()}) == 3
    assert [book[day].print_title_rows for day in DAYS] == ["$1:$1"] * 3
    more = excel.write(frame(9), path, sheet=DAYS[1], mode="append")
    assert more.added == 3
    assert len(excel.read(path, DAYS[1])) == 6


def test_formats_are_added_once(tmp_path: Path) -> None:
    path = tmp_path / "runs.xlsx"
    sizes = []
    for number in range(4):
        excel.write(frame(number), path, sheet=f"run {number}", mode="append")
        sizes.append(len(openpyxl.load_workbook(path)._cell_styles))
    assert sizes == [sizes[0]] * 4


def test_workbooks_of_others_gain_sheets(tmp_path: Path) -> None:
    path = tmp_path / "other.xlsx"
    book = xlsxwriter.Workbook(str(path), {"date_1904": True})
    sheet = book.add_worksheet("Theirs")
    bold = book.add_format({"bold": True, "num_format": "0.0000"})
    sheet.write("A1", 5, bold)
    sheet.write_comment("A1", "a note")
    book.add_chart({"type": "pie"})
    book.close()
    excel.write(frame(1), path, sheet="Ours", mode="append")
    loaded = openpyxl.load_workbook(path)
    assert loaded.sheetnames == ["Theirs", "Ours"]
    assert loaded["Theirs"]["A1"].font.bold
    assert loaded["Theirs"]["A1"].comment.text.endswith("a note")
    assert loaded["Ours"]["C2"].number_format == "yyyy-mm-dd hh:mm"
    assert excel.read(path, "Ours")["At"].tolist() == [pd.Timestamp("2026-11-28 09:30")] * 3


def test_real_workbooks_gain_a_sheet(shared_data: Path, tmp_path: Path) -> None:
    """The validator judges each of them."""
    every = 1 if os.environ.get("SCHEDKIT_THOROUGH") else 6
    for source in workbooks(shared_data / "excel")[::every]:
        if "strict" in source.name:
            continue
        path = tmp_path / source.name
        path.write_bytes(source.read_bytes())
        excel.write(frame(1), path, sheet="Ours", mode="append")
        assert excel.read(path, "Ours")["Key"].tolist() == ["A-1", "A-2", "A-3"], source.name


def test_a_strict_workbook_gains_none(shared_data: Path, tmp_path: Path) -> None:
    (source,) = (shared_data / "excel").rglob("universal-content-strict.xlsx")
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes())
    with pytest.raises(WorkbookError, match="is a Strict Open XML workbook, which takes no new sheets"):
        excel.write(frame(1), path, sheet="Ours", mode="append")
    assert path.read_bytes() == source.read_bytes()


def test_several_frames_on_one_sheet(tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    small = pd.DataFrame({"Team": ["a", "b"], "n": [1, 2]})
    for _ in range(2):
        excel.write(frame(1), path, sheet="Report", at="B4")
        excel.write(small, path, sheet="Report", at="g4")
    sheet = openpyxl.load_workbook(path)["Report"]
    assert [cell.value for cell in sheet[4]] == [None, "Key", "Points", "At", None, None, "Team", "n"]
    assert sheet["B7"].value == "A-3"
    assert sheet["G6"].value == "b"
    assert sheet["D5"].is_date
    assert sheet.column_dimensions["D"].width >= 16
    assert sheet.column_dimensions["G"].width >= 8
    excel.write(small, path, sheet="Report", at="G4", mode="append")
    assert openpyxl.load_workbook(path)["Report"]["G8"].value == "b"
    excel.write(small, path, sheet="It's", at="A1")
    assert openpyxl.load_workbook(path)["It's"]["A2"].value == "a"
    both = excel.write({"X!A1": small, "Y!C3": small}, tmp_path / "new.xlsx")
    assert both.sheets == ("X", "Y")
    with pytest.raises(WorkbookError, match=r"at='nowhere' is not a cell"):
        excel.write(small, path, sheet="Report", at="nowhere")


def summary(path: Path) -> dict[str, Any]:
    sheet = openpyxl.load_workbook(path)["Summary"]
    names, values = ([cell.value for cell in sheet[row]] for row in (5, 6))
    return {str(name): value for name, value in zip(names, values, strict=True) if name}


@pytest.mark.parametrize("asked", [True, False])
def test_the_summary_tells_the_rows_there_are(asked: bool, tmp_path: Path) -> None:
    issues = issue_frame(30)
    path = tmp_path / "bugs.xlsx"
    again = excel.write(issues.head(20), path, mode="upsert", key="Key", summary=True, title="All bugs")
    assert again.sheets[0] == "Summary"
    assert summary(path)["Issues"] == 20
    excel.write(issues.tail(15), path, mode="upsert", key="Key", summary=asked)
    told = summary(path)
    assert told["Issues"] == 30
    done = (issues["Status Category"] == "Done").sum()
    assert told["Done"] == done
    sheet = openpyxl.load_workbook(path)["Summary"]
    assert sheet["B1"].value == "All bugs"
    assert len(sheet._charts) == 4
    assert excel.read(path)["Key"].tolist() == issues["Key"].tolist()


def test_a_column_that_begins_with_blanks_keeps_its_format(tmp_path: Path) -> None:
    when = pd.to_datetime([None, "2026-11-28 09:30"])
    path = excel.write(pd.DataFrame({"Key": ["A", "B"], "Done": when}), tmp_path / "r.xlsx").path
    more = pd.DataFrame({"Key": ["C"], "Done": pd.to_datetime(["2026-11-29 10:00"])})
    excel.write(more, path, mode="append")
    sheet = openpyxl.load_workbook(path).active
    assert [sheet[cell].number_format for cell in ("B3", "B4")] == ["yyyy-mm-dd hh:mm"] * 2
