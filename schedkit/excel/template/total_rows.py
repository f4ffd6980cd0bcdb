"""Rows of totals below a plain range, which stay below it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schedkit.excel.parts import sheet_cells
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.references import Uses
from schedkit.excel.parts.sheet import Sheet

# How many rows of totals are searched, and how many blank rows may be above them.
_MOST_TOTALS = 5
_MOST_BLANK = 2


@dataclass(frozen=True)
class Totals:
    """The first row that belongs to the totals, blank ones above them included, and the last."""

    first: int
    last: int


def totals_below(sheet: Sheet, body: Area) -> Totals | None:
    """Return the totals at the end of `body` or closely below it.

    A row sums up if one of its formulas uses a column of the body from its beginning to its end. The rows of
    a running total do so, too, but have a formula in each row.
    """
    end = body.bottom
    candidates = range(end + _MOST_BLANK + 1, max(body.top, end - _MOST_TOTALS), -1)
    sums = [row for row in candidates if any(_sums(sheet, body, row))]
    if not sums:
        return None
    first = min(sums)
    if first <= end:
        return Totals(first, _last(sheet, body, end))
    above = Area(end + 1, body.left, first - 1, body.right)
    return Totals(end + 1, _last(sheet, body, max(sums))) if sheet.first_filled(above) is None else None


def _last(sheet: Sheet, body: Area, row: int) -> int:
    """Return the last of the rows that follow the sums without a blank one, if they are few."""
    last = row
    while last - row <= _MOST_TOTALS and sheet.is_filled(last + 1, body.left, body.right):
        last += 1
    return last if last - row <= _MOST_TOTALS else row


def _sums(sheet: Sheet, body: Area, row: int) -> Iterator[bool]:
    """Yield for each formula of a row whether it sums up the column above it."""
    above = sheet.row(row - 1).cells
    reach = min(row - 1, body.bottom) - _MOST_BLANK
    for column, cell in sheet.row(row).cells.items():
        formula = sheet.formula(cell, column, row) if body.left <= column <= body.right else None
        if formula is None or sheet_cells.formula_of(above.get(column, "")) is not None:
            continue
        for name, area in Uses.of(formula.text).areas:
            own = name is None or name.casefold() == sheet.title.casefold()
            whole = body.top - 1 <= area.top <= body.top and reach <= area.bottom < row
            # One cell alone is the row before, as in a running total.
            block = area.height > 1 or ":" in formula.text
            yield own and whole and block and area.left == column == area.right
