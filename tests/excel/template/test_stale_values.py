"""Formulas lose their value exactly if a changed cell reaches them; long chains may take more along."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from support.excel_zoo import parts_of

from schedkit import excel
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.formula_runs import FormulaRun
from schedkit.excel.template.stale_values import ChangedCells, Formula, Reference, RowSet, mark_stale

ROWS = st.integers(1, 30)
RANGES = st.tuples(ROWS, ROWS).map(sorted)


@given(st.lists(RANGES), st.lists(ROWS), st.lists(RANGES, min_size=1))
def test_rows_are_met_as_by_a_set(
    ranges: list[list[int]], singles: list[int], asked: list[list[int]]
) -> None:
    rows, known = RowSet(), set(singles)
    for first, last in ranges:
        rows.add(first, last)
        known.update(range(first, last + 1))
    rows.add_all(sorted(singles))
    want = [not known.isdisjoint(range(first, last + 1)) for first, last in asked]
    assert [rows.meets(first, last) for first, last in asked] == want
    firsts, lasts = (np.array(ends, np.int64) for ends in zip(*asked, strict=True))
    assert rows.met_by(firsts, lasts).tolist() == want


@st.composite
def run_of_formulas(draw: st.DrawFn) -> Formula:
    """Return formulas in rows of one of the columns 2 to 4, which refer to columns 1 to 4."""
    first = draw(st.integers(5, 15))
    last = first + draw(st.integers(0, 8))
    references = []
    for _ in range(draw(st.integers(1, 2))):
        column = draw(st.integers(1, 4))
        top, bottom = sorted(draw(st.tuples(st.integers(-2, 1), st.integers(-2, 1))))
        fixed = draw(st.booleans())
        ends = [Area((first if fixed else row) + top, column, row + bottom, column) for row in (first, last)]
        references.append(Reference("data", *ends))
    return Formula("Data", FormulaRun(draw(st.integers(2, 4)), first, last, ("x",)), False, references)


def reached(formulas: list[Formula], changed: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return the cells of formulas that can be reached, told cell by cell."""
    known, more = set(changed), True
    while more:
        more = False
        for each in formulas:
            for step, row in enumerate(each.run.rows):
                for reference in each.references or ():
                    fixed = reference.first.top == reference.last.top
                    top = reference.first.top + (0 if fixed else step)
                    bottom = reference.first.bottom + step
                    cells = {(line, reference.first.left) for line in range(top, bottom + 1)}
                    if (row, each.run.column) not in known and not known.isdisjoint(cells):
                        known.add((row, each.run.column))
                        more = True
    return known - changed


@given(
    st.lists(run_of_formulas(), min_size=1, max_size=4), st.sets(st.tuples(st.integers(3, 24), st.just(1)))
)
def test_formulas_that_are_reached_are_stale(formulas: list[Formula], changed: set[tuple[int, int]]) -> None:
    cells: dict[str, ChangedCells] = defaultdict(ChangedCells)
    cells["data"].add_rows(sorted(row for row, _ in changed), 1, 1)
    mark_stale(formulas, cells)
    found = {(row, each.run.column) for each in formulas for row in each.stale_rows}
    want = reached(formulas, changed)
    assert want <= found
    if not want:
        assert not found
    lags = {
        reference.first.left
        for each in formulas
        for reference in each.references or ()
        if reference.first.top != each.run.first or reference.first.bottom != each.run.first
    }
    if lags <= {1}:
        # Without chains from row to row nothing else is.
        assert found == want


def test_formulas_that_may_use_any_cell_are_stale() -> None:
    formula = Formula("Data", FormulaRun(2, 1, 3, ("INDIRECT(A1)",)), False, None)
    mark_stale([formula], defaultdict(ChangedCells))
    assert formula.stale_rows == [1, 2, 3]


