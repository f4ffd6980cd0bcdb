"""How a sheet looks: colours, number formats, widths."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from schedkit.excel.model import Column, Kind
from schedkit.excel.tally import Tally

FONT = "Calibri"
INK = "1F2A44"
HEADER_FILL = "1F3A5F"
HEADER_INK = "FFFFFF"
LINK_INK = "0B5CAD"
TABLE_STYLE = "TableStyleLight1"

_SAMPLE_ROWS = 1000
_NARROWEST, _WIDEST = 8.0, 60.0
# Room for the filter button beside the header's text.
_BUTTON = 3.5
_IDENTIFIER = re.compile(r"\b(id|key|year|number|nr|no)$", re.IGNORECASE)

FORMATS = {
    Kind.TEXT: "General",
    Kind.MIXED: "General",
    Kind.BOOLEAN: "General",
    Kind.DATE: "yyyy-mm-dd",
    Kind.DATETIME: "yyyy-mm-dd hh:mm",
    Kind.DURATION: "[h]:mm:ss",
}
_FIXED_WIDTHS = {Kind.DATE: 11.0, Kind.DATETIME: 17.0, Kind.DURATION: 12.0, Kind.BOOLEAN: 8.0}


def number_format(column: Column) -> str:
    """Return the number format of a column."""
    if column.kind in FORMATS:
        return FORMATS[column.kind]
    if _IDENTIFIER.search(column.header):
        return "0" if column.whole else "General"
    return "#,##0" if column.whole else "#,##0.00"


def width(column: Column, rows: int) -> float:
    """Return a column width in characters that fits the header and nearly all of the first values."""
    heading = len(column.header) + _BUTTON
    if column.kind in _FIXED_WIDTHS:
        return max(_FIXED_WIDTHS[column.kind], heading)
    cells = column.cells(0, min(rows, _SAMPLE_ROWS), Tally())
    longest = max((_usual_length(values) for values in (cells.texts, cells.numbers)), default=0.0)
    return min(max(longest + 2, heading, _NARROWEST), _WIDEST)


def _usual_length(values: pa.Array | None) -> float:
    if values is None or values.null_count == len(values):
        return 0.0
    return float(pc.quantile(pc.utf8_length(values), 0.95)[0].as_py())
