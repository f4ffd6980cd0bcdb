"""Which columns the new table has: the page's order, new ones behind their neighbours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from schedkit.confluence.source.grid import Grid, is_numbering
from schedkit.confluence.tables.managed_rows import MISSING_SINCE
from schedkit.confluence.tables.render import Rendered
from schedkit.confluence.tables.rules import Rules
from schedkit.errors import RegionError
from schedkit.values.text import did_you_mean, near_matches

__all__ = ["Column", "align_names", "decide_columns", "fold", "unique_names"]


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
        """Whether people wrote what is there."""
        return self.old >= 0 and not self.numbering and (self.kept or self.new < 0)


def align_names(names: Sequence[str], new: Rendered, rules: Rules) -> tuple[Rendered, Rules, list[str]]:
    """Spell the frame's columns as the page does where they differ only in case or blanks, and say so."""
    by_fold: dict[str, list[str]] = {}
    for name in names:
        by_fold.setdefault(fold(name), []).append(name)
    taken: dict[str, str] = {}

    def spelled(name: str) -> str:
        found = by_fold.get(fold(name), [])
        if name in names or len(found) != 1 or found[0] in new.names:
            return name
        taken[name] = found[0]
        return found[0]

    aligned = replace(new, names=[spelled(name) for name in new.names])
    followed = replace(
        rules,
        key=None if rules.key is None else tuple(map(spelled, rules.keys)),
        keep=tuple(map(spelled, rules.keep)),
        drop=tuple(map(spelled, rules.drop)),
    )
    notes = [f"column {theirs!r} of the page is taken for {ours!r}" for ours, theirs in taken.items()]
    return aligned, followed, notes


def fold(name: str) -> str:
    """Return what names that differ only in case or blanks have in common."""
    return "".join(name.split()).casefold()


def unique_names(names: Sequence[str]) -> list[str]:
    """Number names that repeat: a frame's columns are identified by name."""
    seen: Counter[str] = Counter()
    made = []
    for name in names:
        seen[name] += 1
        made.append(name if seen[name] == 1 else f"{name} ({seen[name]})".strip())
    return made


def decide_columns(
    source: str, grid: Grid, new: Rendered, rules: Rules, what: str
) -> tuple[list[Column], list[str]]:
    """Return the columns, and what is worth knowing about them.

    Raises
    ------
    RegionError
        If a key column is missing, a name repeats, or people's columns cannot be carried.
    """
    _check_names(grid, new, rules, what)
    place = {name: at for at, name in enumerate(new.names)}
    columns = [
        Column(name, at, place.get(name, -1), _numbers(source, grid, at), name in rules.keep)
        for at, name in enumerate(grid.names)
        if name not in rules.drop
    ]
    lacking = [c.name for c in columns if c.of_people and not c.kept]
    if not rules.keys and (lacking or rules.keep):
        raise RegionError(
            f"{what} has columns that the frame lacks ({', '.join(lacking or rules.keep)})",
            hint="give key= to carry them over, or drop=[…] to remove them",
        )
    notes = [_carried(lacking)] if lacking else []
    beyond = [
        name
        for name in new.names
        if name not in grid.names and name not in rules.keep and name not in rules.drop
    ]
    marking = rules.missing == "mark" and MISSING_SINCE in beyond
    if marking:
        beyond.remove(MISSING_SINCE)
    if rules.columns == "own":
        notes += [_left_out(beyond)] if beyond else []
    else:
        _insert(columns, new, beyond)
    if marking:
        columns.append(Column(MISSING_SINCE, -1, place[MISSING_SINCE]))
    return columns, notes + _add_kept(columns, grid, rules, place, lacking)


def _insert(columns: list[Column], new: Rendered, names: list[str]) -> None:
    """Put new columns behind the neighbour that they have in the frame."""
    for name in names:
        at = new.names.index(name)
        there = {c.name: n for n, c in enumerate(columns, 1)}
        behind = next((there[before] for before in reversed(new.names[:at]) if before in there), 0)
        columns.insert(behind, Column(name, -1, at))


def _add_kept(
    columns: list[Column], grid: Grid, rules: Rules, place: dict[str, int], lacking: list[str]
) -> list[str]:
    missing = [name for name in rules.keep if name not in grid.names and name not in rules.drop]
    if missing and lacking:
        return [
            f"column {name!r} is not on the page; perhaps it was renamed: not added{_meant(name, lacking)}"
            for name in missing
        ]
    columns += [Column(name, -1, place.get(name, -1), kept=True) for name in missing]
    return []


def _meant(name: str, known: list[str]) -> str:
    near = near_matches(name, known)
    return f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""


def _check_names(grid: Grid, new: Rendered, rules: Rules, what: str) -> None:
    for key in rules.keys:
        if key not in grid.names:
            raise RegionError(
                f"{what} has no column {key!r} to match rows by",
                hint=did_you_mean(
                    key, grid.names, otherwise=f"its columns are {', '.join(filter(None, grid.names))}"
                ),
            )
    for name in rules.keep:
        # One that the frame would write over; a column that is only people's is carried anyway.
        near = near_matches(name, set(grid.names) & set(new.names) - set(rules.keys) - set(rules.keep))
        if name not in grid.names and near:
            raise RegionError(
                f"{what} has no column {name!r} to keep",
                hint=f"did you mean {' or '.join(map(repr, near))}?",
            )
    for name in [*new.names, *rules.keep]:
        if grid.names.count(name) > 1:
            raise RegionError(f"{what} has two columns named {name!r}", hint="rename one on the page")


def _numbers(source: str, grid: Grid, at: int) -> bool:
    """Tell whether a column is Confluence's own of row numbers."""
    head = () if grid.header is None else (grid.header,)
    return any(is_numbering(source, row.cells[at]) for row in (*head, *grid.rows[:1]))


def _carried(names: list[str]) -> str:
    if len(names) == 1:
        return f"column {names[0]!r} is not in the frame: carried as people left it"
    return f"columns {', '.join(map(repr, names))} are not in the frame: carried as people left them"


def _left_out(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:6])) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    plural = "s" if len(names) > 1 else ""
    return f'column{plural} {shown} of the frame not shown: the table has none; columns="all" adds them'
