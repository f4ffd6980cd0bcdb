"""Tables whose names are in a header column, as in page properties: one value, or several, a name."""

from __future__ import annotations

from schedkit.confluence.markup import escape
from schedkit.confluence.source.comments import comments_in
from schedkit.confluence.source.grid import Grid
from schedkit.confluence.source.reading import text
from schedkit.confluence.tables.columns import align_names
from schedkit.confluence.tables.render import Rendered
from schedkit.confluence.tables.row_writer import Accepted, says
from schedkit.confluence.tables.rules import Change, Comment, Merged, Rules
from schedkit.errors import RegionError
from schedkit.values.text import clip

__all__ = ["update_values"]


def update_values(
    source: str, grid: Grid, new: Rendered, rules: Rules, what: str, accepted: Accepted
) -> Merged:
    """Put the frame's columns into the rows of the same name: its first row into the first column, and so on.

    Raises
    ------
    RegionError
        If the frame has not one row for each column of values, or a name is in two rows.
    """
    names = [text(grid.content(source, row, 0)) for row in range(len(grid.rows))]
    width = len(grid.rows[0].cells) - 1
    if len(new) != width:
        raise RegionError(
            f"{what} has names in its first column and {width} column{'s' if width > 1 else ''} of values: "
            f"a frame of {len(new)} rows does not fit",
            hint="give a frame with a column per name and a row per column of values",
        )
    new, rules, notes = align_names(names, new, rules)
    edits: list[tuple[int, int, str]] = []
    changes: list[Change] = []
    comments: list[Comment] = []
    for name, cells in zip(new.names, new.columns, strict=True):
        if name in names and name not in rules.keep:
            _put(source, grid, _row_of(names, name, what), name, cells, accepted, edits, changes, comments)
    beyond = [name for name in new.names if name not in names]
    if beyond and rules.columns == "own":
        notes.append(f'no row is named {", ".join(map(repr, beyond))}: left out; columns="all" adds them')
    elif beyond:
        rows = [_new_row(name, new.columns[new.names.index(name)]) for name in beyond]
        edits.append((grid.end, grid.end, "".join(rows)))
        changes += [
            Change(len(names) + at, column, value_name(column, width), name, None, cell)
            for at, name in enumerate(beyond)
            for column, cell in enumerate(new.columns[new.names.index(name)], 1)
        ]
    return Merged(
        edits,
        [value_name(column, width) for column in range(1, width + 1)],
        changes,
        added=[] if rules.columns == "own" else beyond,
        carried=[name for name in names if name not in new.names],
        notes=notes,
        comments=comments,
    )


def _row_of(names: list[str], name: str, what: str) -> int:
    if names.count(name) > 1:
        raise RegionError(f"{what} has two rows named {name!r}", hint="rename one on the page")
    return names.index(name)


def _put(
    source: str, grid: Grid, row: int, name: str, cells: list[str], accepted: Accepted,
    edits: list[tuple[int, int, str]], changes: list[Change], comments: list[Comment],
) -> None:  # fmt: skip
    for column, content in enumerate(cells, 1):
        cell = grid.rows[row].cells[column]
        before = grid.content(source, row, column)
        if says(before, content, accepted, name, value_name(column, len(cells))):
            continue
        if cell.origin is not None:
            raise RegionError(
                f"{name} is part of the merged cell {clip(text(before), 40)!r}",
                hint="split the merged cell in Confluence",
            )
        opening = source[cell.start : cell.inner]
        if cell.inner == cell.end:
            opening = opening.removesuffix("/>").rstrip() + ">"
            edits.append((cell.start, cell.end, f"{opening}{content}</{opening[1:3]}>"))
        else:
            edits.append((cell.inner, cell.outer, content))
        changes.append(Change(row, column, value_name(column, len(cells)), name, before, content))
        comments += [Comment(name, name, words) for words in comments_in(before).values()]


def value_name(column: int, width: int) -> str:
    """Return what a column of values is called."""
    return "Value" if width == 1 else f"Value {column}"


def _new_row(name: str, cells: list[str]) -> str:
    return f"<tr><th>{escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
