"""The sheet of changes: what `jira.diff` returned, for people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from support.workbook_checks import unjudged

from schedkit import excel
from schedkit.errors import WorkbookError
from schedkit.jira import diff

Cells = Callable[..., list[list[Any]]]


def issues(**columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"Key": ["A-1", "A-2"], "Summary": ["Login", "Export"], "Status": ["Open", "Open"]})
    frame.attrs = {"site": "https://jira.example.org", "extraction": {"as_of": ["2026-11-20T09:31:12+00:00"]}}
    return frame.assign(**columns)


def later() -> pd.DataFrame:
    return issues(Key=["A-1", "A-3"], Summary=["Login", "Import"], Status=["Done", "Open"])


def test_new_changed_and_gone(tmp_path: Path, cells: Cells) -> None:
    path = tmp_path / "issues.xlsx"
    written = excel.write(later(), path, changes=diff(issues(), later()), tz="Europe/Berlin")
    assert written.sheets == ("issues", "Changes")
    assert written.rows == 2
    assert cells(path, "Changes") == [
        ["Changes until 2026-11-20 10:31 (Europe/Berlin): 1 new, 1 changed, 1 gone", "", "", "", "", ""],
        ["Key", "Summary", "Change", "Field", "Before", "After"],
        ["A-3", "Import", "New", "", "", ""],
        ["A-1", "Login", "Changed", "Status", "Open", "Done"],
        ["A-2", "Export", "Gone", "", "", ""],
    ]
    sheet = openpyxl.load_workbook(path)["Changes"]
    assert sheet["A3"].hyperlink.target == "https://jira.example.org/browse/A-3"
    assert "A1:F1" in {str(area) for area in sheet.merged_cells.ranges}
    fills = {
        rule.formula[0]: rule.dxf.fill.bgColor.rgb for a in sheet.conditional_formatting for rule in a.rules
    }
    assert fills['TRIM($C3)="New"'] == "00E3FCEF"
    # It is no frame of the workbook's.
    assert list(excel.read_all(path)) == ["issues"]
    assert excel.read(path, "Changes")["Change"].tolist() == ["New", "Changed", "Gone"]


def test_values_are_shown_as_people_read_them(tmp_path: Path, cells: Cells) -> None:
    values = {
        "Due": (pd.Timestamp("2026-01-02"), pd.Timestamp("2026-01-03")),
        "Updated": (pd.Timestamp("2026-01-02 10:00", tz="UTC"), None),
        "Labels": ((), ("a", "b")),
        "Spent": (pd.Timedelta("1h"), pd.Timedelta("1h 30m")),
        "Points": (3.0, 5.5),
        "Flagged": (False, True),
    }
    old, new = (
        pd.DataFrame(
            {
                "Key": ["A-1"],
                **{name: pd.Series([pair[place]], dtype=object) for name, pair in values.items()},
            }
        )
        for place in (0, 1)
    )
    path = excel.write(new, tmp_path / "a.xlsx", changes=diff(old, new, ignore=()), tz="Europe/Berlin").path
    assert {row[2]: tuple(row[3:]) for row in cells(path, "Changes")[2:]} == {
        "Due": ("2026-01-02", "2026-01-03"),
        "Updated": ("2026-01-02 11:00", ""),
        "Labels": ("", "a, b"),
        "Spent": ("1h", "1h 30m"),
        "Points": ("3", "5.5"),
        "Flagged": ("False", "True"),
    }


def test_nothing_changed(tmp_path: Path, cells: Cells) -> None:
    path = excel.write(issues(), tmp_path / "a.xlsx", changes=diff(issues(), issues())).path
    assert cells(path, "Changes")[0][0].endswith(": nothing changed")
    assert len(cells(path, "Changes")) <= 3


def test_the_sheet_follows_every_run(tmp_path: Path, cells: Cells) -> None:
    path = tmp_path / "issues.xlsx"
    excel.write(issues(), path, mode="upsert", key="Key", summary=True)
    for _ in range(3):
        written = excel.write(
            later(), path, mode="upsert", key="Key", changes=diff(issues(), later()), missing="mark"
        )
        assert written.sheets == ("Summary", "issues", "Changes")
    assert [row[0] for row in cells(path, "Changes")[2:]] == ["A-3", "A-1", "A-2"]
    excel.write(later(), path, mode="upsert", key="Key", changes=diff(later(), later()))
    assert cells(path, "Changes")[0][0].endswith("nothing changed")
    names = openpyxl.load_workbook(path).sheetnames
    assert names == ["Summary", "issues", "Changes"]
    assert len(openpyxl.load_workbook(path)["Changes"].tables) == 1


def test_a_sheet_of_the_same_name_that_is_not_ours_stays(tmp_path: Path, cells: Cells) -> None:
    path = tmp_path / "issues.xlsx"
    excel.write({"Issues": issues(), "Changes": issues()}, path, mode="upsert", key="Key")
    excel.write({"Issues": later()}, path, mode="upsert", key="Key", changes=diff(issues(), later()))
    assert openpyxl.load_workbook(path).sheetnames[-2:] == ["Changes", "Changes (2)"]
    assert cells(path, "Changes (2)")[1][2] == "Change"
    both = excel.write(
        {"Issues": later(), "Changes": issues()}, tmp_path / "b.xlsx", changes=diff(issues(), later())
    )
    assert list(excel.read_all(both.path)) == ["Issues", "Changes"]
    assert both.sheets == ("Index", "Issues", "Changes", "Changes (2)")


def test_the_sheet_keeps_the_name_that_was_free(tmp_path: Path) -> None:
    path = tmp_path / "changes.xlsx"
    for _ in range(3):
        written = excel.write(later(), path, mode="upsert", key="Key", changes=diff(issues(), later()))
        assert written.sheets == ("changes", "Changes (2)")
    assert openpyxl.load_workbook(path).sheetnames == ["changes", "Changes (2)"]


@pytest.mark.parametrize(
    "name", ["closedxml/BasicTable.xlsx", "openxlsx/pandas.xlsx", "closedxml/SortExample.xlsx"]
)
def test_templates_of_other_programs_get_one(
    shared_data: Path, name: str, tmp_path: Path, cells: Cells
) -> None:
    template = shared_data / "excel" / name
    frame = excel.read(template)
    with unjudged():
        path = excel.write(
            frame, tmp_path / "filled.xlsx", template=template, changes=diff(issues(), later())
        ).path
    assert [row[0] for row in cells(path, "Changes")[2:]] == ["A-3", "A-1", "A-2"]


@pytest.mark.parametrize("given", [issues(), [1], "diff"])
def test_what_is_no_diff(given: Any, tmp_path: Path) -> None:
    with pytest.raises(
        WorkbookError, match=r"changes: .* Key, Change, Field, Old and New .give what jira\.diff"
    ):
        excel.write(issues(), tmp_path / "a.xlsx", changes=given)


def test_a_diff_whose_issues_have_no_summary(tmp_path: Path, cells: Cells) -> None:
    told = diff(issues().drop(columns="Summary"), later())
    path = excel.write(later(), tmp_path / "a.xlsx", changes=told).path
    assert cells(path, "Changes")[1] == ["Key", "Change", "Field", "Before", "After"]
