"""A table where there was none."""

from __future__ import annotations

from schedkit.confluence.markup import escape
from schedkit.confluence.source.grid import Grid
from schedkit.confluence.tables.managed_rows import more_cell
from schedkit.confluence.tables.render import Rendered
from schedkit.confluence.tables.rules import Change, Merged, Rules

__all__ = ["filled", "fresh_table", "new_table"]


def fresh_table(new: Rendered, rules: Rules) -> str:
    """Return a whole new table."""
    return f"<table>{_inside(new, rules)}</table>"


def filled(grid: Grid, new: Rendered, rules: Rules) -> Merged:
    """Fill a table that has no rows; its opening tag stays."""
    inside = _inside(new, rules)
    start, end = grid.table.inner, grid.table.outer
    if grid.table.attrs.endswith("/"):
        opening = f"<table{grid.table.attrs.removesuffix('/').rstrip()}>"
        start, end, inside = grid.table.start, grid.table.end, f"{opening}{inside}</table>"
    return new_table([(start, end, inside)], new, rules)


def new_table(edits: list[tuple[int, int, str]], new: Rendered, rules: Rules) -> Merged:
    """Return the report of edits that put a whole new table on the page."""
    shown = _shown(new, rules)
    keys = new.keys or [str(n) for n in range(1, len(new) + 1)]
    changes = [
        Change(row, column, name, keys[row], None, new.columns[column][row])
        for row in range(shown)
        for column, name in enumerate(new.names)
    ]
    return Merged(
        edits,
        _names(new, rules),
        changes,
        added=keys[:shown],
        hidden=len(new) - shown,
        new_table=True,
        key_names=list(rules.keys),
    )


def _shown(new: Rendered, rules: Rules) -> int:
    return len(new) if rules.cap is None else min(rules.cap, len(new))


def _names(new: Rendered, rules: Rules) -> list[str]:
    return [*new.names, *(name for name in rules.keep if name not in new.names)]


def _inside(new: Rendered, rules: Rules) -> str:
    names = _names(new, rules)
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    extra = "<td></td>" * (len(names) - len(new.names))
    shown = _shown(new, rules)
    columns = [[f"<td>{cell}</td>" for cell in column[:shown]] for column in new.columns]
    rows = [f"<tr>{''.join(cells)}{extra}</tr>" for cells in zip(*columns, strict=True)]
    if shown < len(new):
        more = more_cell(len(new) - shown, rules.workbook)
        at = new.names.index(rules.keys[0]) if rules.keys else 0
        cells = [more if n == at else "" for n in range(len(names))]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f"<tbody><tr>{head}</tr>{''.join(rows)}</tbody>"
