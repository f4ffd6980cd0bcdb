"""Which formula a new row gets: the table's own definition, or what the rows agree on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from support.excel_templates import issues_table, patched

from schedkit import excel

FRAME = pd.DataFrame({"Key": list("abcd"), "Points": [1, 2, 3, 4]})


def column(
    path: Path, formulas: list[Any], tmp_path: Path, **options: Any
) -> tuple[list[Any], dict[str, int]]:
    """Fill a plain range whose third column holds `formulas`; return that column and what was altered."""
    book = openpyxl.Workbook()
    book.active.append(["Key", "Points", "Made"])
    for row, formula in enumerate(formulas, 2):
        book.active.append([f"o{row}", row, formula])
    book.save(path)
    written = excel.write(FRAME, tmp_path / "f.xlsx", template=path, **options)
    return [
        row[2].value for row in openpyxl.load_workbook(written.path).active.iter_rows(min_row=2)
    ], written.altered


@pytest.mark.parametrize(
    ("formulas", "made"),
    [
        (["=B2*2"], ["=B2*2", "=B3*2", "=B4*2", "=B5*2"]),
        (["=B2*2", "=B3*2", 99], ["=B2*2", "=B3*2", "=B4*2", "=B5*2"]),
        ([99, "=B3*2", "=B4*2"], ["=B2*2", "=B3*2", "=B4*2", "=B5*2"]),
        (["=B2*3", "=B3*2", "=B4*2"], ["=B2*2", "=B3*2", "=B4*2", "=B5*2"]),
        (["=B2", "=C2+B3"], ["=B2", "=C2+B3", "=C3+B4", "=C4+B5"]),
        (["=B2", "=C2+B3", "=C3+B4"], ["=B2", "=C2+B3", "=C3+B4", "=C4+B5"]),
        (["=SUM(B$2:B2)", "=SUM(B$2:B3)"], [f"=SUM(B$2:B{row})" for row in (2, 3, 4, 5)]),
        (["=B2/SUM(B$2:B$3)", "=B3/SUM(B$2:B$3)"], [f"=B{row}/SUM(B$2:B$5)" for row in (2, 3, 4, 5)]),
        ([1, 2], [None] * 4),
    ],
)
def test_a_plain_range(formulas: list[Any], made: list[Any], tmp_path: Path) -> None:
    assert column(tmp_path / "t.xlsx", formulas, tmp_path) == (made, {})


def test_formulas_that_differ_are_not_copied_and_told(tmp_path: Path) -> None:
    made, altered = column(tmp_path / "t.xlsx", ["=B2*2", "=B3*3", "=B4*4"], tmp_path)
    assert made == [None] * 4
    assert altered == {"formulas_left_out": 4}


def test_rows_put_below_continue_what_stands_above(tmp_path: Path) -> None:
    made, _ = column(tmp_path / "t.xlsx", ["=B2", "=C2+B3"], tmp_path, mode="append")
    assert made == ["=B2"] + [f"=C{row - 1}+B{row}" for row in range(3, 8)]


@pytest.mark.parametrize("exceptions", [{}, {1: 99}, {2: 99}, {1: "=1+1"}, {1: 9, 2: 9}])
def test_a_table_defines_its_columns(exceptions: dict[int, Any], tmp_path: Path) -> None:
    def change(book: xlsxwriter.Workbook, sheet: Any) -> None:
        for row, value in exceptions.items():
            sheet.write(row, 2, value)

    columns = [
        {"header": "Key"},
        {"header": "Points"},
        {"header": "Twice", "formula": "=Issues[[#This Row],[Points]]*2"},
    ]
    template = issues_table(tmp_path / "t.xlsx", change, columns=columns)
    path = excel.write(FRAME, tmp_path / "f.xlsx", template=template).path
    sheet = openpyxl.load_workbook(path)["Data"]
    twice = "=Issues[[#This Row],[Points]]*2"
    assert [sheet[f"C{row}"].value for row in range(2, 6)] == [twice] * 4
    path = excel.write(FRAME, tmp_path / "t.xlsx", mode="append").path
    sheet = openpyxl.load_workbook(path)["Data"]
    kept = [exceptions.get(row, twice) for row in (1, 2)]
    assert [sheet[f"C{row}"].value for row in range(2, 8)] == kept + [twice] * 4


@pytest.mark.parametrize("cells", [True, False])
def test_a_definition_by_address_is_read_from_the_rows(cells: bool, tmp_path: Path) -> None:
    columns = [{"header": "Key"}, {"header": "Points"}, {"header": "Twice", "formula": "=B2*2"}]

    def fill(book: xlsxwriter.Workbook, sheet: Any) -> None:
        for row in (1, 2):
            sheet.write(row, 2, f"=B{row + 1}*2" if cells else 7)

    template = issues_table(tmp_path / "t.xlsx", fill, columns=columns)
    path = excel.write(FRAME, tmp_path / "f.xlsx", template=template).path
    sheet = openpyxl.load_workbook(path)["Data"]
    assert [sheet[f"C{row}"].value for row in range(2, 6)] == [f"=B{row}*2" for row in range(2, 6)]


def test_data_tables_are_not_carried(tmp_path: Path) -> None:
    template = issues_table(
        tmp_path / "t.xlsx",
        lambda book, sheet: sheet.write("C2", "=B2"),
        columns=[{"header": "Key"}, {"header": "Points"}, {"header": "What if"}],
    )
    patched(template, {"xl/worksheets/sheet1.xml": ("<f>B2</f>", '<f t="dataTable" ref="C2:C3" r1="B2"/>')})
    path = excel.write(FRAME, tmp_path / "f.xlsx", template=template).path
    assert [openpyxl.load_workbook(path)["Data"][f"C{row}"].value for row in range(2, 6)] == [None] * 4
