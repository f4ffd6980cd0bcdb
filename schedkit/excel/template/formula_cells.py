"""The formulas of a workbook when a region of it changes: what they refer to, and which values are stale."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from schedkit.excel.parts import sheet_cells
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.references import Uses
from schedkit.excel.parts.sheet import Row, Sheet
from schedkit.excel.parts.tables import tables_of
from schedkit.excel.parts.workbook import MAIN, Workbook

# A chain of formulas that runs against the order of rows is followed that far; then all are taken for stale.
_PASSES = 20


@dataclass(frozen=True)
class Change:
    """What of a region is rewritten.

    `gone` tells whether the old cell of a row and column is; `written` is the area whose values change, and
    `rows` are more rows whose values do, in order.
    """

    growth: RangeGrowth
    gone: Callable[[int, int], bool]
    written: Area
    rows: Sequence[int] = ()

    def moves(self, sheet: str, row: int, column: int) -> bool:
        """Tell whether a cell belongs to totals that move."""
        growth = self.growth
        within = growth.body.left <= column <= growth.body.right and sheet == growth.sheet
        return within and bool(growth.shift) and growth.body.bottom < row <= growth.old_end


@dataclass(eq=False, slots=True)
class _Cell:
    """A cell with a formula: its place, its XML, its text before and after the change."""

    sheet: str
    row: int
    column: int
    xml: str
    before: str
    text: str
    shared: str
    spills: Area | None
    uses: Uses
    stale: bool = False

    @property
    def group(self) -> tuple[str, str]:
        """What the cells of one shared formula have in common."""
        return self.sheet, self.shared


@dataclass(frozen=True)
class Followed:
    """What became of the formulas: whether there are any, and whether a cell lost its own."""

    any: bool
    lost: bool


def follow(book: Workbook, change: Change) -> Followed:
    """Let all formulas refer to the region as it is now, and drop the values calculated from old rows."""
    found = [
        cell
        for title in book.calculating(change.growth.sheet)
        for cell in _formula_cells(book.sheet(title), change)
    ]
    cells: list[_Cell] = []
    gone: list[_Cell] = []
    for cell in found:
        lost = cell.sheet == change.growth.sheet and change.gone(cell.row, cell.column)
        (gone if lost else cells).append(cell)
    _Stale(book, change).mark(cells)
    broken = {cell.group for cell in gone}
    broken |= {c.group for c in cells if c.text != c.before or change.moves(c.sheet, c.row, c.column)}
    by_sheet: dict[str, list[_Cell]] = defaultdict(list)
    for cell in cells:
        apart = bool(cell.shared) and cell.group in broken
        if cell.stale or apart or cell.text != cell.before:
            by_sheet[cell.sheet].append(cell)
    for title, changed in by_sheet.items():
        _write(book.sheet(title), changed, broken)
    moved = any(change.moves(cell.sheet, cell.row, cell.column) for cell in cells)
    return Followed(bool(cells), bool(gone) or moved)


def _formula_cells(sheet: Sheet, change: Change) -> Iterator[_Cell]:
    growth = change.growth
    own = sheet.title == growth.sheet
    for number, column, xml in sheet.formula_cells():
        formula = sheet.formula(xml, column, number)
        assert formula is not None
        inside = number if number <= growth.body.bottom else None
        before = formula.text
        text = growth.unqualified(before, row=inside) if own else growth.qualified(before)
        spills = Area.parse(formula.area) if ":" in formula.area and not formula.shared else None
        yield _Cell(sheet.title, number, column, xml, before, text, formula.shared, spills, Uses.of(text))


def _write(sheet: Sheet, cells: Iterable[_Cell], broken: set[tuple[str, str]]) -> None:
    """Put changed formulas into the rows of a sheet."""
    rows: dict[int, dict[int, str]] = defaultdict(dict)
    for cell in cells:
        xml = cell.xml
        if cell.shared and cell.group in broken and cell.text:
            xml = sheet_cells.unshared(xml, cell.text)
        elif cell.text != cell.before:
            xml = sheet_cells.with_formula(xml, cell.text)
        rows[cell.row][cell.column] = sheet_cells.without_value(xml) if cell.stale else xml
        if cell.stale and cell.spills is not None:
            _empty(sheet, cell.spills, rows)
    for number, changed in rows.items():
        row = sheet.row(number)
        sheet.change(number, Row(row.attributes, {**row.cells, **changed}))


def _empty(sheet: Sheet, area: Area, rows: dict[int, dict[int, str]]) -> None:
    """Take the values out of the cells that an array formula fills beside its own."""
    for number in sheet.numbers(area.top, area.bottom):
        for column, xml in sheet.row(number).cells.items():
            if area.left <= column <= area.right and sheet_cells.formula_of(xml) is None:
                rows[number][column] = sheet_cells.without_value(xml)


@dataclass
class _Dirty:
    """Cells of one sheet whose values change.

    They are in some areas, in some `rows` from column `left` to `right`, and in the extent of stale formulas
    by column.
    """

    areas: list[Area] = field(default_factory=list)
    rows: Sequence[int] = ()
    left: int = 0
    right: int = 0
    columns: dict[int, Area] = field(default_factory=dict)

    def meets(self, area: Area) -> bool:
        place = bisect_left(self.rows, area.top)
        among = place < len(self.rows) and self.rows[place] <= area.bottom
        if among and area.left <= self.right and self.left <= area.right:
            return True
        for each in self.areas:
            if area.overlaps(each):
                return True
        return any(area.overlaps(each) for each in self.columns.values())

    def add(self, row: int, column: int) -> None:
        known = self.columns.get(column)
        top, bottom = (min(known.top, row), max(known.bottom, row)) if known else (row, row)
        self.columns[column] = Area(top, column, bottom, column)


class _Stale:
    """Finds the formulas that can be reached from changed cells."""

    def __init__(self, book: Workbook, change: Change) -> None:
        self._growth = change.growth
        self._dirty: dict[str, _Dirty] = defaultdict(_Dirty)
        body = change.growth.body
        dirty = _Dirty([change.written], change.rows, body.left, body.right)
        self._dirty[change.growth.sheet.casefold()] = dirty
        self._tables: dict[str, tuple[str, Area]] = {}
        for title in book.worksheets:
            for table in tables_of(book, book.sheets[title]):
                own = title == change.growth.sheet
                area = change.growth.area(table.area) if own else table.area
                self._tables[table.name.casefold()] = (title.casefold(), area)
        self._names: dict[str, list[Uses]] = defaultdict(list)
        for node in book.root.iter(f"{{{MAIN}}}definedName"):
            text = change.growth.qualified((node.text or "").strip())
            self._names[node.get("name", "").casefold()].append(Uses.of(text))

    def mark(self, cells: list[_Cell]) -> None:
        """Mark the stale ones among `cells`."""
        waiting = [(cell, list(self._areas(cell.uses, cell, 0))) for cell in cells]
        for _ in range(_PASSES):
            left = []
            for cell, areas in waiting:
                if any(area is None or self._dirty[sheet].meets(area) for sheet, area in areas):
                    self._take(cell)
                else:
                    left.append((cell, areas))
            if len(left) == len(waiting):
                return
            waiting = left
        for cell, _ in waiting:
            cell.stale = True

    def _take(self, cell: _Cell) -> None:
        cell.stale = True
        dirty = self._dirty[cell.sheet.casefold()]
        if cell.spills is None:
            dirty.add(cell.row, cell.column)
        else:
            dirty.areas.append(cell.spills)

    def _areas(self, uses: Uses, cell: _Cell, depth: int) -> Iterator[tuple[str, Area | None]]:
        """Yield what a formula uses as areas of sheets; None means any area."""
        if uses.anything or depth > 5:
            yield "", None
        for sheet, area in uses.areas:
            yield (cell.sheet if sheet is None else sheet).casefold(), area
        for name in uses.own_rows:
            if name in self._tables:
                sheet, area = self._tables[name]
                yield sheet, Area(cell.row, area.left, cell.row, area.right)
        for name in uses.names:
            if name in self._tables:
                yield self._tables[name]
            for inner in self._names.get(name, ()):
                yield from self._areas(inner, cell, depth + 1)
