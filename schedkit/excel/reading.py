"""`read`: a workbook back as frames, with the types it was written with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import pandas as pd

from schedkit.errors import WorkbookError
from schedkit.excel import memory
from schedkit.excel.frames.restore import Body, inferred, restored
from schedkit.excel.memory import FrameMemory
from schedkit.excel.names import headers
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.tables import tables_of
from schedkit.excel.parts.values import CellColumn, cells, format_kinds, shared_strings
from schedkit.excel.parts.workbook import Workbook, open_workbook, relations


def read(path: str | Path, sheet: str | None = None) -> pd.DataFrame:
    """Read one frame from a workbook.

    What `write` wrote comes back with its dtypes, labels, index and ``attrs``, joined again if it was
    split over sheets. From any other workbook the sheet's table is read, or else its used range with the
    first row as header, and dtypes follow from the cells.

    Parameters
    ----------
    path : str or Path
        A ``.xlsx`` or ``.xlsm`` file.
    sheet : str, optional
        Which sheet; by default the first one with rows.

    Raises
    ------
    WorkbookError
        If the file is not a workbook or has no such sheet.

    Examples
    --------
    >>> import tempfile
    >>> from schedkit import excel
    >>> path = Path(tempfile.mkdtemp()) / "points.xlsx"
    >>> frame = pd.DataFrame({"Key": ["A-1"], "Points": pd.array([3], "Int64")})
    >>> excel.read(excel.write(frame, path).path).equals(frame)
    True
    """
    frames = read_all(path)
    if not frames:
        raise WorkbookError(f"{path} has no sheet with rows")
    if sheet is None:
        return next(iter(frames.values()))
    if sheet not in frames:
        raise WorkbookError(f"{path} has no sheet {sheet!r}", hint=f"it has {', '.join(frames)}")
    return frames[sheet]


def read_all(path: str | Path) -> dict[str, pd.DataFrame]:
    """Read every sheet with rows, by name; see `read`."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WorkbookError(f"cannot read {path}: {error.strerror or error}") from None
    book = open_workbook(Package(data, path.name), path.name)
    sheets = _Sheets(book, shared_strings(book), format_kinds(book))
    known = [frame for frame in _memories(book) if set(frame.sheets) <= set(book.sheets)]
    if known:
        return {frame.name: sheets.remembered(frame) for frame in known}
    found = {name: sheets.found(part) for name, part in book.sheets.items() if "/worksheets/" in part}
    return {name: frame for name, frame in found.items() if frame is not None}


def _memories(book: Workbook) -> list[FrameMemory]:
    return [
        frame
        for relation in relations(book.package, book.part)
        if relation.kind == "customXml" and relation.target in book.package
        for frame in memory.from_xml(book.package.read(relation.target))
    ]


@dataclass(frozen=True)
class _Sheets:
    book: Workbook
    strings: list[str]
    kinds: list[str]

    def _cells(self, part: str) -> dict[int, CellColumn]:
        return cells(self.book, part, self.strings, self.kinds)

    def remembered(self, frame: FrameMemory) -> pd.DataFrame:
        """Return a frame as it was written, as far as the sheets still hold its columns."""
        bodies = [self._bodies(frame, self.book.sheets[name]) for name in frame.sheets]
        whole = [reduce(Body.below, parts) for parts in zip(*bodies, strict=True)]
        columns = [
            restored(body, column, self.book.calendar)
            for body, column in zip(whole, frame.columns, strict=True)
        ]
        rows = whole[0].length if whole else frame.rows
        made = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(rows))
        labels = [tuple(c.label) if isinstance(c.label, list) else c.label for c in frame.columns]
        made.columns = _index_of(labels)
        if frame.index:
            levels = made.iloc[:, : frame.index]
            names = [label[0] if isinstance(label, tuple) else label for label in labels[: frame.index]]
            made = made.iloc[:, frame.index :]
            made.index = (
                pd.MultiIndex.from_frame(levels, names=names)
                if frame.index > 1
                else pd.Index(levels.iloc[:, 0], name=names[0])
            )
        made.attrs.update(frame.attrs)
        return made

    def _bodies(self, frame: FrameMemory, part: str) -> list[Body]:
        found = self._cells(part)
        table = next(iter(tables_of(self.book, part)), None)
        first_row = frame.header_row + 1
        length = table.body.height if table else frame.rows
        if frame.rows == 0 and not any(row >= first_row for column in found.values() for row in column.rows):
            # A table has at least one row, if only a blank one.
            length = 0
        places = {
            column.values[0]: place
            for place, column in found.items()
            if column.rows and column.rows[0] == frame.header_row
        }
        return [
            Body.of(found.get(places.get(column.header, 0)), first_row, length) for column in frame.columns
        ]

    def found(self, part: str) -> pd.DataFrame | None:
        """Return the table of a sheet nobody remembers, or else its used range; None if it is blank."""
        found = self._cells(part)
        if not found:
            return None
        table = next(iter(tables_of(self.book, part)), None)
        area = table.area if table else _used(found)
        body = table.body if table else Area(area.top + 1, area.left, area.bottom, area.right)
        names = headers(_at(found.get(place), area.top) for place in range(area.left, area.right + 1))
        columns = {
            name: inferred(Body.of(found.get(place), body.top, body.height), self.book.calendar)
            for place, name in enumerate(names, area.left)
        }
        return pd.DataFrame(columns)


def _index_of(labels: list[Any]) -> pd.Index:
    if labels and all(isinstance(label, tuple) for label in labels):
        return pd.MultiIndex.from_tuples(labels)
    return pd.Index(labels, tupleize_cols=False) if labels else pd.RangeIndex(0)


def _used(found: dict[int, CellColumn]) -> Area:
    rows = [row for column in found.values() for row in (column.rows[0], column.rows[-1])]
    return Area(min(rows), min(found), max(rows), max(found))


def _at(column: CellColumn | None, row: int) -> Any:
    return column.values[column.rows.index(row)] if column and row in column.rows else None
