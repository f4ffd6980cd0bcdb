"""How references in formulas, names, charts, pivots and rules change when a region grows or shrinks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from schedkit.excel.limits import MAX_ROWS
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.references import AREA, TOKEN, Cells, sheet_name

# No row has more digits.
_NUMBER = re.compile(r"[0-9]{1,7}")


@dataclass(frozen=True)
class RangeGrowth:
    """How a region of a sheet changed its height.

    `body` is the old body (without header and totals), `bottom` the last row of the new one; `totals`
    rows follow below and move with the end.
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

    @property
    def old_end(self) -> int:
        """The last row of the old region, totals included."""
        return self.body.bottom + self.totals

    @property
    def end(self) -> int:
        """The last row of the new region, totals included."""
        return self.bottom + self.totals

    def row_after(self, row: int, column: int) -> int:
        """Return the row in which a cell is going to be that stays."""
        moves = self.body.left <= column <= self.body.right and self.body.bottom < row <= self.old_end
        return row + self.shift if moves else row

    def row_before(self, row: int, column: int) -> int | None:
        """Return the row in which a cell was that stays, None if there was none."""
        if not self.body.left <= column <= self.body.right or row <= min(self.bottom, self.body.bottom):
            return row
        if self.bottom < row <= self.end:
            return row - self.shift
        return row if row > max(self.end, self.old_end) else None

    def area(self, area: Area, *, single: bool = True, block: bool = False) -> Area:
        """Return `area` as it is now.

        Parameters
        ----------
        single : bool
            Whether a single cell may mean a body of one row.
        block : bool
            Whether one row is meant as a block of rows, which now has only one.
        """
        body = self.body
        within = area.left >= body.left and area.right <= body.right
        around = area.left <= body.left and area.right >= body.right
        if (within or around) and body.bottom < area.top and area.bottom <= self.old_end:
            return replace(area, top=area.top + self.shift, bottom=area.bottom + self.shift)
        if not (within or around) or area.top > body.bottom:
            return area
        alone = area.top == area.bottom and not block
        if alone and not (single and body.height == 1 and area.bottom == body.bottom):
            return area
        if body.bottom <= area.bottom <= self.old_end:
            return area.to_row(area.bottom + self.shift)
        # A block that ends below the region must also end below the new rows.
        return area.to_row(max(area.bottom, self.end)) if area.bottom > self.old_end else area

    def areas(self, text: str) -> str:
        """Return a list of areas separated by blanks (``sqref``) as it is now."""
        return " ".join(self._written(part) for part in text.split())

    def _written(self, text: str) -> str:
        if not AREA.fullmatch(text):
            return text
        cells = Cells.parse(text)
        grown = self.area(cells.area)
        return text if grown == cells.area else cells.text(grown.top, grown.bottom)

    def qualified(self, text: str, *, single: bool = False) -> str:
        """Return a formula of another part as it is now: only references that name the sheet count."""
        if not self._reaches(text) or self.sheet.replace("'", "''").casefold() not in text.casefold():
            return text
        return TOKEN.sub(lambda found: self._token(found, single, own=False, row=None), text)

    def unqualified(self, text: str, *, row: int | None = None) -> str:
        """Return a formula of the sheet itself as it is now.

        Parameters
        ----------
        row : int, optional
            The row that the formula is in: a block that ends in it, such as a running total's, means it.
        """
        if not self._reaches(text):
            return text
        return TOKEN.sub(lambda found: self._token(found, False, own=True, row=row), text)

    def first_row_reaching(self, pieces: Sequence[str | int]) -> int:
        """Return the first row in which a formula may name a row whose number changes.

        Parameters
        ----------
        pieces : sequence of str and int
            The formula; an integer stands for the number of its row plus that integer.
        """
        if not self.shift:
            return MAX_ROWS + 1
        if any(self._reaches(piece) for piece in pieces if isinstance(piece, str)):
            return 1
        return self.body.bottom - max((each for each in pieces if isinstance(each, int)), default=-MAX_ROWS)

    def _reaches(self, text: str) -> bool:
        """Tell whether a formula may name a row whose number changes: those above the last one do not."""
        return bool(self.shift) and any(int(n) >= self.body.bottom for n in _NUMBER.findall(text))

    def _token(self, found: re.Match[str], single: bool, *, own: bool, row: int | None) -> str:
        written = found["cells"] or found["sheet_cells"] or found["lines"] or found["sheet_lines"]
        sheet = found["sheet"]
        if not written or not AREA.fullmatch(written):
            return found[0]
        if not own if sheet is None else sheet_name(sheet).casefold() != self.sheet.casefold():
            return found[0]
        cells = Cells.parse(written)
        if cells.top > cells.bottom or (row == cells.bottom and cells.is_block and cells.ends_relative):
            return found[0]
        area = cells.area
        # One cell, written as a block whose end is fixed, is one.
        block = cells.is_block and not cells.ends_relative and area.left == area.right
        grown = self.area(area, single=single or cells.is_block, block=block)
        return found[0] if grown == area else (sheet or "") + cells.text(grown.top, grown.bottom)
