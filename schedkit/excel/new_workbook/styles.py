"""How a workbook looks: colours, number formats, widths."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from openpyxl.styles import Font, PatternFill

from schedkit.excel.column_types import Column, Kind
from schedkit.excel.conversion_report import ConversionReport

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
# For values without a colour of their own: enough to tell neighbours apart.
SERIES = ("1F3A5F", "2684FF", "36B37E", "FFAB00", "6554C0", "00B8D9", "FF5630", "8993A4")

_SAMPLE_ROWS = 1000
_NARROWEST, _WIDEST = 8.0, 60.0
# Room for the filter button beside the header's text.
_BUTTON = 3.5
# Words in headers of ids and years, on their own or at the end of a name.
_IDENTIFIER = re.compile(
    r"(?i:(?:^|[\W_])(?:ids?|key|year|fy|quarter|week|number|nr|no|build|version|revision|code|zip|plz)\W*$)"
    r"|[a-z](?:Id|Key|Year|Number|Nr|No)$|^#$|^(?i:fy|year|build|version|revision)\b"
)
# Characters twice as wide as a digit: scripts of East Asia, and emoji.
_WIDE = (
    r"[\x{1100}-\x{115F}\x{2E80}-\x{A4CF}\x{A960}-\x{A97F}\x{AC00}-\x{D7A3}\x{F900}-\x{FAFF}"
    r"\x{FE30}-\x{FE6F}\x{FF00}-\x{FF60}\x{FFE0}-\x{FFE6}\x{1F300}-\x{1FAFF}\x{20000}-\x{3FFFD}]"
)

FORMATS = {
    Kind.TEXT: "General",
    Kind.MIXED: "General",
    Kind.BOOLEAN: "General",
    Kind.DATE: "yyyy-mm-dd",
    Kind.DATETIME: "yyyy-mm-dd hh:mm",
    Kind.TIME: "hh:mm:ss",
    Kind.DURATION: "[h]:mm:ss",
}
# Kinds whose values have the same width in every row are centred.
CENTRED = (Kind.DATE, Kind.DATETIME, Kind.TIME, Kind.BOOLEAN)
_FIXED_WIDTHS = {
    Kind.DATE: 11.5,
    Kind.DATETIME: 17.0,
    Kind.TIME: 10.0,
    Kind.DURATION: 12.0,
    Kind.BOOLEAN: 8.0,
}


def font(*, size: float = 11, color: str = INK, bold: bool = False, link: bool = False) -> Font:
    """Return a font of the workbook's family."""
    return Font(name=FONT, size=size, color=color, bold=bold, underline="single" if link else None)


def filled(color: str) -> PatternFill:
    """Return a solid fill."""
    return PatternFill("solid", fgColor=color, bgColor=color)


def is_identifier(header: str) -> bool:
    """Tell whether numbers under `header` are identifiers, whose digits are not summed or grouped."""
    return _IDENTIFIER.search(header) is not None


def number_format(column: Column) -> str:
    """Return the number format of a column."""
    decimals = column.digits.decimals
    if column.kind is Kind.DURATION and decimals:
        return f"{FORMATS[Kind.DURATION]}.{'0' * decimals}"
    if column.kind in FORMATS:
        return FORMATS[column.kind]
    if decimals is None or (decimals and is_identifier(column.header)):
        return "General"
    whole = "#,##0" if column.digits.grouped and not is_identifier(column.header) else "0"
    return f"{whole}.{'0' * decimals}" if decimals else whole


def width(column: Column, rows: int, total: float | None = None) -> float:
    """Return a column width in characters that fits the header and nearly all of the first values.

    Numbers fit all, the `total` below them included: one that does not fit is shown as ``###``.
    """
    heading = text_width(column.header) + _BUTTON
    if column.kind in _FIXED_WIDTHS:
        return max(_FIXED_WIDTHS[column.kind], heading)
    cells = column.cells(0, min(rows, _SAMPLE_ROWS), ConversionReport())
    texts = cells.texts
    longest = 0.0 if texts is None or texts.null_count == len(texts) else _usual_width(texts)
    if column.kind in (Kind.INTEGER, Kind.NUMBER):
        ends = [column.digits.low, column.digits.high, *([] if total is None else [total])]
        return min(max(longest, *(len(_shown(number, column)) for number in ends), heading - 2) + 2, _WIDEST)
    if cells.moments is not None or cells.durations is not None:
        longest = max(longest, _FIXED_WIDTHS[Kind.DATETIME])
    return min(max(longest + 2, heading, _NARROWEST), _WIDEST)


def _shown(number: float, column: Column) -> str:
    """Return a number about as its format shows it."""
    if column.digits.decimals is None:
        return f"{number:.10g}"
    return f"{number:,.{column.digits.decimals}f}"


def text_width(text: str) -> float:
    """Return how wide a text is, in digits."""
    return float(_units(pa.array([text], pa.large_string()))[0].as_py())


def _units(texts: pa.Array) -> pa.Array:
    """Return how wide texts are, in digits."""
    return pc.add(pc.utf8_length(texts), pc.count_substring_regex(texts, _WIDE).cast(pa.int64()))


def _usual_width(texts: pa.Array) -> float:
    return float(pc.quantile(_units(texts), 0.95)[0].as_py())
