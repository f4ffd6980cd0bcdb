"""Formulas of consecutive rows taken together, and shared ones as each cell reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedkit.excel.limits import MAX_ROWS
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.formula_runs import FormulaCell, SharedFormula, runs_of
from schedkit.excel.parts.references import moved


@pytest.mark.parametrize(
    ("texts", "runs"),
    [
        (["A2*2", "A3*2", "A4*2"], [(2, 4)]),
        (["A9*2", "A10*2", "A11*2", "A12*3"], [(2, 4), (5, 5)]),
        (["[@x]*2", "[@x]*2", "[@x]*3", "[@x]*3"], [(2, 3), (4, 5)]),
        (["B$1+A1", "B$1+A2", "B$2+A3"], [(2, 3), (4, 4)]),
        (["A2", "A1", "A0"], [(2, 2), (3, 3), (4, 4)]),
        (["A2", "A2+1"], [(2, 2), (3, 3)]),
        (["A09", "A10"], [(2, 2), (3, 3)]),
        (["A" + "9" * 5000, "A1" + "0" * 5000], [(2, 2), (3, 3)]),
    ],
)
def test_equal_formulas_of_consecutive_rows_are_one(texts: list[str], runs: list[tuple[int, int]]) -> None:
    found = runs_of(FormulaCell(row, 3, text) for row, text in enumerate(texts, 2))
    assert [(run.first, run.last) for run in found] == runs
    assert [run.text(row) for run in found for row in run.rows] == texts


def test_runs_end_where_a_row_or_the_kind_of_formula_changes() -> None:
    area = Area(7, 2, 9, 2)
    cells = [
        FormulaCell(2, 1, "B2"),
        FormulaCell(2, 2, "C2", "0"),
        FormulaCell(3, 1, "B3"),
        FormulaCell(3, 2, "C3", "1"),
        FormulaCell(5, 1, "B5"),
        FormulaCell(6, 2, "D6"),
        FormulaCell(7, 2, "D7", "", area),
    ]
    found = [(run.column, run.first, run.last, run.shared, run.spills) for run in runs_of(cells)]
    assert found == [
        (1, 2, 3, "", None),
        (2, 2, 2, "0", None),
        (2, 3, 3, "1", None),
        (1, 5, 5, "", None),
        (2, 6, 6, "", None),
        (2, 7, 7, "", area),
    ]


@given(
    st.sampled_from(["A1+$A1+A$1", "SUM(B2:B$9)", "Data!C1048570*2", 'X5&"X5"', "LOG10(3)", "XFD7:XFD9"]),
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from([1, 2, 7, 20, MAX_ROWS - 3, MAX_ROWS]))),
)
def test_shared_formulas_read_as_if_moved(text: str, row: int, cells: list[tuple[int, int]]) -> None:
    shared = SharedFormula(text, 3, row)
    for column, other in cells:
        assert shared.text(column, other) == moved(text, column - 3, other - row)
