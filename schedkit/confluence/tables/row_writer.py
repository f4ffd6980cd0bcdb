"""Rows of a table as source text: old bytes where a cell says the same, new content where it does not."""

from __future__ import annotations

from dataclasses import dataclass, field

from schedkit.confluence.markup import Formatted, escape
from schedkit.confluence.source.canonical import blank, digest, same
from schedkit.confluence.source.comments import has_comments
from schedkit.confluence.source.grid import Cell, Grid, Row
from schedkit.confluence.source.reading import shows_the_same, text
from schedkit.confluence.tables.columns import Column
from schedkit.confluence.tables.rules import Change
from schedkit.errors import RegionError
from schedkit.values.text import clip

__all__ = ["Accepted", "RowWriter", "says"]

# Pairs of digests: what a place was stored as, and what had been sent there.
Accepted = frozenset[tuple[str, str]]


def says(old: str, new: str, accepted: Accepted = frozenset(), *place: str) -> bool:
    """Tell whether a stored content already says what a new one says.

    A plain value is compared with what a person sees of the cell, formatted content by its markup. `accepted`
    are stored forms that the site itself made of what was sent to `place`: a row's key and its column.
    """
    if old == new:
        return True
    if same(old, new) if isinstance(new, Formatted) else shows_the_same(old, new):
        return True
    return bool(accepted) and (digest(old, " ".join(place)), digest(new)) in accepted


@dataclass
class RowWriter:
    """Writes the rows of a new table one by one, out of the old table `grid`."""

    source: str
    grid: Grid
    columns: list[Column]
    accepted: Accepted = frozenset()
    what: str = "the table"
    parts: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    count: int = 0
    last: int | None = None
    spread: dict[tuple[int, int], str] = field(default_factory=dict)

    def content(self, row: int, column: int) -> str:
        """What the old table's cell holds."""
        return self.grid.content(self.source, row, column)

    def has_words(self, row: int, *, everywhere: bool = False) -> bool:
        """Tell whether people wrote in their columns of an old row, or in any column, or commented on it."""
        if has_comments(self.source[self.grid.rows[row].start : self.grid.rows[row].end]):
            return True
        return any(
            not blank(self.content(row, c.old))
            for c in self.columns
            if c.of_people or (everywhere and c.old >= 0 and not c.numbering)
        )

    def write(self, key: str, old: int | None, contents: list[str | None]) -> None:
        """Write a row; a content of None keeps what the old row `old` has there.

        Raises
        ------
        RegionError
            If a merged cell would be torn apart, or would have to say two things.
        """
        self._check_merged(old)
        row = None if old is None else self.grid.rows[old]
        parts: list[str] = []
        for at, (column, content) in enumerate(zip(self.columns, contents, strict=True)):
            cell = None if row is None or column.old < 0 else row.cells[column.old]
            if cell is not None and cell.origin is not None:
                self._check_covered(key, old, column, content)
                continue
            before = "" if cell is None else self.source[cell.inner : cell.outer]
            if column.numbering:
                content = str(self.count + 1)
                if text(before) == content:
                    content = before
            elif content is None or (
                cell is not None and says(before, content, self.accepted, key, column.name)
            ):
                content = before
            elif content or cell is not None:
                was = None if row is None else before
                self.changes.append(Change(self.count, at, column.name, key, was, content))
            if self.grid.merged and old is not None:
                self.spread[old, column.old] = content
            parts.append(self._gap(row, column.old) + self._cell(cell, column, content))
        opening, closing = self._row_tags(row)
        self.parts.append(self._row_gap(old) + opening + "".join(parts) + closing)
        self.count += 1
        self.last = old

    def body(self) -> str:
        """Return all rows written, and what stood behind the last old one."""
        rows, grid = self.grid.rows, self.grid
        if self.last is not None and self.last + 1 < len(rows):
            self._check_merged(None)
        return "".join(self.parts) + self.source[rows[-1].end if rows else grid.start : grid.end]

    def head_edits(self) -> list[tuple[int, int, str]]:
        """Header cells and colgroup follow the columns; untouched where these stay."""
        header = self.grid.header
        if header is None or [c.old for c in self.columns] == list(range(len(header.cells))):
            return []
        if self.grid.merged or any(cell.origin is not None for cell in header.cells):
            raise RegionError(
                f"{self.what} has merged cells, so its columns cannot change",
                hint="leave its columns as they are, or split the merged cells in Confluence",
            )
        old = [self.source[cell.start : cell.end] for cell in header.cells]
        cells = [
            self._gap(header, c.old) + (old[c.old] if c.old >= 0 else f"<th>{escape(c.name)}</th>")
            for c in self.columns
        ]
        edits = [(header.inner, header.cells[-1].end, "".join(cells))]
        # A colgroup that did not fit before is left as it is.
        cols = self.grid.cols
        if len(cols) == len(header.cells):
            spans = [self.source[start:end] for start, end in cols]
            new = "".join(spans[c.old] if c.old >= 0 else "<col />" for c in self.columns)
            edits.append((cols[0][0], cols[-1][1], new))
        return edits

    def _check_merged(self, old: int | None) -> None:
        """Refuse to part two rows that a merged cell joins: the one written last and the one after it."""
        below = None if self.last is None else self.last + 1
        if below is not None and below != old and self._joined_above(below):
            self._refuse_to_part(below)
        if old is not None and old != below and self._joined_above(old):
            self._refuse_to_part(old)

    def _joined_above(self, row: int) -> bool:
        if not self.grid.merged or row >= len(self.grid.rows):
            return False
        return any(c.origin is not None and c.origin[0] < row for c in self.grid.rows[row].cells)

    def _refuse_to_part(self, row: int) -> None:
        cells = self.grid.rows[row].cells
        column = next(n for n, c in enumerate(cells) if c.origin is not None and c.origin[0] < row)
        raise RegionError(
            f"{self.what}: row {row + 1} belongs to the merged cell {self._shown(row, column)!r}, "
            "and cannot be moved or removed alone",
            hint="split the merged cell in Confluence, or keep its rows together and in their order",
        )

    def _check_covered(self, key: str, old: int | None, column: Column, content: str | None) -> None:
        assert old is not None
        origin = self.grid.rows[old].cells[column.old].origin
        now = self.content(old, column.old) if origin is None else self.spread.get(origin, "")
        if not content or says(now, content, self.accepted, key, column.name):
            return
        raise RegionError(
            f"{self.what}: {column.name} of {key} cannot become {clip(text(content), 40)!r}: "
            f"it is part of the merged cell {self._shown(old, column.old)!r}",
            hint="split the merged cell in Confluence",
        )

    def _shown(self, row: int, column: int) -> str:
        return clip(text(self.content(row, column)), 40)

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
        pattern = None if column.old < 0 or not self.grid.rows else self.grid.rows[0].cells[column.old]
        if pattern is None or pattern.origin is not None:
            return '<td class="numberingColumn">' if column.numbering else "<td>"
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
