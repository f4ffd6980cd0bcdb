"""A snapshot as text: for the IPython terminal, consoles, and notebooks that show no widgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from schedkit.core.board.rows import error_words
from schedkit.notebook import tables
from schedkit.values.own_code import line_words
from schedkit.values.text import clip, one_line

__all__ = ["board_text"]

ROWS = 30
WIDEST = 44


def board_text(board: Mapping[str, Any], kind: str = "tasks", *, run: str = "", task: str = "") -> str:
    """Return a snapshot as text; the parameters are those of `board_html`."""
    board = tables.only(board, task)
    rows = [row for row in board["runs"] if row["id"] == run]
    if rows:
        return "\n".join(_run_lines(rows[0], board))
    state, counts = tables.headline(board)
    table = tables.tasks(board) if kind == "tasks" else tables.runs(board, kind)
    places = tables.places(board)
    return "\n".join([f"{state}: {counts}", *([places] if places else []), *_aligned(table)])


def _run_lines(row: Mapping[str, Any], board: Mapping[str, Any]) -> Iterable[str]:
    head = f"{row['task']}: {row['state'].lower()}"
    if row["started_at"]:
        head += f", started {tables.clock(row['started_at'], tables.zone(board))}"
        head += f", {tables.elapsed(tables.run_seconds(row))}".rstrip(", ")
    yield head
    error = row["error"] or {}
    if error:
        yield error_words(error) + (f" ({error['hint']})" if error.get("hint") else "")
    for line in reversed(error.get("lines", ())):
        yield f"  {line_words(line)}"
        yield f"    {line['code']}"
    for file in row.get("artifacts", ()):
        yield f"file {file['path']}"


def _aligned(table: tables.Table) -> list[str]:
    """Return the rows of a table in columns; columns that are empty throughout are left out."""
    rows = [[clip(one_line(cell), WIDEST) for cell in row] for row in table.rows[:ROWS]]
    used = [place for place in range(len(table.heads)) if any(row[place] for row in rows)]
    cells = [[row[place] for place in used] for row in (list(table.heads), *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    drawn = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    more = [f"and {len(table.rows) - ROWS} more"] if len(table.rows) > ROWS else []
    return [*(line.rstrip() for line in drawn if rows), *more]
