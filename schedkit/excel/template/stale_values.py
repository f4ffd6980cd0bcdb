"""Which formulas of a workbook have a stale value: those that can be reached from changed cells."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schedkit.excel.limits import MAX_ROWS
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.formula_runs import FormulaRun
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.references import OWN_TABLE, Uses
from schedkit.excel.parts.tables import tables_of
from schedkit.excel.parts.workbook import MAIN, Workbook

# A chain of formulas is followed row by row that often; then whole runs are taken for stale, and at last all
# formulas.
_EXACT_PASSES, _PASSES = 5, 20
# So many names that stand for names are followed.
_DEPTH = 5
_Rows = npt.NDArray[np.int64]


class RowSet:
    """Numbers of rows, as intervals that do not touch."""

    def __init__(self) -> None:
        self._first: list[int] = []
        self._last: list[int] = []

    def add(self, first: int, last: int) -> None:
        """Add the rows from `first` to `last`."""
        low, high = bisect_left(self._last, first - 1), bisect_right(self._first, last + 1)
        if low < high:
            first, last = min(first, self._first[low]), max(last, self._last[high - 1])
        self._first[low:high], self._last[low:high] = [first], [last]

    def add_all(self, rows: Iterable[int]) -> None:
        """Add rows that come in order."""
        for row in rows:
            if self._last and self._last[-1] == row - 1:
                self._last[-1] = row
            else:
                self.add(row, row)

    def meets(self, first: int, last: int) -> bool:
        """Tell whether one of the rows from `first` to `last` is among them."""
        place = bisect_left(self._last, first)
        return place < len(self._last) and self._first[place] <= last

    def met_by(self, first: _Rows, last: _Rows) -> npt.NDArray[np.bool_]:
        """Tell the same of many ranges of rows."""
        place = np.searchsorted(np.array(self._last, np.int64), first)
        return np.array([*self._first, MAX_ROWS + 1], np.int64)[place] <= last


@dataclass
class ChangedCells:
    """The cells of one sheet whose values change: some columns of some rows, and single columns."""

    blocks: list[tuple[int, int, RowSet]] = field(default_factory=list)
    columns: dict[int, RowSet] = field(default_factory=lambda: defaultdict(RowSet))

    def add(self, area: Area) -> None:
        """Add the cells of an area."""
        rows = RowSet()
        rows.add(area.top, area.bottom)
        self.blocks.append((area.left, area.right, rows))

    def add_rows(self, rows: Iterable[int], left: int, right: int) -> None:
        """Add some columns of rows that come in order."""
        found = RowSet()
        found.add_all(rows)
        self.blocks.append((left, right, found))

    def within(self, left: int, right: int) -> Iterator[RowSet]:
        """Yield the changed rows of the columns from `left` to `right`."""
        yield from (rows for first, last, rows in self.blocks if first <= right and left <= last)
        yield from (rows for column, rows in self.columns.items() if left <= column <= right)


@dataclass(frozen=True)
class Reference:
    """What a run of formulas refers to: an area of a sheet in its first row, and the one in its last."""

    sheet: str
    first: Area
    last: Area

    def rows(self, count: int) -> tuple[_Rows, _Rows]:
        """Return the first and the last row that each of `count` formulas refers to."""
        ends = (self.first.top, self.last.top), (self.first.bottom, self.last.bottom)
        if {last - first for first, last in ends} <= {0, count - 1}:
            top, bottom = (first + np.arange(count) * (last > first) for first, last in ends)
            return top, bottom
        # The ends of the area change places somewhere in between.
        return np.full(count, min(ends[0])), np.full(count, max(ends[1]))


@dataclass(eq=False)
class Formula:
    """A run of formulas of a sheet, and which of them are stale.

    `rewritten` tells that their text is another one than in the sheet. `references` is None if they may
    depend on any cell.
    """

    sheet: str
    run: FormulaRun
    rewritten: bool = False
    references: Sequence[Reference] | None = ()

    def __post_init__(self) -> None:
        self.stale = np.zeros(len(self.run.rows), np.bool_)

    @property
    def group(self) -> tuple[str, str]:
        """What the cells of one shared formula have in common."""
        return self.sheet, self.run.shared

    @property
    def stale_rows(self) -> list[int]:
        rows: list[int] = (np.flatnonzero(self.stale) + self.run.first).tolist()
        return rows

    def widened(self, reached: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return formulas that are reached with all that these may reach in turn within the run."""
        made = reached.copy()
        places = np.flatnonzero(reached)
        for each in self.references or ():
            if each.first.top < self.run.first or each.last.top < self.run.last:
                made[places[0] :] = True
            if each.first.bottom > self.run.first or each.last.bottom > self.run.last:
                made[: places[-1] + 1] = True
        return made


