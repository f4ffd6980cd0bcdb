"""The formulas of a workbook whose stored values are wrong when a region of it is filled."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from schedkit.excel.frames.cells import Calculated
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.references import moved
from schedkit.excel.parts.tables import TableXml, tables_of
from schedkit.excel.parts.workbook import MAIN, Workbook
from schedkit.excel.template.calculation import Calculation, Position, Sources
from schedkit.excel.template.operands import BLANK, Value, Values
from schedkit.excel.template.stale_values import Formula

# So many different formulas are read at most: reading one takes as long as writing 100 cells.
_MOST_FORMULAS = 2000
# So many formulas may wait for each other's values: each takes a dozen calls of the interpreter's 1,000.
_DEPTH = 30
# Columns of lower areas are read cell by cell, those of wider ones all at once.
_LOW, _WIDE = 8, 64
_SUBTOTALS = ("SUBTOTAL(", "AGGREGATE(")


@dataclass
class StaleFormulas:
    """Calculates formulas of `book`, whose names and tables are as they are when `growth` is done.

    `formulas` are all of the workbook, with which of them are stale.
    """

    book: Workbook
    growth: RangeGrowth
    formulas: Sequence[Formula]
    _known: dict[tuple[str, int, int], Value] = field(default_factory=dict)
    _read: dict[tuple[int, int], Calculation | None] = field(default_factory=dict)
    _even: dict[int, bool] = field(default_factory=dict)
    _depth: int = 0
    _too_deep: bool = False

    @cached_property
    def _sources(self) -> Sources:
        tables: dict[str, tuple[str, TableXml]] = {}
        for title in self.book.worksheets:
            for table in tables_of(self.book, self.book.sheets[title]):
                area = self.growth.area(table.area) if title == self.growth.sheet else table.area
                tables[table.name.casefold()] = title, replace(table, area=area)
        names = {
            node.get("name", "").casefold(): self.growth.qualified((node.text or "").strip())
            for node in self.book.root.iter(f"{{{MAIN}}}definedName")
            if "localSheetId" not in node.attrib
        }
        return Sources({title.casefold(): title for title in self.book.worksheets}, tables, names)

    @cached_property
    def _stale(self) -> dict[tuple[str, int], set[int]]:
        """The rows of stale formulas by sheet and column, as they are going to be."""
        found: dict[tuple[str, int], set[int]] = defaultdict(set)
        for formula in self.formulas:
            rows = formula.stale_rows if formula.stale.any() else ()
            found[formula.sheet, formula.run.column].update(self._row_after(formula, row) for row in rows)
            if len(rows) and (spills := formula.run.spills):
                for column in range(spills.left, spills.right + 1):
                    found[formula.sheet, column].update(range(spills.top, spills.bottom + 1))
        return {place: rows for place, rows in found.items() if rows}

    def _row_after(self, formula: Formula, row: int) -> int:
        own = formula.sheet == self.growth.sheet
        return self.growth.row_after(row, formula.run.column) if own else row

    @cached_property
    def _by_column(self) -> dict[tuple[str, int], list[Formula]]:
        """All formulas by sheet and column, in the order of their rows."""
        found: dict[tuple[str, int], list[Formula]] = defaultdict(list)
        for formula in sorted(self.formulas, key=lambda each: each.run.first):
            found[formula.sheet, formula.run.column].append(formula)
        return found

    def _formula(self, sheet: str, row: int, column: int) -> Formula | None:
        """Return the formula of a cell, None if it is not known."""
        before = self.growth.row_before(row, column) if sheet == self.growth.sheet else row
        known = self._by_column.get((sheet, column), [])
        place = bisect_right(known, before or 0, key=lambda each: each.run.first) - 1
        return known[place] if place >= 0 and before in known[place].run.rows else None

    def has(self, sheet: str, row: int, column: int) -> bool:
        """Tell whether the formula of a cell is stale."""
        return row in self._stale.get((sheet, column), ())

    def rows(self, sheet: str, column: int) -> Iterable[int]:
        """Return the rows of a column whose formulas are stale."""
        return self._stale.get((sheet, column), ())

    def columns(self, sheet: str) -> set[int]:
        """Return the columns of a sheet that have stale formulas."""
        return {column for title, column in self._stale if title == sheet}

    def tall_columns(self, sheet: str) -> set[int]:
        """Return the columns of a sheet of which stale formulas use many rows."""
        folded = sheet.casefold()
        areas = (
            reference.last
            for formula in self.formulas
            if formula.stale.any()
            for reference in formula.references or ()
            if reference.sheet == folded
        )
        return {
            column
            for area in areas
            if area.height > _LOW and area.right - area.left < _WIDE
            for column in range(area.left, area.right + 1)
        }

    def subtotals(self, sheet: str, area: Area) -> bool:
        """Tell whether a formula in an area is a subtotal."""
        return any(
            formula.sheet == sheet
            and area.left <= formula.run.column <= area.right
            and self._row_after(formula, formula.run.first) <= area.bottom
            and self._row_after(formula, formula.run.last) >= area.top
            for formula in self._with_subtotals
        )

    @cached_property
    def _with_subtotals(self) -> list[Formula]:
        return [
            formula
            for formula in self.formulas
            if any(
                each in piece for piece in formula.run.pieces if isinstance(piece, str) for each in _SUBTOTALS
            )
        ]

    def value(self, values: Values, sheet: str, row: int, column: int) -> Value:
        """Return the value of the formula of a cell, None if it is not calculated here."""
        key = sheet, row, column
        if key not in self._known:
            # A formula that needs its own value has none.
            self._known[key] = None
            formula = self._formula(sheet, row, column)
            if formula is None or formula.run.spills is not None:
                return None
            run = formula.run
            before = self.growth.row_before(row, column) if sheet == self.growth.sheet else row
            first = run.first if self._moves_evenly(formula) else before
            assert before is not None
            assert first is not None
            position = Position(sheet, row - before + first, column)
            found = self._calculation(id(formula), run.text(first), position)
            value = self._known[key] = self._calculated(found, values, before - first)
            if self._gave_up():
                # It may be known when the formulas that it waits for are.
                del self._known[key]
            return value
        return self._known[key]

    def calculated(
        self, values: Values, renderer: Calculated, numbers: npt.NDArray[np.int64], place: int
    ) -> Value:
        """Return the value of a formula that is written into one of the rows `numbers`."""
        if renderer.formula.array:
            return None
        # All rows that it names are there if it stands in the last one.
        last = int(numbers[-1])
        position = Position(self.growth.sheet, last, renderer.position)
        found = self._calculation(id(renderer), renderer.formula.text(last), position)
        value = self._calculated(found, values, int(numbers[place]) - last)
        self._gave_up()
        return value

    def _calculation(self, key: int, text: str, position: Position) -> Calculation | None:
        if (key, position.row) not in self._read:
            enough = len(self._read) >= _MOST_FORMULAS
            self._read[key, position.row] = None if enough else Calculation.of(text, position, self._sources)
        return self._read[key, position.row]

    def _calculated(self, calculation: Calculation | None, values: Values, shift: int) -> Value:
        if self._depth >= _DEPTH:
            self._too_deep = True
        if calculation is None or self._too_deep:
            return None
        self._depth += 1
        try:
            value = calculation.value(values, shift)
        finally:
            self._depth -= 1
        # A formula shows a blank cell as 0.
        return 0.0 if value is BLANK else value

    def _gave_up(self) -> bool:
        """Tell whether a formula had to wait for too many others; the next one starts from the beginning."""
        gave_up = self._too_deep
        if not self._depth:
            self._too_deep = False
        return gave_up

    def _moves_evenly(self, formula: Formula) -> bool:
        """Tell whether the formula of each row of a run is the first one, moved."""
        if id(formula) not in self._even:
            run = formula.run
            below = run.first == run.last or moved(run.text(run.first), 0, run.last - run.first)
            self._even[id(formula)] = below is True or below == run.text(run.last)
        return self._even[id(formula)]
