"""Native charts of a sheet's rows: they show its columns, at the cell that was asked for."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from schedkit import excel
from schedkit.errors import WorkbookError
from schedkit.excel import Chart

WEEKS = pd.DataFrame(
    {
        "Period": pd.date_range("2026-03-02", periods=3, freq="7D"),
        "Bug": [1, 2, 3],
        "Note": ["a", "b", "c"],
        "Story": [0.5, 0.25, 1.0],
    }
)
KINDS = pd.DataFrame({"Type": ["Bug", "Story"], "Reopened": [3, 4]})


def charts_of(path: Path, sheet: str) -> list[Any]:
    """The charts of a sheet as openpyxl reads them."""
    return list(openpyxl.load_workbook(path)[sheet]._charts)


def sources(chart: Any) -> list[tuple[str, str, str]]:
    """Where the title, the names and the numbers of each series are."""
    return [
        (series.tx.strRef.f, (series.cat.numRef or series.cat.strRef).f, series.val.numRef.f)
        for series in chart.series
    ]


def test_each_kind_shows_its_columns(tmp_path: Path) -> None:
    given = {
        "H2": Chart("columns", "Period", ["Story", "Bug"], title="Finished", number_format="0%"),
        "'It''s'!D4": Chart("bars", "Type", "Reopened"),
        "Weeks!H22": Chart("areas", "Period", ["Bug"]),
        "weeks!H42": Chart("lines", "Note", ["Bug"]),
    }
    written = excel.write({"Weeks": WEEKS, "It's": KINDS}, tmp_path / "c.xlsx", charts=given)
    assert written.sheets == ("Index", "Weeks", "It's")
    columns, areas, lines = charts_of(tmp_path / "c.xlsx", "Weeks")
    assert sources(columns) == [
        ("'Weeks'!D1", "'Weeks'!$A$2:$A$4", "'Weeks'!$D$2:$D$4"),
        ("'Weeks'!B1", "'Weeks'!$A$2:$A$4", "'Weeks'!$B$2:$B$4"),
    ]
    assert columns.y_axis.number_format.formatCode == "0%"
    assert (columns.anchor._from.col, columns.anchor._from.row) == (7, 1)
    assert (areas.tagname, areas.grouping, lines.tagname) == ("areaChart", "stacked", "lineChart")
    with zipfile.ZipFile(tmp_path / "c.xlsx") as file:
        drawn = [file.read(name) for name in sorted(file.namelist()) if "/charts/chart" in name]
    assert [b"<dateAx>" in each for each in drawn] == [False, True, False, False], "only the areas' axis"
    (bars,) = charts_of(tmp_path / "c.xlsx", "It's")
    assert bars.barDir == "bar"
    assert sources(bars) == [("'It''s'!B1", "'It''s'!$A$2:$A$3", "'It''s'!$B$2:$B$3")]
    assert excel.read(tmp_path / "c.xlsx", sheet="Weeks")["Bug"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("charts", "words"),
    [
        pytest.param(["H2"], "does not map cells to charts", id="no mapping"),
        pytest.param({"H": Chart("bars", "Period", "Bug")}, "'H' is not a cell", id="no cell"),
        pytest.param({"H2": "bars"}, "'bars' at H2 is not a chart", id="no chart"),
        pytest.param({"H2": Chart("bars", "Period", "Bugs")}, "no column 'Bugs'.*'Bug'", id="no column"),
        pytest.param({"Week!H2": Chart("bars", "Period", "Bug")}, "no sheet 'Week'.*'Weeks'", id="no sheet"),
    ],
)
def test_what_cannot_be_drawn(charts: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match=words):
        excel.write(WEEKS, tmp_path / "w.xlsx", sheet="Weeks", charts=charts)


def test_charts_are_of_new_workbooks(tmp_path: Path) -> None:
    chart = {"H2": Chart("bars", "Period", "Bug")}
    with pytest.raises(WorkbookError, match="new workbook only"):
        excel.write(WEEKS, tmp_path / "w.xlsx", at="B4", charts=chart)
    excel.write(WEEKS, tmp_path / "w.xlsx")
    with pytest.raises(WorkbookError, match="new workbook only"):
        excel.write(WEEKS, tmp_path / "w.xlsx", mode="append", charts=chart)
    with pytest.raises(WorkbookError, match="no place for images, charts"):
        excel.write(WEEKS, tmp_path / "w.csv", charts=chart)
    with pytest.raises(WorkbookError, match=r"kind 'bar' .did you mean 'bars'"):
        Chart("bar", "Period", "Bug")
    with pytest.raises(WorkbookError, match="a chart without values"):
        Chart("bars", "Period", [])
