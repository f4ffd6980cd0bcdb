"""The cells of a worksheet as values, streamed by expat, with what their number formats mean."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from schedkit.excel.names import column_number
from schedkit.excel.parts.workbook import MAIN, Workbook, parse, relations
from schedkit.excel.text import excel_unescape

_BLOCK = 1 << 20
_REF = re.compile(r"([A-Z]+)([0-9]+)")
# The built-in formats that are dates or times; 46 is [h]:mm:ss (ECMA-376 18.8.30).
_DATE_FORMATS = {*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)}
_LITERALS = re.compile(
    r'"[^"]*"|\\.|_.|\*.'
    r"|\[(?:Black|Blue|Cyan|Green|Magenta|Red|White|Yellow|Color ?\d+|\$[^\]]*|[<>=][^\]]*)\]",
    re.IGNORECASE,
)


@dataclass
class CellColumn:
    """The non-blank cells of one sheet column: rows, raw values, and what each is.

    Kinds are one letter: n number, d date, t duration, s text, b boolean, i ISO date.
    """

    rows: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)


def shared_strings(book: Workbook) -> list[str]:
    """Return the workbook's shared strings."""
    for relation in relations(book.package, book.part):
        if relation.kind == "sharedStrings" and relation.target in book.package:
            root = parse(book.package.read(relation.target))
            return [_joined(item) for item in root.iter(f"{{{MAIN}}}si")]
    return []


def _joined(item: Any) -> str:
    # Runs of rich text are joined; phonetic hints (rPh) are not part of the text.
    texts = [node for child in item if not child.tag.endswith("}rPh") for node in child.iter(f"{{{MAIN}}}t")]
    return excel_unescape("".join(node.text or "" for node in texts))


def format_kinds(book: Workbook) -> list[str]:
    """Return for each cell format whether its numbers are dates (d), durations (t) or numbers (n)."""
    for relation in relations(book.package, book.part):
        if relation.kind == "styles" and relation.target in book.package:
            root = parse(book.package.read(relation.target))
            codes = {
                int(node.get("numFmtId", "0")): node.get("formatCode", "")
                for node in root.iter(f"{{{MAIN}}}numFmt")
            }
            formats = root.find(f"{{{MAIN}}}cellXfs")
            return [
                _kind(int(node.get("numFmtId", "0")), codes)
                for node in (formats if formats is not None else ())
            ]
    return []


def _kind(number: int, codes: dict[int, str]) -> str:
    if number in codes:
        # Only the first section counts; quoted text and colours are not codes.
        code = _LITERALS.sub("", codes[number].split(";")[0]).lower()
        if re.search(r"\[(h+|m+|s+)\]", code):
            return "t"
        return "d" if re.search(r"[ymdhs]", code) and "general" not in code else "n"
    if number == 46:
        return "t"
    return "d" if number in _DATE_FORMATS else "n"


class _Scanner:
    """Expat's handlers; the sheet's elements may carry a namespace prefix."""

    def __init__(self, strings: list[str], kinds: list[str]) -> None:
        self.columns: dict[int, CellColumn] = defaultdict(CellColumn)
        self._strings = strings
        self._kinds = kinds
        self._numbers: dict[str, int] = {}
        self._row = self._column = 0
        self._type = self._style = ""
        self._texts: list[str] = []
        self._keep = False
        self._phonetic = False
        self._prefix = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "c":
            self._open_cell(attributes)
        elif name in ("v", "t"):
            self._keep = not self._phonetic
        elif name == "row":
            self._row = int(attributes["r"]) if "r" in attributes else self._row + 1
            self._column = 0
        elif name == "rPh":
            self._phonetic = True

    def _open_cell(self, attributes: dict[str, str]) -> None:
        ref = attributes.get("r")
        if ref is None:
            self._column += 1
        else:
            letters = ref.rstrip("0123456789")
            number = self._numbers.get(letters)
            if number is None:
                number = self._numbers[letters] = column_number(letters)
            self._column = number
        self._type = attributes.get("t", "n")
        self._style = attributes.get("s", "0")
        self._texts.clear()

    def end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name in ("v", "t"):
            self._keep = False
        elif name == "c":
            self._close_cell()
        elif name == "rPh":
            self._phonetic = False

    def _close_cell(self) -> None:
        kind, text = self._type, "".join(self._texts)
        if kind == "e" or (not text and kind != "inlineStr"):
            # A blank, a formula nobody has calculated yet, or an error: no value.
            return
        if kind in ("inlineStr", "str"):
            value: Any = excel_unescape(text)
            kind = "s"
        elif kind == "s":
            value = self._strings[int(text)]
        elif kind == "n":
            style = int(self._style)
            kind = self._kinds[style] if style < len(self._kinds) else "n"
            value = text
        elif kind == "b":
            value = text in ("1", "true")
        else:
            kind, value = "i", text
        cells = self.columns[self._column]
        cells.rows.append(self._row)
        cells.values.append(value)
        cells.kinds.append(kind)

    def text(self, data: str) -> None:
        if self._keep:
            self._texts.append(data)


def cells(book: Workbook, part: str, strings: list[str], kinds: list[str]) -> dict[int, CellColumn]:
    """Return the non-blank cells of a worksheet part, by 1-based column."""
    scanner = _Scanner(strings, kinds)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = scanner.start
    parser.EndElementHandler = scanner.end
    parser.CharacterDataHandler = scanner.text
    with book.package.open(part) as file:
        while block := file.read(_BLOCK):
            parser.Parse(block, False)
    parser.Parse(b"", True)
    return dict(scanner.columns)
