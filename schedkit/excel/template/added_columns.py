"""Columns added to a table: those that people typed beside it, and the one that marks missing rows."""

from __future__ import annotations

import io
from dataclasses import replace
from xml.sax.saxutils import quoteattr

from schedkit.excel.names import header_key
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.rewrite import Changes, rewrite
from schedkit.excel.parts.tables import TableXml, tables_of
from schedkit.excel.parts.workbook import Workbook
from schedkit.excel.parts.xml import Document, greatest
from schedkit.excel.template.missing_rows import MISSING_SINCE
from schedkit.excel.template.neighbours import write_header
from schedkit.excel.template.region import Locator, Region
from schedkit.excel.text import excel_escape

__all__ = ["with_more_columns"]


def with_more_columns(book: Workbook, locator: Locator, region: Region, *, mark: bool) -> bytes | None:
    """Return the workbook with columns behind the last one of a region.

    Columns that people typed beside a table become its own, as in Excel, so that they follow its rows; with
    `mark` the one that marks rows comes after them. None if there is nothing to add, or something stands in
    its place.
    """
    marking = header_key(MISSING_SINCE)
    if region.new or (mark and marking in region.positions()):
        return None
    typed = _beside(locator, region)
    texts = [*typed, *([MISSING_SINCE] if mark and marking not in map(header_key, typed) else [])]
    if not texts:
        return None
    known = [header_key(text) for text in (*region.headers, *texts)]
    body, sheet = region.body, book.sheet(region.sheet)
    right = body.right + len(texts)
    bottom = body.bottom + region.totals
    added = Area(region.header_row, body.right + len(typed) + 1, bottom, right)
    if len(set(known)) < len(known) or (len(texts) > len(typed) and sheet.first_filled(added)):
        return None
    wide = Area(region.header_row, body.right + 1, bottom, right)
    tables = (table.area for table in tables_of(book, region.part))
    if any(_meet(area, wide) for area in tables):
        return None
    widened = replace(region, body=replace(body, right=right), headers=(*region.headers, *texts))
    write_header(sheet, replace(widened, body=replace(body, left=body.right + 1), headers=tuple(texts)))
    changes = Changes(parts={region.part: sheet.result()})
    if region.table is not None:
        changes.parts[region.table.part] = _widened_table(book, region.table, texts)
    file = io.BytesIO()
    rewrite(book.package, changes, file)
    return file.getvalue()


def _beside(locator: Locator, region: Region) -> list[str]:
    """Return the headers that people typed beside a region."""
    texts: list[str] = []
    while column := locator.cells(region, region.body.right + len(texts) + 1):
        value = column.at(region.header_row)
        if not isinstance(value, str) or not value.strip():
            break
        texts.append(value)
    return texts


def _meet(one: Area, other: Area) -> bool:
    return (
        one.left <= other.right
        and other.left <= one.right
        and one.top <= other.bottom
        and other.top <= one.bottom
    )


def _widened_table(book: Workbook, table: TableXml, texts: list[str]) -> bytes:
    document = Document(book.package.read(table.part), table.part)
    columns = document.root.child("tableColumns")
    assert columns is not None
    document.set_attributes(document.root, ref=str(replace(table.area, right=table.area.right + len(texts))))
    filters = document.root.child("autoFilter")
    if filters is not None:
        area = Area.parse(filters.get("ref")) or table.area
        document.set_attributes(filters, ref=str(replace(area, right=area.right + len(texts))))
    prefix = document.prefix(columns)
    last = greatest(child.get("id") for child in columns.children)
    new = "".join(
        f'<{prefix}tableColumn id="{last + number}" name={quoteattr(excel_escape(text))}/>'
        for number, text in enumerate(texts, 1)
    )
    document.append(columns, new.encode())
    document.set_attributes(columns, count=str(len(columns.children) + len(texts)))
    return document.result()
