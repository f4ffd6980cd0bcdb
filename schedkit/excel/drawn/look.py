"""How a workbook looks: colours, number formats, widths."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from openpyxl.styles import Font, PatternFill

from schedkit.excel.model import Column, Kind
from schedkit.excel.tally import Tally

FONT = "Calibri"
INK = "172B4D"
MUTED = "6B778C"
PALE = "F4F5F7"
LINE = "DFE1E6"
WHITE = "FFFFFF"
BRAND = "1F3A5F"
LINK = "0B5CAD"
BAR = "9DC3F2"
TABLE_STYLE = "TableStyleLight1"


@dataclass(frozen=True)
class Tone:
    """One meaning's colours: strong for charts, ink on fill for cells."""

    strong: str
    fill: str
    ink: str


# Jira's own lozenges, so that a status looks the same in both places.
CATEGORY_TONES = (
    Tone("8993A4", "DFE1E6", "42526E"),
    Tone("2684FF", "DEEBFF", "0747A6"),
    Tone("36B37E", "E3FCEF", "006644"),
)
PRIORITY_TONES = (
    Tone("DE350B", "FFEBE6", "BF2600"),
    Tone("FF8B00", "FFF4E5", "B25000"),
    Tone("FFAB00", WHITE, "7A5B00"),
    Tone("4C9AFF", WHITE, "0747A6"),
    Tone("8993A4", WHITE, "6B778C"),
)
OVERDUE = Tone("DE350B", "FFEBE6", "BF2600")
# For what has no colour of its own: enough that neighbours differ.
SERIES = ("1F3A5F", "2684FF", "36B37E", "FFAB00", "6554C0", "00B8D9", "FF5630", "8993A4")

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
# What is equally wide in every row reads best in the middle, away from its neighbours' text.
CENTRED = (Kind.DATE, Kind.DATETIME, Kind.BOOLEAN)
_FIXED_WIDTHS = {Kind.DATE: 11.5, Kind.DATETIME: 17.0, Kind.DURATION: 12.0, Kind.BOOLEAN: 8.0}


def font(*, size: float = 11, color: str = INK, bold: bool = False, link: bool = False) -> Font:
    """Return a font of the workbook's family."""
    return Font(name=FONT, size=size, color=color, bold=bold, underline="single" if link else None)


def filled(color: str) -> PatternFill:
    """Return a solid fill."""
    return PatternFill("solid", fgColor=color, bgColor=color)


def is_identifier(header: str) -> bool:
    """Tell whether numbers under `header` name things, so that nobody sums or groups their digits."""
    return _IDENTIFIER.search(header) is not None


def number_format(column: Column) -> str:
    """Return the number format of a column."""
    if column.kind in FORMATS:
        return FORMATS[column.kind]
    if is_identifier(column.header):
        return "0" if column.decimals == 0 else "General"
    return ("#,##0", "#,##0.0", "#,##0.00")[column.decimals]


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
