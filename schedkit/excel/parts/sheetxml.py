"""A worksheet part cut where the filler works: before its rows, its rows and their cells, after them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape, unescape

from schedkit.errors import WorkbookError
from schedkit.excel.names import column_number
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.growth import Growth

_DATA = re.compile(rb"<sheetData\s*/>|<sheetData\b[^>]*>(.*?)</sheetData>", re.DOTALL)
_ROW = re.compile(r"<row\b([^>]*?)(?:/>|>(.*?)</row>)", re.DOTALL)
_CELL = re.compile(r'<c\b[^>]*?\br="([A-Z]+)[0-9]+"[^>]*?(?:/>|>.*?</c>)', re.DOTALL)
_ROW_NUMBER = re.compile(r'\br="([0-9]+)"')
_CELL_ROW = re.compile(r'(<c\b[^>]*?\br="[A-Z]+)[0-9]+"')
_STYLE = re.compile(r'<c\b[^>]*?\bs="([0-9]+)"')
_FORMULA = re.compile(r"(<f\b[^>]*?(?<!/)>)(.*?)(</f>)", re.DOTALL)
# What a new row takes over from the prototype: its look, not its number or extent.
_CARRIED = re.compile(r'\s(?:s|customFormat|ht|customHeight|thickBot|thickTop|x14ac:dyDescent)="[^"]*"')


@dataclass(frozen=True)
class Row:
    """One row: its attributes but for the number, and its cells' XML by column."""

    attributes: str
    cells: dict[int, str]


@dataclass(frozen=True)
class SheetXml:
    """A worksheet: the bytes before `<sheetData>`, its rows' XML by number, the bytes after."""

    head: bytes
    rows: dict[int, str]
    tail: bytes

    def row(self, number: int) -> Row:
        """Return a row, blank if it is not there."""
        xml = self.rows.get(number)
        if xml is None:
            return Row("", {})
        found = _ROW.match(xml)
        assert found is not None
        attributes = re.sub(r'\s(?:r|spans)="[^"]*"', "", found[1].rstrip("/"))
        cells = {column_number(cell[1]): cell[0] for cell in _CELL.finditer(found[2] or "")}
        return Row(attributes.rstrip(), cells)


def split(xml: bytes, name: str) -> SheetXml:
    """Cut a worksheet part.

    Raises
    ------
    WorkbookError
        If the part is written in a way no spreadsheet program writes.
    """
    found = _DATA.search(xml)
    if found is None:
        raise WorkbookError(
            f"the sheet {name!r} is written in a form that cannot be filled", hint="save it in Excel"
        )
    rows = {}
    for row in _ROW.finditer((found[1] or b"").decode()):
        number = _ROW_NUMBER.search(row[1])
        if number is None or (row[2] and "<c>" in row[2]):
            raise WorkbookError(
                f"the sheet {name!r} does not number its rows and cells", hint="save it in Excel"
            )
        rows[int(number[1])] = row[0]
    return SheetXml(xml[: found.start()], rows, xml[found.end() :])


def style_of(cell: str | None) -> int | None:
    """Return the format of a cell, None if there is no cell or it has the default one."""
    found = _STYLE.match(cell or "")
    return int(found[1]) if found else None


def carried(attributes: str) -> str:
    """Return what of a row's attributes a new row takes over."""
    return "".join(_CARRIED.findall(attributes))


def moved(cell: str, row: int) -> str:
    """Return a cell's XML in another row."""
    return _CELL_ROW.sub(rf'\g<1>{row}"', cell, count=1)


def joined(number: int, row: Row) -> str:
    """Return a row's XML."""
    cells = "".join(row.cells[column] for column in sorted(row.cells))
    return f'<row r="{number}"{row.attributes}>{cells}</row>'


def grown(xml: str, growth: Growth) -> str:
    """Return cells or rows whose formulas refer to the region as it is now, without the values they had."""

    def change(found: re.Match[str]) -> str:
        before = unescape(found[2], _ENTITIES)
        after = growth.unqualified(before)
        return found[1] + (found[2] if after == before else escape(after)) + found[3]

    return uncached(_FORMULA.sub(change, xml)) if "<f" in xml else xml


def uncached(xml: str) -> str:
    """Return cells without the values that formulas had: they were calculated from other rows.

    Such a value would mislead a program that does not calculate by itself.
    """
    return _OLD_VALUE.sub(r"\1", xml) if "<f" in xml else xml


_OLD_VALUE = re.compile(r"(<f\b[^>]*?/>|</f>)<v>[^<]*</v>")
_ENTITIES = {"&quot;": '"', "&apos;": "'"}
_DIMENSION = re.compile(rb'<dimension\b[^>]*?ref="([^"]*)"[^>]*?/>')
_RANGES = re.compile(rb'(\b(?:sqref|ref)=")([^"]*)(")|(<xm:sqref>)([^<]*)(</xm:sqref>)')
_SPARKS = re.compile(rb"(<xm:f>)([^<]*)(</xm:f>)")
_STAYS = re.compile(rb"<(?:mergeCell|hyperlink|selection|oleObject|control)\b[^>]*>")


def dimension(head: bytes) -> Area | None:
    """Return the area a sheet says it uses."""
    found = _DIMENSION.search(head)
    return Area.parse(found[1].decode()) if found else None


def head_for(head: bytes, used: Area) -> bytes:
    """Return the head with the dimension of the rows that follow it."""
    found = _DIMENSION.search(head)
    if found is None:
        return head
    return head[: found.start()] + f'<dimension ref="{used}"/>'.encode() + head[found.end() :]


def tail_for(tail: bytes, growth: Growth) -> bytes:
    """Return the tail with rules, validations, filters and sparklines grown to the new rows."""
    stays: list[bytes] = []

    def aside(found: re.Match[bytes]) -> bytes:
        stays.append(found[0])
        return b"\x00"

    def ranges(found: re.Match[bytes]) -> bytes:
        opening, text, closing = (part for part in found.groups() if part is not None)
        return opening + growth.areas(text.decode()).encode() + closing

    def sparks(found: re.Match[bytes]) -> bytes:
        text = unescape(found[2].decode(), _ENTITIES)
        return found[1] + escape(growth.qualified(text, single=False)).encode() + found[3]

    # Merged cells, links and the selection lie where they lie.
    tail = _STAYS.sub(aside, tail)
    tail = _SPARKS.sub(sparks, _RANGES.sub(ranges, tail))
    rest = iter(stays)
    return re.sub(rb"\x00", lambda _: next(rest), tail)
