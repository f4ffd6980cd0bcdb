"""A formula carried down a column: its text, cut where row numbers change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape, unescape

from openpyxl.formula import Tokenizer
from openpyxl.formula.tokenizer import Token

_RELATIVE_ROW = re.compile(r"(\$?[A-Z]{1,3})([0-9]+)(?![0-9(])")


@dataclass(frozen=True)
class Formula:
    """XML-escaped text pieces, and integers that are added to the number of the row the formula is in."""

    pieces: tuple[str | int, ...]
    array: bool = False

    @classmethod
    def parse(cls, text: str, row: int, *, array: bool = False) -> Formula:
        """Cut the formula `text` (without "=") of a cell in `row`.

        Examples
        --------
        >>> Formula.parse('B5*$C$1+SUM(D4:D5)&"B5"', 5).pieces
        ('B', 0, '*$C$1+SUM(D', -1, ':D', 0, ')&amp;"B5"')
        """
        pieces: list[str | int] = [""]

        def add(piece: str | int) -> None:
            if isinstance(piece, str) and isinstance(pieces[-1], str):
                pieces[-1] += piece
            else:
                pieces.append(piece)

        for token in Tokenizer("=" + text).items:
            if token.type != Token.OPERAND or token.subtype != Token.RANGE or "[" in token.value:
                # Text, numbers, functions, and structured references, which tell their row by themselves.
                add(escape(token.value))
                continue
            sheet, bang, area = token.value.rpartition("!")
            add(escape(sheet + bang))
            last = 0
            for found in _RELATIVE_ROW.finditer(area):
                add(escape(area[last : found.start(2)]))
                add(int(found[2]) - row)
                last = found.end()
            add(escape(area[last:]))
        return cls(tuple(piece for piece in pieces if piece != ""), array)

    def text(self, row: int) -> str:
        """Return the formula as it reads in `row`, without "=".

        Examples
        --------
        >>> Formula.parse("B5*2", 5).text(7)
        'B7*2'
        """
        return unescape("".join(str(p + row) if isinstance(p, int) else p for p in self.pieces))
