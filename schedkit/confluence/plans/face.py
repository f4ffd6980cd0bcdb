"""How a plan looks: the table as it will be, changed cells marked; inert text and inert HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from schedkit.confluence.source.grid import read_grid
from schedkit.confluence.source.locate import Landscape, locate
from schedkit.confluence.source.regions import Region
from schedkit.confluence.source.storage import text
from schedkit.confluence.tables.rules import Merged

__all__ = ["as_html", "as_text", "summary"]

_ROWS = 30
_WIDTH = 24
_WORD = 40  # a longer one would push the other columns off the screen


@dataclass(frozen=True)
class _View:
    """Some rows of the new table as text; what their changed cells said before; which rows are new."""

    names: list[str]
    rows: list[tuple[int, list[str]]]
    marks: dict[tuple[int, int], str | None]
    new: set[int]
    further: int


def summary(merged: Merged) -> str:
    """Return one line: what applying would do."""
    if not merged.edits:
        return "nothing to change"
    changed = sum(change.before is not None for change in merged.changes)
    counts = [
        f"{changed} cell{'s change' if changed != 1 else ' changes'}" if changed else "",
        _rows(merged.added, "added"),
        _rows(merged.removed, "removed"),
        _rows(merged.archived, "archived"),
        _rows(range(merged.hidden), "not shown"),
    ]
    return ", ".join(filter(None, counts)) or "order or columns change"


def _rows(rows: Sequence[object], what: str) -> str:
    return f"{len(rows)} row{'s' if len(rows) != 1 else ''} {what}" if rows else ""


def _view(source: str, region: Region, merged: Merged) -> _View:
    grid = read_grid(source, locate(Landscape(source), region), "the new table")
    marks = {(change.row, change.column): change.before for change in merged.changes}
    touched = sorted({row for row, _ in marks})
    total = len(grid.rows)
    wanted = range(total) if total <= _ROWS or not touched else touched[:_ROWS]
    rows = [(at, [text(source[c.inner : c.outer]) for c in grid.rows[at].cells]) for at in wanted[:_ROWS]]
    new = {change.row for change in merged.changes if change.before is None}
    return _View(merged.names, rows, marks, new, total - len(rows))


def as_text(title: str, source: str, region: Region, merged: Merged) -> str:
    """Draw the plan for a terminal: ``*`` before a changed cell, ``+`` before a new row."""
    lines = [f"{title}: {summary(merged)}"]
    if merged.edits:
        view = _view(source, region, merged)
        table = [["", *view.names]]
        for at, cells in view.rows:
            signs = ["*" if (at, n) in view.marks and at not in view.new else "" for n in range(len(cells))]
            table.append(["+" if at in view.new else "", *map("".join, zip(signs, cells, strict=True))])
        lines += _aligned(table)
        if view.further:
            lines.append(f"… {view.further} further rows")
    lines += [f"{label}: {_listed(keys)}" for label, keys in _leaving(merged)]
    lines += [f"note: {note}" for note in merged.notes]
    return "\n".join(lines)


def _leaving(merged: Merged) -> list[tuple[str, list[str]]]:
    both = [("removed", merged.removed), ("archived", merged.archived)]
    return [(label, keys) for label, keys in both if keys]


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - 20} more" if len(keys) > 20 else ""
    return ", ".join(keys[:20]) + more


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    cut = [[c if len(c) <= _WIDTH else c[: _WIDTH - 1] + "…" for c in row] for row in table]
    widths = [max(map(len, column)) for column in zip(*cut, strict=True)]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cut]


_MARK = "background:rgba(255,196,0,.28)"
_NEW = "background:rgba(0,160,80,.18)"


def as_html(title: str, source: str, region: Region, merged: Merged) -> str:
    """Draw the plan for a notebook: plain escaped text in a table, nothing of the page is executed."""
    parts = [f"<div><p><b>{html.escape(title)}</b>: {html.escape(summary(merged))}</p>"]
    if merged.edits:
        view = _view(source, region, merged)
        parts.append("<table><thead><tr>")
        parts += [f"<th style='text-align:left'>{html.escape(name)}</th>" for name in view.names]
        parts.append("</tr></thead><tbody>")
        for at, cells in view.rows:
            marked = [_html_cell(cell, view, (at, n)) for n, cell in enumerate(cells)]
            parts.append(f"<tr>{''.join(marked)}</tr>")
        parts.append("</tbody></table>")
        if view.further:
            parts.append(f"<p>… {view.further} further rows</p>")
    parts += [f"<p>{label}: {html.escape(_listed(keys))}</p>" for label, keys in _leaving(merged)]
    parts += [f"<p>note: {html.escape(note)}</p>" for note in merged.notes]
    return "".join(parts) + "</div>"


def _html_cell(shown: str, view: _View, place: tuple[int, int]) -> str:
    cut = shown if len(shown) <= 200 else shown[:199] + "…"
    style, title = "text-align:left", ""
    if any(len(word) > _WORD for word in cut.split()):
        style += ";overflow-wrap:anywhere;min-width:12em"
    if place[0] in view.new:
        style += ";" + _NEW
    elif place in view.marks:
        style += ";" + _MARK
        title = f' title="was: {html.escape((view.marks[place] or "empty")[:200], quote=True)}"'
    return f"<td style='{style}'{title}>{html.escape(cut)}</td>"
