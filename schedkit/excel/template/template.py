"""Plans for filling a region of a workbook: its columns, the rows that stay, and what moves."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from schedkit import context
from schedkit.errors import WorkbookError
from schedkit.excel.column_types import Policy
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.frames.cells import ColumnRenderer
from schedkit.excel.frames.column_options import ColumnOptions
from schedkit.excel.frames.labels import with_index
from schedkit.excel.frames.layout import column_at, columns_of, links_of
from schedkit.excel.frames.restore import Body
from schedkit.excel.idempotency import AppendGuard
from schedkit.excel.names import header_key, headers
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.sheet import Sheet
from schedkit.excel.parts.workbook import Workbook
from schedkit.excel.parts.xml import Document
from schedkit.excel.template.column_renderers import RendererChooser
from schedkit.excel.template.formats import Formats
from schedkit.excel.template.missing_rows import mark_missing
from schedkit.excel.template.neighbours import Overwritten, refuse_collisions
from schedkit.excel.template.notes import Keys
from schedkit.excel.template.region import Locator, Region
from schedkit.excel.template.row_attributes import grouped, row_attributes
from schedkit.excel.template.rules_and_filters import has_criteria
from schedkit.excel.template.upsert import Carried, Match, match_rows

Mode = Literal["replace", "append", "upsert"]
Missing = Literal["keep", "mark", "delete"]
# `max_drop` does not apply to fewer rows than these.
_JUDGED_ROWS = 10
# Headers of columns that identify issues.
_KEYS = ["key", "issue key"]


@dataclass(frozen=True)
class FillOptions:
    """Options of filling a region; `appends` recognises appends that a repeated run made before."""

    policy: Policy
    mode: Mode = "replace"
    key: tuple[str, ...] = ()
    columns: ColumnOptions = field(default_factory=ColumnOptions)
    missing: Missing = "keep"
    max_drop: float = 0.5
    appends: AppendGuard | None = None


@dataclass(frozen=True)
class Counts:
    """How many old rows were updated, how many rows were added, how many have left or are marked so."""

    updated: int = 0
    added: int = 0
    removed: int = 0
    marked: int = 0


@dataclass(frozen=True)
class Filling:
    """One region of a template, filled.

    `renderers` render the rows whose numbers in the sheet are `numbers`, in order; `attributes` are what each
    row's element carries, for all or by row. Rows between them stay. `keys` tells where the notes of old rows
    go, `filtered` whether a filter hid some of them.
    """

    region: Region
    growth: RangeGrowth
    sheet: Sheet
    renderers: list[ColumnRenderer]
    numbers: npt.NDArray[np.int64]
    attributes: pa.Array | str
    overwritten: Overwritten
    formats: Formats
    keys: Keys
    filtered: bool
    match: Match | None
    counts: Counts

    @property
    def written(self) -> Area:
        """The area whose values change."""
        body, growth = self.region.body, self.growth
        first = int(self.numbers[0]) if len(self.numbers) else body.top
        if self.match is not None:
            first = body.bottom + 1
        return Area(first, body.left, max(growth.end, growth.old_end), body.right)

    @property
    def updated_rows(self) -> list[int]:
        """The old rows whose values change while those around them stay, in order."""
        if self.match is None:
            return []
        body = self.region.body
        marked = self.match.left + body.top if self.counts.marked else ()
        return sorted({*self.numbers[self.numbers <= body.bottom].tolist(), *marked})


def plan_filling(
    book: Workbook,
    name: str,
    target: str | None,
    frame: pd.DataFrame,
    options: FillOptions,
    report: ConversionReport,
) -> Filling:
    """Decide how `frame` fills the region `target` of a template.

    Raises
    ------
    WorkbookError
        If there is no such region, no header fits, or something on the sheet blocks the new rows.
    """
    options = replace(options, policy=replace(options.policy, calendar=book.calendar))
    frame = with_index(frame, report)
    locator = Locator(book, name)
    region = locator.find(target, headers(frame.columns))
    if region.new:
        region = _widened(region, frame)
    positions = _positions(region, frame, name, report)
    rows = _new_rows(book, locator, region, frame, positions, options)
    frame, match, numbers = rows.frame, rows.match, rows.numbers
    body, counts = region.body, rows.counts
    growth = RangeGrowth(region.sheet, region.header_row, body, rows.bottom, region.totals)
    sheet = book.sheet(region.sheet)
    refuse_collisions(book, sheet, region, growth, name)
    columns = columns_of(frame, options.policy, report)
    formats = Formats(book)
    if match is not None and options.missing == "mark":
        marked = mark_missing(sheet, region, match, formats, options.policy)
        counts = replace(counts, marked=marked)
    filtered = any(has_criteria(document) for document in _filtered(book, sheet, region))
    overwritten = _overwritten(body, numbers, positions, match, rows.bottom)
    renderers = RendererChooser(
        sheet, region, growth, match, numbers, overwritten, positions, formats, report, rows.continues
    )
    attributes = row_attributes(sheet, region, numbers, keep=match is not None, shown=filtered)
    outline = options.columns.outline_of(frame, columns)
    linked = links_of(frame, columns, options.columns.links_of(frame, columns))
    return Filling(
        region=region,
        growth=growth,
        sheet=sheet,
        renderers=renderers.all(columns if len(frame) else (), linked),
        numbers=numbers,
        attributes=grouped(sheet, attributes, outline, len(numbers)),
        overwritten=overwritten,
        formats=formats,
        keys=rows.keys,
        filtered=filtered,
        match=match,
        counts=counts,
    )


@dataclass(frozen=True)
class _NewRows:
    """The rows that are written: those of `frame`, in the rows `numbers` of the sheet.

    A `match` updates rows in their places; `continues` tells which old row each row of a body that is written
    again continues. `bottom` is the last row of the body.
    """

    frame: pd.DataFrame
    numbers: npt.NDArray[np.int64]
    match: Match | None
    continues: dict[int, int] | None
    keys: Keys
    counts: Counts
    bottom: int


def _new_rows(
    book: Workbook,
    locator: Locator,
    region: Region,
    frame: pd.DataFrame,
    positions: Mapping[int, int],
    options: FillOptions,
) -> _NewRows:
    """Decide where rows of the frame are written, and what happens to existing rows."""
    body, fresh, where = region.body, options.mode == "replace" or region.blank, f"{region} of {locator.name}"
    match = _matched(locator, region, frame, options, positions) if options.key and not region.blank else None
    counts = _counts(match, options, len(frame), where)
    keys = _keys(locator, region, frame, positions, options, fresh)
    continues = None
    if match is not None and (options.mode == "replace" or options.missing == "delete"):
        carried = Carried.of(match, in_old_order=options.mode == "upsert")
        if options.mode == "upsert":
            _refuse_keyless(book, region, match, where)
            frame = _rows(frame, carried.sources)
        fresh, match, continues = True, None, _continued(carried, body)
        keys = Keys(True, {old: new for new, old in continues.items()})
    numbers = _numbers(body, len(frame), match, append=options.mode == "append" and not fresh)
    if match is not None:
        frame = _rows(frame, match.sources[match.sources >= 0])
    bottom = max(body.bottom if not fresh else body.top, int(numbers[-1]) if len(numbers) else 0)
    return _NewRows(frame, numbers, match, continues, keys, counts, bottom)


def _counts(match: Match | None, options: FillOptions, rows: int, where: str) -> Counts:
    """Return what becomes of the old rows.

    Raises
    ------
    WorkbookError
        If too many of them would be taken away.
    """
    if match is None:
        return Counts(added=rows if options.mode != "replace" else 0)
    if options.missing == "keep" and options.mode == "upsert":
        return Counts(match.updated, match.added)
    left, old = len(match.left), int(match.keyed.sum())
    if old >= _JUDGED_ROWS and left > options.max_drop * old:
        raise WorkbookError(
            f"{left} of {old} rows of {where} are not in the frame",
            hint=f"if that is right, write with max_drop={min(left / old + 0.01, 1):.2f}",
        )
    return Counts(match.updated, match.added, left if options.missing != "mark" else 0)


def _continued(carried: Carried, body: Area) -> dict[int, int]:
    """Return which old row each new row continues, by their numbers in the sheet."""
    new = np.flatnonzero(carried.continues >= 0)
    return dict(zip((new + body.top).tolist(), (carried.continues[new] + body.top).tolist(), strict=True))


def _refuse_keyless(book: Workbook, region: Region, match: Match, where: str) -> None:
    sheet, body = book.sheet(region.sheet), region.body
    for row in (np.flatnonzero(~match.keyed) + body.top).tolist():
        if sheet.is_filled(row, body.left, body.right):
            raise WorkbookError(
                f"row {row} of {where} has no key, and would be deleted",
                hint='give it a key, move it out of the table, or write with missing="keep"',
            )


def _numbers(body: Area, count: int, match: Match | None, *, append: bool) -> npt.NDArray[np.int64]:
    """Return the numbers of the rows that are written."""
    if match is not None:
        old = np.flatnonzero(match.sources[: match.old] >= 0) + body.top
        return np.concatenate([old, np.arange(match.added) + body.bottom + 1]).astype(np.int64)
    if append:
        return np.arange(count, dtype=np.int64) + body.bottom + 1
    # A table has at least one row, if only a blank one.
    return np.arange(max(count, 1), dtype=np.int64) + body.top


def _rows(frame: pd.DataFrame, places: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Return some rows of a frame, in the order of the rows that they fill."""
    made = frame.iloc[places]
    made.attrs = frame.attrs
    return made


