"""A worksheet part cut where the filler works: before its rows, its rows, after them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DATA = re.compile(rb"<sheetData\s*/>|<sheetData\s*>(.*?)</sheetData>", re.DOTALL)
_ROW = re.compile(rb'<row\b[^>]*?\br="(\d+)"[^>]*?(?:/>|>.*?</row>)', re.DOTALL)
_CELL = re.compile(rb"<c\b([^>]*?)(?:/>|>.*?</c>)", re.DOTALL)
_REF = re.compile(rb'\br="([A-Z]+)(\d+)"')
_STYLE = re.compile(rb'\bs="(\d+)"')
_DIMENSION = re.compile(rb"<dimension\b[^>]*/>")


@dataclass(frozen=True)
class SheetXml:
    """The bytes of a worksheet: what precedes `<sheetData>`, its rows by number, what follows."""

    head: bytes
    rows: dict[int, bytes]
    tail: bytes


def split(xml: bytes) -> SheetXml:
    """Cut a worksheet part."""
    found = _DATA.search(xml)
    assert found is not None
    rows = {int(row[1]): row[0] for row in _ROW.finditer(found[1] or b"")}
    return SheetXml(xml[: found.start()], rows, xml[found.end() :])


def styles(row: bytes) -> dict[str, int]:
    """Return the cell format of each cell of a row, by column letters."""
    found = {}
    for attributes in _CELL.findall(row):
        ref, style = _REF.search(attributes), _STYLE.search(attributes)
        assert ref is not None
        found[ref[1].decode()] = int(style[1]) if style else 0
    return found
