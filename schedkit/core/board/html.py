"""A snapshot as plain HTML, for a notebook without a kernel, nbconvert and e-mail.

Styled inline, because a notebook's sanitiser drops style sheets; every text is escaped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from schedkit.values.durations import elapsed_text

__all__ = ["board_html", "board_page", "run_html", "table_html"]

ROWS = 30
_TONES = {
    "DONE": "#17794a",
    "FAILED": "#bf2c2c",
    "TIMEOUT": "#bf2c2c",
    "RUNNING": "#2f5bd7",
    "RETRY": "#96590a",
}
_STATES = {"running": "RUNNING"}
_CELL = "text-align:left;padding:4px 14px 4px 0;vertical-align:top"
_MUTED = "opacity:0.7"


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
    if task:
        tasks = [row for row in board["tasks"] if row["name"] == task]
        board = {**board, "tasks": tasks, "runs": [row for row in board["runs"] if row["task"] == task]}
    rows = [row for row in board["runs"] if row["id"] == run]
    if rows:
        body = run_html(rows[0])
    else:
        body = _head(board) + (_tasks(board["tasks"]) if kind == "tasks" else _runs(board, kind))
    taken = f'<div style="{_MUTED};margin-top:4px">as of {_clock(board["now"])}</div>'
    return f'<div class="{escape(mark, quote=True)}" style="line-height:1.5">{body}{taken}</div>'


def board_page(board: Mapping[str, Any], title: str) -> str:
    """Return a snapshot as a file of its own: the tasks, and what waits. It loads and runs nothing.

    Parameters
    ----------
    board : mapping
        What `Board.snapshot` returns.
    title : str
        What stands above it.
    """
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
    )
    queue = f"<h2>Queue</h2>{_runs(board, 'queue')}" if board["queue"] else ""
    body = f"<h1>{escape(title)}</h1>{board_html(board)}{queue}"
    style = "font:14px/1.5 system-ui,sans-serif;margin:24px"
    return f'<!doctype html><html lang="en"><head>{head}</head><body style="{style}">{body}</body></html>'


def _head(board: Mapping[str, Any]) -> str:
    scheduler = board["scheduler"]
    number = len(board["tasks"])
    tasks = f"{number} task{'' if number == 1 else 's'}"
    counts = f"{tasks}, {scheduler['running']} running, {scheduler['queued']} waiting"
    return (
        f"<div><strong>Scheduler {escape(str(scheduler['state']))}</strong> · {counts}</div>{_places(board)}"
    )


def _places(board: Mapping[str, Any]) -> str:
    """Return which tasks run elsewhere, where some do; the others run here."""
    nodes = {node["life"]: node for node in board["scheduler"].get("nodes", ())}
    elsewhere = defaultdict[str, list[str]](list)
    for task in board["tasks"]:
        node = nodes.get(task.get("home"))
        if node is not None and not node["here"]:
            elsewhere[f"{node['name']} (pid {node['pid']} on {node['host']})"].append(task["name"])
    told = [f"{escape(', '.join(names))} in {escape(where)}" for where, names in elsewhere.items()]
    return f'<div style="{_MUTED}">runs elsewhere: {"; ".join(told)}</div>' if told else ""


def _tasks(tasks: Iterable[Mapping[str, Any]]) -> str:
    rows = []
    for task in tasks:
        last = task["last"] or {}
        ended = f"{_state(last['state'])} {_clock(last['finished'])}" if last else "never ran"
        success = "" if task["success_rate"] is None else f"{task['success_rate']:.0%}"
        rows.append(
            [
                f"<strong>{escape(task['name'])}</strong>",
                escape(task["trigger"]),
                _state(task["state"]),
                _clock(task["next_run"]),
                ended,
                _elapsed(last.get("seconds")),
                success,
            ]
        )
    return table_html(("Task", "Schedule", "State", "Next run", "Last run", "Duration", "Success"), rows)


def _runs(board: Mapping[str, Any], kind: str) -> str:
    waiting = {"PENDING", "QUEUED", "RETRY"}
    runs = [row for row in board["runs"] if (row["state"] in waiting) or kind != "queue"]
    newest = sorted(runs, key=lambda row: row["started_at"] or row["due_at"] or "", reverse=True)
    rows = [
        [
            f"<strong>{escape(row['task'])}</strong>",
            _state(row["state"]),
            _clock(row["started_at"] or row["due_at"]),
            _elapsed(_seconds(row)),
            escape((row["error"] or {}).get("message", "")),
        ]
        for row in newest
    ]
    return table_html(("Task", "State", "Started", "Duration", "Error"), rows)


def run_html(row: Mapping[str, Any]) -> str:
    """Return one run of the board as HTML."""
    parts = [f"<div><strong>{escape(row['task'])}</strong> {_state(row['state'])}"]
    if row["started_at"]:
        parts.append(f" · started {_clock(row['started_at'])} · {_elapsed(_seconds(row))}")
    parts.append("</div>")
    for stage in row["stages"]:
        total = "" if stage["total"] is None else f" / {stage['total']:,.0f}"
        parts.append(f"<div>{escape(stage['stage'])}: {stage['done']:,.0f}{total}</div>")
    if row["error"]:
        error = row["error"]
        words = f"{error.get('type', '')}: {error.get('message', '')}".strip(": ")
        hint = f" ({error['hint']})" if error.get("hint") else ""
        parts.append(f'<div style="color:{_TONES["FAILED"]}">{escape(words + hint)}</div>')
    parts += [
        f"<div>file {escape(str(file.get('label') or file['path']))}</div>"
        for file in row.get("artifacts", ())
    ]
    return "".join(parts)


def table_html(heads: Iterable[str], rows: list[list[str]]) -> str:
    """Return a table; `rows` are HTML; of more than 30, the rest are only counted."""
    head = "".join(f'<th style="{_CELL}">{escape(name)}</th>' for name in heads)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in row) + "</tr>" for row in rows[:ROWS]
    )
    more = f'<div style="{_MUTED}">and {len(rows) - ROWS} more</div>' if len(rows) > ROWS else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _state(state: str) -> str:
    word = _STATES.get(state, state)
    colour = _TONES.get(word)
    style = f' style="color:{colour}"' if colour else ""
    return f"<span{style}>{escape(word.lower())}</span>"


def _clock(moment: str | None) -> str:
    if not moment:
        return ""
    at = datetime.fromisoformat(moment).astimezone(UTC)
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _seconds(row: Mapping[str, Any]) -> float | None:
    if not row["started_at"] or not row["finished_at"]:
        return None
    length = datetime.fromisoformat(row["finished_at"]) - datetime.fromisoformat(row["started_at"])
    return length.total_seconds()


def _elapsed(seconds: float | None) -> str:
    return "" if seconds is None else elapsed_text(seconds)
