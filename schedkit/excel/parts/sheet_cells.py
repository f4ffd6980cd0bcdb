"""Cells of a worksheet as XML text: their address, style, formula and cached value."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from xml.sax.saxutils import escape, unescape

from schedkit.excel.names import column_number, letters
from schedkit.excel.parts.area import Area

# Elements may carry a namespace prefix. Text that comes here holds no comments and no CDATA.
PREFIX = r"(?:[\w.-]+:)?"
ATTRIBUTES = r"((?:[^\"'>/]|\"[^\"]*\"|'[^']*')*+)"
_CELL = re.compile(rf"<({PREFIX}c)(?=[\s/>]){ATTRIBUTES}(?:/>|>(.*?)</\1\s*>)", re.DOTALL)
_FORMULA = re.compile(rf"<({PREFIX}f)(?=[\s/>]){ATTRIBUTES}(?:/>|>([^<]*)</\1\s*>)")
_VALUE = re.compile(rf"<({PREFIX}v)(?=[\s/>]){ATTRIBUTES}(?:/>|>([^<]*)</\1\s*>)")
_TEXT = re.compile(rf"<({PREFIX}t)(?=[\s/>]){ATTRIBUTES}(?:/>|>([^<]*)</\1\s*>)")
_PHONETIC = re.compile(rf"<({PREFIX}rPh)(?=[\s/>]){ATTRIBUTES}>.*?</\1\s*>", re.DOTALL)
_TYPE = re.compile(r"\st\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_CONTENT = re.compile(rf"<{PREFIX}(?:v|f|is)(?=[\s/>])")
_ATTRIBUTE = re.compile(r"\s([\w.:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_ADDRESS = re.compile(r"\sr\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_AREA = re.compile(r"\sref\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_REGULAR = '<c r="'
ENTITIES = {"&quot;": '"', "&apos;": "'"}


@dataclass(frozen=True)
class FormulaXml:
    """The formula of a cell: its text, its kind ("", "array", "shared", "dataTable") and shared index."""

    text: str
    kind: str = ""
    shared: str = ""
    area: str = ""


def attributes(text: str) -> dict[str, str]:
    """Return the attributes of a start tag, as they are written."""
    found = _ATTRIBUTE.findall(text)
    return {name: double or single.replace('"', "&quot;") for name, double, single in found}


def cells_of(xml: str, row: int, without: Container[int] = ()) -> dict[int, str]:
    """Return the cells within a row by column, but for some columns.

    A cell without an address follows the one before it.
    """
    found: dict[int, str] = {}
    if is_regular(xml):
        for piece in xml.split(_REGULAR)[1:]:
            column = column_number(piece[: piece.index('"')].rstrip("0123456789"))
            if column in without:
                continue
            cell = _REGULAR + piece
            found[column] = cell if cell.endswith(("</c>", "/>")) else _cell(cell)[0]
        return found
    column = 0
    for each in _CELL.finditer(xml):
        address = attributes(each[2]).get("r")
        column = column_number(address.rstrip("0123456789")) if address else column + 1
        if column not in without:
            found[column] = each[0] if address else at(each[0], column, row)
    return found


def is_regular(xml: str) -> bool:
    """Tell whether all cells within a row begin with their address, as most programs write them."""
    return ":c" not in xml and xml.count("<c") == xml.count(_REGULAR)


def _cell(text: str) -> re.Match[str]:
    found = _CELL.match(text)
    assert found is not None
    return found


def at(cell: str, column: int, row: int) -> str:
    """Return a cell with the address of another place; the area of an array formula moves along."""
    address = f' r="{letters(column)}{row}"'
    start, end = _cell(cell).span(2)
    written = _ADDRESS.search(cell, start, end)
    if written is None:
        return cell[:start] + address + cell[start:]
    old = Area.parse(attributes(written[0])["r"])
    formula = formula_of(cell)
    moved = cell[: written.start()] + address + cell[written.end() :]
    area = None if formula is None or formula.kind == "shared" else Area.parse(formula.area)
    if old is None or area is None:
        return moved
    right, down = column - old.left, row - old.top
    area = Area(area.top + down, area.left + right, area.bottom + down, area.right + right)
    text = str(area) if ":" in (formula.area if formula else "") else str(area).partition(":")[0]
    return _FORMULA.sub(lambda found: _AREA.sub(f' ref="{text}"', found[0], count=1), moved, count=1)


def style_of(cell: str | None) -> int | None:
    """Return the format of a cell, None if there is no cell or it has the default one."""
    found = _CELL.match(cell or "")
    style = attributes(found[2]).get("s") if found else None
    return int(style) if style is not None and style.isdigit() else None


def is_filled(cell: str) -> bool:
    """Tell whether a cell holds a value or a formula, not only a format."""
    return _CONTENT.search(cell) is not None


def formula_of(cell: str) -> FormulaXml | None:
    """Return the formula of a cell, None if it has none."""
    found = _FORMULA.search(cell)
    if found is None:
        return None
    return formula_xml(found[2], found[3] or "")


def formula_xml(written: str, text: str) -> FormulaXml:
    """Return a formula by the attributes and the text of its element, as they are written."""
    known = attributes(written) if written else {}
    return FormulaXml(formula_text(text), known.get("t", ""), known.get("si", ""), known.get("ref", ""))


def formula_text(written: str) -> str:
    """Return the text of a formula or a value without escapes."""
    return unescape(written, ENTITIES) if "&" in written else written


def with_formula(cell: str, text: str) -> str:
    """Return a cell with another text in its formula, whose kind stays."""
    return _FORMULA.sub(lambda found: f"<{found[1]}{found[2]}>{escape(text)}</{found[1]}>", cell, count=1)


def unshared(cell: str, text: str) -> str:
    """Return a cell with a formula of its own in the place of a shared one."""
    return _FORMULA.sub(lambda found: f"<{found[1]}>{escape(text)}</{found[1]}>", cell, count=1)


def without_value(cell: str) -> str:
    """Return a cell without its value; a formula stays."""
    return _VALUE.sub("", cell)


def lacks_value(cell: str) -> bool:
    """Tell whether a cell has a formula but no stored value."""
    if formula_of(cell) is None:
        return False
    kind, text = value_of(cell)
    return not text and kind != "str"


def value_of(cell: str) -> tuple[str, str | None]:
    """Return the type of a cell (as its attribute ``t``) and its stored value, if any."""
    found = _cell(cell)
    kind, content = attributes(found[2]).get("t", "n"), found[3] or ""
    if kind == "inlineStr":
        return kind, "".join(
            formula_text(each[3] or "") for each in _TEXT.finditer(_PHONETIC.sub("", content))
        )
    value = _VALUE.search(content)
    return kind, None if value is None else formula_text(value[3] or "")


def with_value(cell: str, kind: str, text: str) -> str:
    """Return the cell of a formula with another value; `kind` is the attribute that tells its type."""
    cell = without_value(cell)
    found = _cell(cell)
    name, content = found[1], found[3] or ""
    value = f"<{name[:-1]}v>{text}</{name[:-1]}v>"
    return f"<{name}{_TYPE.sub('', found[2])}{kind}>{content}{value}</{name}>"
