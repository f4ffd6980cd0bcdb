"""References to cells within the text of formulas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from schedkit.excel.limits import MAX_COLUMNS, MAX_ROWS
from schedkit.excel.names import column_number, letters
from schedkit.excel.parts.area import Area

_CELLS = r"\$?[A-Z]{1,3}\$?[0-9]+(?::\$?[A-Z]{1,3}\$?[0-9]+)?"
_ROWS = r"\$?[0-9]+:\$?[0-9]+"
_LINES = rf"\$?[A-Z]{{1,3}}:\$?[A-Z]{{1,3}}|{_ROWS}"
_NAME = r"[^\W\d][\w.\\]*"
# A sheet's name is quoted unless it is plain; an apostrophe within is doubled. Before it, "]" belongs to
# another workbook and ":" to a range of sheets.
_SHEET = r"(?<![\w.\]:'])(?:'(?:[^']|'')++'|[\w.\u0080-\uffff]++)!"
_NOT_LONGER = r"(?![\w.(!\[])"
_BEFORE = r"(?<![\w$:.'\"\]])"
TOKEN = re.compile(
    # Text is in double quotes, columns of tables are in brackets, which nest once.
    r'(?P<skipped>"(?:[^"]|"")*"|\[(?:[^\[\]]|\[[^\[\]]*\])*\])'
    rf"|(?P<sheet>{_SHEET})(?:(?P<sheet_cells>{_CELLS})|(?P<sheet_lines>{_LINES})){_NOT_LONGER}"
    rf"|(?P<foreign>(?:'(?:[^']|'')++'|[\w.:\u0080-\uffff]++)!(?:{_CELLS}|{_LINES})?)"
    rf"|{_BEFORE}(?:(?P<cells>{_CELLS})|(?P<lines>{_LINES})){_NOT_LONGER}"
    rf"|(?P<name>(?<![\w.!:'\"]){_NAME})(?P<call>\(?)"
)
_ENDS = re.compile(r"((?:\$?[A-Z]{1,3})?\$?)([0-9]+)(?::((?:\$?[A-Z]{1,3})?\$?)([0-9]+))?")
# Cells or whole rows; whole columns have no row.
AREA = re.compile(rf"{_CELLS}|{_ROWS}")
_END = re.compile(r"(?:(\$)?([A-Z]+))?(?:(\$)?([0-9]+))?")
_LINE_ENDS = re.compile(r"\$?([A-Z]+|[0-9]+):\$?([A-Z]+|[0-9]+)")
_OWN_ROW = ("[@", "[[#this row]", "[#this row]")
_LONGEST = max(map(len, _OWN_ROW))
# Stands for the table that a formula is in: no table is called so.
OWN_TABLE = ""
# Functions whose result depends on other cells than those that they name.
_INDIRECT = {"OFFSET", "INDIRECT", "CELL"}


@dataclass(frozen=True)
class Cells:
    """A reference to one cell, a block of cells or whole rows, in its parts as they are written.

    Whole rows have no columns: `first` and `last` are "$" or blank.
    """

    first: str
    top: int
    last: str | None
    bottom: int

    @classmethod
    def parse(cls, text: str) -> Cells:
        found = _ENDS.fullmatch(text)
        assert found is not None
        first, top, last, bottom = found.groups()
        return cls(first, int(top), last, int(bottom or top))

    @property
    def is_block(self) -> bool:
        """Whether it is written with two ends."""
        return self.last is not None

    @property
    def area(self) -> Area:
        first = self.first.replace("$", "")
        top, bottom = min(self.top, self.bottom), max(self.top, self.bottom)
        if not first:
            return Area(top, 1, bottom, MAX_COLUMNS)
        left = column_number(first)
        right = column_number((self.last or first).replace("$", ""))
        return Area(top, min(left, right), bottom, max(left, right))

    @property
    def begins_relative(self) -> bool:
        """Whether the row of the first cell is relative."""
        return not self.first.endswith("$")

    @property
    def ends_relative(self) -> bool:
        """Whether the row of the last cell is relative."""
        return not (self.first if self.last is None else self.last).endswith("$")

    def text(self, top: int, bottom: int) -> str:
        """Return the reference with other rows."""
        if self.last is None and top == bottom:
            return f"{self.first}{top}"
        return f"{self.first}{top}:{self.first if self.last is None else self.last}{bottom}"


@dataclass(frozen=True)
class Uses:
    """What a formula is calculated from.

    `areas` are cells by sheet (None is its own), `names` tables and defined names, `own_rows` tables of which
    it uses its own row only; OWN_TABLE among them is the table that the formula is in. With `anything` it
    cannot be told.
    """

    areas: tuple[tuple[str | None, Area], ...]
    names: frozenset[str]
    own_rows: frozenset[str] = frozenset()
    anything: bool = False

    @classmethod
    @lru_cache(maxsize=1024)
    def of(cls, text: str) -> Uses:
        """Return what the formula `text` uses.

        Examples
        --------
        >>> Uses.of("SUM(Data!B2:B4)+Total").areas
        (('Data', Area(top=2, left=2, bottom=4, right=2)),)
        """
        areas: list[tuple[str | None, Area]] = []
        names: set[str] = set()
        own_rows: set[str] = set()
        anything = False
        for found in TOKEN.finditer(text):
            sheet = None if found["sheet"] is None else sheet_name(found["sheet"])
            if sheet is not None and ":" in sheet and "]" not in sheet:
                # A range of sheets one of whose names is quoted.
                anything = True
            if cells := found["cells"] or found["sheet_cells"]:
                areas.append((sheet, Cells.parse(cells).area))
            elif lines := found["lines"] or found["sheet_lines"]:
                areas.append((sheet, line_area(lines)))
            elif found["foreign"]:
                # A range of sheets, or a name of one sheet; but not if it is another workbook's.
                anything = anything or text[: found.start()][-1:] != "]"
            elif found["name"] and found["call"]:
                anything = anything or found["name"].upper() in _INDIRECT
            elif found["name"] or _names_no_table(found):
                start = found.end() if found["name"] else found.start()
                own = text[start : start + _LONGEST].casefold().startswith(_OWN_ROW)
                (own_rows if own else names).add((found["name"] or OWN_TABLE).casefold())
        return cls(tuple(areas), frozenset(names), frozenset(own_rows), anything)


def _names_no_table(found: re.Match[str]) -> bool:
    """Tell whether a token is a reference to columns of the table that the formula is in."""
    if not found[0].startswith("["):
        return False
    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    # Brackets after a name belong to that table, those before one to another workbook.
    return not (before.isalnum() or before in ("_", ".", "'")) and not (
        after.isalnum() or after in ("_", "!")
    )


def sheet_name(text: str) -> str:
    """Return the name of a sheet as it is written in a reference, the exclamation mark included.

    Examples
    --------
    >>> sheet_name("'Q1 ''26'!")
    "Q1 '26"
    """
    name = text[:-1]
    return name[1:-1].replace("''", "'") if name.startswith("'") else name


def line_area(text: str) -> Area:
    """Return the area of whole rows or columns.

    Examples
    --------
    >>> line_area("$B:C").left, line_area("2:$3").bottom
    (2, 3)
    """
    found = _LINE_ENDS.fullmatch(text)
    assert found is not None
    first, last = found.groups()
    if first.isdigit():
        return Area(int(first), 1, int(last), MAX_COLUMNS)
    return Area(1, column_number(first), MAX_ROWS, column_number(last))


def moved(text: str, columns: int, rows: int) -> str:
    """Return the formula `text` as it reads in a cell that many columns to the right and rows below.

    Examples
    --------
    >>> moved('B$2*C2+SUM(D:D)&"C2"', 1, 2)
    'C$2*D4+SUM(E:E)&"C2"'
    """

    def change(found: re.Match[str]) -> str:
        written = _written(found)
        return found[0][: len(found[0]) - len(written)] + _END.sub(shift, written) if written else found[0]

    def shift(found: re.Match[str]) -> str:
        fixed_column, column, fixed_row, row = found.groups()
        if column and not fixed_column:
            # Excel wraps around at the edge of the sheet.
            column = letters((column_number(column) - 1 + columns) % MAX_COLUMNS + 1)
        if row and not fixed_row:
            row = str((int(row) - 1 + rows) % MAX_ROWS + 1)
        return f"{fixed_column or ''}{column or ''}{fixed_row or ''}{row or ''}"

    return TOKEN.sub(change, text)


def cut_at_rows(text: str, row: int) -> list[str | int]:
    """Return the formula `text` of a cell in `row` in pieces; integers stand for relative rows.

    Each is the number of the row that it means minus `row`.

    Examples
    --------
    >>> cut_at_rows('B5*B$1+SUM(Data!4:5)&"B5"', 5)
    ['B', 0, '*B$1+SUM(Data!', -1, ':', 0, ')&"B5"']
    """
    pieces: list[str | int] = []
    last = 0
    for found in TOKEN.finditer(text):
        for end in _END.finditer(text, found.end() - len(_written(found)), found.end()):
            if end[4] and not end[3]:
                pieces += [text[last : end.start(4)], int(end[4]) - row]
                last = end.end(4)
    return [piece for piece in [*pieces, text[last:]] if piece != ""]


def _written(found: re.Match[str]) -> str:
    """Return the part of a token that names cells, rows or columns; blank if there is none."""
    groups = ("cells", "sheet_cells", "lines", "sheet_lines")
    # Cells of other workbooks and of ranges of sheets move like those of one sheet.
    return next((found[name] for name in groups if found[name]), (found["foreign"] or "").rpartition("!")[2])
