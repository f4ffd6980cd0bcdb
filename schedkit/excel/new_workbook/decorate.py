"""Conditional colours, data bars, header notes and print setup of a sheet of issues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from openpyxl.comments import Comment
from openpyxl.formatting.rule import DataBar, FormatObject, Rule
from openpyxl.styles import Font
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from schedkit.excel.column_types import ZONE_NOTE, Column, Kind, Policy
from schedkit.excel.names import letters
from schedkit.excel.new_workbook import styles
from schedkit.excel.new_workbook.column_roles import StatusCategories, priorities, roles
from schedkit.excel.new_workbook.styles import Tone
from schedkit.excel.text import excel_escape
from schedkit.values.extraction import incomplete

_NOTE_WIDTH, _NOTE_LINE = 340, 19


def colour(
    sheet: Worksheet, columns: Sequence[Column], attrs: Mapping[Any, Any], top: int, bottom: int
) -> None:
    """Colour status, priority and overdue dates by rules that follow the cells when they are edited."""
    found = roles([column.header for column in columns], attrs.get("fields") or {})
    categories = StatusCategories.of(attrs)

    def area(role: str) -> str:
        name = letters(found[role] + 1)
        return f"{name}{top}:{name}{bottom}"

    def cell(role: str) -> str:
        return f"${letters(found[role] + 1)}{top}"

    def rule(role: str, formula: str, tone: Tone, *, bold: bool = False) -> None:
        style = DifferentialStyle(
            font=Font(color=tone.ink, bold=bold or None),
            fill=styles.filled(tone.fill) if tone.fill != styles.WHITE else None,
        )
        made = Rule(type="expression", formula=[formula], dxf=style, stopIfTrue=True)
        sheet.conditional_formatting.add(area(role), made)

    if "category" in found:
        for place, tone in enumerate(styles.CATEGORY_TONES):
            names = categories.names(place)
            for role in ("category", "status"):
                if role in found:
                    rule(role, _is_one_of(cell("category"), names), tone)
    if "priority" in found:
        degrees = priorities(columns[found["priority"]].ranks)
        for names, tone in zip(degrees, styles.PRIORITY_TONES, strict=True):
            if names:
                rule("priority", _is_one_of(cell("priority"), names), tone, bold=tone.fill != styles.WHITE)
    if "due" in found:
        late = f"ISNUMBER({cell('due')}),{cell('due')}<TODAY()"
        if "category" in found:
            late += f",NOT({_is_one_of(cell('category'), categories.names(2))})"
        rule("due", f"AND({late})", styles.OVERDUE, bold=True)


def _is_one_of(cell: str, names: Sequence[str]) -> str:
    # Excel compares text without regard to case.
    quoted = [name.replace('"', '""') for name in names]
    tests = ",".join(f'{cell}="{name}"' for name in quoted)
    return f"OR({tests})"


def bars(
    sheet: Worksheet, columns: Sequence[Column], fields: Mapping[str, Any], top: int, bottom: int
) -> None:
    """Draw a bar behind the story points."""
    place = roles([column.header for column in columns], fields).get("points")
    if place is not None and columns[place].kind in (Kind.INTEGER, Kind.NUMBER):
        name = letters(place + 1)
        sheet.conditional_formatting.add(f"{name}{top}:{name}{bottom}", data_bar())


def data_bar() -> Rule:
    """Return the rule that draws a bar from zero to the greatest number."""
    ends = [FormatObject(type="num", val=0), FormatObject(type="max")]
    return Rule(type="dataBar", dataBar=DataBar(cfvo=ends, color=styles.BAR))


def notes(
    sheet: Worksheet, columns: Sequence[Column], attrs: Mapping[Any, Any], policy: Policy, row: int
) -> None:
    """Add a note to each header: field, query, time of extraction and time zone of its column."""
    fields = attrs.get("fields") or {}
    for position, column in enumerate(columns, 1):
        lines = []
        field = fields.get(column.header)
        if field:
            kind = f" ({field['type']})" if field.get("type") else ""
            lines.append(f"Field: {field.get('id', column.header)}{kind}")
        if column.zone and column.kind is not Kind.DATE:
            lines.append(f"{ZONE_NOTE} {column.zone}")
        if position == 1:
            lines += provenance(attrs, policy)
        if lines:
            comment = Comment(excel_escape("\n".join(lines)), "schedkit")
            comment.width, comment.height = (
                _NOTE_WIDTH,
                _NOTE_LINE * (sum(1 + len(x) // 48 for x in lines) + 1),
            )
            sheet.cell(row, position).comment = comment


def provenance(attrs: Mapping[Any, Any], policy: Policy) -> list[str]:
    """Return the origin of a frame, as lines of text."""
    lines = []
    if attrs.get("jql"):
        lines.append(f"JQL: {attrs['jql']}")
    if attrs.get("site"):
        lines.append(f"Site: {attrs['site']}")
    extracted = extracted_at(attrs)
    if extracted is not None:
        lines.append(f"Extracted: {extracted.tz_convert(policy.zone):%Y-%m-%d %H:%M} ({policy.zone_name})")
    if why := incomplete(attrs):
        lines.append(f"Incomplete: {why}")
    return lines


def extracted_at(attrs: Mapping[Any, Any]) -> pd.Timestamp | None:
    """Return the end of a frame's extraction, as its attributes tell it (``extraction["as_of"]``)."""
    extraction = attrs.get("extraction")
    as_of = extraction.get("as_of") if isinstance(extraction, Mapping) else None
    if isinstance(as_of, Sequence) and not isinstance(as_of, str) and as_of:
        as_of = as_of[-1]
    if not isinstance(as_of, str | datetime):
        return None
    stamp = pd.to_datetime(as_of, errors="coerce", utc=True)
    return stamp if isinstance(stamp, pd.Timestamp) else None


def print_setup(sheet: Worksheet, *, repeat_rows: int = 0, pages: int = 0) -> None:
    """Print on landscape pages as wide as the sheet, with the first `repeat_rows` repeated and pages counted.

    `pages` is how many pages it may be long; 0 means as many as it takes.
    """
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = pages
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_margins = PageMargins(left=0.4, right=0.4, top=0.5, bottom=0.6, header=0.3, footer=0.3)
    footer = sheet.oddFooter
    assert footer is not None
    footer.left.text, footer.right.text = "&A", "&P / &N"
    if repeat_rows:
        sheet.print_title_rows = f"1:{repeat_rows}"
