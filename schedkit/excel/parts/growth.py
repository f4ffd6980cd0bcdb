"""References that grow with the rows they cover: in names, charts, pivots, rules and formulas."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from schedkit.excel.names import column_number
from schedkit.excel.parts.area import Area

_CELLS = r"(\$?[A-Z]{1,3}\$?)([0-9]+)(?::(\$?[A-Z]{1,3}\$?)([0-9]+))?(?![0-9A-Za-z_(!.])"
# A sheet's name is quoted unless it is plain; an apostrophe within is doubled.
_QUALIFIED = re.compile(rf"('(?:[^']|'')+'|[\w.\u0080-\uffff]+)!{_CELLS}")
_UNQUALIFIED = re.compile(rf"(?<![\w$!:.'\"\]]){_CELLS}")
_QUOTED_TEXT = re.compile(r'("(?:[^"]|"")*")')


@dataclass(frozen=True)
class Growth:
    """How a region of a sheet changed its height.

    `body` is the old body (without header and totals), `bottom` the last row of the new one; `totals`
    rows follow below.
    """

    sheet: str
    header_row: int
    body: Area
    bottom: int
    totals: int = 0

    @property
    def shift(self) -> int:
        """How many rows the end of the region moved down (negative: up)."""
        return self.bottom - self.body.bottom

    def row(self, top: int, bottom: int, left: int, right: int, *, single: bool) -> int:
        """Return where an area that ended in `bottom` ends now."""
        within = left >= self.body.left and right <= self.body.right
        around = left <= self.body.left and right >= self.body.right
        if not (within or around) or top > self.body.bottom:
            return bottom
        if top == bottom and not (single and self.body.height == 1 and bottom == self.body.bottom):
            return bottom
        ends = range(self.body.bottom, self.body.bottom + self.totals + 1)
        return bottom + self.shift if bottom in ends else bottom

    def area(self, area: Area) -> Area:
        """Return `area` as it is now; a single cell stands for a body of one row."""
        return area.to_row(self.row(area.top, area.bottom, area.left, area.right, single=True))

    def areas(self, text: str) -> str:
        """Return a list of areas separated by blanks (``sqref``) as it is now."""
        return " ".join(self._plain(part) for part in text.split())

    def _plain(self, text: str) -> str:
        area = Area.parse(text)
        if area is None:
            return text
        grown = self.area(area)
        return text if grown == area else str(grown)

    def qualified(self, text: str, *, single: bool) -> str:
        """Return a formula of another part as it is now: only references that name the sheet count."""

        def grown(found: re.Match[str]) -> str:
            name = found[1][1:-1].replace("''", "'") if found[1].startswith("'") else found[1]
            if name.casefold() != self.sheet.casefold():
                return found[0]
            return f"{found[1]}!{self._cells(found, 2, single)}"

        return self._outside_quotes(text, lambda part: _QUALIFIED.sub(grown, part))

    def unqualified(self, text: str) -> str:
        """Return a formula of the sheet itself as it is now."""
        return self.qualified(
            self._outside_quotes(
                text, lambda part: _UNQUALIFIED.sub(lambda found: self._cells(found, 1, False), part)
            ),
            single=False,
        )

    def _cells(self, found: re.Match[str], group: int, single: bool) -> str:
        first, top, last, bottom = (found[group + place] for place in range(4))
        left = column_number(first.replace("$", ""))
        right = column_number((last or first).replace("$", ""))
        row = self.row(int(top), int(bottom or top), left, right, single=single)
        if row == int(bottom or top):
            return f"{first}{top}" + (f":{last}{bottom}" if last else "")
        return f"{first}{top}:{last or first}{row}"

    @staticmethod
    def _outside_quotes(text: str, change: Callable[[str], str]) -> str:
        # Text within a formula is in double quotes; nothing in it is a reference.
        parts = _QUOTED_TEXT.split(text)
        return "".join(part if place % 2 else change(part) for place, part in enumerate(parts))
