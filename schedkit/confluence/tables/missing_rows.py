"""Rows of the page whose key has left the frame: kept, marked, archived or deleted."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field, replace

from schedkit.confluence.markup import time_tag
from schedkit.confluence.source.canonical import blank
from schedkit.confluence.source.reading import text
from schedkit.confluence.tables.columns import fold
from schedkit.confluence.tables.managed_rows import MISSING_SINCE, archived_cell
from schedkit.confluence.tables.old_rows import OldRows, has_key, shown_key
from schedkit.confluence.tables.render import Rendered
from schedkit.confluence.tables.row_writer import RowWriter
from schedkit.confluence.tables.rules import Rules

__all__ = ["MissingRows", "has_marks", "leaving", "with_marks", "write_managed_row", "write_missing"]


@dataclass(frozen=True)
class MissingRows:
    """What became of the rows whose key has left the frame: the keys of those newly so."""

    removed: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)
    marked: list[str] = field(default_factory=list)


def has_marks(names: list[str]) -> bool:
    """Tell whether there is a column that marks rows."""
    return any(fold(name) == fold(MISSING_SINCE) for name in names)


def with_marks(new: Rendered) -> Rendered:
    """Return a frame with the column that marks rows, blank: what is in the frame is not missing."""
    return replace(new, names=[*new.names, MISSING_SINCE], columns=[*new.columns, [""] * len(new)])


def leaving(rows: RowWriter, old: OldRows, rules: Rules) -> int:
    """Return among how many rows of the page `max_drop` judges those that leave."""
    if rules.missing == "keep":
        return 0
    present = [row for row in old.by_key.values() if row not in old.archived]
    at = _mark_column(rows)
    if rules.missing != "mark" or at is None or rows.columns[at].old < 0:
        return len(present)
    return sum(blank(rows.content(row, rows.columns[at].old)) for row in present)


def write_missing(
    rows: RowWriter, old: OldRows, rules: Rules, in_frame: Set[str], unmoved: Set[str]
) -> MissingRows:
    """Write the rows that stay although their key has left the frame.

    `unmoved` are keys of the frame whose rows were read from the archived block, and stay there.
    """
    left = [(key, row) for key, row in old.by_key.items() if key not in in_frame or key in unmoved]
    nothing: list[str | None] = [None] * len(rows.columns)
    marked: list[str] = []
    if rules.keys and rules.missing in ("keep", "mark"):
        for key, row in left:
            if row in old.archived:
                continue
            marks = _marked(rows, rules, row) if rules.missing == "mark" and has_key(key) else None
            marked += [key] if marks else []
            rows.write(key, row, marks or nothing)
        left = [(key, row) for key, row in left if row in old.archived]
    staying = [(key, row) for key, row in left if key in unmoved or _stays(rows, old, rules, key, row)]
    if staying:
        write_managed_row(rows, rules, old.head, archived_cell())
        for key, row in staying:
            rows.write(key, row, nothing)
    kept = {row for _, row in staying}
    return MissingRows(
        removed=[shown_key(key) for key, row in left if row not in kept],
        archived=[shown_key(key) for key, row in staying if row not in old.archived],
        marked=marked,
    )


def write_managed_row(rows: RowWriter, rules: Rules, old: int | None, content: str) -> None:
    """Write one of the two managed rows: its text is in the key column, its other cells are empty."""
    at = next((n for n, c in enumerate(rows.columns) if c.name in rules.keys), 0)
    rows.write(text(content), old, [content if n == at else "" for n in range(len(rows.columns))])


def _stays(rows: RowWriter, old: OldRows, rules: Rules, key: str, row: int) -> bool:
    """Tell whether a row whose key has left goes to the archived block, or stays there."""
    if not rules.keys or rules.missing == "delete":
        return False
    if rules.missing == "archive" or (rules.missing in ("keep", "mark") and row in old.archived):
        return True
    return rows.has_words(row, everywhere=not has_key(key))


def _mark_column(rows: RowWriter) -> int | None:
    return next((n for n, c in enumerate(rows.columns) if fold(c.name) == fold(MISSING_SINCE)), None)


def _marked(rows: RowWriter, rules: Rules, row: int) -> list[str | None] | None:
    """Return the contents that mark a row; None if it is marked already."""
    at = _mark_column(rows)
    if at is not None and rows.columns[at].old >= 0 and not blank(rows.content(row, rows.columns[at].old)):
        return None
    since = time_tag(rules.today)
    return [since if n == at else None for n in range(len(rows.columns))]