def test_chains_against_the_order_are_followed_or_all_is_stale() -> None:
    single = [
        Formula(
            "Data",
            FormulaRun(2, row, row, ("x",)),
            False,
            [Reference("data", *2 * [Area(row + 1, 2, row + 1, 2)])],
        )
        for row in range(1, 100)
    ]
    apart = Formula("Data", FormulaRun(9, 1, 1, ("x",)), False, [Reference("data", *2 * [Area(1, 8, 1, 8)])])
    cells: dict[str, ChangedCells] = defaultdict(ChangedCells)
    cells["data"].add(Area(100, 2, 100, 2))
    mark_stale([*single, apart], cells)
    assert all(each.stale.all() for each in [*single, apart])


def workbook(path: Path, formulas: dict[str, list[str]], rows: int = 40) -> Path:
    """Write a table of keys and points, formulas beside it by column, and an account of the points."""
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Data")
    data = [[f"k{row}", row] for row in range(2, rows + 2)]
    columns = [{"header": "Key"}, {"header": "Points"}]
    sheet.add_table(0, 0, rows, 1, {"name": "Issues", "columns": columns, "data": data})
    for number, row in ((2, 2), (3, 40), (4, 4), (5, 3)):
        book.define_name(f"Rate{number}", f"=Data!$B${row}")
    for column, texts in formulas.items():
        for row, text in enumerate(texts, 2):
            sheet.write_formula(f"{column}{row}", text, None, 99)
    book.close()
    return path


def stale(path: Path, column: str) -> list[int]:
    """Return the rows of a column whose formulas have not the value that they had."""
    xml = parts_of(path)["xl/worksheets/sheet1.xml"].decode()
    found = re.findall(rf'<c r="{column}(\d+)"[^>]*><f[^>]*>[^<]*</f>(<v>99</v>)?', xml)
    return [int(row) for row, value in found if not value]


def test_an_account_is_stale_from_the_changed_row_on(tmp_path: Path) -> None:
    """Opening balance and closing balance depend on each other, row by row."""
    rows = range(2, 42)
    path = workbook(
        tmp_path / "a.xlsx",
        {
            "D": ["=0", *(f"=E{row - 1}" for row in rows[1:])],
            "E": [f"=D{row}+B{row}" for row in rows],
            "F": [f"=B{row}*2" for row in rows],
            "G": [f"=SUM(B{row}:B$21)" for row in rows],
        },
    )
    excel.write(pd.DataFrame({"Key": ["k11"], "Points": [7]}), path, mode="upsert", key="Key")
    assert stale(path, "D") == list(range(12, 42))
    assert stale(path, "E") == list(range(11, 42))
    assert stale(path, "F") == [11]
    # The end that is fixed is the last one down to row 21, and the first one below.
    assert set(range(2, 12)) <= set(stale(path, "G"))


@pytest.mark.parametrize(
    ("texts", "want"), [(["=Rate2", "=Rate3", "=Rate4", "=Rate5"], [5]), (["=SUM(Issues)"] * 3, [2, 3, 4])]
)
def test_names_that_count_up_stand_for_different_cells(
    texts: list[str], want: list[int], tmp_path: Path
) -> None:
    path = workbook(tmp_path / "n.xlsx", {"D": texts}, rows=3)
    excel.write(pd.DataFrame({"Key": ["k3"], "Points": [7]}), path, mode="upsert", key="Key")
    assert stale(path, "D") == want


def test_columns_named_without_their_table_are_those_of_the_table_around(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "t.xlsx"))
    sheet = book.add_worksheet("Data")
    columns = [{"header": "Key"}, {"header": "Points"}, {"header": "Twice"}]
    data = [[f"k{row}", row] for row in (2, 3, 4)]
    sheet.add_table("A1:C4", {"name": "Issues", "columns": columns, "data": data})
    for row in (2, 3, 4):
        sheet.write_formula(f"C{row}", "=ROUND([[#This Row],[Points]],0)", None, 99)
        sheet.write_formula(f"E{row}", "=ROUND([[#This Row],[Points]],0)", None, 99)
    book.close()
    path = tmp_path / "t.xlsx"
    excel.write(pd.DataFrame({"Key": ["k3"], "Points": [7]}), path, mode="upsert", key="Key")
    assert stale(path, "C") == [3]
    assert stale(path, "E") == []
