"""How a plan looks: one headline, then only the rows that differ; inert text and inert HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from schedkit.confluence.source.grid import read_grid
from schedkit.confluence.source.locate import PageIndex, locate
from schedkit.confluence.source.reading import lines, text
from schedkit.confluence.source.regions import Region
from schedkit.confluence.source.storage import attributes, tokens
from schedkit.confluence.tables.rules import Change, Merged
from schedkit.values.text import clip

__all__ = ["as_html", "as_text", "changed_cells", "page_lines", "summary"]

_ROWS = 30
_WIDTH = 24
_COLUMNS = 6
_WORD = 40  # a longer one would push the other columns off the screen
_ARROW = " → "


def changed_cells(merged: Merged) -> int:
    """Return how many cells of rows that stay will differ."""
    return sum(change.old is not None for change in merged.changes)


def summary(merged: Merged, besides: str = "") -> str:
    """Return one line: what applying would do, to the table and `besides`."""
    if not merged.edits:
        return besides or "nothing to change"
    changed = changed_cells(merged)
    counts = [
        "a new table" if merged.new_table else "",
        _columns(merged.columns_added, "new"),
        _columns(merged.columns_removed, "gone"),
        _count(merged.added, "row", "added"),
        _count(merged.removed, "row", "removed"),
        _count(merged.archived, "row", "archived"),
        _count(merged.marked, "row", "marked as missing"),
        f"{changed} cell{'s change' if changed != 1 else ' changes'}" if changed else "",
        _count(range(merged.hidden), "row", "not shown"),
        _count(merged.comments, "inline comment", "concerned"),
    ]
    shown = ", ".join(filter(None, counts)) or "order or columns change"
    return f"{shown}, {besides}" if besides else shown


_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
_PARAGRAPH = re.compile(r"</?p(?:\s[^<>]*)?>")
_NEXT_CELL = re.compile(r"</t[dh]>\s*<t[dh](?:\s[^<>]*)?>")


def page_lines(source: str) -> list[str]:
    """Return what a new page says line by line, a row of a table on one line."""
    shown = lines(_TABLE.sub(lambda table: _NEXT_CELL.sub(" | ", _PARAGRAPH.sub(" ", table[0])), source))
    return [line.rstrip("| ") for line in shown]


def _columns(names: Sequence[str], what: str) -> str:
    if not names:
        return ""
    return f"{_count(names, 'column', what)} ({clip(', '.join(names), 80)})"


def _count(items: Sequence[object], noun: str, what: str) -> str:
    return f"{len(items)} {noun}{'s' if len(items) != 1 else ''} {what}" if items else ""


@dataclass
class _Row:
    """A row that differs: its sign, its key, and by column what its cells say."""

    sign: str
    key: str
    cells: dict[str, str] = field(default_factory=dict)


@dataclass
class _View:
    """The rows that differ, as far as they are shown, and in which columns."""

    columns: list[str]
    rows: list[_Row]
    further: int


def _view(merged: Merged) -> _View:
    by_row: dict[int, list[Change]] = {}
    added = set(merged.added)
    for change in merged.changes:
        if change.old is not None or change.key in added:
            by_row.setdefault(change.row, []).append(change)
    changed = {c.name for changes in by_row.values() for c in changes if c.old is not None}
    shown = [name for name in merged.names if name in changed]
    if added:
        # What new rows say besides, as far as it fits.
        others = [name for name in merged.names if name not in changed and name not in merged.key_names]
        shown = [name for name in merged.names if name in {*shown, *others[: max(0, _COLUMNS - len(shown))]}]
    rows = [
        _Row(
            "+" if changes[0].old is None and changes[0].key in added else "",
            changes[0].key,
            {c.name: c.after if c.old is None else _difference(c) for c in changes},
        )
        for changes in list(by_row.values())[:_ROWS]
    ]
    return _View(shown, rows, len(by_row) - len(rows))


def _difference(change: Change) -> str:
    before, after = change.before or "", change.after
    if before == after:
        return f"{after} ({_formatting(change.old or '', change.new)})"
    common = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        common += 1
    # Where long texts differ at their end, their begin says nothing.
    cut = common - 8 if len(before) + len(after) > 2 * _WIDTH and common > 12 else 0
    lead = "…" if cut else ""
    return f"{lead}{before[cut:] or 'empty'}{_ARROW}{lead}{after[cut:] or 'empty'}"


def _formatting(old: str, new: str) -> str:
    """Say in what two cells of one text differ."""
    for what, pick in (("link", _links), ("colour", _colours)):
        was, will = pick(old), pick(new)
        if was != will:
            return f"{what} {', '.join(was) or 'none'}{_ARROW}{', '.join(will) or 'none'}"
    return "formatting"


def _links(markup: str) -> list[str]:
    opening = (token for token in tokens(markup) if token["name"] == "a" and not token["close"])
    return [attributes(token["attrs"]).get("href", "") for token in opening]


_COLOUR = re.compile(r'<ac:parameter ac:name="colour">([^<]*)<')


def _colours(markup: str) -> list[str]:
    return [colour.strip().lower() for colour in _COLOUR.findall(markup)]


def _listed(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - 20} more" if len(keys) > 20 else ""
    return ", ".join(keys[:20]) + more


def _lists(merged: Merged) -> list[tuple[str, str]]:
    """Return what is said below the rows: label and text."""
    comments = [f"{c.key} {c.column} {clip(c.words, 40)!r}" for c in merged.comments]
    named = [
        ("removed", merged.removed),
        ("archived", merged.archived),
        ("marked as missing", merged.marked),
        ("inline comments", comments),
    ]
    return [(label, _listed(items)) for label, items in named if items] + [
        ("note", note) for note in merged.notes
    ]


def as_text(title: str, merged: Merged, besides: str = "") -> str:
    """Draw the plan for a terminal: the rows that differ, ``+`` before a new row."""
    lines = [f"{title}: {summary(merged, besides)}"]
    view = _view(merged)
    if view.rows:
        heads = ["", _key_head(merged), *view.columns]
        rows = [[row.sign, row.key, *(row.cells.get(name, "") for name in view.columns)] for row in view.rows]
        lines += _aligned([heads, *rows])
        if view.further:
            lines.append(f"… {view.further} further rows differ")
    return "\n".join(lines + [f"{label}: {words}" for label, words in _lists(merged)])


def _key_head(merged: Merged) -> str:
    return " / ".join(merged.key_names) or "Row"


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    cut = [[clip(c, 2 * _WIDTH + 3 if _ARROW in c else _WIDTH) for c in row] for row in table]
    widths = [max(map(len, column)) for column in zip(*cut, strict=True)]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cut]


_MARK = "background:rgba(255,196,0,.28)"
_NEW = "background:rgba(0,160,80,.18)"


def as_html(title: str, source: str, region: Region, merged: Merged, besides: str = "") -> str:
    """Draw the plan for a notebook: plain escaped text in tables, nothing of the page is executed."""
    parts = [f"<div><p><b>{html.escape(title)}</b>: {html.escape(summary(merged, besides))}</p>"]
    view = _view(merged)
    if view.rows:
        parts.append(
            _table([_key_head(merged), *view.columns], [_html_row(row, view.columns) for row in view.rows])
        )
        if view.further:
            parts.append(f"<p>… {view.further} further rows differ</p>")
    parts += [f"<p>{label}: {html.escape(words)}</p>" for label, words in _lists(merged)]
    if merged.edits:
        parts.append(_folded(source, region))
    return "".join(parts) + "</div>"


def _html_row(row: _Row, columns: Sequence[str]) -> str:
    cells = [_html_cell(row.key, _NEW if row.sign else "")]
    for name in columns:
        shown = row.cells.get(name, "")
        cells.append(_html_cell(shown, _NEW if row.sign else _MARK if name in row.cells else ""))
    return "".join(cells)


def _folded(source: str, region: Region) -> str:
    """Return the whole table as it will be, collapsed."""
    grid = read_grid(source, locate(PageIndex(source), region), "the new table", ragged=True)
    rows = [
        "".join(_html_cell(text(grid.content(source, at, n)), "") for n in range(len(grid.rows[at].cells)))
        for at in range(min(_ROWS, len(grid.rows)))
    ]
    more = len(grid.rows) - len(rows)
    tail = f"<p>… {more} further rows</p>" if more else ""
    heading = f"the table as it will be, {len(grid.rows)} rows"
    return f"<details><summary>{heading}</summary>{_table(grid.names, rows)}{tail}</details>"


def _table(names: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f"<th style='text-align:left'>{html.escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_cell(shown: str, colour: str) -> str:
    cut = clip(shown, 200)
    style = "text-align:left"
    if any(len(word) > _WORD for word in cut.split()):
        style += ";overflow-wrap:anywhere;min-width:12em"
    if colour:
        style += ";" + colour
    return f"<td style='{style}'>{html.escape(cut)}</td>"
