"""Which columns the new table has: the page's order, new ones behind their neighbours."""

from __future__ import annotations

from typing import NamedTuple

from schedkit.confluence.source.grid import Grid, is_numbering
from schedkit.confluence.tables.rules import Rules
from schedkit.confluence.tables.table import Rendered
from schedkit.errors import RegionError

__all__ = ["Column", "decide_columns"]


class Column(NamedTuple):
    """A column of the new table: its place on the page (-1: new) and in the frame (-1: not there).

    A kept column is people's: the frame fills it in new rows only.
    """

    name: str
    old: int
    new: int
    numbering: bool = False
    kept: bool = False

    @property
    def of_people(self) -> bool:
        """Whether what stands there is theirs."""
        return self.old >= 0 and not self.numbering and (self.kept or self.new < 0)


def decide_columns(
    source: str, grid: Grid, new: Rendered, rules: Rules, what: str
) -> tuple[list[Column], list[str]]:
    """Return the columns, and what is worth knowing about them.

    Raises
    ------
    RegionError
        If the key column is missing, a name repeats, or people's columns cannot be carried.
    """
    _check_names(grid, new, rules, what)
    place = {name: at for at, name in enumerate(new.names)}
    columns = [
        Column(name, at, place.get(name, -1), _numbers(source, grid, at), name in rules.keep)
        for at, name in enumerate(grid.names)
        if name not in rules.drop
    ]
    strangers = [c.name for c in columns if c.of_people and not c.kept]
    if rules.key is None and (strangers or rules.keep):
        raise RegionError(
            f"{what} has columns the frame has not ({', '.join(strangers or rules.keep)})",
            hint="name a key= column, by which they are carried, or drop=[…] them",
        )
    notes = [_carried(strangers)] if strangers else []
    for at, name in enumerate(new.names):
        if name in grid.names or name in rules.keep or name in rules.drop:
            continue
        there = {c.name: n for n, c in enumerate(columns, 1)}
        behind = next((there[before] for before in reversed(new.names[:at]) if before in there), 0)
        columns.insert(behind, Column(name, -1, at))
    missing = [name for name in rules.keep if name not in grid.names and name not in rules.drop]
    if missing and strangers:
        notes += [
            f"column {name!r} is not on the page; perhaps it was renamed: not added" for name in missing
        ]
    else:
        columns += [Column(name, -1, place.get(name, -1), kept=True) for name in missing]
    return columns, notes


def _check_names(grid: Grid, new: Rendered, rules: Rules, what: str) -> None:
    if rules.key is not None and rules.key not in grid.names:
        raise RegionError(
            f"{what} has no column {rules.key!r} to match rows by",
            hint=f"its columns are {', '.join(filter(None, grid.names))}",
        )
    for name in [*new.names, *rules.keep]:
        if grid.names.count(name) > 1:
            raise RegionError(f"{what} has two columns named {name!r}", hint="rename one on the page")


def _numbers(source: str, grid: Grid, at: int) -> bool:
    """Tell whether a column is Confluence's own of row numbers."""
    assert grid.header is not None
    return any(is_numbering(source, row.cells[at]) for row in (grid.header, *grid.rows[:1]))


def _carried(names: list[str]) -> str:
    if len(names) == 1:
        return f"column {names[0]!r} is not in the frame: carried as people left it"
    return f"columns {', '.join(map(repr, names))} are not in the frame: carried as people left them"
