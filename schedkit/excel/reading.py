"""`read`: a workbook back as frames, with the types it was written with."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from schedkit import context
from schedkit.errors import WorkbookError
from schedkit.excel.frame_metadata import FrameMetadata, label_of
from schedkit.excel.frames.column_labels import column_labels
from schedkit.excel.frames.restore import Body, inferred, restored
from schedkit.excel.names import header_key, headers
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.cell_values import CellColumn, cells, format_kinds, shared_strings
from schedkit.excel.parts.metadata_part import read_metadata
from schedkit.excel.parts.package import Package, damage_told
from schedkit.excel.parts.tables import TableXml, tables_of
from schedkit.excel.parts.workbook import Workbook, open_workbook
from schedkit.values.files import file_error
from schedkit.values.keywords import check_keywords
from schedkit.values.text import did_you_mean

# How many rows are searched for a header.
_SEARCHED_ROWS = 50


@check_keywords
def read(path: str | Path, sheet: str | None = None) -> pd.DataFrame:
    """Read one frame from a workbook.

    The file's cells are what is read: headers, rows, columns and sheets as people left them. What `write`
    wrote comes back with its dtypes, labels, index and ``attrs`` where the cells still fit them, joined again
    if it was split over sheets. From any other workbook the sheet's first table is read, or else its used
    range with the first row as header, and dtypes follow from the cells.

    Parameters
    ----------
    path : str or Path
        A ``.xlsx`` or ``.xlsm`` file.
    sheet : str, optional
        Which sheet, or which table by its name; by default the first one with rows.

    Raises
    ------
    WorkbookError
        If the file is not a workbook or has no such sheet.
    FileError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from schedkit import excel
    >>> path = Path(tempfile.mkdtemp()) / "points.xlsx"
    >>> frame = pd.DataFrame({"Key": ["A-1"], "Points": pd.array([3], "Int64")})
    >>> excel.read(excel.write(frame, path).path).equals(frame)
    True
    """
    with context.surrounded(), damage_told(str(path)):
        book = _open(path)
        sources = book.sources()
        if sheet is None:
            return book.first()
        # A frame of the same name comes before a sheet that we drew.
        known = {source.name: source for source in sorted(sources, key=lambda source: not source.front)}
        by_fold = {name.casefold(): source for name, source in reversed(known.items())}
        wanted = known.get(sheet) or by_fold.get(sheet.casefold())
        if wanted is None:
            raise WorkbookError(f"{path} has no sheet {sheet!r}", hint=did_you_mean(sheet, known))
        frame = book.frame(wanted)
        if frame is None:
            raise WorkbookError(f"the sheet {sheet!r} of {path} has no rows")
        return frame


@check_keywords
def read_all(path: str | Path) -> dict[str, pd.DataFrame]:
    """Read every sheet with rows, by name, and further tables of a sheet by theirs; see `read`.

    The Summary and Index sheets that `write` draws are left out.
    """
    with context.surrounded(), damage_told(str(path)):
        book = _open(path)
        found = {source.name: book.frame(source) for source in book.sources() if not source.front}
        return {name: frame for name, frame in found.items() if frame is not None}


def first_frame(book: Workbook) -> pd.DataFrame:
    """Return the first frame of a workbook; see `read`."""
    return _Book(book).first()


def _open(path: str | Path) -> _Book:
    path = Path(path).expanduser()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise file_error(error, path, "read") from None
    return _Book(open_workbook(Package(data, path.name), path.name))


@dataclass(frozen=True)
class _Place:
    """Where rows lie: a table of a sheet, or the used range of one without tables; `others` lie beside it."""

    sheet: str
    part: str
    table: TableXml | None
    others: list[Area] = field(default_factory=list)


@dataclass(frozen=True)
class _Source:
    """What one frame is read from: usually one place, several if it was split over sheets."""

    name: str
    places: list[_Place]
    metadata: FrameMetadata | None
    front: bool = False


@dataclass(frozen=True)
class _Region:
    """The header and the rows of one place."""

    headers: list[str]
    left: int
    top: int
    height: int


class _Book:
    """The frames of a workbook, read when they are asked for."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._metadata = read_metadata(book)[1]

    @cached_property
    def _meanings(self) -> tuple[list[str], list[str]]:
        return shared_strings(self._book), format_kinds(self._book)

    def _places(self) -> Iterator[tuple[_Place, bool]]:
        """Yield the places of all sheets, and whether each is the first of its sheet."""
        for sheet, part in self._book.sheets.items():
            if "/worksheets/" not in part:
                continue
            tables = sorted(tables_of(self._book, part), key=lambda table: (table.area.top, table.area.left))
            if not tables:
                yield _Place(sheet, part, None), True
            for table in tables:
                others = [other.area for other in tables if other is not table]
                yield _Place(sheet, part, table, others), table is tables[0]

    def sources(self) -> list[_Source]:
        """Return what frames there are, in the order of the sheets."""
        found: list[_Source] = []
        for place, first in self._places():
            known = self._metadata_of(place, first)
            joined = next((source for source in found if known and source.metadata is known), None)
            if joined is not None:
                joined.places.append(place)
                continue
            name = place.sheet if first or place.table is None else place.table.name
            if known is not None and known.sheets[:1] == [place.sheet]:
                name = known.name
            taken = {source.name for source in found if not source.front}
            if name in taken:
                name = f"{place.sheet}!{name}"
            found.append(_Source(name, [place], known, place.sheet in self._metadata.fronts))
        return found

    def _metadata_of(self, place: _Place, first: bool) -> FrameMetadata | None:
        """Return the frame that was written to a place: its table keeps its name when a sheet is renamed."""
        for frame in self._metadata.frames:
            tables = {name.casefold() for name in frame.tables}
            if place.table is not None and place.table.name.casefold() in tables:
                return frame
        # A table may have been turned into a plain range.
        return next(
            (
                frame
                for frame in self._metadata.frames
                if first and not place.table and place.sheet in frame.sheets
            ),
            None,
        )

    def first(self) -> pd.DataFrame:
        """Return the first frame that there is."""
        frames = (self.frame(source) for source in self.sources() if not source.front)
        found = next((frame for frame in frames if frame is not None), None)
        if found is None:
            raise WorkbookError(f"{self._book.package.name} has no sheet with rows")
        return found

    def frame(self, source: _Source) -> pd.DataFrame | None:
        """Return the frame of a source, None if nothing is in its place."""
        columns: dict[str, list[tuple[int, Body]]] = {}
        rows = 0
        seen = False
        for place in source.places:
            found = cells(self._book, place.part, *self._meanings)
            region = self._region(place, found, source.metadata)
            if region is None:
                continue
            seen = True
            for number, header in enumerate(region.headers, region.left):
                body = Body.of(found.get(number), region.top, region.height)
                columns.setdefault(header, []).append((rows, body))
            rows += region.height
        if not seen:
            bare = source.metadata is not None and not source.metadata.columns
            return (
                pd.DataFrame(index=pd.RangeIndex(source.metadata.rows)) if source.metadata and bare else None
            )
        bodies = {header: _stacked(parts, rows) for header, parts in columns.items()}
        _tell(source.name, bodies)
        return self._typed(bodies, rows, source.metadata)

    def _region(
        self, place: _Place, found: dict[int, CellColumn], metadata: FrameMetadata | None
    ) -> _Region | None:
        if place.table is not None:
            region = self._of_table(place, place.table, found)
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
            return _Region(region.headers, region.left, region.top, 0)
        return region

    def _of_table(self, place: _Place, table: TableXml, found: dict[int, CellColumn]) -> _Region:
        area, body = table.area, table.body
        if not table.header_rows:
            return _Region(headers(table.columns), area.left, body.top, body.height)
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
        return _Region(headers(texts), area.left, header_row + 1, bottom - header_row)

    def _typed(self, bodies: dict[str, Body], rows: int, metadata: FrameMetadata | None) -> pd.DataFrame:
        calendar = self._book.calendar
        if metadata is None:
            return pd.DataFrame(
                {header: inferred(body, calendar) for header, body in bodies.items()},
                index=pd.RangeIndex(rows),
            )
        known = {header_key(column.header): column for column in metadata.columns}
        keys = None
        if metadata.key is not None and metadata.key in bodies:
            keys = [str(value) for value in bodies[metadata.key].objects(calendar)]
        columns: list[pd.Series[Any]] = []
        labels: list[Any] = []
        for header, body in bodies.items():
            column = known.get(header_key(header))
            columns.append(
                inferred(body, calendar) if column is None else restored(body, column, calendar, keys)
            )
            labels.append(header if column is None else label_of(column.label))
        made = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(rows))
        made = _with_index(made, list(bodies), metadata)
        made.columns = column_labels([labels[place] for place in map(int, made.columns)], metadata.levels)
        made.attrs.update(metadata.attrs)
        return made


