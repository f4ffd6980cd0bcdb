"""The totals row of a new table."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from schedkit import excel
from schedkit.errors import WorkbookError


def drawn(path: Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(path)


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


@pytest.mark.parametrize(("collapse", "total"), [(None, 10), (1, 6), (0, 1)])
def test_hidden_rows_are_not_counted(collapse: int | None, total: int, tmp_path: Path) -> None:
    frame = pd.DataFrame({"Level": [0, 1, 1, 2], "Points": [1, 2, 3, 4]})
    options = {"outline": True, "collapse": collapse, "totals": {"Points": "sum"}}
    path = excel.write(frame, tmp_path / "f.xlsx", **options).path
    assert openpyxl.load_workbook(path, data_only=True).active["B6"].value == total
