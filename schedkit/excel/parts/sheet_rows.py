"""The rows of a worksheet as bytes of its part, found by their numbers."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from schedkit.errors import WorkbookError
from schedkit.excel.limits import MAX_ROWS
from schedkit.excel.names import column_number
from schedkit.excel.parts import sheet_cells
from schedkit.values.text import clip

_ROW = re.compile(rb"<(?:[\w.-]+:)?row(?=[\s/>])((?:[^\"'>/]|\"[^\"]*\"|'[^']*')*+)(/?)>")
# Patterns that begin with fixed text are searched for four times as fast as those that do not.
_PLAIN_START = re.compile(rb'<row(?: r="([0-9]+)")?(?=[\s/>])')
_START = re.compile(rb'<(?:[\w.-]+:)?row(?: r="([0-9]+)")?(?=[\s/>])')
_TOLD = rb"(?P<told>(?:[^\"'>/]|\"[^\"]*\"|'[^']*')*+)"
_FORMULA = re.compile(
    rb"<(?P<name>(?:[\w.-]+:)?f)(?=[\s/>])" + _TOLD + rb"(?:/>|>(?P<text>[^<]*)</(?P=name)\s*>)"
)
_PLAIN_FORMULA = re.compile(rb"<f(?=[\s/>])" + _TOLD + rb"(?:/>|>(?P<text>[^<]*)</f\s*>)")
_CELL = re.compile(rb'<c r="([A-Z]{1,3})[0-9]+"[^<>]*>')
_VALUE = re.compile(rb"<(?:[\w.-]+:)?(?:v|f|is)[\s/>]")


class RowXml(NamedTuple):
    """The attributes of a row as they are written, and the XML of its cells."""

    attributes: str
    cells: str


class SheetRows:
    """The rows between two offsets of a part, whose XML is well-formed and has no comments.

    `numbers` are theirs, in order; `unnumbered` are those of rows whose number only their order tells.

    Raises
    ------
    WorkbookError
        If the rows are not in order.
    """

    def __init__(self, xml: bytes, start: int, end: int, part: str) -> None:
        self._xml, self._part = xml, part
        self._end = end
        self.numbers: list[int] = []
        self.unnumbered: list[int] = []
        # Where each row begins, 8 bytes for each: a sheet has up to a million.
        self._starts = array("q")
        prefixed = xml.find(b":row", start, end) >= 0
        before = 0
        for found in (_START if prefixed else _PLAIN_START).finditer(xml, start, end):
            told = found[1]
            if told is None or len(told) > 8 or not before < int(told) <= MAX_ROWS:
                before = self._number(found.start(), before)
            else:
                before = int(told)
            self.numbers.append(before)
            self._starts.append(found.start())

    def _number(self, start: int, before: int) -> int:
        """Return the number of a row that is not written in the usual way."""
        text = sheet_cells.attributes(self._row(start)[1].decode()).get("r")
        if text is None:
            self.unnumbered.append(before + 1)
            return before + 1
        if text.isdecimal() and len(text) < 9 and before < int(text) <= MAX_ROWS:
            return int(text)
        raise WorkbookError(
            f"cannot read the part {self._part}: row {clip(text, 20)} comes after row {before}",
            hint="open the workbook in Excel and save it again",
        )

    def _row(self, start: int) -> re.Match[bytes]:
        found = _ROW.match(self._xml, start)
        assert found is not None
        return found

    def _place(self, number: int) -> int | None:
        place = bisect_left(self.numbers, number)
        return place if place < len(self.numbers) and self.numbers[place] == number else None

    def _stop(self, place: int) -> int:
        """Return where the row at a place of the list ends."""
        return self._starts[place + 1] if place + 1 < len(self._starts) else self._end

    def between(self, first: int, last: int) -> list[int]:
        """Return the numbers of the rows from `first` to `last`."""
        return self.numbers[bisect_left(self.numbers, first) : bisect_right(self.numbers, last)]

    def row(self, number: int) -> RowXml | None:
        """Return a row, None if it is not there."""
        place = self._place(number)
        if place is None:
            return None
        found = self._row(self._starts[place])
        end = found.end() if found[2] else self._xml.rindex(b"</", found.end(), self._stop(place))
        return RowXml(found[1].decode(), self._xml[found.end() : end].decode())

    def attributes(self, number: int) -> str | None:
        """Return the attributes of a row, None if it is not there."""
        place = self._place(number)
        return None if place is None else self._row(self._starts[place])[1].decode()

    def hidden(self, first: int, last: int) -> Iterator[int]:
        """Yield the hidden rows from `first` to `last`."""
        low, high = bisect_left(self.numbers, first), bisect_right(self.numbers, last)
        if low < high and self._xml.find(b"hidden", self._starts[low], self._stop(high - 1)) >= 0:
            for place in range(low, high):
                told = sheet_cells.attributes(self._row(self._starts[place])[1].decode())
                if told.get("hidden", "0") not in ("0", "false"):
                    yield self.numbers[place]

    def has_value(self, number: int) -> bool:
        """Tell whether a row holds a value or a formula."""
        place = self._place(number)
        return place is not None and bool(_VALUE.search(self._xml, self._starts[place], self._stop(place)))

    def formulas(self) -> Iterator[tuple[int, int, bytes, bytes]]:
        """Yield row, column, attributes and text of each formula, as they are written."""
        place, done = 0, 0
        for found in self._formula_elements():
            start = found.start()
            if start < done:
                continue
            while place + 1 < len(self._starts) and self._starts[place + 1] <= start:
                place += 1
            begin = self._xml.rfind(b"<c", self._starts[place], start)
            cell = _CELL.fullmatch(self._xml, max(begin, 0), start)
            if cell is not None:
                yield (
                    self.numbers[place],
                    column_number(cell[1].decode()),
                    found["told"],
                    found["text"] or b"",
                )
            else:
                yield from self._formulas_of(place)
                done = self._stop(place)

    def _formula_elements(self) -> Iterator[re.Match[bytes]]:
        if self._starts:
            prefixed = self._xml.find(b":f", self._starts[0], self._end) >= 0
            pattern = _FORMULA if prefixed else _PLAIN_FORMULA
            yield from pattern.finditer(self._xml, self._starts[0], self._end)

    def _formulas_of(self, place: int) -> Iterator[tuple[int, int, bytes, bytes]]:
        """Yield the formulas of a row whose cells are not written in the usual way."""
        number = self.numbers[place]
        row = self.row(number)
        for column, cell in sheet_cells.cells_of(row.cells if row else "", number).items():
            if found := _FORMULA.search(cell.encode()):
                yield number, column, found["told"], found["text"] or b""

    def xml(self, first: int, last: int) -> memoryview:
        """Return the XML of the rows from `first` to `last`, which is not copied."""
        low, high = bisect_left(self.numbers, first), bisect_right(self.numbers, last)
        if low == high:
            return memoryview(b"")
        return memoryview(self._xml)[self._starts[low] : self._stop(high - 1)]
