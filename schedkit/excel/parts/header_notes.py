"""What the notes on headers say: the zone of a column's times, which outlives other programs' savings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from schedkit.errors import UsageError, WorkbookError
from schedkit.excel.column_types import ZONE_NOTE
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.workbook import MAIN, Workbook, parse, relations
from schedkit.values.timezones import parse_timezone, timezone_name

__all__ = ["zones_noted"]

_ZONE = re.compile(rf"^{ZONE_NOTE} (\S+)\s*$", re.MULTILINE)


def zones_noted(book: Workbook, sheet_part: str, header_row: int) -> dict[int, str]:
    """Return column → the zone that the note on its header names."""
    found: dict[int, str] = {}
    for cell, text in _notes(book, sheet_part):
        told = _ZONE.search(text)
        if cell is not None and cell.top == header_row and told is not None:
            with suppress(UsageError):  # somebody's own words
                found[cell.left] = timezone_name(parse_timezone(told.group(1)))
    return found


def _notes(book: Workbook, sheet_part: str) -> Iterator[tuple[Area | None, str]]:
    """Yield the notes of a worksheet part, none if they cannot be read: the cells can."""
    for relation in relations(book.package, sheet_part, "comments"):
        if relation.target in book.package:
            with suppress(WorkbookError):
                for note in parse(book.package.read(relation.target)).iter(f"{{{MAIN}}}comment"):
                    text = "".join(node.text or "" for node in note.iter(f"{{{MAIN}}}t"))
                    yield Area.parse(note.get("ref", "")), text
