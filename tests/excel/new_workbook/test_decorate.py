"""Colours by meaning and notes on headers."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pandas as pd
from support.excel_issues import issue_frame

from schedkit import excel


def drawn(path: Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(path)


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
