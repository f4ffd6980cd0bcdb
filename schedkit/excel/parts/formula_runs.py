"""Formulas of a sheet in runs: the same formula in consecutive rows of a column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from schedkit.excel.limits import MAX_ROWS
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.references import moved

_NUMBER = re.compile(r"([0-9]+)")
_ROW = re.compile(r"[1-9][0-9]{0,6}")


class FormulaCell(NamedTuple):
    """A cell with a formula: the index of a shared one, and the area that an array formula fills."""

    row: int
    column: int
    text: str
    shared: str = ""
    spills: Area | None = None


@dataclass(slots=True, eq=False)
class FormulaRun:
    """One formula in the rows `first` to `last` of a column.

    `pieces` are its text; an integer among them stands for the number of the row plus that integer.
    """

    column: int
    first: int
    last: int
    pieces: tuple[str | int, ...]
    shared: str = ""
    spills: Area | None = None

    @property
    def rows(self) -> range:
        return range(self.first, self.last + 1)

    def text(self, row: int) -> str:
        """Return the formula as it reads in a row."""
        return _text(self.pieces, row)

    def part(self, first: int, last: int) -> FormulaRun:
        """Return the run within some of its rows."""
        return replace(self, first=first, last=last)

    def extend(self, cell: FormulaCell) -> bool:
        """Add a cell if it has the same formula in the next row; return whether it has."""
        if cell.row != self.last + 1 or cell.shared != self.shared or self.spills or cell.spills:
            return False
        if self.first == self.last:
            pieces = _common(self.text(self.first), cell.text, self.first)
            if pieces is None:
                return False
            self.pieces = pieces
        elif self.text(cell.row) != cell.text:
            return False
        self.last = cell.row
        return True


def runs_of(cells: Iterable[FormulaCell]) -> list[FormulaRun]:
    """Return cells as runs; those of a column are expected in the order of their rows."""
    found: list[FormulaRun] = []
    newest: dict[int, FormulaRun] = {}
    for cell in cells:
        run = newest.get(cell.column)
        if run is None or not run.extend(cell):
            run = FormulaRun(cell.column, cell.row, cell.row, (cell.text,), cell.shared, cell.spills)
            newest[cell.column] = run
            found.append(run)
    return found


def _text(pieces: Sequence[str | int], row: int) -> str:
    return "".join([piece if isinstance(piece, str) else str(piece + row) for piece in pieces])


def _common(text: str, below: str, row: int) -> tuple[str | int, ...] | None:
    """Return what two formulas of a row and the next one have in common, None if they differ otherwise.

    A number that is one greater below counts from the row, whatever it means; code that splits a run
    compares the formulas of its first and last row.

    Examples
    --------
    >>> _common("A5*2+B$1", "A6*2+B$1", 5)
    ('A', 0, '*2+B$1')
    """
    if text == below:
        return (text,)
    pieces: list[str | int] = [""]
    first, second = _NUMBER.split(text), _NUMBER.split(below)
    if len(first) != len(second):
        return None
    for one, other in zip(first, second, strict=True):
        if one == other:
            last = pieces[-1]
            pieces[-1:] = [last + one] if isinstance(last, str) else [last, one]
        elif _ROW.fullmatch(one) and _ROW.fullmatch(other) and int(other) == int(one) + 1:
            pieces.append(int(one) - row)
        else:
            return None
    return tuple(piece for piece in pieces if piece != "")


class SharedFormula:
    """The formula that several cells share: as it reads in a cell at `column` and `row`."""

    def __init__(self, text: str, column: int, row: int) -> None:
        self._text, self._column, self._row = text, column, row
        # By column, since most shared formulas fill one: text(row) takes a tenth of the time of `moved`.
        self._columns: dict[int, tuple[str | int, ...] | None] = {}

    def text(self, column: int, row: int) -> str:
        """Return the formula as it reads in another cell."""
        if column not in self._columns:
            texts = (self._moved(column, self._row), self._moved(column, self._row + 1))
            self._columns[column] = _common(*texts, self._row)
        pieces = self._columns[column]
        offsets = [piece for piece in pieces or () if isinstance(piece, int)]
        if pieces is None or row + min(offsets, default=0) < 1 or row + max(offsets, default=0) > MAX_ROWS:
            return self._moved(column, row)
        return _text(pieces, row)

    def _moved(self, column: int, row: int) -> str:
        return moved(self._text, column - self._column, row - self._row)
