"""Rows with several levels of labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
from support.excel_issues import issue_frame

from schedkit import excel


def rules(sheet: Any) -> dict[str, list[tuple[str, str | None]]]:
    return {
        str(area.sqref): [
            (rule.formula[0], rule.dxf.numFmt and rule.dxf.numFmt.formatCode)
            for rule in area.rules
            if rule.formula
        ]
        for area in sheet.conditional_formatting
    }


def test_a_label_is_shown_once_and_stays_in_every_cell(tmp_path: Path) -> None:
    frame = issue_frame(60).groupby(["Type", "Status", "Priority"], observed=True)[["Story Points"]].sum()
    path = excel.write(frame, tmp_path / "groups.xlsx").path
    sheet = openpyxl.load_workbook(path).active
    found = rules(sheet)
    last = len(frame) + 1
    assert found[f"A2:A{last}"] == [("AND(EXACT($A2,$A1),SUBTOTAL(103,$A1)>0)", ";;;")]
    assert found[f"B2:B{last}"] == [("AND(EXACT($A2,$A1),EXACT($B2,$B1),SUBTOTAL(103,$A1)>0)", ";;;")]
    assert found[f"A2:D{last}"] == [("NOT(EXACT($A2,$A1))", None)]
    assert ";;;" not in [code for _, code in found[f"C2:C{last}"]]
    assert [sheet.cell(row, 1).value for row in (2, 3)] == ["Bug", "Bug"]
    assert sheet.freeze_panes == "D2"
    pd.testing.assert_frame_equal(excel.read(path), frame)


def test_one_level_groups_nothing(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "a"], name="team"))
    sheet = openpyxl.load_workbook(excel.write(frame, tmp_path / "one.xlsx").path).active
    assert rules(sheet) == {}
    assert sheet.freeze_panes == "A2"
