"""An analyst's own workbook, filled: which column takes what, which rows stay, what grows along."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from schedkit import context
from schedkit.errors import WorkbookError
from schedkit.excel.frames.cells import Blank, Calculated, Data, Kept, Slot
from schedkit.excel.frames.columns import column
from schedkit.excel.frames.plan import columns_of, links_of, with_index
from schedkit.excel.frames.restore import Body
from schedkit.excel.limits import MAX_LINKS
from schedkit.excel.links import LinkOf
from schedkit.excel.model import Column, Kind, Policy
from schedkit.excel.names import header_key, headers
from schedkit.excel.parts import sheetxml
from schedkit.excel.parts.growth import Growth
from schedkit.excel.parts.sheetxml import SheetXml
from schedkit.excel.parts.workbook import Workbook
from schedkit.excel.tally import Tally
from schedkit.excel.template.formats import Formats
from schedkit.excel.template.prototype import formula_of
from schedkit.excel.template.region import Locator, Region
from schedkit.excel.template.surroundings import Overwritten, after, before, refuse_collisions, row_attributes
from schedkit.excel.template.upsert import Match, match_rows

Mode = Literal["replace", "append", "upsert"]


@dataclass(frozen=True)
class Order:
    """What the caller wants done with a template."""

    policy: Policy
    mode: Mode = "replace"
    key: tuple[str, ...] = ()
    links: bool | Mapping[str, str] = True


@dataclass(frozen=True)
class Filling:
    """One region of a template, filled: rows around the new ones as XML, and what renders the new ones."""

    region: Region
    growth: Growth
    sheet: SheetXml
    slots: list[Slot]
    first_row: int
    count: int
    attributes: pa.Array | str
    before: str
    after: str
    overwritten: Overwritten
    match: Match | None


def plan_filling(
    book: Workbook, name: str, target: str | None, frame: pd.DataFrame, order: Order, tally: Tally
) -> Filling:
    """Decide how `frame` fills the region `target` of a template.

    Raises
    ------
    WorkbookError
        If there is no such region, no header fits, or something stands in the way of the new rows.
    """
    order = replace(order, policy=replace(order.policy, calendar=book.calendar))
    frame = with_index(frame)
    locator = Locator(book, name)
    region = locator.find(target, headers(frame.columns))
    if region.new:
        region = _widened(region, frame)
    positions = _positions(region, frame, name, tally)
    fresh = order.mode == "replace" or region.blank
    match = None if fresh or order.mode == "append" else _matched(locator, region, frame, order, positions)
    if match is not None:
        frame = match.frame(frame)
    first_row = region.body.bottom + 1 if order.mode == "append" and not fresh else region.body.top
    bottom = max(first_row + len(frame) - 1, region.body.top)
    growth = Growth(region.sheet, region.header_row, region.body, bottom, region.totals)
    sheet = sheetxml.split(book.package.read(region.part), region.sheet)
    refuse_collisions(book, sheet, region, growth, name)
    columns = columns_of(frame, order.policy, tally)
    slots = _Slots(book, sheet, region, match, range(first_row, bottom + 1), growth, positions)
    gone = Overwritten(
        region.body,
        first_row,
        frozenset(range(region.body.left, region.body.right + 1)) if match is None else frozenset(positions),
        None if match is None else frozenset((np.flatnonzero(match.sources >= 0) + first_row).tolist()),
    )
    return Filling(
        region=region,
        growth=growth,
        sheet=sheet,
        slots=slots.all(columns if len(frame) else (), links_of(frame, columns, order.links)),
        first_row=first_row,
        count=bottom - first_row + 1,
        attributes=row_attributes(sheet, region, first_row, bottom, keep=match is not None),
        before=before(sheet, region, growth, first_row),
        after=after(sheet, region, growth),
        overwritten=gone,
        match=match,
    )


def _widened(region: Region, frame: pd.DataFrame) -> Region:
    """Return a region that has no header yet with those of the frame."""
    texts = tuple(headers(frame.columns))
    body = replace(region.body, right=region.body.left + max(len(texts), 1) - 1)
    return replace(region, body=body, headers=texts)


def _positions(region: Region, frame: pd.DataFrame, name: str, tally: Tally) -> dict[int, int]:
    """Return which frame column each sheet column takes; columns without a header are told."""
    known = region.positions()
    found, unplaced = {}, []
    for place, header in enumerate(headers(frame.columns)):
        position = known.get(header_key(header))
        if position is None:
            unplaced.append(header)
        else:
            found[position] = place
    if not found:
        raise WorkbookError(
            f"{region} of {name} has no header of the frame's columns",
            hint=f"it has {', '.join(filter(None, region.headers))}; the frame has {', '.join(unplaced)}",
        )
    if unplaced:
        tally.add("unplaced_columns", len(unplaced))
        context.log(f"{region} of {name} has no header for {', '.join(unplaced)}", logging.WARNING)
    return found


def check_key(frame: pd.DataFrame, key: Sequence[str], policy: Policy) -> None:
    """Refuse a frame whose rows a key cannot tell apart: a later upsert could not find them.

    Raises
    ------
    WorkbookError
        If a key column is absent, or two rows have the same key, or one has none.
    """
    frame = with_index(frame)
    labels = headers(frame.columns)
    by_key = _places(labels)
    if absent := [name for name in key if header_key(name) not in by_key]:
        raise WorkbookError(
            f"the key {', '.join(absent)} is not a column of the frame",
            hint=f"the frame has {', '.join(labels)}",
        )
    places = [by_key[header_key(name)] for name in key]
    columns = [column(frame.iloc[:, place], labels[place], policy) for place in places]
    match_rows([], columns, len(frame), key)


def _places(labels: Sequence[str]) -> dict[str, int]:
    return {header_key(label): place for place, label in enumerate(labels)}


def _matched(
    locator: Locator, region: Region, frame: pd.DataFrame, order: Order, positions: Mapping[int, int]
) -> Match:
    labels = headers(frame.columns)
    by_key = _places(labels)
    placed = {place: position for position, place in positions.items()}
    places = [by_key.get(header_key(name), -1) for name in order.key]
    absent = [name for name, place in zip(order.key, places, strict=True) if place not in placed]
    if absent:
        raise WorkbookError(
            f"the key {', '.join(absent)} is not a column of both the frame and {region}",
            hint=f"the frame has {', '.join(labels)}",
        )
    old = [
        Body.of(locator.cells(region, placed[place]), region.body.top, region.body.height) for place in places
    ]
    columns = [column(frame.iloc[:, place], labels[place], order.policy) for place in places]
    return match_rows(old, columns, len(frame), order.key, order.policy.calendar)


class _Slots:
    """What renders each column of the sheet, from left to right."""

    def __init__(
        self,
        book: Workbook,
        sheet: SheetXml,
        region: Region,
        match: Match | None,
        rows: range,
        growth: Growth,
        positions: Mapping[int, int],
    ) -> None:
        self._formats = Formats(book)
        self._region = region
        self._match = match
        self._growth = growth
        self._rows = rows
        self._positions = positions
        self._old = {number: sheet.row(number).cells for number in sheet.rows if number in rows}
        self._sheet = sheet
        self._prototype = sheet.row(region.body.top).cells
        # Links of other cells of the sheet count too.
        self._room = max(MAX_LINKS - sheet.tail.count(b"<hyperlink "), 0)

    def all(self, columns: tuple[Column, ...], links: Mapping[int, LinkOf]) -> list[Slot]:
        """Return the slots: the region's own columns between those beside it."""
        own = range(self._region.body.left, self._region.body.right + 1)
        beside = {column for cells in self._old.values() for column in cells if column not in own}
        slots: list[Slot | None] = []
        for position in sorted(beside.union(own)):
            if position in beside:
                slots.append(self._kept(position, np.ones(len(self._rows), bool), None))
                continue
            slot = self._own(position, columns, links)
            if self._match is not None:
                # A frame's column covers the rows it matched; all others are the template's own.
                covered = (
                    self._match.sources < 0 if position in self._positions else np.ones(len(self._rows), bool)
                )
                slot = self._kept(position, covered & (np.arange(len(self._rows)) < self._match.old), slot)
            slots.append(slot)
        return [slot for slot in slots if slot is not None]

    def _own(self, position: int, columns: tuple[Column, ...], links: Mapping[int, LinkOf]) -> Slot | None:
        style = sheetxml.style_of(self._prototype.get(position))
        place = self._positions.get(position)
        if place is not None and columns:
            return self._data(position, columns[place], style, links.get(place + 1))
        formula = formula_of(self._sheet, self._region.body.top, position)
        if formula is not None:
            return Calculated(position, formula, style)
        return None if style is None else Blank(position, style)

    def _data(self, position: int, column: Column, style: int | None, link: LinkOf | None) -> Data:
        fitting = self._formats.for_kind(style, column.kind)
        if not self._formats.shows(fitting, column.kind):
            context.log(
                f"column {column.header!r} shows numbers; the template has no format for a {column.kind}",
                logging.WARNING,
            )
        room = self._room
        if link is not None:
            self._room = max(self._room - len(self._rows), 0)
        return Data(
            position,
            column,
            fitting,
            link,
            fitting,
            self._formats.for_kind(style, Kind.DATETIME),
            self._formats.for_kind(style, Kind.DURATION),
            link_room=room,
            keep_blank=True,
        )

    def _kept(self, position: int, covers: npt.NDArray[np.bool_], under: Slot | None) -> Kept:
        old = (self._old.get(number, {}).get(position) for number in self._rows)
        own = self._region.body.left <= position <= self._region.body.right
        cells = [
            # As in the rows above: a formula of the body means its own row.
            None if cell is None else sheetxml.uncached(cell) if own else sheetxml.grown(cell, self._growth)
            for cell in old
        ]
        return Kept(pa.array(cells, pa.large_string()), pa.array(covers), under)
