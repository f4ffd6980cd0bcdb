"""What commands print: lines, tables and JSON. Text of a site moves no cursor and has no colours."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schedkit.app import app
from schedkit.values.text import one_line, printable

__all__ = ["LONGEST_LINE", "console", "moment", "print_block", "print_json", "print_line", "print_table"]

LONGEST_LINE = 2000  # characters
PIPE_WIDTH = 160  # columns: a pipe has no width, and 80 columns would break every line of a table


def console(*, stderr: bool = False) -> Console:
    """Return a console that takes text as it is: square brackets are no markup, ``:name:`` is no emoji."""
    made = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not made.is_terminal:
        made.width = PIPE_WIDTH
    return made


def print_line(text: str, *, before: str = "", stderr: bool = False) -> None:
    """Print one line, which a narrow terminal wraps; `before` stands before it as it is."""
    console(stderr=stderr).print(before + one_line(text, LONGEST_LINE), soft_wrap=True)


def print_block(text: str) -> None:
    """Print several lines, such as a traceback."""
    console().print(printable(text), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value as JSON; what is not ASCII is escaped, so that no terminal obeys it."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")
    sys.stdout.flush()


def print_table(names: Sequence[str], rows: Iterable[Mapping[str, str] | Sequence[str]]) -> None:
    """Print rows below their names; a narrow terminal folds long cells."""
    table = Table()
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        cells = row.values() if isinstance(row, Mapping) else row
        table.add_row(*(Text(one_line(cell, LONGEST_LINE)) for cell in cells))
    console().print(table)


def moment(at: datetime | None) -> str:
    """Return a moment as a wall time of the project's zone; empty where there is none."""
    return "" if at is None else f"{at.astimezone(app().tz):%Y-%m-%d %H:%M:%S}"
