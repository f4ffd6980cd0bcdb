"""Rows of a table as source text: old bytes where a cell says the same, new content where it does not."""

from __future__ import annotations

from dataclasses import dataclass, field

from schedkit.confluence.markup import escape
from schedkit.confluence.source.canonical import blank, same
from schedkit.confluence.source.grid import Cell, Grid, Row
from schedkit.confluence.source.storage import text
from schedkit.confluence.tables.columns import Column
from schedkit.confluence.tables.rules import Change

__all__ = ["Loom"]


@dataclass
class Loom:
    """Writes the rows of a new table one by one, out of the old table `grid`."""

    source: str
    grid: Grid
    columns: list[Column]
    parts: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    count: int = 0

    def content(self, row: int, column: int) -> str:
        """What the old table's cell holds."""
        cell = self.grid.rows[row].cells[column]
        return self.source[cell.inner : cell.outer]

    def has_words(self, row: int, *, everywhere: bool = False) -> bool:
        """Tell whether people wrote in their columns of an old row, or in any of its columns."""
        return any(
            not blank(self.content(row, c.old))
            for c in self.columns
            if c.of_people or (everywhere and c.old >= 0 and not c.numbering)
        )

    def write(self, key: str, old: int | None, contents: list[str | None]) -> None:
        """Write a row; a content of None keeps what the old row `old` has there."""
        row = None if old is None else self.grid.rows[old]
        parts: list[str] = []
        for at, (column, content) in enumerate(zip(self.columns, contents, strict=True)):
            cell = None if row is None or column.old < 0 else row.cells[column.old]
            before = "" if cell is None else self.source[cell.inner : cell.outer]
            if column.numbering:
                content = str(self.count + 1)
                if text(before) == content:
                    content = before
            elif content is None or (cell is not None and same(before, content)):
                content = before
            elif content or cell is not None:
                was = None if row is None else text(before)
                self.changes.append(Change(self.count, at, column.name, key, was))
            parts.append(self._gap(row, column.old) + self._cell(cell, column, content))
        opening, closing = self._row_tags(row)
        self.parts.append(self._row_gap(old) + opening + "".join(parts) + closing)
        self.count += 1

    def body(self) -> str:
        """Return all rows written, and what stood behind the last old one."""
        rows, grid = self.grid.rows, self.grid
        return "".join(self.parts) + self.source[rows[-1].end if rows else grid.start : grid.end]

    def head_edits(self) -> list[tuple[int, int, str]]:
        """Header cells and colgroup follow the columns; untouched where these stay."""
        header = self.grid.header
        assert header is not None
        if [c.old for c in self.columns] == list(range(len(header.cells))):
            return []
        old = [self.source[cell.start : cell.end] for cell in header.cells]
        cells = [
            self._gap(header, c.old) + (old[c.old] if c.old >= 0 else f"<th>{escape(c.name)}</th>")
            for c in self.columns
        ]
        edits = [(header.inner, header.cells[-1].end, "".join(cells))]
        # A colgroup that did not fit before is people's business.
        cols = self.grid.cols
        if len(cols) == len(header.cells):
            spans = [self.source[start:end] for start, end in cols]
            new = "".join(spans[c.old] if c.old >= 0 else "<col />" for c in self.columns)
            edits.append((cols[0][0], cols[-1][1], new))
        return edits

    def _cell(self, cell: Cell | None, column: Column, content: str) -> str:
        if cell is None:
            opening = self._new_opening(column)
            return f"{opening}{content}</{opening[1:3]}>"
        if content == self.source[cell.inner : cell.outer]:
            return self.source[cell.start : cell.end]
        opening = self.source[cell.start : cell.inner]
        if cell.inner == cell.end:
            return f"{opening.removesuffix('/>').rstrip()}>{content}</{opening[1:3]}>"
        return opening + content + self.source[cell.outer : cell.end]

    def _new_opening(self, column: Column) -> str:
        """The opening tag of a new cell: a header cell where its column has such, numbered where it is."""
        if column.old < 0 or not self.grid.rows:
            return '<td class="numberingColumn">' if column.numbering else "<td>"
        pattern = self.grid.rows[0].cells[column.old]
        opening = self.source[pattern.start : pattern.inner]
        if column.numbering:
            return opening.removesuffix("/>").rstrip() + ">" if opening.endswith("/>") else opening
        return f"{opening[:3]}>"

    def _row_tags(self, row: Row | None) -> tuple[str, str]:
        if row is None:
            return "<tr>", "</tr>"
        return self.source[row.start : row.inner], self.source[row.cells[-1].end : row.end]

    def _gap(self, row: Row | None, old: int) -> str:
        """The white space or comment before a cell that was there."""
        if row is None or old < 0:
            return ""
        return self.source[row.cells[old - 1].end if old else row.inner : row.cells[old].start]

    def _row_gap(self, old: int | None) -> str:
        """What stood before a row; a new row is set like the first one."""
        rows, start = self.grid.rows, self.grid.start
        if old is not None:
            return self.source[rows[old - 1].end if old else start : rows[old].start]
        pattern = self.source[start : rows[0].start] if rows else ""
        return "" if pattern.strip() else pattern
