"""The links of a sheet: those that stay, and those whose cells are rewritten."""

from __future__ import annotations

import re

from schedkit.excel.names import column_number
from schedkit.excel.parts import sheet_cells
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.sheet import LINK, Sheet
from schedkit.excel.template.neighbours import Overwritten

_REF = re.compile(rb"\sref\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_CORNER = re.compile(rb"\sref\s*=\s*[\"']\$?([A-Z]{1,3})\$?([0-9]+)")
# The id of a link's relation has a prefix, whichever it is.
_ID = re.compile(rb":id\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


def count_staying(sheet: Sheet, overwritten: Overwritten) -> int:
    """Return how many links of a sheet are in cells that are not rewritten."""
    links = LINK.finditer(sheet.links)
    if overwritten.first_row > overwritten.body.bottom:
        return sum(1 for _ in links)
    return sum(not overwritten.covers(*_corner(link)) for link in links)


def keep_links(sheet: Sheet, overwritten: Overwritten, growth: RangeGrowth) -> set[str]:
    """Remove the links of overwritten cells, and move those of the totals.

    Returns
    -------
    set of str
        The ids of relations that no link uses any more.
    """
    sheet.declare_links()
    if overwritten.first_row > growth.body.bottom and not growth.totals:
        return set()
    kept: list[bytes] = []
    gone: list[bytes] = []
    for link in LINK.finditer(sheet.links):
        row, column = _corner(link)
        covered = overwritten.covers(row, column)
        moves = growth.body.bottom < row <= growth.old_end and not covered
        (gone if covered else kept).append(_moved(link, growth) if moves else link[0])
    sheet.links = b"".join(kept)
    freed = _ids(b"".join(gone))
    return freed - _ids(sheet.links) if freed else freed


def _corner(link: re.Match[bytes]) -> tuple[int, int]:
    """Return row and column of the first cell of a link, zeros if it names none."""
    found = _CORNER.search(link[2])
    return (int(found[2]), column_number(found[1].decode())) if found else (0, 0)


def _ids(links: bytes) -> set[str]:
    return {(double or single).decode() for double, single in _ID.findall(links)}


def _moved(link: re.Match[bytes], growth: RangeGrowth) -> bytes:
    ref = sheet_cells.attributes(link[2].decode()).get("ref", "")
    if Area.parse(ref) is None:
        return link[0]
    return _REF.sub(f' ref="{growth.areas(ref)}"'.encode(), link[0], count=1)
