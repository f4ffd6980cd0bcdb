"""What the notes on headers say: the zone of a column's times, which outlives other programs' savings."""

from __future__ import annotations

import re

from schedkit.errors import UsageError
from schedkit.excel.column_types import ZONE_NOTE
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.workbook import MAIN, Workbook, parse, relations
from schedkit.values.timezones import parse_timezone, timezone_name

__all__ = ["zones_noted"]

_ZONE = re.compile(rf"^{ZONE_NOTE} (\S+)\s*$", re.MULTILINE)


def zones_noted(book: Workbook, sheet_part: str, header_row: int) -> dict[int, str]:
    """Return column → the zone that the note on its header names."""
    found: dict[int, str] = {}
    for relation in relations(book.package, sheet_part, "comments"):
        if relation.target not in book.package:
            continue
        for comment in parse(book.package.read(relation.target), relation.target).iter(f"{{{MAIN}}}comment"):
            cell = Area.parse(comment.get("ref", ""))
            told = _ZONE.search("".join(node.text or "" for node in comment.iter(f"{{{MAIN}}}t")))
            if cell is None or cell.top != header_row or told is None:
                continue
            try:
                found[cell.left] = timezone_name(parse_timezone(told.group(1)))
            except UsageError:  # somebody's own words
                continue
    return found
