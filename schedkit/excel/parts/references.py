"""References to cells within the text of formulas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from schedkit.excel.limits import MAX_COLUMNS, MAX_ROWS
from schedkit.excel.names import column_number, letters
from schedkit.excel.parts.area import Area

_CELLS = r"\$?[A-Z]{1,3}\$?[0-9]+(?::\$?[A-Z]{1,3}\$?[0-9]+)?"
_LINES = r"\$?[A-Z]{1,3}:\$?[A-Z]{1,3}|\$?[0-9]+:\$?[0-9]+"
_NAME = r"[^\W\d][\w.\\]*"
# A sheet's name is quoted unless it is plain; an apostrophe within is doubled. Before it, "]" belongs to
# another workbook and ":" to a range of sheets.
_SHEET = r"(?<![\w.\]:'])(?:'(?:[^']|'')+'|[\w.\u0080-\uffff]+)!"
_NOT_LONGER = r"(?![\w.(!\[])"
_BEFORE = r"(?<![\w$:.'\"\]])"
TOKEN = re.compile(
    # Text is in double quotes, columns of tables are in brackets, which nest once.
    r'(?P<skipped>"(?:[^"]|"")*"|\[(?:[^\[\]]|\[[^\[\]]*\])*\])'
    rf"|(?P<sheet>{_SHEET})(?:(?P<sheet_cells>{_CELLS})|(?P<sheet_lines>{_LINES})){_NOT_LONGER}"
    rf"|(?P<foreign>(?:'(?:[^']|'')+'|[\w.:\u0080-\uffff]+)!(?:{_CELLS}|{_LINES})?)"
    rf"|{_BEFORE}(?:(?P<cells>{_CELLS})|(?P<lines>{_LINES})){_NOT_LONGER}"
    rf"|(?P<name>(?<![\w.!:'\"]){_NAME})(?P<call>\(?)"
)
_ENDS = re.compile(r"(\$?[A-Z]{1,3}\$?)([0-9]+)(?::(\$?[A-Z]{1,3}\$?)([0-9]+))?")
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
    """A reference to one cell or a block of cells, in its parts as they are written."""

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
    def area(self) -> Area:
        left = column_number(self.first.replace("$", ""))
        right = column_number((self.last or self.first).replace("$", ""))
        return Area(
            min(self.top, self.bottom), min(left, right), max(self.top, self.bottom), max(left, right)
        )

    @property
    def ends_relative(self) -> bool:
        """Whether the row of the last cell is relative."""
        return not (self.last or self.first).endswith("$")

    def text(self, top: int, bottom: int) -> str:
        """Return the reference with other rows."""
        if self.last is None and top == bottom:
            return f"{self.first}{top}"
        return f"{self.first}{top}:{self.last or self.first}{bottom}"


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
                areas.append((sheet, _lines(lines)))
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


def _lines(text: str) -> Area:
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
        groups = ("cells", "sheet_cells", "lines", "sheet_lines")
        written = next((found[name] for name in groups if found[name]), None)
        return found[0] if written is None else (found["sheet"] or "") + _END.sub(shift, written)

    def shift(found: re.Match[str]) -> str:
        fixed_column, column, fixed_row, row = found.groups()
        if column and not fixed_column:
            # Excel wraps around at the edge of the sheet.
            column = letters((column_number(column) - 1 + columns) % MAX_COLUMNS + 1)
        if row and not fixed_row:
            row = str((int(row) - 1 + rows) % MAX_ROWS + 1)
        return f"{fixed_column or ''}{column or ''}{fixed_row or ''}{row or ''}"

    return TOKEN.sub(change, text)
