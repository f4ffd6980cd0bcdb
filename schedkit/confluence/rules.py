"""How a frame meets the table on the page, and what came of it: values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

__all__ = ["Change", "Gone", "Merged", "Rules"]

Gone = Literal["commented", "archive", "drop"]


@dataclass(frozen=True)
class Rules:
    """How a frame meets the table on the page.

    Parameters
    ----------
    key : str or None
        The column that identifies a row; None: rows are matched by position.
    keep : sequence of str
        Columns people own: on the page they win over the frame.
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
