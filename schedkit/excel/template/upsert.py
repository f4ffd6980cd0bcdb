"""Matching the rows of a frame with those of a workbook by key.

Keys are compared as cells: the cell that would be written for a value of the frame, and the one in the
workbook. Dates, times, durations and exact numbers match whatever their type in the frame, and a number
matches the same number typed as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schedkit.errors import WorkbookError
from schedkit.excel.column_types import Cells, Column
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.frames.restore import Body
from schedkit.excel.limits import MAX_CELL_UNITS, clip
from schedkit.excel.parts.package import damage_as_error
from schedkit.excel.serial_dates import FROM_1900, Calendar, serials

Key = tuple[str | None, ...]
_Token = Callable[[str], str | None]

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)?")


@dataclass(frozen=True)
class Match:
    """For each row of the new body the frame's row that fills it, -1 for an old row that has none.

    The first `old` rows are the template's own, in their order; then come the frame's new ones. `keyed` tells
    which of the old rows have a key at all.
    """

    sources: npt.NDArray[np.int64]
    old: int
    keyed: npt.NDArray[np.bool_]

    @property
    def updated(self) -> int:
        return int((self.sources[: self.old] >= 0).sum())

    @property
    def added(self) -> int:
        return len(self.sources) - self.old

    @property
    def left(self) -> npt.NDArray[np.int64]:
        """Which old rows have a key that the frame does not have, counted from the first."""
        return np.flatnonzero(self.keyed & (self.sources[: self.old] < 0))


@dataclass(frozen=True)
class Carried:
    """A rewritten body: for each of its rows the frame's row, and the old row it continues (-1: none)."""

    sources: npt.NDArray[np.int64]
    continues: npt.NDArray[np.int64]

    @classmethod
    def of(cls, match: Match, *, in_old_order: bool) -> Carried:
        """Return the rows of the frame: in its own order, or the old ones first and where they were."""
        old = np.flatnonzero(match.sources[: match.old] >= 0)
        sources = match.sources[old]
        if in_old_order:
            added = match.sources[match.old :]
            none = np.full(len(added), -1, np.int64)
            return cls(np.concatenate([sources, added]), np.concatenate([old, none]))
        rows = np.arange(len(np.unique(match.sources[match.sources >= 0])))
        continues = np.full(len(rows), -1, np.int64)
        # Of two old rows with one key the first continues.
        continues[sources[::-1]] = old[::-1]
        return cls(rows, continues)


def match_rows(
    old: Sequence[Body],
    columns: Sequence[Column],
    rows: int,
    names: Sequence[str],
    calendar: Calendar = FROM_1900,
) -> Match:
    """Match the rows of a body with the `rows` rows of a frame, both identified by their key columns.

    Raises
    ------
    WorkbookError
        If two rows of the frame have the same key, or one has none.
    """
    new: dict[Key, int] = {}
    texts = [_of_cells(column.cells(0, rows, ConversionReport()), rows, calendar) for column in columns]
    for place, key in enumerate(zip(*texts, strict=True)):
        if not any(key):
            raise WorkbookError(
                f"row {place} of the frame has no {' + '.join(names)}", hint="drop it, or fill in the key"
            )
        if key in new:
            shown = " + ".join((part or "")[1:] for part in key)
            raise WorkbookError(
                f"{' + '.join(names)} {shown} appears in several rows of the frame",
                hint=f"the key must be unique: frame.drop_duplicates({list(names)!r}, keep='last')",
            )
        new[key] = place
    with damage_as_error("the keys of the workbook"):
        found: list[Key] = list(zip(*(_of_body(body, calendar) for body in old), strict=True))
    sources = [new.get(key, -1) for key in found]
    known = set(sources)
    added = [place for place in new.values() if place not in known]
    keyed = np.array([any(key) for key in found], bool)
    return Match(np.array([*sources, *added], np.int64), len(sources), keyed)


def _of_cells(cells: Cells, rows: int, calendar: Calendar) -> list[str | None]:
    """Return what tells apart the cells that would be written; None for a blank one."""
    found: list[str | None] = [None] * rows
    for values in (cells.numbers, cells.moments, cells.durations):
        _put(found, values, _number)
    _put(found, cells.texts, lambda text: _text(text, calendar))
    if cells.booleans is not None:
        _put(found, cells.booleans.cast(pa.string()), "?{}".format)
    return found


def _put(found: list[str | None], values: pa.Array | None, token: _Token) -> None:
    if values is not None:
        for place, value in enumerate(values.to_pylist()):
            if value is not None:
                found[place] = token(value)


def _of_body(body: Body, calendar: Calendar) -> list[str | None]:
    """Return what tells apart the cells of a column; None for a blank one."""
    found: list[str | None] = [None] * body.length
    letters = body.letters.tobytes().decode()
    for place, letter, text in zip(body.places.tolist(), letters, body.texts.to_pylist(), strict=True):
        if letter in "ndht":
            found[place] = _number(text)
        elif letter in "si":
            found[place] = _text(text, calendar)
        elif letter == "b":
            found[place] = f"?{'true' if text in ('1', 'true') else 'false'}"
    return found


def _number(text: str) -> str:
    # Programs differ in the last digits of a moment's serial; 14 digits are a tenth of a millisecond.
    text = text.strip()
    return f"#{text}" if _INTEGER.fullmatch(text) else f"#{float(text):.14g}"


def _text(text: str, calendar: Calendar) -> str | None:
    text = text.strip()
    if len(text) > MAX_CELL_UNITS // 2:
        # The workbook has no more of it.
        text = clip(text, MAX_CELL_UNITS)
    if _INTEGER.fullmatch(text):
        return f"#{text}"
    if _MOMENT.fullmatch(text):
        try:
            micros = np.datetime64(text.replace(" ", "T"), "us").astype(np.int64)
        except ValueError:
            return f"={text}"
        days, shown = serials(np.array([micros]), calendar)
        return f"#{float(days[0]):.14g}" if shown[0] else f"={text}"
    return f"={text}" if text else None
