"""Formulas find the values that a workbook is going to have, as far as that does not take too long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from support.excel_templates import issues_table

from schedkit import excel


def dash(*formulas: str) -> Any:
    """Return what adds a sheet Dash with formulas in column A, whose stored values are wrong."""

    def extra(book: Any, sheet: Any) -> None:
        made = book.add_worksheet("Dash")
        for row, formula in enumerate(formulas):
            made.write_formula(row, 0, formula, None, 99)

    return extra


def values(path: Path, sheet: str = "Dash") -> list[Any]:
    book = openpyxl.load_workbook(path, data_only=True)
    return [row[0] for row in book[sheet].iter_rows(values_only=True)]


def frame(rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"Key": [f"n{row}" for row in range(rows)], "Points": [float(row) for row in range(rows)]}
    )


@pytest.mark.parametrize("rows", [0, 1, 3, 30])
def test_a_table_of_more_rows_than_its_sheet_has(rows: int, tmp_path: Path) -> None:
    extra = dash(
        "=SUM(Data!B1:B99)", "=SUM(Issues[Points])", "=COUNTA(Data!A:XFD)", "=SUM(Data!B2:B9)+Data!B9"
    )
    template = issues_table(tmp_path / "t.xlsx", extra, rows=12)
    book = openpyxl.load_workbook(template)
    book["Data"].delete_rows(2, 12)
    book.save(template)
    made = excel.write(frame(rows), tmp_path / "f.xlsx", template=template)
    points = [float(row) for row in range(rows)]
    # Two headers and two cells a row; row 9 is the eighth.
    assert values(made.path)[:3] == [sum(points), sum(points), 2 + 2 * rows]
    assert made.altered == {}


def test_rows_that_were_marked_are_seen(tmp_path: Path) -> None:
    columns = [{"header": "Key"}, {"header": "Points"}, {"header": "Missing since"}]
    extra = dash("=COUNT(Data!C2:C30)", "=COUNTA(Issues[Missing since])")
    path = issues_table(tmp_path / "t.xlsx", extra, rows=20, columns=columns)
    made = excel.write(frame(2), path, mode="upsert", key="Key", missing="mark", max_drop=1.0)
    assert made.marked == 20
    assert values(path) == [20, 20]


def test_what_would_take_too_long_is_left_to_the_program(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Key", "Points", "Nth"], ["x", 1, "=COUNTIF(A$2:A2,A2)"], ["y", 2, "=COUNTIF(A$2:A3,A3)"]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    made = excel.write(frame(3000), tmp_path / "f.xlsx", template=tmp_path / "t.xlsx")
    found = [
        row[2]
        for row in openpyxl.load_workbook(made.path, data_only=True).active.iter_rows(
            min_row=2, values_only=True
        )
    ]
    known = [value for value in found if value is not None]
    assert 1000 < len(known) < 3000
    assert set(known) == {1}
    assert made.altered == {"uncalculated": 3000 - len(known)}


def test_carried_rows_keep_what_people_typed_for_formulas(tmp_path: Path) -> None:
    columns = [{"header": "Key"}, {"header": "Points"}, {"header": "Extra"}]
    path = issues_table(
        tmp_path / "t.xlsx", dash("=SUM(Issues[Extra])", "=SUM(Issues[Points])"), columns=columns
    )
    book = openpyxl.load_workbook(path)
    book["Data"]["C2"], book["Data"]["C3"] = 5, 7
    book.save(path)
    new = pd.DataFrame({"Key": ["NEW", "OLD-2", "OLD-1"], "Points": [10, 20, 30]})
    excel.write(new, path, key="Key", max_drop=1.0)
    assert values(path) == [12, 60]
    excel.write(new.head(2), path, mode="upsert", key="Key", missing="delete", max_drop=1.0)
    assert values(path) == [7, 30]
