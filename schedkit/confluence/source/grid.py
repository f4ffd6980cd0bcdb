"""A table as rows and cells, each with its place in the source; merged cells are spread over their places."""

from __future__ import annotations

import re
from typing import NamedTuple

from schedkit.confluence.source.reading import text
from schedkit.confluence.source.storage import Element, attributes, tag_pattern
from schedkit.errors import RegionError
from schedkit.values.text import clip

__all__ = ["Cell", "Grid", "Row", "is_numbering", "read_grid"]

_TAGS = tag_pattern("table|thead|tbody|tfoot|colgroup|col|tr|t[dh]")
_SPAN = re.compile(r"""\b(col|row)span\s*=\s*["']\s*([0-9]+)\s*["']""")
# What browsers take at most, and more than any page holds.
_MOST_COLUMNS = 1000
_MOST_ROWS = 65_534


class Cell(NamedTuple):
    """One cell: ``source[start:end]``, its content ``source[inner:outer]``.

    `origin` is the row and column of the merged cell that covers this place; a covered cell's own span is
    empty, and lies where the row's source has its next cell.
    """

    start: int
    inner: int
    outer: int
    end: int
    origin: tuple[int, int] | None = None


class Row(NamedTuple):
    """One row and its cells."""

    start: int
    inner: int
    outer: int
    end: int
    cells: list[Cell]


class Grid(NamedTuple):
    """A table: its header row (None: it has none), its body rows, and where body rows live.

    `merged` names the first merged cell of the body, `cols` are its ``<col>`` tags, `sections` counts its
    ``<tbody>``; `header_column`: each row begins with a header cell, and no row is a header row.
    """

    table: Element
    cols: list[tuple[int, int]]
    header: Row | None
    names: list[str]
    rows: list[Row]
    start: int
    end: int
    merged: str = ""
    header_column: bool = False

    def content(self, source: str, row: int, column: int) -> str:
        """Return what a cell holds; of a covered one, what the merged cell holds."""
        cell = self.rows[row].cells[column]
        if cell.origin is not None:
            cell = self.rows[cell.origin[0]].cells[cell.origin[1]]
        return source[cell.inner : cell.outer]


def read_grid(source: str, table: Element, what: str, *, ragged: bool = False) -> Grid:
    """Read the rows of `table`.

    Parameters
    ----------
    ragged : bool
        Fill rows that are too short with empty cells instead of refusing them: enough to read.

    Raises
    ------
    RegionError
        If rows are ragged, or the table has several bodies.
    """
    cols, found, bodies = _walk(source, table)
    if len(bodies) > 1 and not ragged:
        raise RegionError(f"{what} has {len(bodies)} <tbody> sections", hint="make it one table body")
    parts = [part for part, _ in found]
    rows = _spread(source, [row for _, row in found])
    head = _header(source, parts, rows)
    rows = _even(source, rows, what, ragged)
    header = rows[head] if head >= 0 else None
    body = [at for at, part in enumerate(parts) if at > head and part not in ("thead", "tfoot")]
    start, end = _extent(table, bodies, parts, header, [rows[at] for at in body])
    grid = Grid(table, cols, header, [], [_renumbered(rows[at], body) for at in body], start, end)
    return grid._replace(
        names=_names(source, rows, header),
        merged=_first_merged(source, grid),
        header_column=header is None and _has_header_column(source, grid.rows),
    )


def _names(source: str, rows: list[Row], header: Row | None) -> list[str]:
    cells = [] if header is None else header.cells
    origins = [c if c.origin is None else rows[c.origin[0]].cells[c.origin[1]] for c in cells]
    return [text(source[cell.inner : cell.outer]) for cell in origins]


def _spread(source: str, rows: list[Row]) -> list[Row]:
    """Put each cell into its column, and a covered cell wherever a merged one reaches."""
    spread: list[Row] = []
    # By column: the last row that a merged cell above covers, and which cell that is.
    reach: dict[int, tuple[int, tuple[int, int]]] = {}
    for at, row in enumerate(rows):
        cells: list[Cell] = []
        for cell in row.cells:
            _cover(cells, reach, at, cell.start)
            wide, high = _spans(source, cell)
            origin = (at, len(cells))
            cells += [cell, *[Cell(cell.end, cell.end, cell.end, cell.end, origin)] * (wide - 1)]
            if high > 1:
                reach.update(dict.fromkeys(range(origin[1], len(cells)), (at + high - 1, origin)))
        _cover(cells, reach, at, row.cells[-1].end if row.cells else row.outer)
        spread.append(row._replace(cells=cells))
    return spread


def _cover(cells: list[Cell], reach: dict[int, tuple[int, tuple[int, int]]], at: int, place: int) -> None:
    while reach.get(len(cells), (-1, ()))[0] >= at:
        cells.append(Cell(place, place, place, place, reach[len(cells)][1]))