def _stacked(parts: Sequence[tuple[int, Body]], rows: int) -> Body:
    """Return a column of `rows` rows from its parts and where each begins."""
    whole = Body.of(None, 1, 0)
    for start, body in parts:
        if start > whole.length:
            whole = whole.below(Body.of(None, 1, start - whole.length))
        whole = whole.below(body) if whole.length else body
    return whole if whole.length == rows else whole.below(Body.of(None, 1, rows - whole.length))


def _tell(name: str, bodies: dict[str, Body]) -> None:
    """Warn about cells that are read as something else than they show."""
    for letter, what, hint in (
        ("f", "formulas whose values are not stored", "; open and save the workbook in Excel to store them"),
        ("e", "errors such as #N/A", ""),
    ):
        counts = {header: body.count(letter) for header, body in bodies.items()}
        total = sum(counts.values())
        if total:
            where = ", ".join(header for header, count in counts.items() if count)
            context.log(
                f"{name}: {total:,} cells hold {what} and are read as missing ({where}){hint}",
                logging.WARNING,
            )


def _with_index(frame: pd.DataFrame, found: list[str], metadata: FrameMetadata) -> pd.DataFrame:
    """Return a frame with the columns that were its index as index again, if all of them are there."""
    keys = [header_key(header) for header in found]
    wanted = [header_key(column.header) for column in metadata.columns[: metadata.index]]
    if not wanted or not set(wanted) <= set(keys):
        return frame
    places = [keys.index(key) for key in wanted]
    levels = frame.iloc[:, places]
    made = frame.iloc[:, [place for place in range(len(keys)) if place not in places]]
    made.index = (
        pd.MultiIndex.from_frame(levels, names=[label_of(name) for name in metadata.index_names])
        if len(places) > 1
        else pd.Index(levels.iloc[:, 0]).rename(label_of(metadata.index_names[0]))
    )
    return made


def _used_range(found: dict[int, CellColumn], metadata: FrameMetadata | None) -> _Region:
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
    return _Region(headers(texts), area.left, first + 1, area.height - 1)


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
