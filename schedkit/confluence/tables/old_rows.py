"""The rows on the page, known by their key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schedkit.confluence.source.reading import key_text, text
from schedkit.confluence.tables.managed_rows import ARCHIVED, is_more
from schedkit.confluence.tables.row_writer import RowWriter
from schedkit.confluence.tables.rules import Rules, joined_key
from schedkit.errors import RegionError

__all__ = ["OldRows", "find_old_rows", "has_key", "match_keys", "shown_key"]


class OldRows(NamedTuple):
    """The rows on the page: index by key, those below the archive's head, and the two managed rows."""

    by_key: dict[str, int]
    archived: set[int]
    more: int | None = None
    head: int | None = None


def find_old_rows(rows: RowWriter, rules: Rules, what: str) -> OldRows:
    """Find the rows of the page by their key.

    Raises
    ------
    RegionError
        If a key repeats.
    """
    grid = rows.grid
    if not rules.keys:
        last = len(grid.rows) - 1
        more = last if grid.rows and is_more(text(rows.content(last, 0))) else None
        return OldRows({str(row + 1): row for row in range(len(grid.rows)) if row != more}, set(), more)
    places = [grid.names.index(name) for name in rules.keys]
    by_key: dict[str, int] = {}
    archived: set[int] = set()
    more = head = None
    for row in range(len(grid.rows)):
        parts = [key_text(rows.content(row, place)) for place in places]
        # A row in which people wrote is no longer ours to replace.
        if is_more(parts[0]) and not rows.has_words(row):
            more = row
            continue
        if parts[0] == ARCHIVED and head is None and not _has_more_than(rows, row, places[0]):
            head = row
            continue
        key = joined_key(parts)
        if key and key in by_key:
            raise RegionError(
                f"{what} has {rules.key_name} {key!r} in two rows", hint="delete one of them on the page"
            )
        # Rows without a key cannot be matched, and are known by their place.
        by_key[key or f"\0{row}"] = row
        if head is not None:
            archived.add(row)
    return OldRows(by_key, archived, more, head)


def match_keys(old: OldRows, keys: Sequence[str]) -> tuple[OldRows, list[str]]:
    """Know rows by the frame's spelling of their key where that differs only in case, blanks or dashes."""
    wanted = set(keys)
    strange = [key for key in old.by_key if key not in wanted and has_key(key)]
    unmatched = [key for key in keys if key not in old.by_key] if strange else []
    if not unmatched:
        return old, []
    on_page, in_frame = _by_fold(strange), _by_fold(unmatched)
    spelled = {
        found[0]: in_frame[fold][0]
        for fold, found in on_page.items()
        if len(found) == 1 and len(in_frame.get(fold, ())) == 1
    }
    notes = [f"row {key!r} of the page is taken for {name!r}" for key, name in spelled.items()]
    return old._replace(by_key={spelled.get(key, key): row for key, row in old.by_key.items()}), notes


_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"), "-") | {
    0xAD: None,
    0x200B: None,
}


def _by_fold(keys: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault("".join(key.translate(_DASHES).split()).casefold(), []).append(key)
    return found


def _has_more_than(rows: RowWriter, row: int, column: int) -> bool:
    return any(
        c.old != column and not c.numbering and c.old >= 0 and text(rows.content(row, c.old))
        for c in rows.columns
    )


def has_key(key: str) -> bool:
    """Tell whether a row's key is on the page; otherwise it is the row's place."""
    return not key.startswith("\0")


def shown_key(key: str) -> str:
    """Return what messages call a row."""
    return key if has_key(key) else "(no key)"
