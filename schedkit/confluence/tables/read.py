"""What is on a page: its tables and how to name them, and a table's words as a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from schedkit.confluence.source.grid import Grid, is_numbering, read_grid
from schedkit.confluence.source.locate import PageIndex, locate, names_of
from schedkit.confluence.source.reading import key_text
from schedkit.confluence.source.regions import Region
from schedkit.confluence.source.storage import check
from schedkit.confluence.tables.columns import unique_names
from schedkit.confluence.tables.managed_rows import ARCHIVED, is_more
from schedkit.errors import RegionError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["list_tables", "read_table"]


def list_tables(source: str, what: str) -> pd.DataFrame:
    """Return one row per table of a page: region, other names of it, columns, rows, and why it is unfit."""
    import pandas as pd

    check(source, what)
    page = PageIndex(source)
    rows = []
    for n, table in enumerate(page.tables, 1):
        # They are listed side by side: one with a comma in it could not be copied.
        names = [name for name in names_of(page, table) if ", " not in name]
        grid = read_grid(source, table, f"nth:{n}", ragged=True)
        if grid.header_column:
            columns = [key_text(grid.content(source, row, 0)) for row in range(len(grid.rows))]
            rows.append([f"nth:{n}", ", ".join(names), ", ".join(columns), len(grid.rows[0].cells) - 1, ""])
        else:
            problem = _problem(source, page, n, grid)
            rows.append([f"nth:{n}", ", ".join(names), ", ".join(grid.names), len(grid.rows), problem])
    return pd.DataFrame(rows, columns=["Region", "Also", "Columns", "Rows", "Problem"])


def _problem(source: str, page: PageIndex, n: int, grid: Grid) -> str:
    try:
        read_grid(source, page.tables[n - 1], f"nth:{n}")
    except RegionError as error:
        return error.message
    return "" if grid.header or not grid.rows else "no header row"


def read_table(source: str, region: Region, what: str, *, repeat: bool = False) -> pd.DataFrame:
    """Return a table's cells as text, one column per column; linked keys are keys.

    The two managed rows ("… and 42 more", the head of the archived block) are left out. Archived rows come
    last; ``attrs["archived"]`` holds their number. A table with names in its first column (page properties)
    is one row, or as many as it has columns of values. A merged cell is read once, at its first place, or
    with `repeat` at each that it covers.
    """
    import pandas as pd

    check(source, what)
    table = locate(PageIndex(source), region, what)
    grid = read_grid(source, table, f"{what}, {region}", ragged=True)
    cells = [
        [_shown(source, grid, row, at, repeat) for at in range(_width(grid))] for row in range(len(grid.rows))
    ]
    if grid.header_column:
        turned = [list(column) for column in zip(*cells, strict=True)]
        frame = pd.DataFrame(turned[1:], columns=unique_names(turned[0]), dtype="str")
        frame.attrs["archived"] = 0
        return frame
    names = grid.names or [str(n) for n in range(1, _width(grid) + 1)]
    shown = [
        at
        for at, _ in enumerate(names)
        if grid.header is None or not is_numbering(source, grid.header.cells[at])
    ]
    rows, archived = _without_managed([[row[at] for at in shown] for row in cells])
    frame = pd.DataFrame(rows, columns=unique_names([names[at] for at in shown]), dtype="str")
    frame.attrs["archived"] = archived
    return frame


def _width(grid: Grid) -> int:
    if grid.header is not None:
        return len(grid.header.cells)
    return len(grid.rows[0].cells) if grid.rows else 0


def _shown(source: str, grid: Grid, row: int, column: int, repeat: bool) -> str:
    covered = grid.rows[row].cells[column].origin is not None
    return "" if covered and not repeat else key_text(grid.content(source, row, column))


def _without_managed(cells: Sequence[list[str]]) -> tuple[list[list[str]], int]:
    """Return the rows that are data, and how many of them are archived."""
    rows: list[list[str]] = []
    archived_from = None
    for row in cells:
        alone = "".join(row)
        if alone == ARCHIVED and archived_from is None:
            archived_from = len(rows)
        elif not is_more(alone):
            rows.append(row)
    return rows, 0 if archived_from is None else len(rows) - archived_from
