"""The surroundings of a region: rows below it, cells in the way, merged cells within."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from schedkit.errors import WorkbookError
from schedkit.excel.limits import MAX_ROWS
from schedkit.excel.names import letters
from schedkit.excel.parts import sheet_cells
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.sheet import Row, Sheet
from schedkit.excel.parts.tables import tables_of
from schedkit.excel.parts.workbook import Workbook, parse, relations
from schedkit.excel.template.region import Region
from schedkit.excel.text import xml_text


@dataclass(frozen=True)
class Overwritten:
    """Which old cells are rewritten: some columns, of all rows from `first_row` on or of `rows` only."""

    body: Area
    first_row: int
    columns: frozenset[int]
    rows: frozenset[int] | None = None

    def covers(self, row: int, column: int) -> bool:
        """Tell whether a cell is rewritten, or goes with its row."""
        if not self.first_row <= row <= self.body.bottom or column not in self.columns:
            return False
        return self.rows is None or row in self.rows

    def rows_between(self, column: int, first: int, last: int) -> list[tuple[int, int]]:
        """Return which of the rows `first` to `last` of a column are rewritten, as ranges in order."""
        first, last = max(first, self.first_row), min(last, self.body.bottom)
        if first > last or column not in self.columns:
            return []
        if self.rows is None:
            return [(first, last)]
        return [(row, row) for row in range(first, last + 1) if row in self.rows]


def refuse_collisions(book: Workbook, sheet: Sheet, region: Region, growth: RangeGrowth, name: str) -> None:
    """Refuse a region that would grow over something else, or that a pivot table fills itself.

    Raises
    ------
    WorkbookError
        Naming what is in the way.
    """
    body = region.body
    held = Area(region.header_row, body.left, body.bottom, body.right)
    for what, area in _pivots(book, region):
        if area.overlaps(held):
            raise WorkbookError(
                f"{region} of {name} lies in the {what}, which would overwrite the rows",
                hint="fill the rows that the pivot table is made from",
            )
    if growth.end > MAX_ROWS:
        raise WorkbookError(
            f"{region} of {name} would end in row {growth.end:,}, a sheet holds {MAX_ROWS:,}",
            hint="write fewer rows, or a workbook without a template, which is split over sheets",
        )
    new = Area(growth.old_end + 1, region.body.left, growth.end, region.body.right)
    if new.height <= 0:
        return
    for what, area in _objects(book, region):
        if area.overlaps(new):
            raise WorkbookError(
                f"{region} of {name} would grow over the {what}",
                hint="move it to the side, or to another sheet",
            )
    cell = sheet.first_filled(new)
    if cell is not None:
        raise WorkbookError(
            f"{region} of {name} would grow over the cell {letters(cell[1])}{cell[0]}",
            hint="move what is below to the side, or to another sheet",
        )


def _objects(book: Workbook, region: Region) -> Iterable[tuple[str, Area]]:
    """Yield the other tables and the pivot tables of a region's sheet, with their names."""
    for table in tables_of(book, region.part):
        if region.table is None or table.name != region.table.name:
            yield f"table {table.name!r}", table.area
    yield from _pivots(book, region)


def _pivots(book: Workbook, region: Region) -> Iterable[tuple[str, Area]]:
    """Yield the pivot tables of a region's sheet, with their names."""
    for relation in relations(book.package, region.part, "pivotTable"):
        if relation.target in book.package:
            root = parse(book.package.read(relation.target), relation.target)
            location = root.find("{*}location")
            area = None if location is None else Area.parse(location.get("ref", ""))
            if location is not None and area is not None:
                # Its filters are above it, set apart by a blank row.
                filters = location.get("rowPageCount", "")
                top = max(area.top - int(filters) - 1, 1) if filters.isdecimal() else area.top
                yield f"pivot table {root.get('name', '')!r}", replace(area, top=top)


def write_header(sheet: Sheet, region: Region) -> None:
    """Write the header of a region that has none yet."""
    number = region.header_row
    row = sheet.row(number)
    texts = {
        column: _header_cell(row.cells.get(column), column, number, text)
        for column, text in enumerate(region.headers, region.body.left)
    }
    sheet.change(number, Row(row.attributes, {**row.cells, **texts}))


def _header_cell(old: str | None, column: int, row: int, text: str) -> str:
    style = sheet_cells.style_of(old)
    attribute = "" if style is None else f' s="{style}"'
    return (
        f'<c r="{letters(column)}{row}"{attribute} t="inlineStr">'
        f'<is><t xml:space="preserve">{xml_text(text)}</t></is></c>'
    )


def move_rows_below(sheet: Sheet, region: Region, growth: RangeGrowth) -> None:
    """Remove old cells below the new end, and move the totals there."""
    own = range(region.body.left, region.body.right + 1)
    totals = [sheet.row(region.body.bottom + offset) for offset in range(1, region.totals + 1)]
    for number in sheet.numbers(min(growth.bottom, region.body.bottom) + 1, growth.old_end):
        row = sheet.row(number)
        beside = {column: cell for column, cell in row.cells.items() if column not in own}
        if len(beside) < len(row.cells):
            sheet.change(number, Row(row.attributes if beside else "", beside))
    for offset, row in enumerate(totals, 1):
        number = growth.bottom + offset
        moved = {c: sheet_cells.at(x, c, number) for c, x in row.cells.items() if c in own}
        there = sheet.row(number)
        beside = {column: cell for column, cell in there.cells.items() if column not in own}
        attributes = row.attributes if growth.shift else there.attributes
        sheet.change(number, Row(attributes, {**beside, **moved}))


def without_merged(sheet: Sheet, growth: RangeGrowth, first_row: int) -> None:
    """Split merged cells in rewritten rows, and move those of the totals."""
    merged = sheet.document.root.child("mergeCells")
    if merged is None:
        return
    written = Area(first_row, growth.body.left, growth.body.bottom, growth.body.right)
    areas = {cell: Area.parse(cell.get("ref")) for cell in merged.children}
    gone = [
        cell
        for cell, area in areas.items()
        if area is not None and area.overlaps(written) and area.top >= first_row
    ]
    if len(gone) == len(areas):
        sheet.document.remove(merged)
        return
    for cell, area in areas.items():
        if cell in gone:
            sheet.document.remove(cell)
        elif area is not None and growth.body.bottom < area.top <= growth.old_end:
            sheet.document.set_attributes(cell, ref=growth.areas(cell.get("ref")))
    if gone and "count" in merged.attributes:
        sheet.document.set_attributes(merged, count=str(len(areas) - len(gone)))
