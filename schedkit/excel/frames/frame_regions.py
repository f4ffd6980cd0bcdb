"""Which cells of a sheet hold a frame: a table with what people typed around it, or the used range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from schedkit.excel.frame_metadata import FrameMetadata
from schedkit.excel.names import header_key, headers
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.cell_values import CellColumn
from schedkit.excel.parts.tables import TableXml

# How many rows are searched for a header.
_SEARCHED_ROWS = 50


@dataclass(frozen=True)
class Place:
    """Where rows lie: a table of a sheet, or the used range of one without tables; `others` lie beside it."""

    sheet: str
    part: str
    table: TableXml | None
    others: list[Area] = field(default_factory=list)


@dataclass(frozen=True)
class FrameRegion:
    """The header and the rows of one place."""

    headers: list[str]
    left: int
    top: int
    height: int


def region_of(
    place: Place, found: dict[int, CellColumn], metadata: FrameMetadata | None
) -> FrameRegion | None:
    """Return the region of a place whose cells are `found` by column, None if there is none.

    `metadata` is that of the frame which was written there, if any.
    """
    if place.table is not None:
        region = _of_table(place, place.table, found)
    elif found:
        region = _used_range(found, metadata)
    else:
        return None
    # A table without rows has one blank row; it counts as a row only if the frame had one.
    blank = region.height == 1 and not any(
        len(found[number].within(region.top, region.top).rows)
        for number in range(region.left, region.left + len(region.headers))
        if number in found
    )
    if blank and (metadata is None or metadata.rows != 1):
        return FrameRegion(region.headers, region.left, region.top, 0)
    return region


def _of_table(place: Place, table: TableXml, found: dict[int, CellColumn]) -> FrameRegion:
    area, body = table.area, table.body
    if not table.header_rows:
        return FrameRegion(headers(table.columns), area.left, body.top, body.height)
    shift = _moved(table, found)
    header_row, bottom = area.top + shift, body.bottom + shift
    texts = [_text(found.get(number), header_row) for number in range(area.left, area.right + 1)]
    right = area.right
    # Columns and rows that people typed beside and below a table are read, too.
    while not _inside(place.others, header_row, right + 1):
        text = _text(found.get(right + 1), header_row)
        if not text:
            break
        texts.append(text)
        right += 1
    if not table.totals_rows:
        bottom = _last_row(found, range(area.left, right + 1), bottom, place.others)
    return FrameRegion(headers(texts), area.left, header_row + 1, bottom - header_row)


def _used_range(found: dict[int, CellColumn], metadata: FrameMetadata | None) -> FrameRegion:
    """Return the used range of a sheet; the header of a remembered frame may have moved down."""
    first = min(int(column.rows[0]) for column in found.values())
    last = max(int(column.rows[-1]) for column in found.values())
    if metadata is not None:
        wanted = {header_key(column.header) for column in metadata.columns}

        def hits(row: int) -> int:
            texts = [_text(column, row) for column in found.values()]
            return sum(header_key(text) in wanted for text in texts if text)

        first = max(range(first, min(first + _SEARCHED_ROWS, last + 1)), key=hits)
    area = Area(first, min(found), last, max(found))
    texts = [_at(found.get(number), first) for number in range(area.left, area.right + 1)]
    return FrameRegion(headers(texts), area.left, first + 1, area.height - 1)


def _moved(table: TableXml, found: dict[int, CellColumn]) -> int:
    """Return how many rows the header is below the place that the table declares.

    Programs that insert rows without moving tables leave it so.
    """

    def hits(row: int) -> int:
        places = enumerate(table.columns, table.area.left)
        return sum(header_key(_text(found.get(number), row)) == header_key(text) for number, text in places)

    top = table.area.top
    if hits(top):
        return 0
    best = max(range(top, top + _SEARCHED_ROWS), key=hits)
    return best - top if hits(best) == len(table.columns) else 0


def _last_row(found: dict[int, CellColumn], columns: range, bottom: int, others: Sequence[Area]) -> int:
    """Return the last row of those that follow `bottom` without a blank one."""
    rows = [found[number].rows for number in columns if number in found]
    below = np.unique(np.concatenate(rows)) if rows else np.empty(0, np.int64)
    below = below[below > bottom]
    gaps = np.flatnonzero(below != bottom + 1 + np.arange(len(below)))
    last = bottom + (int(gaps[0]) if len(gaps) else len(below))
    tops = [
        area.top
        for area in others
        if area.top > bottom and area.left < columns.stop and area.right >= columns.start
    ]
    return min([last, *(top - 1 for top in tops)])


def _inside(areas: Sequence[Area], row: int, column: int) -> bool:
    return any(area.top <= row <= area.bottom and area.left <= column <= area.right for area in areas)


def _at(column: CellColumn | None, row: int) -> Any:
    return None if column is None else column.at(row)


def _text(column: CellColumn | None, row: int) -> str:
    value = _at(column, row)
    return "" if value is None else str(value)
