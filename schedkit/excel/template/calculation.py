"""Formulas that are calculated here, so that programs that do not calculate show their values, too.

These are arithmetic, comparisons, joined text, and the functions of `functions`, over cells, columns of
tables and defined names. Other formulas, and values of a wrong type, are left to the spreadsheet program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from schedkit.excel.limits import MAX_ROWS
from schedkit.excel.names import header_key
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.references import OWN_TABLE, TOKEN, Cells, line_area, sheet_name
from schedkit.excel.parts.tables import TableXml
from schedkit.excel.template.functions import FUNCTIONS, Argument
from schedkit.excel.template.operands import UnsupportedError, Value, Values, joined, number_of, same

Evaluate = Callable[[Values, int], Value]

_GAP = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?)|(?P<sign><>|<=|>=|[-+*/^&=<>()%,]))"
)
_COLUMN = r"\[((?:[^\[\]'#@]|'.)+)\]"
# A column of a table as a whole, or its cell in the row of the formula.
_WHOLE = re.compile(_COLUMN)
_OWN = re.compile(
    rf"\[(?:@{_COLUMN}|@((?:[^\[\]'#@,:]|'.)+)|\[\#This\ Row\],\s*(?:{_COLUMN}|([^\[\]',:]+)))\]",
    re.IGNORECASE | re.VERBOSE,
)


class Position(NamedTuple):
    """The cell that a formula is in."""

    sheet: str
    row: int
    column: int


@dataclass(frozen=True)
class Sources:
    """What formulas may name: sheets by their name in lower case, tables with their sheet, defined names."""

    sheets: Mapping[str, str]
    tables: Mapping[str, tuple[str, TableXml]]
    names: Mapping[str, str]

    def table(self, name: str, cell: Position) -> tuple[str, TableXml]:
        """Return sheet and table of a name, or of the table that `cell` is in."""
        if name != OWN_TABLE:
            found = self.tables.get(name.casefold())
        else:
            own = Area(cell.row, cell.column, cell.row, cell.column)
            around = (each for each in self.tables.values() if each[0] == cell.sheet)
            found = next((each for each in around if each[1].area.overlaps(own)), None)
        if found is None:
            raise UnsupportedError
        return found


@dataclass(frozen=True)
class Reference:
    """An area of a sheet; its ends may move with the row of the formula."""

    sheet: str
    area: Area
    top_moves: bool = False
    bottom_moves: bool = False

    def at(self, shift: int) -> Area:
        """Return the area for a formula that many rows below."""
        area = self.area
        top, bottom = area.top + shift * self.top_moves, area.bottom + shift * self.bottom_moves
        top, bottom = min(top, bottom), max(top, bottom)
        if not (top >= 1 and bottom <= MAX_ROWS):
            raise UnsupportedError
        return Area(top, area.left, bottom, area.right)


@dataclass(frozen=True)
class Calculation:
    """A formula that is calculated here: for the cell that it was parsed for, or rows below it."""

    evaluate: Evaluate

    @classmethod
    def of(cls, text: str, cell: Position, sources: Sources) -> Calculation | None:
        """Return the calculation of the formula `text` of a cell, None if it is not calculated here."""
        try:
            return cls(_Parser(text, cell, sources).whole())
        except UnsupportedError:
            return None

    def value(self, values: Values, shift: int = 0) -> Value:
        """Return the value of the formula that many rows below; None if it is not known."""
        try:
            return self.evaluate(values, shift)
        except UnsupportedError:
            return None


class _Token(NamedTuple):
    kind: str
    text: str
    sheet: str | None = None


def _tokens(text: str) -> Iterator[_Token]:
    end, named = 0, -1
    for found in TOKEN.finditer(text):
        yield from _signs(text, end, found.start())
        adjacent, end = named == found.start(), found.end()
        named = end if found["name"] and not found["call"] else -1
        if found["skipped"]:
            if found[0].startswith('"'):
                yield _Token("text", found[0][1:-1].replace('""', '"'))
            else:
                yield _Token("column" if adjacent else "own column", found[0])
        elif found["foreign"]:
            raise UnsupportedError
        elif found["name"]:
            yield _Token("call" if found["call"] else "name", found["name"])
        else:
            written = found["cells"] or found["sheet_cells"] or found["lines"] or found["sheet_lines"]
            yield _Token("area", written, found["sheet"] and sheet_name(found["sheet"]))
    yield from _signs(text, end, len(text))


def _signs(text: str, start: int, end: int) -> Iterator[_Token]:
    while text[start:end].strip():
        found = _GAP.match(text, start, end)
        if found is None:
            raise UnsupportedError
        yield _Token("number", found["number"]) if found["number"] else _Token("sign", found["sign"])
        start = found.end()


class _Parser:
    """Reads a formula by the precedence of its operators."""

    def __init__(self, text: str, cell: Position, sources: Sources) -> None:
        self._cell, self._sources = cell, sources
        self._tokens = list(_tokens(text))
        self._next = 0

    def whole(self) -> Evaluate:
        made = self._compared()
        if self._next < len(self._tokens):
            raise UnsupportedError
        return made

    def _peek(self) -> _Token:
        return self._tokens[self._next] if self._next < len(self._tokens) else _Token("end", "")

    def _take(self) -> _Token:
        self._next += 1
        return self._tokens[self._next - 1] if self._next <= len(self._tokens) else _Token("end", "")

    def _sign(self, *signs: str) -> str:
        """Take the next sign if it is one of `signs`."""
        token = self._peek()
        if token.kind != "sign" or token.text not in signs:
            return ""
        return self._take().text

    def _compared(self) -> Evaluate:
        made = self._joined()
        while sign := self._sign(*_COMPARISONS):
            made = _both(_COMPARISONS[sign], made, self._joined())
        return made

    def _joined(self) -> Evaluate:
        made = self._sum()
        while self._sign("&"):
            made = _both(joined, made, self._sum())
        return made

    def _sum(self) -> Evaluate:
        made = self._product()
        while sign := self._sign("+", "-"):
            made = _both(_ARITHMETIC[sign], made, self._product())
        return made

    def _product(self) -> Evaluate:
        made = self._power()
        while sign := self._sign("*", "/"):
            made = _both(_ARITHMETIC[sign], made, self._power())
        return made

    def _power(self) -> Evaluate:
        made = self._signed()
        while self._sign("^"):
            made = _both(_ARITHMETIC["^"], made, self._signed())
        return made

    def _signed(self) -> Evaluate:
        if self._sign("-"):
            return _both(_ARITHMETIC["-"], _constant(0.0), self._signed())
        if self._sign("+"):
            return self._signed()
        made = self._operand()
        while self._sign("%"):
            made = _both(_ARITHMETIC["/"], made, _constant(100.0))
        return made

    def _operand(self) -> Evaluate:
        if self._sign("("):
            made = self._compared()
            self._close()
            return made
        if self._peek().kind == "call":
            return self._call(self._take().text)
        if (reference := self._reference()) is not None:
            return _single(reference)
        token = self._take()
        if token.kind == "number":
            return _constant(float(token.text))
        if token.kind == "text":
            return _constant(token.text)
        raise UnsupportedError

    def _close(self) -> None:
        if not self._sign(")"):
            raise UnsupportedError

    def _call(self, name: str) -> Evaluate:
        function = FUNCTIONS.get(name.upper())
        if function is None:
            raise UnsupportedError
        arguments = [self._argument()]
        while self._sign(","):
            arguments.append(self._argument())
        self._close()
        fewest, most, calculate = function
        if not fewest <= len(arguments) <= most:
            raise UnsupportedError
        return lambda values, shift: calculate([argument(values, shift) for argument in arguments])

    def _argument(self) -> Callable[[Values, int], Argument]:
        start = self._next
        reference = self._reference()
        if reference is not None and self._peek().text in (",", ")"):
            return lambda values, shift: Argument(values, None, (reference.sheet, reference.at(shift)))
        self._next = start
        made = self._compared()
        return lambda values, shift: Argument(values, lambda: made(values, shift))

    def _reference(self) -> Reference | None:
        """Take the next operand if it is a reference."""
        token = self._peek()
        if token.kind == "area":
            return self._area(self._take())
        if token.kind == "own column":
            return self._column(OWN_TABLE, self._take())
        if token.kind != "name":
            return None
        name = self._take().text
        if self._peek().kind == "column":
            return self._column(name, self._take())
        return self._named(name)

    def _area(self, token: _Token) -> Reference:
        sheet = self._cell.sheet if token.sheet is None else self._sources.sheets.get(token.sheet.casefold())
        if sheet is None:
            raise UnsupportedError
        if not any(map(str.isdigit, token.text)):
            return Reference(sheet, line_area(token.text))
        cells = Cells.parse(token.text)
        return Reference(sheet, cells.area, cells.begins_relative, cells.ends_relative)

    def _named(self, name: str) -> Reference:
        tokens = list(_tokens(self._sources.names.get(name.casefold(), "")))
        if len(tokens) != 1 or tokens[0].kind != "area" or tokens[0].sheet is None:
            raise UnsupportedError
        found = self._area(tokens[0])
        return Reference(found.sheet, found.area)

    def _column(self, name: str, token: _Token) -> Reference:
        """Return the cells of a column of a table, or the one in the formula's row."""
        sheet, table = self._sources.table(name, self._cell)
        own = _OWN.fullmatch(token.text)
        found = own or _WHOLE.fullmatch(token.text)
        if found is None:
            raise UnsupportedError
        wanted = re.sub(r"'(.)", r"\1", next(filter(None, found.groups())))
        keys = [header_key(column) for column in table.columns]
        if header_key(wanted) not in keys:
            raise UnsupportedError
        column, body = table.area.left + keys.index(header_key(wanted)), table.body
        if own is None:
            return Reference(sheet, Area(body.top, column, body.bottom, column))
        if sheet != self._cell.sheet:
            raise UnsupportedError
        return Reference(sheet, Area(self._cell.row, column, self._cell.row, column), True, True)


