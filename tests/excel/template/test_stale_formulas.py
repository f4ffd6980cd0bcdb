"""Names, tables and runs of formulas whose stored values are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
from openpyxl.workbook.defined_name import DefinedName
from support.excel_templates import issues_table

from schedkit import excel

FRAME = pd.DataFrame({"Key": ["a", "b"], "Points": [10, 20]})


def results(path: Path, column: int = 0) -> list[Any]:
    book = openpyxl.load_workbook(path, data_only=True)
    return [row[column] for row in book["Dash"].iter_rows(values_only=True)]


def test_names_of_one_sheet_and_of_formulas_are_left_to_the_program(tmp_path: Path) -> None:
    def extra(book: Any, sheet: Any) -> None:
        dash = book.add_worksheet("Dash")
        for row, name in enumerate(("Own", "Whole", "Twice", "Fixed")):
            dash.write_formula(row, 0, f"=SUM({name})", None, 99)
        book.define_name("Dash!Own", "=Data!$B$2:$B$3")
        book.define_name("Whole", "=Data!$B$2:$B$3")
        book.define_name("Twice", "=SUM(Data!$B$2:$B$3)*2")
        book.define_name("Fixed", "=5")

    path = issues_table(tmp_path / "t.xlsx", extra)
    made = excel.write(FRAME, path, mode="append")
    assert results(path) == [None, 33, None, 99]
    assert made.altered == {"uncalculated": 2}


def test_runs_that_count_up_are_calculated_row_by_row(tmp_path: Path) -> None:
    def extra(book: Any, sheet: Any) -> None:
        dash = book.add_worksheet("Dash")
        for row in range(1, 5):
            # The second counts by a number that is no row.
            dash.write_formula(row - 1, 0, f"=SUM(Data!B$1:B{row})", None, 99)
            dash.write_formula(row - 1, 1, f"=SUM(Issues[Points])*{row}", None, 99)

    path = issues_table(tmp_path / "t.xlsx", extra)
    excel.write(FRAME, path, template=path)
    # The first one is about the header only.
    assert results(path) == [99, 10, 30, 30]
    assert results(path, 1) == [30, 60, 90, 120]


def test_a_great_many_different_formulas_are_left_to_the_program(tmp_path: Path) -> None:
    def extra(book: Any, sheet: Any) -> None:
        dash = book.add_worksheet("Dash")
        for row in range(2500):
            dash.write_formula(row, 0, f"=Data!B2+{row % 7}+{row * row}", None, 99)

    path = issues_table(tmp_path / "t.xlsx", extra)
    made = excel.write(FRAME, path, template=path)
    known = [value for value in results(path) if value is not None]
    assert known == [10 + row % 7 + row * row for row in range(len(known))]
    assert made.altered == {"uncalculated": 2500 - len(known)}
    assert len(known) == 2000


def test_names_with_the_case_of_another(tmp_path: Path) -> None:
    path = issues_table(tmp_path / "t.xlsx", lambda book, sheet: book.add_worksheet("Dash"))
    book = openpyxl.load_workbook(path)
    book.defined_names["SCORES"] = DefinedName("SCORES", attr_text="Data!$B$2:$B$3")
    book["Dash"]["A1"], book["Dash"]["A2"] = "=SUM(scores)", "=SUM(issues[POINTS])+SUM('data'!b:b)"
    book.save(path)
    excel.write(FRAME, path, mode="append")
    assert results(path)[0] == 33