def _overwritten(
    body: Area,
    numbers: npt.NDArray[np.int64],
    positions: Mapping[int, int],
    match: Match | None,
    bottom: int,
) -> Overwritten:
    own = frozenset(range(body.left, body.right + 1))
    if match is not None:
        return Overwritten(body, body.top, frozenset(positions), frozenset(numbers.tolist()))
    first = int(numbers[0]) if len(numbers) else bottom + 1
    return Overwritten(body, first, own)


def _filtered(book: Workbook, sheet: Sheet, region: Region) -> list[Document]:
    """Return the parts that may hold a filter of the region."""
    if region.table is None:
        return [sheet.document]
    return [Document(book.package.read(region.table.part), region.table.part)]


def _keys(
    locator: Locator,
    region: Region,
    frame: pd.DataFrame,
    positions: Mapping[int, int],
    options: FillOptions,
    fresh: bool,
) -> Keys:
    """Return which old row of a replaced body continues as which new one."""
    if not fresh or options.mode == "append":
        return Keys()
    wanted = [header_key(name) for name in options.key] or _KEYS
    labels = {position: header_key(region.headers[position - region.body.left]) for position in positions}
    for position, place in positions.items():
        if labels[position] in wanted:
            cells = locator.cells(region, position)
            old = {} if cells is None else dict(zip(cells.rows, cells.values, strict=True))
            return Keys.of(old, frame.iloc[:, place].tolist(), region.body)
    return Keys(replaced=True)


