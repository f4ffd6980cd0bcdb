"""How a frame meets the table on the page, and what came of it: values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from schedkit.confluence.markup import escape
from schedkit.confluence.source.storage import text
from schedkit.errors import UsageError

__all__ = ["Change", "Gone", "Merged", "Rules", "header", "rules"]

Gone = Literal["commented", "archive", "drop"]


@dataclass(frozen=True)
class Rules:
    """How a frame meets the table on the page.

    Parameters
    ----------
    key : str or None
        The column that identifies a row; None: rows are matched by position.
    keep : sequence of str
        Columns people own: the frame fills them in new rows only.
    drop : sequence of str
        Columns to take off the page.
    gone : {"commented", "archive", "drop"}
        What becomes of rows whose key has left the frame: those in which people wrote something move
        to an "Archived" block at the table's end and the others go; all move there; all go.
    cap : int or None
        Rows shown at most; the rest is counted in a last row. Rows in which people wrote are always shown.
    workbook : str or None
        The attachment that the last row links to.
    """

    key: str | None = None
    keep: Sequence[str] = ()
    drop: Sequence[str] = ()
    gone: Gone = "commented"
    cap: int | None = 500
    workbook: str | None = None


def header(label: object) -> str:
    """Return a column's name as it will read on the page, by which it is found there again."""
    return text(escape(str(label)))


def rules(
    key: str | None,
    keep: Sequence[str],
    drop: Sequence[str],
    gone: Gone,
    cap: int | None,
    workbook: str | None,
) -> Rules:
    """Return the rules that arguments spell.

    Raises
    ------
    UsageError
        If they contradict each other or mean nothing.
    """
    if gone not in ("commented", "archive", "drop"):
        raise UsageError(f"gone={gone!r} is unknown", hint='write "commented", "archive" or "drop"')
    if cap is not None and cap < 0:
        raise UsageError(f"cap={cap} rows cannot be shown", hint="give 0 or more, or None for all")
    if isinstance(keep, str) or isinstance(drop, str):
        raise UsageError("keep= and drop= take lists of columns", hint='write keep=["Comment"]')
    kept, dropped = tuple(map(header, keep)), tuple(map(header, drop))
    name = None if key is None else header(key)
    for what, names in (("kept as people left it", kept), ("dropped", dropped)):
        if name in names:
            raise UsageError(f"the key column {name!r} cannot be {what}", hint="rows are matched by it")
    return Rules(name, kept, dropped, gone, cap, workbook)


class Change(NamedTuple):
    """One cell that will differ.

    `row` and `column` are its place in the new table's body, from 0; `before` is what it said, None in a
    new row.
    """

    row: int
    column: int
    name: str
    key: str
    before: str | None


@dataclass(frozen=True)
class Merged:
    """The edits that make a table new, and a report of them."""

    edits: list[tuple[int, int, str]]
    names: list[str]
    changes: list[Change] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    hidden: int = 0
    notes: list[str] = field(default_factory=list)
