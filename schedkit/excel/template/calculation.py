"""Values of simple calculated columns, so that programs that do not calculate show them, too.

Only arithmetic and joined text over cells of the same row are calculated here. Other formulas, and rows in
which a value has the wrong type, are left to the spreadsheet program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import unescape

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schedkit.excel.column_types import Cells
from schedkit.excel.formula import Formula
from schedkit.excel.names import column_number, header_key
from schedkit.excel.template.region import Region
from schedkit.excel.text import xml_text

Objects = npt.NDArray[np.object_]
# The values of columns by position, None where they are not known, and how many rows there are.
Columns = Mapping[int, Objects]
Evaluate = Callable[[Columns, int], Objects]
# Stands for the number of the formula's own row.
_ROW = "\x00"
_TOKEN = re.compile(
    rf"""\s*(?:(?P<number>[0-9]+(?:\.[0-9]*)?(?:E[+-]?[0-9]+)?)|"(?P<text>(?:[^"]|"")*)"
    |(?P<table>[^\W\d][\w.]*)?\[(?:
      \[\#This\ Row\],\s*(?:\[(?P<own>[^\[\]']+)\]|(?P<bare>[^\[\]',:]+))|@\[?(?P<short>[^\[\]']+)\]?
    )\]
    |\$?(?P<cell>[A-Z]{{1,3}}){_ROW}|(?P<sign>[-+*/&()%]))""",
    re.VERBOSE,
)


class _Blank:
    """A cell that holds nothing: 0 in arithmetic, no text in joined text."""


_BLANK = _Blank()


class _UnsupportedError(Exception):
    """A formula that is not calculated here."""


@dataclass(frozen=True)
class Calculation:
    """A formula that is calculated from columns at `positions` of the same row."""

    positions: frozenset[int]
    evaluate: Evaluate

    @classmethod
    def of(cls, formula: Formula, region: Region) -> Calculation | None:
        """Return the calculation of `formula`, None if it is not a simple one."""
        if formula.array or any(isinstance(piece, int) and piece for piece in formula.pieces):
            return None
        text = "".join(_ROW if isinstance(p, int) else unescape(p) for p in formula.pieces)
        parser = _Parser(text, region)
        try:
            evaluate = parser.whole()
        except _UnsupportedError:
            return None
        return cls(frozenset(parser.positions), evaluate)


class _Parser:
    """Reads a formula by the precedence of its operators: %, sign, times, plus, and joining."""

    def __init__(self, text: str, region: Region) -> None:
        self.positions: set[int] = set()
        self._region = region
        self._tokens: list[re.Match[str]] = []
        end = 0
        while end < len(text.rstrip()):
            found = _TOKEN.match(text, end)
            if found is None:
                self._tokens.clear()
                break
            self._tokens.append(found)
            end = found.end()
        self._next = 0

    def whole(self) -> Evaluate:
        made = self._joined()
        if self._next < len(self._tokens):
            raise _UnsupportedError
        return made

    def _sign(self, signs: str) -> str:
        """Take the next sign if it is one of `signs`."""
        found = self._tokens[self._next]["sign"] if self._next < len(self._tokens) else None
        if not found or found not in signs:
            return ""
        self._next += 1
        return found

    def _joined(self) -> Evaluate:
        made = self._sum()
        while self._sign("&"):
            made = _each(_join, made, self._sum())
        return made

    def _sum(self) -> Evaluate:
        made = self._product()
        while sign := self._sign("+-"):
            made = _each(_ARITHMETIC[sign], made, self._product())
        return made

    def _product(self) -> Evaluate:
        made = self._factor()
        while sign := self._sign("*/"):
            made = _each(_ARITHMETIC[sign], made, self._factor())
        return made

    def _factor(self) -> Evaluate:
        if self._sign("-"):
            return _each(_ARITHMETIC["-"], _constant(0.0), self._factor())
        if self._sign("+"):
            return self._factor()
        made = self._operand()
        while self._sign("%"):
            made = _each(_ARITHMETIC["/"], made, _constant(100.0))
        return made

    def _operand(self) -> Evaluate:
        if self._sign("("):
            made = self._joined()
            if not self._sign(")"):
                raise _UnsupportedError
            return made
        if self._next >= len(self._tokens):
            raise _UnsupportedError
        token = self._tokens[self._next]
        self._next += 1
        if token["number"]:
            return _constant(float(token["number"]))
        if token["text"] is not None:
            return _constant(token["text"].replace('""', '"'))
        position = self._position(token)
        self.positions.add(position)
        return lambda columns, count: columns[position]

    def _position(self, token: re.Match[str]) -> int:
        """Return the column that a reference means."""
        if token["cell"]:
            return column_number(token["cell"])
        table, name = self._region.table, token["own"] or token["bare"] or token["short"]
        if not name or table is None or (token["table"] or table.name).casefold() != table.name.casefold():
            raise _UnsupportedError
        position = self._region.positions().get(header_key(name))
        if position is None:
            raise _UnsupportedError
        return position


def _constant(value: float | str) -> Evaluate:
    return lambda columns, count: np.full(count, value, object)


def _each(operate: Callable[[Any, Any], Any], left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(columns: Columns, count: int) -> Objects:
        made = np.empty(count, object)
        made[:] = [operate(*each) for each in zip(left(columns, count), right(columns, count), strict=True)]
        return made

    return evaluate


def _arithmetic(operate: Callable[[float, float], float]) -> Callable[[Any, Any], float | None]:
    def made(left: Any, right: Any) -> float | None:
        left, right = (0.0 if value is _BLANK else value for value in (left, right))
        if not isinstance(left, float) or not isinstance(right, float):
            return None
        try:
            result = operate(left, right)
        except (ZeroDivisionError, OverflowError):
            return None
        return result if abs(result) < 1e308 else None

    return made


_ARITHMETIC = {
    "+": _arithmetic(lambda left, right: left + right),
    "-": _arithmetic(lambda left, right: left - right),
    "*": _arithmetic(lambda left, right: left * right),
    "/": _arithmetic(lambda left, right: left / right),
}


def _join(left: Any, right: Any) -> str | None:
    texts = [_shown(value) for value in (left, right)]
    return None if None in texts else "".join(map(str, texts))


def _shown(value: Any) -> str | None:
    """Return a value as Excel joins it to text, None where that depends on more than it."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else None
    return "" if value is _BLANK else value if isinstance(value, str) else None


def operands(cells: Cells, count: int) -> Objects:
    """Return the cells of a column as operands."""
    found = np.full(count, _BLANK, object)
    for values in (cells.numbers, cells.moments, cells.durations):
        _put(found, values, float)
    _put(found, cells.texts, str)
    # TRUE counts as 1 in some places and as text in others.
    _put(found, cells.booleans, lambda _: None)
    return found


def _put(found: Objects, values: pa.Array | None, kind: Callable[[Any], Any]) -> None:
    for place, value in enumerate(values.to_pylist() if values is not None else ()):
        if value is not None:
            found[place] = kind(value)


def written(values: Objects) -> tuple[pa.Array, pa.Array]:
    """Return for each value the attribute that tells its type, and its text; null where it is not known."""
    shown = [0.0 if value is _BLANK else value for value in values]
    kinds = [' t="str"' if isinstance(value, str) else "" for value in shown]
    texts = [
        xml_text(value)
        if isinstance(value, str)
        else None
        if value is None
        else repr(value).removesuffix(".0")
        for value in shown
    ]
    return pa.array(kinds, pa.large_string()), pa.array(texts, pa.large_string())
