"""What is on a page: its tables and how to name them, and a table's words as a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedkit.confluence.source.grid import is_numbering, key_text, read_grid
from schedkit.confluence.source.locate import Landscape, locate, names_of
from schedkit.confluence.source.regions import Region
from schedkit.confluence.source.storage import check
from schedkit.confluence.tables.ours import ARCHIVED, is_more
from schedkit.errors import RegionError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["list_tables", "read_table"]


def list_tables(source: str, what: str) -> pd.DataFrame:
    """Return one row per table of a page: region, other names of it, columns, rows, and why it is unfit."""
    import pandas as pd

    check(source, what)
    page = Landscape(source)
    rows = []
    for n, table in enumerate(page.tables, 1):
        names = names_of(page, table)
        try:
            grid = read_grid(source, table, f"nth:{n}")
            problem = "" if grid.header or not grid.rows else "no header row"
            shape = (", ".join(grid.names), len(grid.rows))
        except RegionError as error:
            problem, shape = error.message, ("", 0)
        rows.append([f"nth:{n}", ", ".join(names), *shape, problem])
    return pd.DataFrame(rows, columns=["Region", "Also", "Columns", "Rows", "Problem"])


def read_table(source: str, region: Region, what: str) -> pd.DataFrame:
    """Return a table's cells as text, one column per column; linked keys are keys.

    Our own two rows ("… and 42 more", the head of the archived block) are left out. Archived rows come last;
    ``attrs["archived"]`` tells how many they are.
    """
    import pandas as pd

    check(source, what)
    grid = read_grid(source, locate(Landscape(source), region, what), f"{what}, {region}")
    if grid.header is None:
        names = [str(n) for n in range(1, (len(grid.rows[0].cells) if grid.rows else 0) + 1)]
    else:
        names = grid.names
    shown = [
        at
        for at, _ in enumerate(names)
        if grid.header is None or not is_numbering(source, grid.header.cells[at])
    ]
    cells = [[key_text(source[r.cells[at].inner : r.cells[at].outer]) for at in shown] for r in grid.rows]
    rows: list[list[str]] = []
    archived_from = None
    for row in cells:
        alone = "".join(row)
        if alone == ARCHIVED and archived_from is None:
            archived_from = len(rows)
        elif not is_more(alone):
            rows.append(row)
    frame = pd.DataFrame(rows, columns=[names[at] for at in shown], dtype="str")
    frame.attrs["archived"] = 0 if archived_from is None else len(rows) - archived_from
    return frame
