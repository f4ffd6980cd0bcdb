"""`read`: a workbook back as frames, with the types it was written with."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from schedkit import context
from schedkit.errors import WorkbookError
from schedkit.excel.frame_metadata import FrameMetadata, label_of
from schedkit.excel.frames.frame_regions import Place, region_of
from schedkit.excel.frames.labels import column_labels, with_index_restored
from schedkit.excel.frames.restore import Body, in_zone, inferred, restored
from schedkit.excel.names import header_key
from schedkit.excel.parts.cell_values import cells, format_kinds, shared_strings
from schedkit.excel.parts.header_notes import zones_noted
from schedkit.excel.parts.metadata_part import read_metadata
from schedkit.excel.parts.package import Package, damage_as_error
from schedkit.excel.parts.tables import tables_of
from schedkit.excel.parts.workbook import Workbook, open_workbook
from schedkit.values.files import file_error
from schedkit.values.keywords import check_keywords
from schedkit.values.paths import given_path
from schedkit.values.text import did_you_mean


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

    Returns
    -------
    DataFrame
        Cells without a value are missing values; `read_all` returns all frames of a workbook.

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
    with context.surrounded(), damage_as_error(str(path)):
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
    """Read all frames of a workbook: the first table or used range of each sheet, and its further tables.

    The Summary and Index sheets that `write` makes are left out; see `read` for what is read.

    Parameters
    ----------
    path : str or Path
        A ``.xlsx`` or ``.xlsm`` file.

    Returns
    -------
    dict of str to DataFrame
        By the name of the sheet, and further tables of a sheet by their own name. Sheets without rows are
        left out.

    Raises
    ------
    WorkbookError
        If the file is not a workbook, or is damaged.
    FileError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from schedkit import excel
    >>> path = Path(tempfile.mkdtemp()) / "team.xlsx"
    >>> frames = {"Bugs": pd.DataFrame({"Key": ["A-1"]}), "People": pd.DataFrame({"Name": ["Ann", "Bob"]})}
    >>> {name: len(frame) for name, frame in excel.read_all(excel.write(frames, path).path).items()}
    {'Bugs': 1, 'People': 2}
    """
    with context.surrounded(), damage_as_error(str(path)):
        book = _open(path)
        found = {source.name: book.frame(source) for source in book.sources() if not source.front}
        return {name: frame for name, frame in found.items() if frame is not None}


def first_frame(book: Workbook) -> pd.DataFrame:
    """Return the first frame of a workbook; see `read`."""
    return _Book(book).first()


def _open(path: str | Path) -> _Book:
    path = given_path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise file_error(error, path, "read") from None
    return _Book(open_workbook(Package(data, path.name), path.name))


@dataclass(frozen=True)
class _Source:
    """What one frame is read from: usually one place, several if it was split over sheets."""

    name: str
    places: list[Place]
    metadata: FrameMetadata | None
    front: bool = False


class _Book:
    """The frames of a workbook, read when they are asked for."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._metadata = read_metadata(book)[1]

    @cached_property
    def _meanings(self) -> tuple[list[str], list[str]]:
        return shared_strings(self._book), format_kinds(self._book)

    def _places(self) -> Iterator[tuple[Place, bool]]:
        """Yield the places of all sheets, and whether each is the first of its sheet."""
        for sheet, part in self._book.sheets.items():
            if "/worksheets/" not in part:
                continue
            tables = sorted(tables_of(self._book, part), key=lambda table: (table.area.top, table.area.left))
            if not tables:
                yield Place(sheet, part, None), True
            for table in tables:
                others = [other.area for other in tables if other is not table]
                yield Place(sheet, part, table, others), table is tables[0]

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

    def _metadata_of(self, place: Place, first: bool) -> FrameMetadata | None:
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
        zones: dict[str, str] = {}
        rows = 0
        seen = False
        for place in source.places:
            found = cells(self._book, place.part, *self._meanings)
            region = region_of(place, found, source.metadata)
            if region is None:
                continue
            seen = True
            lost = source.metadata is None  # else it knows the zones
            noted = zones_noted(self._book, place.part, region.top - 1) if lost else {}
            for number, header in enumerate(region.headers, region.left):
                if number in noted:
                    zones[header] = noted[number]
                body = Body.of(found.get(number), region.top, region.height)
                columns.setdefault(header, []).append((rows, body))
            rows += region.height
        if not seen:
            known = source.metadata
            return pd.DataFrame(index=pd.RangeIndex(known.rows)) if known and not known.columns else None
        bodies = {header: _stacked(parts, rows) for header, parts in columns.items()}
        _tell(source.name, bodies)
        return self._typed(bodies, zones, rows, source.metadata)

    def _typed(
        self, bodies: dict[str, Body], zones: Mapping[str, str], rows: int, metadata: FrameMetadata | None
    ) -> pd.DataFrame:
        calendar = self._book.calendar

        def told(header: str) -> pd.Series[Any]:
            return in_zone(inferred(bodies[header], calendar), zones.get(header))

        if metadata is None:
            return pd.DataFrame({header: told(header) for header in bodies}, index=pd.RangeIndex(rows))
        known = {header_key(column.header): column for column in metadata.columns}
        keys = None
        if metadata.key is not None and metadata.key in bodies:
            keys = [str(value) for value in bodies[metadata.key].objects(calendar)]
        columns: list[pd.Series[Any]] = []
        labels: list[Any] = []
        for header, body in bodies.items():
            column = known.get(header_key(header))
            columns.append(told(header) if column is None else restored(body, column, calendar, keys))
            labels.append(header if column is None else label_of(column.label))
        made = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(rows))
        made = with_index_restored(made, list(bodies), metadata)
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
            cells, verb = ("1 cell holds", "is") if total == 1 else (f"{total:,} cells hold", "are")
            context.log(
                f"{name}: {cells} {what} and {verb} read as missing ({where}){hint}",
                logging.WARNING,
            )