def _widened(region: Region, frame: pd.DataFrame) -> Region:
    """Return a region that has no header yet with those of the frame."""
    texts = tuple(headers(frame.columns))
    body = replace(region.body, right=region.body.left + max(len(texts), 1) - 1)
    return replace(region, body=body, headers=texts)


def _positions(region: Region, frame: pd.DataFrame, name: str, report: ConversionReport) -> dict[int, int]:
    """Return which frame column each sheet column takes; columns without a header are reported."""
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
        report.add("unplaced_columns", len(unplaced))
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
    columns = [column_at(frame, place, labels[place], policy) for place in places]
    match_rows([], columns, len(frame), key)


def _places(labels: Sequence[str]) -> dict[str, int]:
    return {header_key(label): place for place, label in enumerate(labels)}


def _matched(
    locator: Locator, region: Region, frame: pd.DataFrame, options: FillOptions, positions: Mapping[int, int]
) -> Match:
    labels = headers(frame.columns)
    by_key = _places(labels)
    placed = {place: position for position, place in positions.items()}
    places = [by_key.get(header_key(name), -1) for name in options.key]
    absent = [name for name, place in zip(options.key, places, strict=True) if place not in placed]
    if absent:
        raise WorkbookError(
            f"the key {', '.join(absent)} is not a column of both the frame and {region}",
            hint=f"the frame has {', '.join(labels)}",
        )
    old = [
        Body.of(locator.cells(region, placed[place]), region.body.top, region.body.height) for place in places
    ]
    columns = [column_at(frame, place, labels[place], options.policy) for place in places]
    return match_rows(old, columns, len(frame), options.key, options.policy.calendar)
