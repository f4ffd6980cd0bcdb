"""The formula that new rows of a template have in each column."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from schedkit.excel.parts.formula import Formula
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.sheet import Sheet
from schedkit.excel.parts.sheet_cells import formula_of, is_filled
from schedkit.excel.template.region import Region

# How many rows are searched for the formula of a column.
_ASKED_ROWS = 200


@dataclass(frozen=True)
class ColumnFormula:
    """What a column calculates in each row, and in the first one if that is another formula.

    `differs` tells that the rows disagree, so that none can be carried to new ones.
    """

    formula: Formula | None = None
    first: Formula | None = None
    differs: bool = False


def column_formula(sheet: Sheet, region: Region, growth: RangeGrowth, column: int) -> ColumnFormula:
    """Return the formula of a column, by the table's own definition or else by what its rows say."""
    text = region.table.formulas.get(column - region.body.left) if region.table is not None else None
    defined = None
    if text is not None:
        defined = Formula.parse(growth.unqualified(text), region.body.top)
        if all(isinstance(piece, str) for piece in defined.pieces):
            return ColumnFormula(defined)
    by_row = _formulas_of_rows(sheet, region, growth, column)
    formulas = [formula for formula in by_row if formula is not None]
    if not formulas:
        return ColumnFormula(defined)
    first, rest = by_row[0], by_row[1:]
    if first is not None and rest and set(rest) == {rest[0]} and first != rest[0] and _reads_above(rest[0]):
        # A running total: the first row begins it.
        return ColumnFormula(rest[0], first)
    common, count = Counter(formulas).most_common(1)[0]
    if 2 * count > len(formulas) + _typed(sheet, region, column):
        return ColumnFormula(common)
    # A formula among typed values belongs to its own row and is not filled down.
    return ColumnFormula(defined, differs=defined is None and 2 * len(formulas) > len(by_row))


def _typed(sheet: Sheet, region: Region, column: int) -> int:
    """Return how many of the first rows of a column hold a value that no formula made."""
    cells = (sheet.row(row).cells.get(column, "") for row in _asked(region))
    return sum(is_filled(cell) and formula_of(cell) is None for cell in cells)


def _asked(region: Region) -> range:
    return range(region.body.top, min(region.body.bottom, region.body.top + _ASKED_ROWS - 1) + 1)


def _formulas_of_rows(sheet: Sheet, region: Region, growth: RangeGrowth, column: int) -> list[Formula | None]:
    """Return the formula of each of the first rows of a column."""
    by_row: list[Formula | None] = []
    for row in _asked(region):
        formula = sheet.formula(sheet.row(row).cells.get(column, ""), column, row)
        if formula is None or not formula.text or formula.kind == "dataTable":
            by_row.append(None)
        else:
            text = growth.unqualified(formula.text, row=row)
            by_row.append(Formula.parse(text, row, array=formula.kind == "array"))
    return by_row


def _reads_above(formula: Formula | None) -> bool:
    """Tell whether a formula refers to a row above its own."""
    return formula is not None and any(isinstance(piece, int) and piece < 0 for piece in formula.pieces)
