"""A snapshot as plain HTML, for a notebook without a kernel, nbconvert and e-mail.

Styled inline, because a notebook's sanitiser drops style sheets; every text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from schedkit.core.board.rows import error_words
from schedkit.notebook import tables
from schedkit.values.own_code import line_words

__all__ = ["board_html", "run_html", "table_html"]

ROWS = 30
_TONES = {
    "done": "#17794a",
    "failed": "#bf2c2c",
    "timeout": "#bf2c2c",
    "running": "#2f5bd7",
    "retry": "#96590a",
}
_CELL = "text-align:left;padding:4px 14px 4px 0;vertical-align:top"
_MUTED = "opacity:0.7"
_CODE = "margin:0 0 0 14px"


def board_html(
    board: Mapping[str, Any], kind: str = "tasks", *, run: str = "", task: str = "", mark: str = ""
) -> str:
    """Return a snapshot as HTML.

    Parameters
    ----------
    board : mapping
        What `Board.snapshot` returns.
    kind : str
        The panel whose table is drawn: "tasks", "runs", "queue" or "history".
    run, task : str
        Draw this run, or this task, only.
    mark : str
        A class by which a live panel finds and hides its still picture.
    """
    board = tables.only(board, task)
    rows = [row for row in board["runs"] if row["id"] == run]
    if rows:
        body = run_html(rows[0], board)
    else:
        body = _head(board) + _drawn(tables.tasks(board) if kind == "tasks" else tables.runs(board, kind))
    at = tables.clock(board["now"], tables.zone(board))
    taken = f'<div style="{_MUTED};margin-top:4px">state at {escape(at)}</div>'
    return f'<div class="{escape(mark, quote=True)}" style="line-height:1.5">{body}{taken}</div>'


def _head(board: Mapping[str, Any]) -> str:
    state, counts = tables.headline(board)
    places = tables.places(board)
    below = f'<div style="{_MUTED}">{escape(places)}</div>' if places else ""
    return f"<div><strong>{escape(state)}</strong> · {escape(counts)}</div>{below}"


def _drawn(table: tables.Table) -> str:
    def cell(column: int, text: str) -> str:
        if column == 0:
            return f"<strong>{escape(text)}</strong>"
        return _toned(text, text) if column == table.state else _ended(text)

    return table_html(table.heads, [[cell(*each) for each in enumerate(row)] for row in table.rows])


def _ended(text: str) -> str:
    """Return a cell; one that begins with a state is coloured as that."""
    word, space, rest = text.partition(" ")
    return _toned(word, word) + escape(f"{space}{rest}") if word in _TONES else escape(text)


def run_html(row: Mapping[str, Any], board: Mapping[str, Any]) -> str:
    """Return one run of the board as HTML."""
    state = row["state"].lower()
    parts = [f"<div><strong>{escape(row['task'])}</strong> {_toned(state, state)}"]
    if row["started_at"]:
        started = tables.clock(row["started_at"], tables.zone(board))
        parts.append(escape(f" · started {started} · {tables.elapsed(tables.run_seconds(row))}"))
    parts.append("</div>")
    for stage in row["stages"]:
        total = "" if stage["total"] is None else f" / {stage['total']:,.0f}"
        parts.append(f"<div>{escape(stage['stage'])}: {stage['done']:,.0f}{total}</div>")
    if row["error"]:
        parts += _error(row["error"])
    parts += [
        f"<div>file {escape(str(file.get('label') or file['path']))}</div>"
        for file in row.get("artifacts", ())
    ]
    return "".join(parts)


def _error(error: Mapping[str, Any]) -> list[str]:
    """Return an error in HTML: what it says, then the person's own lines, the innermost first."""
    hint = f" ({error['hint']})" if error.get("hint") else ""
    return [
        f'<div style="color:{_TONES["failed"]}">{escape(error_words(error) + hint)}</div>',
        *(
            f'<div>{escape(line_words(line))}<pre style="{_CODE}">{escape(str(line["code"]))}</pre></div>'
            for line in reversed(error.get("lines", ()))
        ),
    ]


def table_html(heads: Iterable[str], rows: list[list[str]]) -> str:
    """Return a table; `rows` are HTML; of more than 30, the rest are only counted."""
    head = "".join(f'<th style="{_CELL}">{escape(name)}</th>' for name in heads)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in row) + "</tr>" for row in rows[:ROWS]
    )
    more = f'<div style="{_MUTED}">and {len(rows) - ROWS} more</div>' if len(rows) > ROWS else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _toned(text: str, state: str) -> str:
    colour = _TONES.get(state)
    style = f' style="color:{colour}"' if colour else ""
    return f"<span{style}>{escape(text)}</span>"
