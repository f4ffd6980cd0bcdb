"""What lies around a region: rows above and below, cells in the way, links and merged cells within."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from schedkit.errors import WorkbookError
from schedkit.excel.limits import MAX_ROWS
from schedkit.excel.names import letters
from schedkit.excel.parts import sheetxml
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.growth import Growth
from schedkit.excel.parts.sheetxml import Row, SheetXml
from schedkit.excel.parts.tables import tables_of
from schedkit.excel.parts.workbook import Workbook
from schedkit.excel.template.region import Region
from schedkit.excel.text import xml_text

_MERGED = re.compile(rb'<mergeCell ref="([^"]*)"\s*/>')
_ALL_MERGED = re.compile(rb"<mergeCells\b[^>]*>(.*?)</mergeCells>", re.DOTALL)
_LINK = re.compile(rb'<hyperlink\b[^>]*?\bref="([^"]*)"[^>]*?(?:/>|>.*?</hyperlink>)', re.DOTALL)


@dataclass(frozen=True)
class Overwritten:
    """Which old cells are written anew: some columns, of all rows from `first_row` on or of `rows` only."""

    body: Area
    first_row: int
    columns: frozenset[int]
    rows: frozenset[int] | None = None

    def covers(self, area: Area) -> bool:
        """Tell whether the first cell of `area` is written anew."""
        if not self.first_row <= area.top <= self.body.bottom or area.left not in self.columns:
            return False
        return self.rows is None or area.top in self.rows


def refuse_collisions(book: Workbook, sheet: SheetXml, region: Region, growth: Growth, name: str) -> None:
    """Refuse a region that would grow over something else.

    Raises
    ------
    WorkbookError
        Naming what is in the way.
    """
    body = region.body
    end = growth.bottom + region.totals
    if end > MAX_ROWS:
        raise WorkbookError(
            f"{region} of {name} would end in row {end:,}, a sheet holds {MAX_ROWS:,}",
            hint="write fewer rows, or a workbook without a template, which is split over sheets",
        )
    new = Area(body.bottom + region.totals + 1, body.left, end, body.right)
    for table in tables_of(book, region.part):
        other = table.area
        apart = (
            other.right < new.left
            or other.left > new.right
            or other.bottom < new.top
            or other.top > new.bottom
        )
        if region.table is not None and table.name == region.table.name:
            continue
        if new.height > 0 and not apart:
            raise WorkbookError(
                f"{region} of {name} would grow over the table {table.name!r}",
                hint="move that table beside it or to another sheet",
            )
    for number in sorted(row for row in sheet.rows if new.top <= row <= new.bottom):
        for column, cell in sheet.row(number).cells.items():
            if new.left <= column <= new.right and ("<v>" in cell or "<f" in cell or "<is>" in cell):
                raise WorkbookError(
                    f"{region} of {name} would grow over the cell {letters(column)}{number}",
                    hint="move what is below it beside it or to another sheet",
                )


def before(sheet: SheetXml, region: Region, growth: Growth, first_row: int) -> str:
    """Return the rows above the first new one, their formulas grown along; a new region gets its header."""
    above = {
        number: sheetxml.grown(xml, growth) if number < region.body.top else _old(sheet, number, growth)
        for number, xml in sheet.rows.items()
        if number < first_row
    }
    if region.new:
        row = sheet.row(region.header_row)
        texts = {
            column: _header_cell(row.cells.get(column), column, region.header_row, text)
            for column, text in enumerate(region.headers, region.body.left)
        }
        above[region.header_row] = sheetxml.joined(
            region.header_row, Row(row.attributes, {**row.cells, **texts})
        )
    return "".join(above[number] for number in sorted(above))


def _old(sheet: SheetXml, number: int, growth: Growth) -> str:
    """Return a row of the old body that stays.

    A formula in it that ends at the last row, such as a running total, means its own row, not the end.
    """
    if "<f" not in sheet.rows[number]:
        return sheet.rows[number]
    row = sheet.row(number)
    own = range(growth.body.left, growth.body.right + 1)
    cells = {
        column: sheetxml.uncached(cell) if column in own else sheetxml.grown(cell, growth)
        for column, cell in row.cells.items()
    }
    return sheetxml.joined(number, Row(row.attributes, cells))


def _header_cell(old: str | None, column: int, row: int, text: str) -> str:
    style = sheetxml.style_of(old)
    attribute = "" if style is None else f' s="{style}"'
    return (
        f'<c r="{letters(column)}{row}"{attribute} t="inlineStr">'
        f'<is><t xml:space="preserve">{xml_text(text)}</t></is></c>'
    )


def after(sheet: SheetXml, region: Region, growth: Growth) -> str:
    """Return the rows below the last new one: what is left of old rows, moved totals, all others."""
    body = region.body
    own = range(body.left, body.right + 1)
    made: dict[int, Row] = {}
    for number in sorted(row for row in sheet.rows if row > growth.bottom):
        row = sheet.row(number)
        if number <= body.bottom + region.totals:
            beside = {column: cell for column, cell in row.cells.items() if column not in own}
            row = Row(row.attributes, beside)
        made[number] = row
    for offset in range(1, region.totals + 1):
        old, new = sheet.row(body.bottom + offset), growth.bottom + offset
        moved = {column: sheetxml.moved(cell, new) for column, cell in old.cells.items() if column in own}
        there = made.get(new, sheet.row(new) if new <= body.bottom else Row("", {}))
        beside = {column: cell for column, cell in there.cells.items() if column not in own}
        made[new] = Row(old.attributes if growth.shift else there.attributes, {**beside, **moved})
    return "".join(
        sheetxml.grown(sheetxml.joined(number, made[number]), growth)
        for number in sorted(made)
        if made[number].cells or number > body.bottom + region.totals
    )


def row_attributes(
    sheet: SheetXml, region: Region, first_row: int, bottom: int, *, keep: bool
) -> pa.Array | str:
    """Return what each new row's element carries: the prototype's look, or with `keep` what it had."""
    carried = sheetxml.carried(sheet.row(region.body.top).attributes)
    if not keep:
        return carried
    return pa.array(
        [sheet.row(row).attributes if row in sheet.rows else carried for row in range(first_row, bottom + 1)],
        pa.large_string(),
    )


def without_merged(tail: bytes, region: Region, first_row: int) -> bytes:
    """Return the tail without merged cells in rows written anew; a table cannot hold any."""
    found = _ALL_MERGED.search(tail)
    if found is None:
        return tail
    kept = [
        merged[0] for merged in _MERGED.finditer(found[1]) if not _within(merged[1], region.body, first_row)
    ]
    block = b'<mergeCells count="%d">%s</mergeCells>' % (len(kept), b"".join(kept)) if kept else b""
    return tail[: found.start()] + block + tail[found.end() :]


def _within(ref: bytes, body: Area, first_row: int) -> bool:
    area = Area.parse(ref.decode())
    return (
        area is not None
        and first_row <= area.top <= body.bottom
        and area.left <= body.right
        and area.right >= body.left
    )


def kept_links(tail: bytes, overwritten: Overwritten) -> tuple[list[bytes], list[bytes]]:
    """Return the links of a sheet that stay, and those whose cells are written anew."""
    kept: list[bytes] = []
    gone: list[bytes] = []
    for link in _LINK.finditer(tail):
        area = Area.parse(link[1].decode())
        (gone if area is not None and overwritten.covers(area) else kept).append(link[0])
    return kept, gone
