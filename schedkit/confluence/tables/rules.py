"""How a frame meets the table on the page, and what came of it: values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from schedkit.confluence.markup import escape
from schedkit.confluence.source.reading import text
from schedkit.values.text import label_text

__all__ = ["Change", "Columns", "Comment", "Merged", "Missing", "Rules", "header", "joined_key"]

Missing = Literal["keep", "mark", "archive", "delete"]
Columns = Literal["own", "given"]
MISSING: tuple[str, ...] = get_args(Missing)
_JOINT = " / "


@dataclass(frozen=True)
class Rules:
    """How a frame meets the table on the page.

    Parameters
    ----------
    key : str or tuple of str or None
        The column, or columns, that identify a row; None: rows are matched by position.
    keep : sequence of str
        Columns people own: the frame fills them in new rows only.
    drop : sequence of str
        Columns to take off the page.
    missing : {"keep", "mark", "archive", "delete"} or None
        What becomes of rows whose key has left the frame: all stay; all stay, with the day in a column
        "Missing since"; all move to an "Archived" block at the table's end; all go. None: those in which
        people wrote something are archived, and the others go.
    cap : int or None
        Rows shown at most; the rest is counted in a last row. Rows in which people wrote are always shown.
    workbook : str or None
        The attachment that the last row links to.
    columns : {"own", "given"}
        Which columns of the frame a table that is there shows: those it has, or all that are given.
    min_rows : int
        Fewer rows in the frame are refused.
    max_drop : float or None
        The share of a table's rows that may leave at once, judged from 10 rows up; None: any.
    today : str
        The day (ISO 8601) that rows which have left are marked with.
    """

    key: str | tuple[str, ...] | None = None
    keep: Sequence[str] = ()
    drop: Sequence[str] = ()
    missing: Missing | None = None
    cap: int | None = 500
    workbook: str | None = None
    columns: Columns = "given"
    min_rows: int = 0
    max_drop: float | None = None
    today: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The key columns; none if rows are matched by position."""
        if self.key is None:
            return ()
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)

    @property
    def key_name(self) -> str:
        """What messages call the key."""
        return _JOINT.join(self.keys)


def header(label: object) -> str:
    """Return a column's name as it will read on the page, by which it is found there again."""
    return text(escape(label_text(label)))


def joined_key(parts: Sequence[str]) -> str:
    """Return the key of a row from the texts of its key columns; empty if all of them are."""
    return _JOINT.join(parts) if any(parts) else ""


class Change(NamedTuple):
    """One cell that will differ.

    `row` and `column` are its place in the new table's body, from 0; `old` and `new` are its content, `old`
    None in a new row.
    """

    row: int
    column: int
    name: str
    key: str
    old: str | None
    new: str

    @property
    def before(self) -> str | None:
        """What it says now; None in a new row."""
        return None if self.old is None else text(self.old)

    @property
    def after(self) -> str:
        """What it will say."""
        return text(self.new)


class Comment(NamedTuple):
    """An inline comment whose marked words change or leave: its row, its column, and the words."""

    key: str
    column: str
    words: str


@dataclass(frozen=True)
class Merged:
    """The edits that make a table new, and a report of them."""

    edits: list[tuple[int, int, str]]
    names: list[str]
    changes: list[Change] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)
    marked: list[str] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    hidden: int = 0
    notes: list[str] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    columns_added: list[str] = field(default_factory=list)
    columns_removed: list[str] = field(default_factory=list)
    new_table: bool = False
    key_names: list[str] = field(default_factory=list)
