"""The values of formulas that depend on new rows, stored beside them as far as they are calculated here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from schedkit.excel.frames.cells import Calculated, ColumnRenderer, Kept
from schedkit.excel.parts import sheet_cells
from schedkit.excel.parts.sheet import Row
from schedkit.excel.parts.workbook import Workbook
from schedkit.excel.template.column_renderers import Computed, FirstRow, Keeping
from schedkit.excel.template.operands import BLANK, Value, type_attribute, value_text
from schedkit.excel.template.stale_values import Formula
from schedkit.excel.template.workbook_values import WorkbookValues

__all__ = ["calculates", "store_results", "with_results"]


def calculates(renderer: ColumnRenderer | None) -> bool:
    """Tell whether a renderer writes formulas."""
    if isinstance(renderer, Keeping | Kept):
        return calculates(renderer.under)
    return isinstance(renderer, Calculated | FirstRow)


def store_results(book: Workbook, formulas: Sequence[Formula], values: WorkbookValues) -> int:
    """Store the values of stale formulas; return how many are left to the spreadsheet program."""
    stale = [(each, row) for each in formulas if each.stale.any() for row in each.stale_rows]
    left = [each for each in stale if not _store(book, *each, values)]
    # Long chains of formulas that wait for others below them are calculated from their end.
    return sum(not _store(book, *each, values) for each in reversed(left))


def _store(book: Workbook, formula: Formula, number: int, values: WorkbookValues) -> bool:
    own, column = formula.sheet == values.growth.sheet, formula.run.column
    after = values.growth.row_after(number, column) if own else number
    value = values.stale.value(values, formula.sheet, after, column)
    text = value_text(value)
    if text is not None:
        sheet = book.sheet(formula.sheet)
        row = sheet.row(number)
        cell = sheet_cells.with_value(row.cells[column], type_attribute(value), text)
        sheet.change(number, Row(row.attributes, {**row.cells, column: cell}))
    return text is not None


def with_results(renderers: Sequence[ColumnRenderer], values: WorkbookValues) -> list[ColumnRenderer]:
    """Return renderers that write the values of formulas beside them."""
    return [_with_results(renderer, values) if calculates(renderer) else renderer for renderer in renderers]


def _with_results(renderer: ColumnRenderer, values: WorkbookValues) -> ColumnRenderer:
    sheet, numbers = values.growth.sheet, values.new.numbers.tolist()

    def of_rows(low: int, high: int) -> list[Value]:
        return [values.cell(sheet, number, renderer.position) for number in numbers[low:high]]

    if not isinstance(renderer, Keeping | Kept):
        return Computed(renderer, of_rows)
    under, covers = renderer.under, renderer.covers
    assert under is not None

    def uncovered(low: int, high: int) -> list[Value]:
        rows = zip(numbers[low:high], covers.slice(low, high - low).to_pylist(), strict=True)
        return [BLANK if kept else values.cell(sheet, number, renderer.position) for number, kept in rows]

    return replace(renderer, under=Computed(under, uncovered))
