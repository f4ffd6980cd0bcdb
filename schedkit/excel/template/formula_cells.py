"""The formulas of a workbook when a region of it changes: what they refer to, and which values are stale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from schedkit.excel.parts import sheet_cells
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.formula_runs import FormulaCell, FormulaRun, runs_of
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.sheet import Row, Sheet
from schedkit.excel.parts.workbook import Workbook
from schedkit.excel.template.neighbours import Overwritten
from schedkit.excel.template.stale_values import ChangedCells, Formula, References, mark_stale


@dataclass(frozen=True)
class Change:
    """What of a region is rewritten.

    The old cells that are `overwritten` are gone; `written` is the area whose values change, and `rows` are
    more rows whose values do, in order.
    """

    growth: RangeGrowth
    overwritten: Overwritten
    written: Area
    rows: Sequence[int] = ()

    def parts(self, sheet: str, run: FormulaRun) -> Iterator[tuple[FormulaRun, bool]]:
        """Yield a run in parts that are gone or stay as a whole, with whether they are gone."""
        if sheet != self.growth.sheet:
            yield run, False
            return
        body = self.growth.body
        start = run.first
        gone = self.overwritten.rows_between(run.column, run.first, run.last)
        # Rows of the body and totals below it change in different ways.
        edges = {end for end in (body.bottom, self.growth.old_end) if run.first <= end < run.last}
        for first, last in gone:
            yield from ((part, False) for part in _cut(run, start, first - 1, edges))
            yield run.part(first, last), True
            start = last + 1
        yield from ((part, False) for part in _cut(run, start, run.last, edges))

    def moves(self, sheet: str, run: FormulaRun) -> bool:
        """Tell whether a part of a run belongs to totals that move."""
        growth = self.growth
        within = growth.body.left <= run.column <= growth.body.right and sheet == growth.sheet
        return within and bool(growth.shift) and growth.body.bottom < run.first <= growth.old_end

    def changed_cells(self) -> dict[str, ChangedCells]:
        """Return the cells whose values change, by the name of their sheet."""
        body = self.growth.body
        changed: dict[str, ChangedCells] = defaultdict(ChangedCells)
        own = changed[self.growth.sheet.casefold()]
        own.add(self.written)
        own.add_rows(self.rows, body.left, body.right)
        return changed


def _cut(run: FormulaRun, first: int, last: int, edges: Iterable[int]) -> Iterator[FormulaRun]:
    """Yield the rows `first` to `last` of a run, cut after each of the `edges`."""
    for edge in sorted(each for each in edges if first <= each < last):
        yield run.part(first, edge)
        first = edge + 1
    if first <= last:
        yield run.part(first, last)


@dataclass(frozen=True)
class Followed:
    """The formulas of a workbook, with which of them are stale, and whether a cell lost its formula."""

    formulas: Sequence[Formula]
    lost: bool


def follow(book: Workbook, change: Change) -> Followed:
    """Update the references of all formulas to the region, and drop values calculated from old rows."""
    references = References(book, change.growth)
    formulas: list[Formula] = []
    # Shared formulas that must become single ones: a cell changes otherwise than the rest.
    broken: set[tuple[str, str]] = set()
    lost = False
    for title in book.calculating(change.growth.sheet):
        for whole in book.sheet(title).formula_runs():
            for run, gone in change.parts(title, whole):
                moves = change.moves(title, run)
                lost = lost or gone or moves
                followed = [] if gone else list(_followed(title, run, change.growth))
                if gone or moves or any(rewritten for _, rewritten in followed):
                    broken.add((title, run.shared))
                for part, rewritten in followed:
                    formulas += references.formulas(title, part, rewritten=rewritten)
    mark_stale(formulas, change.changed_cells())
    by_sheet: dict[str, list[Formula]] = defaultdict(list)
    for formula in formulas:
        if formula.rewritten or (formula.run.shared and formula.group in broken) or formula.stale.any():
            by_sheet[formula.sheet].append(formula)
    for title, found in by_sheet.items():
        _write(book.sheet(title), found, broken)
    return Followed(formulas, lost)


def _followed(sheet: str, run: FormulaRun, growth: RangeGrowth) -> Iterator[tuple[FormulaRun, bool]]:
    """Yield a run with updated references, in parts, with whether the text of a part changed."""
    own = sheet == growth.sheet
    start = max(run.first, min(growth.first_row_reaching(run.pieces), run.last + 1))
    if start > run.first:
        yield run.part(run.first, start - 1), False
    cells = []
    for row in range(start, run.last + 1):
        text = run.text(row)
        inside = row if row <= growth.body.bottom else None
        now = growth.unqualified(text, row=inside) if own else growth.qualified(text)
        cells.append((FormulaCell(row, run.column, now, run.shared, run.spills), now != text))
    for rewritten in (False, True):
        yield from ((part, rewritten) for part in runs_of(cell for cell, new in cells if new is rewritten))


def _write(sheet: Sheet, formulas: Iterable[Formula], broken: set[tuple[str, str]]) -> None:
    """Put changed formulas into the rows of a sheet."""
    rows = _ChangedRows(sheet)
    for formula in formulas:
        run = formula.run
        apart = bool(run.shared) and formula.group in broken
        stale = formula.stale_rows
        for number in run.rows if apart or formula.rewritten else stale:
            cells = rows[number].cells
            cells[run.column] = _with_text(cells[run.column], run.text(number), apart, formula.rewritten)
        for number in stale:
            cells = rows[number].cells
            cells[run.column] = sheet_cells.without_value(cells[run.column])
        if stale and run.spills is not None:
            _empty(rows, sheet.numbers(run.spills.top, run.spills.bottom), run.spills)
    for number, row in rows.items():
        sheet.change(number, row)


class _ChangedRows(dict[int, Row]):
    """Rows of a sheet that are going to be changed, copied when they are first asked for."""

    def __init__(self, sheet: Sheet) -> None:
        super().__init__()
        self._sheet = sheet

    def __missing__(self, number: int) -> Row:
        row = self._sheet.row(number)
        self[number] = Row(row.attributes, dict(row.cells))
        return self[number]


def _with_text(xml: str, text: str, apart: bool, rewritten: bool) -> str:
    """Return a cell with its formula as it is now; `apart` takes it out of a shared one."""
    if apart and text:
        return sheet_cells.unshared(xml, text)
    return sheet_cells.with_formula(xml, text) if rewritten else xml


def _empty(rows: _ChangedRows, numbers: Iterable[int], area: Area) -> None:
    """Remove the values of the other cells that an array formula fills."""
    for number in numbers:
        cells = rows[number].cells
        for column, xml in cells.items():
            if area.left <= column <= area.right and sheet_cells.formula_of(xml) is None:
                cells[column] = sheet_cells.without_value(xml)
