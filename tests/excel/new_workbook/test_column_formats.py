"""Formats and colours that the caller chose for columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from schedkit import excel
from schedkit.errors import WorkbookError


def drawn(path: Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(path)


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
    "code", ["0;-0;;@", '0 "a;b";;;', "[Red]0;[Blue]-0", "#,##0.00_);[Red]\\(#,##0.00\\)", ";;;"]
)
def test_formats_of_several_sections(code: str, tmp_path: Path) -> None:
    path = excel.write(pd.DataFrame({"Points": [1]}), tmp_path / "f.xlsx", formats={"Points": code}).path
    assert drawn(path).active["A2"].number_format == code


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        ({"Poits": "0"}, r"no column 'Poits' to format \(did you mean 'Points'\?\)"),
        ({"Points": '0 "open'}, "invalid format .* of column 'Points'"),
        ({"Points": "[Red"}, "invalid format"),
        ({"Points": "0" * 256}, "invalid format"),
        ({"Points": ""}, "invalid format ''"),
        ({"Points": "0;-0;0;@;0"}, "invalid format '0;-0;0;@;0'"),
        ({"Points": 5}, "invalid format 5"),
        ({"Points": {"1": "red"}}, "invalid colour 'red' of column 'Points'"),
    ],
)
def test_formats_that_cannot_be_written_are_refused(formats: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=message):
        excel.write(pd.DataFrame({"Points": [1]}), tmp_path / "f.xlsx", formats=formats)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("values", "wanted", "note"),
    [
        (["Open", None], "bar", "column 'x' holds no numbers for its bar"),
        (["Open", "Done"], "0.0%", "column 'x' holds no numbers for its format '0.0%'"),
        ([True, False], "bar", "column 'x' holds no numbers for its bar"),
        (
            [45000, -1],
            "yyyy-mm-dd",
            "column 'x' holds -1, which is not a date: its format 'yyyy-mm-dd' is not used",
        ),
        (
            [-0.25, 0.5],
            "[h]:mm",
            "column 'x' holds -0.25, which is not a date: its format '[h]:mm' is not used",
        ),
        ([3e6], "hh:mm", "column 'x' holds 3e+06, which is not a date: its format 'hh:mm' is not used"),
    ],
)
def test_a_format_that_shows_nothing_is_told(
    values: list[Any], wanted: str, note: str, tmp_path: Path
) -> None:
    made = excel.write(pd.DataFrame({"x": values}), tmp_path / "f.xlsx", formats={"x": wanted})
    assert made.notes == (note,)
    sheet = drawn(made.path).active
    assert not set("yh") & set(sheet["A2"].number_format)
    assert not list(sheet.conditional_formatting)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (["Open"], "@"),
        (["Open"], ";;;"),
        (["Open"], "General"),
        ([None, None], "bar"),
        ([45000, 0], "yyyy-mm-dd"),
        ([-1], "0.0"),
        ([-1], "bar"),
        ([1, "text"], "0.0"),
        (pd.to_datetime(["2026-11-29"]), "d. mmm yyyy"),
        (pd.to_timedelta(["2h"]), "[h]"),
    ],
)
def test_a_format_that_shows_something_is_used_without_a_note(
    values: Any, wanted: str, tmp_path: Path
) -> None:
    made = excel.write(pd.DataFrame({"x": values}), tmp_path / "f.xlsx", formats={"x": wanted})
    assert made.notes == ()
    sheet = drawn(made.path).active
    assert sheet["A2"].number_format == wanted if wanted != "bar" else list(sheet.conditional_formatting)
