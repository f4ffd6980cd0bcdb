"""What the first body row of a template carries down: formats and formulas."""

from __future__ import annotations

import re
from xml.sax.saxutils import unescape

from openpyxl.formula.translate import Translator

from schedkit.excel.formula import Formula
from schedkit.excel.names import letters
from schedkit.excel.parts.sheetxml import SheetXml

_FORMULA = re.compile(r"<f\b([^>]*?)(?:/>|>(.*?)</f>)", re.DOTALL)
_SHARED = re.compile(r'\bsi="([0-9]+)"')
_MASTER = r'<c\b[^>]*?\br="([A-Z]+[0-9]+)"[^>]*><f\b(?=[^>]*\bsi="{}")(?=[^>]*\bref=)[^>]*>(.*?)</f>'
_ENTITIES = {"&quot;": '"', "&apos;": "'"}


def formula_of(sheet: SheetXml, row: int, column: int) -> Formula | None:
    """Return the formula of a cell, ready to be carried down; None if it has none that can be."""
    cell = sheet.row(row).cells.get(column, "")
    found = _FORMULA.search(cell)
    if found is None or 't="dataTable"' in found[1]:
        return None
    text = found[2] or ""
    shared = _SHARED.search(found[1])
    if not text and shared:
        text = _translated(sheet, shared[1], f"{letters(column)}{row}")
    return Formula.parse(unescape(text, _ENTITIES), row, array='t="array"' in found[1])


def _translated(sheet: SheetXml, shared: str, place: str) -> str:
    """Return what a shared formula says in the cell `place`: only its first cell holds the text."""
    pattern = re.compile(_MASTER.format(shared), re.DOTALL)
    for xml in sheet.rows.values():
        found = pattern.search(xml)
        if found:
            origin = unescape(found[2], _ENTITIES)
            return str(Translator("=" + origin, origin=found[1]).translate_formula(place))[1:]
    return ""