def _constant(value: float | str) -> Evaluate:
    return lambda values, shift: value


def _single(reference: Reference) -> Evaluate:
    """Return the value of a reference to one cell."""
    if reference.area.left != reference.area.right or reference.area.height != 1:
        raise UnsupportedError
    return lambda values, shift: values.cell(reference.sheet, reference.at(shift).top, reference.area.left)


def _both(operate: Callable[[Value, Value], Value], left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda values, shift: operate(left(values, shift), right(values, shift))


def _arithmetic(operate: Callable[[float, float], float]) -> Callable[[Value, Value], Value]:
    def made(left: Value, right: Value) -> Value:
        one, other = number_of(left), number_of(right)
        if one is None or other is None:
            return None
        try:
            result = operate(one, other)
        except (ZeroDivisionError, OverflowError):
            return None
        return float(result) if not isinstance(result, complex) and abs(result) < 1e308 else None

    return made


_ARITHMETIC = {
    "+": _arithmetic(lambda left, right: left + right),
    "-": _arithmetic(lambda left, right: left - right),
    "*": _arithmetic(lambda left, right: left * right),
    "/": _arithmetic(lambda left, right: left / right),
    "^": _arithmetic(lambda left, right: left**right),
}


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[Value, Value], Value]:
    def made(left: Value, right: Value) -> Value:
        one, other = number_of(left), number_of(right)
        return None if one is None or other is None else compare(one, other)

    return made


def _differs(left: Value, right: Value) -> Value:
    found = same(left, right)
    return None if found is None else not found


_COMPARISONS: Mapping[str, Callable[[Value, Value], Value]] = {
    "=": same,
    "<>": _differs,
    "<": _ordered(lambda left, right: left < right),
    ">": _ordered(lambda left, right: left > right),
    "<=": _ordered(lambda left, right: left <= right),
    ">=": _ordered(lambda left, right: left >= right),
}
