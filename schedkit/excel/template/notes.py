"""Notes and threaded comments on cells, which move with the key of their row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schedkit.errors import WorkbookError
from schedkit.excel.names import letters
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.workbook import relations
from schedkit.excel.parts.xml import Document, Element
from schedkit.excel.template.dependents import Parts


@dataclass(frozen=True)
class Keys:
    """Where the rows of a replaced body are now: new row by old one; absent where its key has gone.

    A body that is not `replaced` keeps its rows.
    """

    replaced: bool = False
    rows: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, old: Mapping[int, object], new: Iterable[object], body: Area) -> Keys:
        """Match the old keys, by row of the sheet, with those of the new rows in order."""
        places = {str(key).strip(): body.top + place for place, key in enumerate(new)}
        rows: dict[int, int] = {}
        for row, key in old.items():
            # A cell has one note at most, so each new row continues one old row.
            if body.top <= row <= body.bottom and (place := places.pop(str(key).strip(), None)):
                rows[int(row)] = place
        return cls(True, rows)


@dataclass(frozen=True)
class _Moves:
    """Where a cell of a region's sheet is now."""

    growth: RangeGrowth
    keys: Keys

    def place(self, row: int, column: int) -> int | None:
        """Return the row that a cell's notes go to, None if they leave with it."""
        body = self.growth.body
        if not body.left <= column <= body.right:
            return row
        if body.bottom < row <= max(self.growth.old_end, self.growth.end):
            # A note of the totals, or one below them where the rows grow to.
            return row + self.growth.shift
        if self.keys.replaced and body.top <= row <= body.bottom:
            return self.keys.rows.get(row)
        return row


def move_notes(parts: Parts, sheet_part: str, growth: RangeGrowth, keys: Keys) -> int:
    """Move the notes of a sheet along with their rows; return how many left with theirs."""
    moves = _Moves(growth, keys)
    gone: set[str] = set()
    for relation in relations(parts.book.package, sheet_part):
        if relation.target not in parts.book.package:
            continue
        if relation.kind == "comments":
            gone |= _move(parts.document(relation.target), "comment", moves)
        elif relation.kind == "threadedComment":
            gone |= _move(parts.document(relation.target), "threadedComment", moves)
        elif relation.kind == "vmlDrawing":
            _move_boxes(parts, relation.target, moves)
    return len(gone)


def _move(document: Document, name: str, moves: _Moves) -> set[str]:
    gone = set()
    areas = [(note, Area.parse(note.get("ref"))) for note in document.root.all(name)]
    stay = {(a.top, a.left) for _, a in areas if a is not None and moves.place(a.top, a.left) == a.top}
    for note, area in areas:
        row = None if area is None else moves.place(area.top, area.left)
        if area is None or row == area.top:
            continue
        if row is None or (row, area.left) in stay:
            gone.add(note.get("ref"))
            document.remove(note)
        else:
            document.set_attributes(note, ref=f"{letters(area.left)}{row}")
    return gone


def _move_boxes(parts: Parts, part: str, moves: _Moves) -> None:
    """Move the boxes in which notes are shown; their drawing need not be XML."""
    try:
        document = parts.document(part)
    except WorkbookError:
        return
    for shape in document.root.all("shape"):
        data = shape.child("ClientData")
        if data is None or data.get("ObjectType") != "Note":
            continue
        row, column = data.child("Row"), data.child("Column")
        if row is None or column is None or not (row.text.strip() + column.text.strip()).isdecimal():
            continue
        old = int(row.text)
        new = moves.place(old + 1, int(column.text) + 1)
        if new is None:
            document.remove(shape)
        elif new != old + 1:
            document.set_text(row, str(new - 1))
            _move_anchor(document, data.child("Anchor"), new - 1 - old)


def _move_anchor(document: Document, anchor: Element | None, rows: int) -> None:
    """Move the corners of a box: column, offset, row, offset, twice."""
    numbers = re.findall(r"-?[0-9]+", anchor.text) if anchor is not None else []
    if anchor is not None and len(numbers) == 8:
        for place in (2, 6):
            numbers[place] = str(max(int(numbers[place]) + rows, 0))
        document.set_text(anchor, ", ".join(numbers))