def _spans(source: str, cell: Cell) -> tuple[int, int]:
    opening = source[cell.start : cell.inner]
    if "span" not in opening:
        return 1, 1
    found = dict(_SPAN.findall(opening))
    wide, high = int(found.get("col", "1")[:9]), int(found.get("row", "1")[:9])
    return max(1, min(wide, _MOST_COLUMNS)), max(1, min(high, _MOST_ROWS))


def _even(source: str, rows: list[Row], what: str, ragged: bool) -> list[Row]:
    """Give every row a cell per column; what a merged cell covers beyond the table's width does not count."""
    if not rows:
        return rows
    width = max(map(_own_width, rows)) if ragged else len(rows[0].cells)
    rows = [row if _own_width(row) > width else row._replace(cells=row.cells[:width]) for row in rows]
    if ragged:
        return [_padded(row, width) for row in rows]
    for number, row in enumerate(rows, 1):
        if len(row.cells) != width:
            raise RegionError(
                f"{what}: row {number} has {len(row.cells)} cells, the first has {width}"
                f"{_with_merged(source, rows, row)}",
                hint="give every row a cell per column in Confluence",
            )
    return rows


def _own_width(row: Row) -> int:
    """Return how wide a row is without the places at its end that merged cells cover."""
    width = len(row.cells)
    while width and row.cells[width - 1].origin is not None:
        width -= 1
    return width


def _with_merged(source: str, rows: list[Row], row: Row) -> str:
    covered = next((cell.origin for cell in row.cells if cell.origin is not None), None)
    if covered is None:
        return ""
    cell = rows[covered[0]].cells[covered[1]]
    return f"; it has the merged cell {clip(text(source[cell.inner : cell.outer]), 40)!r}"


def _padded(row: Row, width: int) -> Row:
    place = row.outer
    return row._replace(cells=[*row.cells, *[Cell(place, place, place, place)] * (width - len(row.cells))])


def _renumbered(row: Row, body: list[int]) -> Row:
    """Count the origins of covered cells in body rows; a cell of the header covers nothing there."""
    if all(cell.origin is None for cell in row.cells):
        return row
    place = {old: new for new, old in enumerate(body)}
    cells = [
        cell._replace(origin=(place[cell.origin[0]], cell.origin[1]) if cell.origin[0] in place else None)
        if cell.origin is not None
        else cell
        for cell in row.cells
    ]
    return row._replace(cells=cells)


def _first_merged(source: str, grid: Grid) -> str:
    for at, row in enumerate(grid.rows):
        for column, cell in enumerate(row.cells):
            if cell.origin is not None:
                return clip(text(grid.content(source, at, column)), 40) or "an empty one"
    return ""


def _extent(
    table: Element, bodies: list[tuple[int, int]], parts: list[str], header: Row | None, body: list[Row]
) -> tuple[int, int]:
    """Return where the rows of the body begin and end."""
    if bodies:
        start, end = bodies[0]
        if header and start <= header.start < end:
            start = header.end
        return start, end
    # A header alone in its <thead>: rows go behind that.
    alone = table.outer if "thead" in parts else header.end if header else table.inner
    start = body[0].start if body else alone
    return start, body[-1].end if body else start


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


def _header(source: str, parts: list[str], rows: list[Row]) -> int:
    """Return the last row of ``<thead>``, else the first row made of ``<th>`` or bold text; -1: none.

    A header whose cells are merged may continue in the next rows.
    """
    if "thead" in parts:
        return len(parts) - 1 - parts[::-1].index("thead")
    if not rows or not _is_header(source, rows[0], bold=True):
        return -1
    last = 0
    while any(cell.origin is not None for cell in rows[last].cells) and len(rows) > last + 1:
        if not _is_header(source, rows[last + 1], bold=False):
            break
        last += 1
    return last


_BOLD = re.compile(r"<td[^>]*>\s*(?:<p[^>]*>)?\s*<(?:strong|b)[\s>]")


def _is_header(source: str, row: Row, *, bold: bool) -> bool:
    cells = [cell for cell in row.cells if cell.origin is None and not is_numbering(source, cell)]
    named = [source[cell.start : cell.end] for cell in cells]
    return bool(named) and all(c.startswith("<th") or (bold and _BOLD.match(c) is not None) for c in named)


def _has_header_column(source: str, rows: list[Row]) -> bool:
    """Tell whether every row begins with a ``<th>`` and continues with cells that are none."""
    return bool(rows) and all(
        len(row.cells) > 1
        and source.startswith("<th", row.cells[0].start)
        and not any(source.startswith("<th", cell.start) for cell in row.cells[1:] if cell.origin is None)
        for row in rows
    )


def is_numbering(source: str, cell: Cell) -> bool:
    """Tell whether a cell belongs to Confluence's own column of row numbers."""
    opening = source[cell.start : cell.inner]
    return "numberingColumn" in opening and "numberingColumn" in attributes(opening).get("class", "").split()
