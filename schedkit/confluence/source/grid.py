"""A table as rows and cells, each with its place in the source."""

from __future__ import annotations

import re
from typing import NamedTuple

from schedkit.confluence.source.storage import Element, attributes, tag_pattern, text
from schedkit.errors import RegionError

__all__ = ["Cell", "Grid", "Row", "is_numbering", "key_text", "read_grid"]

_TAGS = tag_pattern("table|thead|tbody|tfoot|colgroup|col|tr|t[dh]")
_SPAN = re.compile(r"""\b(?:col|row)span\s*=\s*["']\s*(?!["']|1\s*["'])""")


class Cell(NamedTuple):
    """One cell: ``source[start:end]``, its content ``source[inner:outer]``."""

    start: int
    inner: int
    outer: int
    end: int


class Row(NamedTuple):
    """One row and its cells."""

    start: int
    inner: int
    outer: int
    end: int
    cells: list[Cell]


class Grid(NamedTuple):
    """A table: its header row (None: it has none), its body rows, and where body rows live."""

    table: Element
    cols: list[tuple[int, int]]
    header: Row | None
    names: list[str]
    rows: list[Row]
    start: int
    end: int


def read_grid(source: str, table: Element, what: str) -> Grid:
    """Read the rows of `table`.

    Raises
    ------
    RegionError
        If cells are merged, rows are ragged, or the table has several bodies.
    """
    cols, rows, bodies = _walk(source, table)
    width = len(rows[0][1].cells) if rows else 0
    for number, (_, row) in enumerate(rows, 1):
        if len(row.cells) != width:
            raise RegionError(
                f"{what}: row {number} has {len(row.cells)} cells, the first has {width}",
                hint="split merged cells in Confluence, so that every row has a cell per column",
            )
        for cell in row.cells:
            if _SPAN.search(source, cell.start, cell.inner):
                shown = text(source[cell.inner : cell.outer])[:40]
                raise RegionError(
                    f"{what}: row {number} has a merged cell ({shown!r})",
                    hint="split merged cells in Confluence, so that every row has a cell per column",
                )
    header = _header(source, rows)
    body = [row for part, row in rows if row is not header and part != "tfoot"]
    names = [text(source[c.inner : c.outer]) for c in header.cells] if header else []
    if len(bodies) > 1:
        raise RegionError(f"{what} has {len(bodies)} <tbody> sections", hint="make it one table body")
    if bodies:
        start, end = bodies[0]
        if header and start <= header.start < end:
            start = header.end
    else:
        # A header alone in its <thead>: rows go behind that.
        alone = (
            table.outer if any(part == "thead" for part, _ in rows) else header.end if header else table.inner
        )
        start = body[0].start if body else alone
        end = body[-1].end if body else start
    return Grid(table, cols, header, names, body, start, end)


def _walk(
    source: str, table: Element
) -> tuple[list[tuple[int, int]], list[tuple[str, Row]], list[tuple[int, int]]]:
    cols: list[tuple[int, int]] = []
    rows: list[tuple[str, Row]] = []
    bodies: list[tuple[int, int]] = []
    cells: list[Cell] = []
    depth = 0
    part = ""
    part_inner = row_start = row_inner = cell_start = cell_inner = 0
    for match in _TAGS.finditer(source, table.inner, table.outer):
        name = match[2]
        if name is None:
            continue
        closes, empty = match[1], match[3].endswith("/")
        if name == "table":
            depth += 0 if empty else (-1 if closes else 1)
            continue
        if depth:
            continue
        start, end = match.span()
        if name in ("td", "th"):
            if closes:
                cells.append(Cell(cell_start, cell_inner, start, end))
            elif empty:
                cells.append(Cell(start, end, end, end))
            else:
                cell_start, cell_inner = start, end
        elif name == "tr":
            if closes:
                rows.append((part, Row(row_start, row_inner, start, end, cells)))
                cells = []
            elif empty:
                rows.append((part, Row(start, end, end, end, [])))
            else:
                row_start, row_inner = start, end
        elif name == "col":
            if not closes:
                cols.append((start, end))
        elif name != "colgroup":
            if empty:
                continue
            if closes and name == "tbody":
                bodies.append((part_inner, start))
            part, part_inner = ("", 0) if closes else (name, end)
    return cols, rows, bodies


def _header(source: str, rows: list[tuple[str, Row]]) -> Row | None:
    """The last row of ``<thead>``, else a first row made of ``<th>`` or of bold text."""
    heads = [row for part, row in rows if part == "thead"]
    if heads:
        return heads[-1]
    if not rows or not rows[0][1].cells:
        return None
    first = rows[0][1]
    named = [source[c.start : c.end] for c in first.cells if not is_numbering(source, c)]
    return first if named and all(c.startswith("<th") or _BOLD.match(c) for c in named) else None


_BOLD = re.compile(r"<td[^>]*>\s*(?:<p[^>]*>)?\s*<(?:strong|b)[\s>]")


_CARD = re.compile(r"https?://\S+/browse/([A-Z][A-Z0-9_]*-[0-9]+)(?:[?#]\S*)?$")


def key_text(markup: str) -> str:
    """Return the key a cell holds, be it plain, linked, wrapped, a Jira macro or a pasted issue URL."""
    shown = text(markup)
    card = _CARD.match(shown)
    return card[1] if card else shown


def is_numbering(source: str, cell: Cell) -> bool:
    """Tell whether a cell belongs to Confluence's own column of row numbers."""
    opening = source[cell.start : cell.inner]
    return "numberingColumn" in attributes(opening).get("class", "").split()
