"""The cells of a worksheet as values, streamed by expat, with what their number formats mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from xml.parsers import expat

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schedkit.errors import WorkbookError
from schedkit.excel.names import column_number
from schedkit.excel.number_formats import kind_of_format
from schedkit.excel.parts.scan import Block, IrregularSheetError, Meaning, joined, scan
from schedkit.excel.parts.workbook import MAIN, Workbook, parse, relations
from schedkit.excel.text import excel_unescape
from schedkit.values.failures import translated

_BLOCK = 1 << 20
# The built-in formats that are dates or times; 46 is [h]:mm:ss (ECMA-376 18.8.30).
_DATE_FORMATS = {*range(14, 18), 22, *range(27, 32), 36, *range(50, 59)}
_TIME_FORMATS = {*range(18, 22), *range(32, 36), 45, 47}


@dataclass(frozen=True)
class CellColumn:
    """The non-blank cells of one sheet column, in the order of their rows.

    `texts` are the values as text: numbers and dates as written, texts as they are. Kinds are one letter: n
    number, d date, h time of day, t duration, s text, b boolean, i ISO date, e error, f a formula whose value
    is not stored.
    """

    rows: npt.NDArray[np.int64]
    letters: npt.NDArray[np.uint8]
    texts: pa.Array

    @classmethod
    def of(cls, cells: Iterable[tuple[int, str, str | None]]) -> CellColumn:
        """Return a column of cells given as row, kind and text."""
        rows, kinds, texts = zip(*cells, strict=True)
        letters = np.frombuffer("".join(kinds).encode(), np.uint8)
        return cls(np.array(rows, np.int64), letters, pa.array(texts, pa.large_string()))

    @cached_property
    def values(self) -> list[Any]:
        """The values: booleans as such, all others as text."""
        found: list[Any] = self.texts.to_pylist()
        for place in np.flatnonzero(self.letters == ord("b")).tolist():
            found[place] = found[place] in ("1", "true")
        return found

    @cached_property
    def kinds(self) -> list[str]:
        """The kinds, one letter each."""
        return list(self.letters.tobytes().decode())

    def at(self, row: int) -> Any:
        """Return the value in a row of the sheet, None if the cell is blank."""
        place = int(np.searchsorted(self.rows, row))
        if place >= len(self.rows) or self.rows[place] != row:
            return None
        text = self.texts[place].as_py()
        return text in ("1", "true") if self.letters[place] == ord("b") else text

    def within(self, first: int, last: int) -> CellColumn:
        """Return the cells of the rows `first` to `last`."""
        low, high = np.searchsorted(self.rows, [first, last + 1]).tolist()
        return CellColumn(self.rows[low:high], self.letters[low:high], self.texts.slice(low, high - low))


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
    """Return for each cell format what its numbers are: n numbers, d dates, h times of day, t durations."""
    for relation in relations(book.package, book.part):
        if relation.kind == "styles" and relation.target in book.package:
            root = parse(book.package.read(relation.target))
            # Formats of rules (dxf) have numbers of their own, which mean nothing for cells.
            codes = {
                int(node.get("numFmtId", "0")): node.get("formatCode", "")
                for node in root.findall(f"{{{MAIN}}}numFmts/{{{MAIN}}}numFmt")
            }
            formats = root.find(f"{{{MAIN}}}cellXfs")
            return [
                _kind(int(node.get("numFmtId", "0")), codes)
                for node in (formats if formats is not None else ())
            ]
    return []


def _kind(number: int, codes: dict[int, str]) -> str:
    if number in codes:
        return kind_of_format(codes[number])
    if number == 46:
        return "t"
    if number in _TIME_FORMATS:
        return "h"
    return "d" if number in _DATE_FORMATS else "n"


class _Scanner:
    """Expat's handlers; the sheet's elements may carry a namespace prefix."""

    def __init__(self, strings: list[str], kinds: list[str]) -> None:
        self.columns: dict[int, list[tuple[int, str, str | None]]] = defaultdict(list)
        self._strings = strings
        self._kinds = kinds
        self._numbers: dict[str, int] = {}
        self.row = self._column = 0
        self._type = self._style = ""
        self._texts: list[str] = []
        self._keep = False
        self._phonetic = False
        self._formula = self._inline = self._value = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "c":
            self._open_cell(attributes)
        elif name in ("v", "t"):
            self._keep = not self._phonetic
            self._value = True
        elif name == "f":
            self._formula = True
        elif name == "is":
            self._inline = True
        elif name == "row":
            self.row = int(attributes["r"]) if "r" in attributes else self.row + 1
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
        self._formula = self._inline = self._value = False
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
        if not text and not self._inline:
            # A value without content is a text's, or of a formula that the program has not calculated.
            if self._formula and not (self._value and self._type == "str"):
                self.columns[self._column].append((self.row, "f", None))
            return
        if kind in ("inlineStr", "str"):
            kind, text = "s", excel_unescape(text)
        elif kind == "s":
            text = self._strings[int(text)]
        elif kind == "n":
            style = int(self._style)
            kind = self._kinds[style] if style < len(self._kinds) else "n"
        elif kind == "d":
            kind = "i"
        elif kind not in ("b", "e"):
            raise ValueError(kind)
        self.columns[self._column].append((self.row, kind, text))

    def text(self, data: str) -> None:
        if self._keep:
            self._texts.append(data)


def cells(
    book: Workbook, part: str, strings: list[str], kinds: list[str], only: set[int] | None = None
) -> dict[int, CellColumn]:
    """Return the non-blank cells of a worksheet part, by 1-based column; `only` some of them."""
    found: dict[int, list[Block]] = defaultdict(list)
    try:
        with book.package.open(part) as file:
            for block in scan(file, Meaning(pa.array(strings, pa.large_string()), kinds), only):
                found[block.column].append(block)
    except IrregularSheetError:
        return _parsed(book, part, strings, kinds)
    columns = {column: CellColumn(*joined(blocks)) for column, blocks in found.items()}
    if any((column.rows[1:] <= column.rows[:-1]).any() for column in columns.values()):
        return _parsed(book, part, strings, kinds)
    return columns


def _parsed(book: Workbook, part: str, strings: list[str], kinds: list[str]) -> dict[int, CellColumn]:
    """Return the same of a sheet in any notation, by a full XML parser."""
    scanner = _Scanner(strings, kinds)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = scanner.start
    parser.EndElementHandler = scanner.end
    parser.CharacterDataHandler = scanner.text
    with book.package.open(part) as file, translated(f"the part {part}", WorkbookError):
        try:
            while block := file.read(_BLOCK):
                parser.Parse(block, False)
            parser.Parse(b"", True)
        except (ValueError, IndexError) as error:
            raise WorkbookError(
                f"cannot read the part {part}: a cell in row {scanner.row} is damaged",
                hint="open the workbook in Excel and save it again",
            ) from error
    # Of several cells at one place the last counts.
    return {
        column: CellColumn.of(sorted({cell[0]: cell for cell in found}.values()))
        for column, found in scanner.columns.items()
    }
