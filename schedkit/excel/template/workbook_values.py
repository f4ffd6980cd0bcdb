"""The values of a workbook's cells when a region of it is filled, for the formulas that use them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.frames.cells import Calculated, ColumnRenderer, Data, Kept
from schedkit.excel.parts import sheet_cells
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.cell_values import CellColumn, format_kinds, shared_strings
from schedkit.excel.parts.cell_values import cells as cells_of_part
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.workbook import Workbook
from schedkit.excel.template.column_renderers import FirstRow, Keeping
from schedkit.excel.template.operands import BLANK, UnsupportedError, Value, of_xml, operands, stored_column
from schedkit.excel.template.stale_formulas import StaleFormulas

# Cells of shorter areas are read one by one.
_SHORT = 8
# In wider areas only columns that hold something are looked at.
_WIDE = 64
# So many cells are read for formulas over areas; running counts read each cell again for each row.
_MOST_READ = 1_000_000


class _Pending:
    """Stands for a value that was not asked for yet."""


_PENDING = _Pending()


@dataclass(frozen=True)
class _ColumnValues:
    """The values of a column by row from row 0; those of the rows `pending` are not known yet."""

    values: list[Value]
    pending: set[int]


@dataclass(frozen=True)
class NewCells:
    """The cells of the rows `numbers` that are written by `renderers`; `attributes` are those of the rows."""

    numbers: npt.NDArray[np.int64]
    renderers: Sequence[ColumnRenderer]
    attributes: pa.Array | str
    _data: dict[int, list[Value]] = field(default_factory=dict)

    @cached_property
    def by_column(self) -> dict[int, ColumnRenderer]:
        return {renderer.position: renderer for renderer in self.renderers}

    def place(self, row: int) -> int | None:
        """Return which of the rows `row` is, None if it is not written."""
        place = int(np.searchsorted(self.numbers, row))
        return place if place < len(self.numbers) and self.numbers[place] == row else None

    def hides(self, area: Area) -> bool:
        """Tell whether a written row of an area may be hidden."""
        low, high = np.searchsorted(self.numbers, [area.top, area.bottom + 1]).tolist()
        if low == high:
            return False
        if isinstance(self.attributes, str):
            return "hidden" in self.attributes
        part = self.attributes.slice(low, high - low)
        return bool(pc.any(pc.match_substring(part, "hidden"), min_count=0).as_py())

    def data(self, renderer: Data) -> list[Value]:
        """Return the values of a column of the frame."""
        if renderer.position not in self._data:
            count = len(self.numbers)
            cells = renderer.column.cells(0, count, ConversionReport())
            self._data[renderer.position] = operands(cells, count)
        return self._data[renderer.position]


@dataclass
class WorkbookValues:
    """The values of the cells of a workbook as they are when the region of `growth` is filled.

    `stale` are the formulas whose stored values are wrong.
    """

    book: Workbook
    growth: RangeGrowth
    new: NewCells
    stale: StaleFormulas
    _read: int = 0
    _columns: dict[tuple[str, int], _ColumnValues] = field(default_factory=dict)
    _made: dict[int, list[Value | _Pending]] = field(default_factory=dict)
    _sums: dict[tuple[str, int], list[float | None]] = field(
        default_factory=lambda: defaultdict(lambda: [0.0])
    )
    _scanned: dict[str, tuple[dict[int, CellColumn | None], bool]] = field(default_factory=dict)

    def cell(self, sheet: str, row: int, column: int) -> Value:
        """Return the value of a cell."""
        place = self.new.place(row) if sheet == self.growth.sheet else None
        if place is None:
            return self._old(sheet, row, column)
        renderer = self.new.by_column.get(column)
        if isinstance(renderer, Data):
            return self.new.data(renderer)[place]
        if column not in self._made:
            self._made[column] = [_PENDING] * len(self.new.numbers)
        made = self._made[column]
        if isinstance(value := made[place], _Pending):
            # A formula that needs its own value has none.
            made[place] = None
            made[place] = value = self._new(renderer, place)
        return value

    def _new(self, renderer: ColumnRenderer | None, place: int) -> Value:
        """Return what a renderer writes into one of the new rows."""
        if isinstance(renderer, FirstRow):
            return self._new(renderer.rest if place else renderer.first, place)
        if isinstance(renderer, Calculated):
            return self.stale.calculated(self, renderer, self.new.numbers, place)
        if isinstance(renderer, Keeping):
            if renderer.covers[place].as_py():
                return self._old(self.growth.sheet, int(self.new.numbers[place]), renderer.position)
            return self._new(renderer.under, place)
        if isinstance(renderer, Kept):
            if renderer.covers[place].as_py():
                return of_xml(renderer.cells[place].as_py(), self._strings)
            return self._new(renderer.under, place)
        return BLANK

    def _old(self, sheet: str, row: int, column: int) -> Value:
        """Return the value of a cell that is not written."""
        if self.stale.has(sheet, row, column):
            return self.stale.value(self, sheet, row, column)
        before = self.growth.row_before(row, column) if sheet == self.growth.sheet else row
        cell = None if before is None else self.book.sheet(sheet).row(before).cells.get(column)
        if cell is not None and sheet_cells.lacks_value(cell):
            return self.stale.value(self, sheet, row, column)
        return of_xml(cell, self._strings)

    def area(self, sheet: str, area: Area) -> list[Value]:
        """Return the values of the cells of an area that are not blank, column by column."""
        columns: Iterable[int] = range(area.left, area.right + 1)
        if area.right - area.left >= _WIDE:
            known = self._scan(sheet, None).keys() | self.stale.columns(sheet)
            if sheet == self.growth.sheet:
                known |= self.new.by_column.keys()
            columns = sorted(known.intersection(columns))
        cells = (self.column(sheet, column, area.top, area.bottom) for column in columns)
        return [value for found in cells for value in found if value is not BLANK]

    def column(self, sheet: str, column: int, top: int, bottom: int) -> list[Value]:
        """Return the values of the rows `top` to `bottom` of a column; those below the last are left out."""
        bottom = min(bottom, self._last_row(sheet))
        if bottom - top < _SHORT:
            return [self.cell(sheet, row, column) for row in range(top, bottom + 1)]
        self._read += bottom - top + 1
        if self._read > _MOST_READ:
            raise UnsupportedError
        known = self._column(sheet, column)
        if known.pending:
            for row in sorted(known.pending.intersection(range(top, bottom + 1))):
                known.values[row] = self.cell(sheet, row, column)
                known.pending.discard(row)
        return known.values[top : bottom + 1]

    def sum_above(self, sheet: str, column: int, row: int) -> float | None:
        """Return the sum of all numbers of a column down to `row`, None if it is not known."""
        sums = self._sums[sheet, column]
        last = min(row, self._last_row(sheet))
        for value in self.column(sheet, column, len(sums), last):
            before = None if value is None or isinstance(value, bool) else sums[-1]
            added = value if isinstance(value, float) else 0.0
            sums.append(None if before is None else before + added)
        return sums[min(last, len(sums) - 1)]

    def all_shown(self, sheet: str, area: Area) -> bool:
        """Tell whether `SUBTOTAL` counts each cell of an area: no row is hidden, none has a subtotal."""
        own = sheet == self.growth.sheet
        old = self.book.sheet(sheet)
        hidden = own and self.new.hides(area)
        rows = (
            row for row in old.hidden_rows(area.top, area.bottom) if not own or self.new.place(row) is None
        )
        return not hidden and next(rows, None) is None and not self.stale.subtotals(sheet, area)

    def _last_row(self, sheet: str) -> int:
        last = self.book.sheet(sheet).last_row
        return max(last, self.growth.end, self.growth.old_end) if sheet == self.growth.sheet else last

    @cached_property
    def _strings(self) -> list[str]:
        return shared_strings(self.book)

    @cached_property
    def _kinds(self) -> list[str]:
        return format_kinds(self.book)

    def _scan(self, sheet: str, column: int | None) -> dict[int, CellColumn]:
        """Return the stored cells of a sheet by column: of at least one column, or of all."""
        known, all_known = self._scanned.get(sheet, ({}, False))
        if not all_known and (column is None or column not in known):
            # What is going to be asked for is found at the same time.
            only = None if column is None else {column, *self.stale.tall_columns(sheet)} - known.keys()
            part = self.book.sheets[sheet]
            found = cells_of_part(self.book, part, self._strings, self._kinds, only)
            known = {**dict.fromkeys(only or ()), **known, **found}
            self._scanned[sheet] = known, column is None
        return {place: each for place, each in known.items() if each is not None}

    def _column(self, sheet: str, column: int) -> _ColumnValues:
        if (sheet, column) not in self._columns:
            values = stored_column(self._scan(sheet, column).get(column), self._last_row(sheet))
            # A formula without a stored value is calculated, too.
            pending = {row for row, value in enumerate(values) if value is None}
            pending.update(self._changed_rows(sheet, column))
            if sheet == self.growth.sheet:
                renderer, numbers = self.new.by_column.get(column), self.new.numbers.tolist()
                pending.update(numbers)
                if isinstance(renderer, Data):
                    pending.difference_update(numbers)
                    for row, value in zip(numbers, self.new.data(renderer), strict=True):
                        values[row] = value
            self._columns[sheet, column] = _ColumnValues(values, pending)
        return self._columns[sheet, column]

    def _changed_rows(self, sheet: str, column: int) -> Iterable[int]:
        """Yield the rows of a column whose stored values do not count."""
        yield from self.stale.rows(sheet, column)
        growth = self.growth
        if sheet == growth.sheet:
            yield from range(min(growth.bottom, growth.body.bottom) + 1, max(growth.old_end, growth.end) + 1)
        yield from self.book.sheet(sheet).changed_rows
