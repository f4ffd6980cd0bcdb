"""Formats and colours that the caller chose for columns."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence

from openpyxl.formatting.rule import Rule
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.worksheet.worksheet import Worksheet

from schedkit import context
from schedkit.errors import WorkbookError
from schedkit.excel.column_types import Column, Kind
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.names import letters
from schedkit.excel.new_workbook import styles
from schedkit.excel.new_workbook.decorate import data_bar
from schedkit.excel.number_formats import kind_of_format
from schedkit.values.mappings import plain_mapping
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["BAR", "ColumnFormat", "checked_formats", "colour_column", "fitting_formats"]

ColumnFormat = str | Mapping[str, str]
# Instead of a number format: a bar behind each number.
BAR = "bar"
_COLOUR = re.compile(r"#?([0-9A-Fa-f]{6})")
# Excel repairs a file whose format it cannot parse: text in quotes and conditions in brackets are closed,
# and there are at most four sections.
_PIECE = r'(?:"[^"]*"|\[[^\]\[]*\]|\\.|[^"\[\]\\;\x00-\x1f])'
_CODE = re.compile(rf"(?=.){_PIECE}*(?:;{_PIECE}*){{0,3}}")
_MOST_LETTERS = 255
_SAMPLE_ROWS = 1000


def checked_formats(
    formats: Mapping[str, ColumnFormat], columns: Sequence[Column]
) -> dict[int, str | dict[str, str]]:
    """Return the formats by 1-based position of their column; colours as six digits.

    Raises
    ------
    WorkbookError
        If there is no such column, or a format or colour cannot be written.
    """
    places = {column.header: place for place, column in enumerate(columns, 1)}
    found: dict[int, str | dict[str, str]] = {}
    for header, given in formats.items():
        wanted = plain_mapping(given)
        if header not in places:
            raise WorkbookError(f"no column {header!r} to format", hint=did_you_mean(header, places))
        if isinstance(wanted, Mapping):
            if long := next((value for value in wanted if len(str(value)) > _MOST_LETTERS), None):
                raise WorkbookError(
                    f"cannot colour column {header!r} by a text of {len(str(long))} characters",
                    hint=f"Excel compares with texts of up to {_MOST_LETTERS}",
                )
            found[places[header]] = {str(value): _colour(header, colour) for value, colour in wanted.items()}
        elif isinstance(wanted, str) and _CODE.fullmatch(wanted) and len(wanted) <= _MOST_LETTERS:
            found[places[header]] = wanted
        else:
            raise WorkbookError(
                f"invalid format {safe_repr(wanted)} of column {header!r}",
                hint="use a number format such as '0.0%', 'bar', or colours such as {'Done': '#C6EFCE'}",
            )
    return found


def fitting_formats(
    formats: Mapping[int, str | Mapping[str, str]], columns: Sequence[Column], rows: int
) -> dict[int, str | Mapping[str, str]]:
    """Return the formats that show something; a warning is given for each other one."""
    found = {}
    for position, wanted in formats.items():
        why = _misfit(wanted, columns[position - 1], rows) if isinstance(wanted, str) else ""
        if why:
            context.log(why, logging.WARNING)
        else:
            found[position] = wanted
    return found


def _misfit(wanted: str, column: Column, rows: int) -> str:
    """Return why a number format shows nothing in a column; blank if it does."""
    what = "bar" if wanted == BAR else f"format {wanted!r}"
    # The fourth section of a format is for text.
    for_text = "@" in wanted or wanted.count(";") >= 3 or wanted.casefold() == "general"
    if column.kind in (Kind.TEXT, Kind.BOOLEAN) and not for_text:
        cells = column.cells(0, min(rows, _SAMPLE_ROWS), ConversionReport())
        values = cells.texts if column.kind is Kind.TEXT else cells.booleans
        if values is not None and values.null_count < len(values):
            return f"column {column.header!r} holds no numbers for its {what}"
    undated = column.digits.undated
    dated = wanted != BAR and kind_of_format(wanted) != "n"
    if dated and undated is not None and column.kind in (Kind.INTEGER, Kind.NUMBER):
        return f"column {column.header!r} holds {undated:g}, which is not a date: its {what} is not used"
    return ""


def _colour(header: str, colour: object) -> str:
    found = _COLOUR.fullmatch(colour) if isinstance(colour, str) else None
    if found is None:
        raise WorkbookError(
            f"invalid colour {safe_repr(colour)} of column {header!r}",
            hint="write six digits, e.g. '#C6EFCE'",
        )
    return found[1].upper()


def colour_column(
    sheet: Worksheet, position: int, wanted: str | Mapping[str, str], top: int, bottom: int
) -> None:
    """Colour the cells of a column by what they hold, or draw a bar behind their numbers."""
    name = letters(position)
    area = f"{name}{top}:{name}{bottom}"
    if wanted == BAR:
        sheet.conditional_formatting.add(area, data_bar())
    if isinstance(wanted, str):
        return
    for value, colour in wanted.items():
        quoted = value.replace('"', '""')
        # Numbers are compared as the text that they are shown as.
        formula = f'TRIM(${name}{top})="{quoted}"'
        style = DifferentialStyle(fill=styles.filled(colour))
        rule = Rule(type="expression", formula=[formula], dxf=style, stopIfTrue=True)
        sheet.conditional_formatting.add(area, rule)
