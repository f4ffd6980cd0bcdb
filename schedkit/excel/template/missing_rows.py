"""Marking rows whose key is no longer in the frame, with the time since when."""

from __future__ import annotations

import numpy as np
import pandas as pd

from schedkit.errors import WorkbookError
from schedkit.excel.column_types import Kind, Policy
from schedkit.excel.names import header_key, letters
from schedkit.excel.parts import sheet_cells
from schedkit.excel.parts.sheet import Row, Sheet
from schedkit.excel.serial_dates import serials
from schedkit.excel.template.formats import Formats
from schedkit.excel.template.region import Region
from schedkit.excel.template.upsert import Match

__all__ = ["MISSING_SINCE", "mark_missing", "with_mark_column"]

MISSING_SINCE = "Missing since"


def with_mark_column(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with a blank column for the marks: its rows are not missing."""
    if any(header_key(str(label)) == header_key(MISSING_SINCE) for label in frame.columns):
        return frame
    blank = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us]")
    made = frame.assign(**{MISSING_SINCE: blank})
    made.attrs = frame.attrs
    return made


def mark_missing(sheet: Sheet, region: Region, match: Match, formats: Formats, policy: Policy) -> int:
    """Write the current time into missing rows that have none yet; return how many.

    Raises
    ------
    WorkbookError
        If the region has no column for it.
    """
    position = region.positions().get(header_key(MISSING_SINCE))
    if position is None:
        raise WorkbookError(
            f"{region} has no column {MISSING_SINCE!r} to mark rows in",
            hint=f'add a column {MISSING_SINCE!r} to it, or write with missing="keep"',
        )
    now = pd.Timestamp.now(policy.zone).tz_localize(None).floor("s").as_unit("us")
    days, _ = serials(np.array([now.asm8.astype(np.int64)]), policy.calendar)
    marked = 0
    known = formats.for_kind(_style(sheet, region, position), Kind.DATETIME)
    for number in (match.left + region.body.top).tolist():
        row = sheet.row(number)
        old = row.cells.get(position)
        if old is not None and sheet_cells.is_filled(old):
            continue
        own = sheet_cells.style_of(old)
        style = known if own is None else formats.for_kind(own, Kind.DATETIME)
        told = "" if style is None else f' s="{style}"'
        cell = f'<c r="{letters(position)}{number}"{told}><v>{float(days[0])!r}</v></c>'
        sheet.change(number, Row(row.attributes, {**row.cells, position: cell}))
        marked += 1
    return marked


def _style(sheet: Sheet, region: Region, position: int) -> int | None:
    """Return the format of the first cell of a column, or of the one before if that is new."""
    for column in (position, position - 1):
        for number in sheet.numbers(region.body.top, region.body.bottom):
            cells = sheet.row(number).cells
            if column in cells and (style := sheet_cells.style_of(cells[column])) is not None:
                return style
    return None
