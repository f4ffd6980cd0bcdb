"""A formula carried down a column: its text, cut where row numbers change."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape, unescape

from schedkit.excel.parts.references import cut_at_rows


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
        pieces = cut_at_rows(text, row)
        return cls(tuple(escape(each) if isinstance(each, str) else each for each in pieces), array)

    def text(self, row: int) -> str:
        """Return the formula as it reads in `row`, without "=".

        Examples
        --------
        >>> Formula.parse("B5*2", 5).text(7)
        'B7*2'
        """
        return unescape("".join(str(p + row) if isinstance(p, int) else p for p in self.pieces))