class References:
    """Finds what formulas refer to, by way of tables and defined names."""

    def __init__(self, book: Workbook, growth: RangeGrowth) -> None:
        self._tables: dict[str, tuple[str, Area]] = {}
        for title in book.worksheets:
            for table in tables_of(book, book.sheets[title]):
                area = growth.area(table.area) if title == growth.sheet else table.area
                self._tables[table.name.casefold()] = (title.casefold(), area)
        self._names: dict[str, list[Uses]] = defaultdict(list)
        for node in book.root.iter(f"{{{MAIN}}}definedName"):
            text = growth.qualified((node.text or "").strip())
            self._names[node.get("name", "").casefold()].append(Uses.of(text))

    def formulas(self, sheet: str, run: FormulaRun, *, rewritten: bool = False) -> Iterator[Formula]:
        """Yield a run with what it refers to, in single rows where that differs by more than rows."""
        first, last = (self._areas(sheet, run, row) for row in (run.first, run.last))
        if first is None or last is None:
            yield Formula(sheet, run, rewritten, None)
        elif _names(run, run.first) == _names(run, run.last) and _columns(first) == _columns(last):
            found = [Reference(*one, other) for one, (_, other) in zip(first, last, strict=True)]
            yield Formula(sheet, run, rewritten, found)
        else:
            for row in run.rows:
                yield from self.formulas(sheet, run.part(row, row), rewritten=rewritten)

    def _areas(self, sheet: str, run: FormulaRun, row: int) -> list[tuple[str, Area]] | None:
        """Return what a formula refers to, None if that may be any cell."""
        cell = _Cell(sheet.casefold(), row, run.column)
        found = list(self._used(Uses.of(run.text(row)), cell, 0))
        known = [(each, area) for each, area in found if area is not None]
        return known if len(known) == len(found) else None

    def _used(self, uses: Uses, cell: _Cell, depth: int) -> Iterator[tuple[str, Area | None]]:
        """Yield what a formula uses as areas of sheets; None means any area."""
        if uses.anything or depth > _DEPTH:
            yield "", None
        for sheet, area in uses.areas:
            yield cell.sheet if sheet is None else sheet.casefold(), area
        for name in sorted(uses.own_rows):
            if (table := self._table(name, cell)) is not None:
                yield table[0], Area(cell.row, table[1].left, cell.row, table[1].right)
        for name in sorted(uses.names):
            if (table := self._table(name, cell)) is not None:
                yield table
            for inner in self._names.get(name, ()):
                yield from self._used(inner, cell, depth + 1)

    def _table(self, name: str, cell: _Cell) -> tuple[str, Area] | None:
        """Return sheet and area of a table, or of the one that a cell is in; None if there is none."""
        if name != OWN_TABLE:
            return self._tables.get(name)
        own = Area(cell.row, cell.column, cell.row, cell.column)
        around = (
            table for table in self._tables.values() if table[0] == cell.sheet and table[1].overlaps(own)
        )
        return next(around, None)


class _Cell(NamedTuple):
    sheet: str
    row: int
    column: int


def _names(run: FormulaRun, row: int) -> tuple[frozenset[str], frozenset[str]]:
    uses = Uses.of(run.text(row))
    return uses.names, uses.own_rows


def _columns(used: Sequence[tuple[str, Area]]) -> list[tuple[str, int, int]]:
    return [(sheet, area.left, area.right) for sheet, area in used]


def mark_stale(formulas: Iterable[Formula], changed: Mapping[str, ChangedCells]) -> None:
    """Mark the formulas that can be reached from changed cells, which are told by sheet.

    What they change is added to `changed`.
    """
    waiting = list(formulas)
    for number in range(_PASSES):
        found = [each for each in waiting if _reach(each, changed, exact=number < _EXACT_PASSES)]
        if not found:
            return
        waiting = [each for each in waiting if not each.stale.all()]
    for each in waiting:
        each.stale[:] = True


def _reach(formula: Formula, changed: Mapping[str, ChangedCells], *, exact: bool) -> bool:
    """Mark what of a run is reached; return whether that is more than before."""
    reached = _reached(formula, changed) & ~formula.stale
    if not reached.any():
        return False
    if not exact:
        reached = formula.widened(reached) & ~formula.stale
    formula.stale |= reached
    own, run = changed[formula.sheet.casefold()], formula.run
    if run.spills is not None:
        own.add(run.spills)
    else:
        own.columns[run.column].add_all((np.flatnonzero(reached) + run.first).tolist())
    return True


def _reached(formula: Formula, changed: Mapping[str, ChangedCells]) -> npt.NDArray[np.bool_]:
    count = len(formula.stale)
    if formula.references is None:
        return np.ones(count, np.bool_)
    found = np.zeros(count, np.bool_)
    for each in formula.references:
        for rows in changed[each.sheet].within(each.first.left, each.first.right):
            if count == 1:
                found |= rows.meets(each.first.top, each.first.bottom)
            else:
                found |= rows.met_by(*each.rows(count))
    return found
