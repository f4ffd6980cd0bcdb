"""The links of a sheet: those that stay, and those whose cells are written anew."""

from __future__ import annotations

import re

from schedkit.excel.parts import sheet_cells
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.sheet import LINK, Sheet
from schedkit.excel.template.neighbours import Overwritten

_REF = re.compile(rb"\sref\s*=\s*(?:\"[^\"]*\"|'[^']*')")


def keep_links(sheet: Sheet, overwritten: Overwritten, growth: RangeGrowth) -> set[str]:
    """Take the links of overwritten cells out of a sheet, and move those of the totals.

    Returns
    -------
    set of str
        The ids of relations that no link uses any more.
    """
    sheet.declare_links()
    if overwritten.first_row > growth.body.bottom and not growth.totals:
        return set()
    kept: list[bytes] = []
    used: set[str] = set()
    gone: set[str] = set()
    for link in LINK.finditer(sheet.links):
        told = sheet_cells.attributes(link[2].decode())
        area = Area.parse(told.get("ref", ""))
        # The id of the relation has a prefix, whichever it is.
        ids = {value for name, value in told.items() if name.endswith(":id")}
        if area is not None and overwritten.covers(area.top, area.left):
            gone |= ids
            continue
        used |= ids
        moves = area is not None and growth.body.bottom < area.top <= growth.old_end
        kept.append(_moved(link[0], growth.areas(told["ref"])) if moves else link[0])
    sheet.links = b"".join(kept)
    return gone - used


def _moved(link: bytes, ref: str) -> bytes:
    return _REF.sub(f' ref="{ref}"'.encode(), link, count=1)
