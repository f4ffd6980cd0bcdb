"""Rows grouped by their level."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from schedkit import excel
from schedkit.demo import DemoSite
from schedkit.errors import WorkbookError
from schedkit.jira import Jira

# Rows of a hierarchy as jira.root gives them: a linked issue has no level.
LEVELS = [0, 1, 2, 3, 2, 1, 2, None]


def tree(levels: list[int | None] = LEVELS) -> pd.DataFrame:
    keys = [f"P-{number}" for number in range(len(levels))]
    return pd.DataFrame({"Key": keys, "Summary": keys, "Level": pd.array(levels, "Int64")})


def rows(path: Path) -> dict[int, str]:
    """Return the attributes of the rows of a sheet, by number."""
    xml = zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml").decode()
    return {int(number): rest for number, rest in re.findall(r'<row r="([0-9]+)"([^>]*)>', xml)}


def test_rows_are_grouped_below_their_summary(tmp_path: Path) -> None:
    path = excel.write(tree(), tmp_path / "tree.xlsx", outline=True).path
    found = rows(path)
    assert [re.findall('outlineLevel="([0-9])"', found[row]) for row in range(2, 10)] == [
        [str(level)] if level else [] for level in LEVELS
    ]
    assert not any("hidden" in each or "collapsed" in each for each in found.values())
    sheet = openpyxl.load_workbook(path).active
    assert sheet.sheet_properties.outlinePr.summaryBelow is False
    assert sheet.sheet_format.outlineLevelRow == 3
    formats = {
        rule.formula[0]: rule.dxf.numFmt.formatCode
        for area in sheet.conditional_formatting
        for rule in area.rules
        if str(area.sqref) == "B2:B9"
    }
    assert formats == {"$C2=1": '"    "@', "$C2=2": '"        "@', "$C2=3": '"            "@'}
    pd.testing.assert_frame_equal(excel.read(path), tree())


def test_rows_below_a_level_are_hidden_behind_the_sign_of_their_summary(tmp_path: Path) -> None:
    found = rows(excel.write(tree(), tmp_path / "tree.xlsx", outline="Level", collapse=1).path)
    assert [row for row, each in found.items() if 'hidden="1"' in each] == [4, 5, 6, 8]
    assert [row for row, each in found.items() if 'collapsed="1"' in each] == [3, 4, 7]
    found = rows(excel.write(tree(), tmp_path / "tree.xlsx", outline=True, collapse=0).path)
    assert [row for row, each in found.items() if "hidden" not in each] == [1, 2, 9]


def test_levels_beyond_those_of_excel_are_in_the_last(tmp_path: Path) -> None:
    path = excel.write(tree(list(range(10))), tmp_path / "deep.xlsx", outline=True).path
    assert [re.findall('outlineLevel="([0-9])"', each) for each in rows(path).values()][-3:] == [["7"]] * 3
    sheet = openpyxl.load_workbook(path).active
    assert {rule.formula[0] for area in sheet.conditional_formatting for rule in area.rules} >= {"$C2>=7"}


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "upsert", "missing": "delete", "max_drop": 1.0},
        {"mode": "upsert"},
        {"mode": "replace"},
    ],
)
def test_levels_follow_an_upsert(options: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "tree.xlsx"
    grouping: dict[str, Any] = {"outline": True, "collapse": 1, "key": "Key"}
    excel.write(tree([0, 1, 1]), path, **grouping, **options)
    excel.write(tree([0, 1, 2, 3]), path, **grouping, **options)
    found = list(rows(path).values())[1:]
    assert [re.findall('outlineLevel="([0-9])"', each) for each in found] == [[], ["1"], ["2"], ["3"]]
    assert ["hidden" in each for each in found] == [False, False, True, True]
    sheet = openpyxl.load_workbook(path).active
    assert sheet.sheet_format.outlineLevelRow == 3
    # Rows that come without an outline keep theirs.
    if options == {"mode": "upsert"}:
        excel.write(tree([0, 1, 2, 3]), path, mode="upsert", key="Key")
        assert list(rows(path).values())[1:] == found


def test_levels_of_appended_rows(tmp_path: Path) -> None:
    path = tmp_path / "tree.xlsx"
    for _ in range(2):
        excel.write(tree([0, 1]), path, mode="append", outline=True)
    found = list(rows(path).values())[1:]
    assert [re.findall('outlineLevel="([0-9])"', each) for each in found] == [[], ["1"], [], ["1"]]
    excel.write(tree([]), path, mode="append", outline=True)


def test_a_hierarchy_of_jira(tmp_path: Path) -> None:
    with DemoSite(issues=120, seed=4) as site:
        jira = Jira(site.jira_cloud.url, user=site.jira_cloud.user, token=site.jira_cloud.token)
        epic = jira.search("type = Epic ORDER BY key", limit=1)["Key"].iloc[0]
        frame = jira.root(epic)
    assert frame["Level"].max() >= 1
    path = excel.write(frame, tmp_path / "epic.xlsx", outline=True, summary=False).path
    levels = [len(re.findall("outlineLevel", each)) for each in list(rows(path).values())[1:]]
    assert levels == (frame["Level"] > 0).astype(int).tolist()


def test_levels_of_a_real_workbook(shared_data: Path, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(shared_data / "excel" / "closedxml" / "Outline.xlsx")
    levels = [book["Outline"].row_dimensions[row].outlineLevel for row in range(1, 6)]
    path = excel.write(
        pd.DataFrame({"n": range(5), "depth": levels}), tmp_path / "o.xlsx", outline="depth"
    ).path
    sheet = openpyxl.load_workbook(path).active
    assert [sheet.row_dimensions[row].outlineLevel for row in range(2, 7)] == levels == [2, 2, 2, 2, 1]


def test_without_rows_and_without_text(tmp_path: Path) -> None:
    excel.write(tree([]), tmp_path / "none.xlsx", outline=True)
    path = excel.write(pd.DataFrame({"Level": [0, 1]}), tmp_path / "bare.xlsx", outline=True).path
    sheet = openpyxl.load_workbook(path).active
    assert [str(area.sqref) for area in sheet.conditional_formatting] == ["A2:A3"]


def test_the_levels_of_one_of_several_frames(tmp_path: Path) -> None:
    frames = {"Tree": tree(), "Other": pd.DataFrame({"a": [1]})}
    book = openpyxl.load_workbook(excel.write(frames, tmp_path / "two.xlsx", outline=True).path)
    assert book["Tree"].row_dimensions[3].outlineLevel == 1
    assert book["Other"].sheet_format.outlineLevelRow is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"outline": "Depth"}, r"no column 'Depth' to group rows by .the columns are|no column 'Depth'"),
        ({"outline": "Key"}, "column 'Key' does not hold levels to group rows by .levels are whole numbers"),
        ({"outline": "Half"}, "column 'Half' does not hold levels"),
        ({"outline": "Flag"}, "column 'Flag' does not hold levels"),
        ({"outline": "Below"}, "column 'Below' does not hold levels"),
        ({"collapse": 1}, r"collapse needs an outline .e\.g\. outline=True"),
        ({"outline": True, "collapse": -1}, "collapse=-1 is not a level"),
        ({"outline": True, "collapse": True}, "collapse=True is not a level"),
    ],
)
def test_misuse(options: dict[str, Any], told: str, tmp_path: Path) -> None:
    frame = tree().assign(Half=0.5, Flag=True, Below=-1)
    with pytest.raises(WorkbookError, match=told):
        excel.write(frame, tmp_path / "tree.xlsx", **options)
