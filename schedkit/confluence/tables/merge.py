"""A new table laid over the one on the page: pure, from source text to edits of it.

What people own stays: the table's skin, their columns (carried by key), the order of columns, and the
bytes of every cell that already says what it should.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schedkit.confluence.source.comments import comments_in
from schedkit.confluence.source.grid import Grid
from schedkit.confluence.source.reading import key_text, text
from schedkit.confluence.tables.columns import Column, align_names, decide_columns
from schedkit.confluence.tables.key_value import update_values
from schedkit.confluence.tables.managed_rows import ARCHIVED, archived_cell, is_more, more_cell
from schedkit.confluence.tables.new_table import filled
from schedkit.confluence.tables.render import Rendered
from schedkit.confluence.tables.row_writer import Accepted, RowWriter
from schedkit.confluence.tables.rules import Comment, Merged, Rules, joined_key
from schedkit.errors import CheckError, RegionError

__all__ = ["check_keys", "check_rows", "merge"]

# A table below this many rows may lose any of them.
_JUDGED_FROM = 10


class _Old(NamedTuple):
    """The rows on the page: index by key, those below the archive's head, and our own two."""

    by_key: dict[str, int]
    archived: set[int]
    more: int | None = None
    head: int | None = None


def merge(
    source: str, grid: Grid, new: Rendered, rules: Rules, what: str, accepted: Accepted = frozenset()
) -> Merged:
    """Lay `new` over the table `grid` of `source`.

    Raises
    ------
    RegionError
        If they cannot be matched: no header, no key column, names or keys that repeat.
    CheckError
        If the frame has too few rows.
    """
    check_keys(new, rules, what)
    if grid.header_column:
        return update_values(source, grid, new, rules, what, accepted)
    if grid.header is None:
        if grid.rows:
            raise RegionError(
                f"{what} has no header row, so its columns cannot be matched",
                hint="make its first row a header row in Confluence",
            )
        check_rows(new, rules, what)
        return filled(grid, new, rules)
    new, rules, aligned = align_names(grid.names, new, rules)
    columns, notes = decide_columns(source, grid, new, rules, what)
    rows = RowWriter(source, grid, columns, accepted, what)
    keys = new.keys or [str(n) for n in range(1, len(new) + 1)]
    old, matched = _match(_old_rows(rows, rules, what), keys)
    check_rows(new, rules, what, len(old.by_key) - len(old.archived))
    # A row that was read from the archived block and is laid over it again stays there.
    unmoved = {key for key in new.archived if old.by_key.get(key) in old.archived}
    shown = [at for at in _shown_rows(rows, old, rules, keys) if keys[at] not in unmoved]
    _write_frame(rows, old, new, keys, shown)
    hidden = len(keys) - len(unmoved) - len(shown)
    if hidden:
        _write_ours(rows, rules, old.more, more_cell(hidden, rules.workbook))
    removed, archived = _write_missing(rows, old, rules, set(keys), unmoved)
    edits = [(grid.start, grid.end, rows.body()), *rows.head_edits()]
    return Merged(
        [(start, end, content) for start, end, content in edits if source[start:end] != content],
        [c.name for c in columns],
        rows.changes,
        added=[keys[at] for at in shown if keys[at] not in old.by_key],
        removed=removed,
        archived=archived,
        carried=[c.name for c in columns if c.kept or c.of_people],
        hidden=hidden,
        notes=[*aligned, *matched, *notes],
        comments=_lost_comments(rows, old, edits[0][2]),
        key_names=list(rules.keys),
        columns_added=[c.name for c in columns if c.old < 0],
        columns_removed=[name for name in grid.names if name in rules.drop],
    )


def check_keys(new: Rendered, rules: Rules, what: str) -> None:
    """Refuse a frame whose keys are missing or repeat."""
    if new.keys is None:
        return
    seen: set[str] = set()
    for row, key in enumerate(new.keys, 1):
        if not key:
            raise RegionError(
                f"{what}: row {row} of the frame has no {rules.key_name}", hint="leave such rows out"
            )
        if key in seen:
            names = repr(rules.keys[0]) if len(rules.keys) == 1 else repr(list(rules.keys))
            raise RegionError(
                f"{what}: the frame has {rules.key_name} {key!r} twice",
                hint=f"df.drop_duplicates({names}) keeps the first",
            )
        seen.add(key)


def check_rows(new: Rendered, rules: Rules, what: str, there: int = 0) -> None:
    """Refuse a frame of too few rows: fewer than wanted, or far fewer than are `there`."""
    if len(new) < rules.min_rows:
        raise CheckError(
            f"{what}: the frame has {len(new)} rows, at least {rules.min_rows} expected",
            hint=f"write min_rows={len(new)} if that is right",
        )
    if rules.max_drop is None or there < _JUDGED_FROM:
        return
    if len(new) < there * (1 - rules.max_drop):
        raise CheckError(
            f"{what}: the frame has {len(new)} rows and the table {there}: "
            f"a drop of more than {rules.max_drop:.0%}",
            hint="write max_drop=1 if that is right",
        )


def _old_rows(rows: RowWriter, rules: Rules, what: str) -> _Old:
    grid = rows.grid
    if not rules.keys:
        last = len(grid.rows) - 1
        more = last if grid.rows and is_more(text(rows.content(last, 0))) else None
        return _Old({str(row + 1): row for row in range(len(grid.rows)) if row != more}, set(), more)
    places = [grid.names.index(name) for name in rules.keys]
    by_key: dict[str, int] = {}
    archived: set[int] = set()
    more = head = None
    for row in range(len(grid.rows)):
        parts = [key_text(rows.content(row, place)) for place in places]
        # One in which people wrote is theirs by now.
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
    return _Old(by_key, archived, more, head)


def _match(old: _Old, keys: Sequence[str]) -> tuple[_Old, list[str]]:
    """Know rows by the frame's spelling of their key where that differs only in case, blanks or dashes."""
    wanted = set(keys)
    strange = [key for key in old.by_key if key not in wanted and not key.startswith("\0")]
    unmatched = [key for key in keys if key not in old.by_key] if strange else []
    if not unmatched:
        return old, []
    theirs, ours = _by_fold(strange), _by_fold(unmatched)
    spelled = {
        found[0]: ours[fold][0]
        for fold, found in theirs.items()
        if len(found) == 1 and len(ours.get(fold, ())) == 1
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


def _shown_rows(rows: RowWriter, old: _Old, rules: Rules, keys: list[str]) -> list[int]:
    """The first `cap` rows of the frame, and every other in which people wrote."""
    cap = rules.cap
    if cap is None or len(keys) <= cap:
        return list(range(len(keys)))
    beyond = [at for at in range(cap, len(keys)) if keys[at] in old.by_key]
    return [*range(cap), *(at for at in beyond if rows.has_words(old.by_key[keys[at]]))]


def _write_frame(rows: RowWriter, old: _Old, new: Rendered, keys: list[str], shown: list[int]) -> None:
    from_frame = [new.columns[c.new] if c.new >= 0 else None for c in rows.columns]
    updated = [None if c.of_people else cells for c, cells in zip(rows.columns, from_frame, strict=True)]
    for at in shown:
        row = old.by_key.get(keys[at])
        sources = from_frame if row is None else updated
        rows.write(keys[at], row, [None if cells is None else cells[at] for cells in sources])


def _write_missing(
    rows: RowWriter, old: _Old, rules: Rules, in_frame: set[str], unmoved: set[str]
) -> tuple[list[str], list[str]]:
    """Write the rows that stay although their key has left the frame; return those removed and archived."""
    left = [(key, row) for key, row in old.by_key.items() if key not in in_frame or key in unmoved]
    nothing: list[str | None] = [None] * len(rows.columns)
    if rules.keys and rules.missing == "keep":
        for key, row in left:
            if row not in old.archived:
                rows.write(key, row, nothing)
        left = [(key, row) for key, row in left if row in old.archived]
    staying = [
        (key, row)
        for key, row in left
        if key in unmoved or _stays(rows, rules, key, row, row in old.archived)
    ]
    if staying:
        _write_ours(rows, rules, old.head, archived_cell())
        for key, row in staying:
            rows.write(key, row, nothing)
    kept = {row for _, row in staying}
    removed = [_spoken(key) for key, row in left if row not in kept]
    return removed, [_spoken(key) for key, row in staying if row not in old.archived]


def _stays(rows: RowWriter, rules: Rules, key: str, row: int, archived: bool) -> bool:
    """Tell whether a row whose key has left goes to the archived block."""
    if not rules.keys or rules.missing == "delete":
        return False
    if rules.missing == "archive" or (rules.missing == "keep" and archived):
        return True
    return rows.has_words(row, everywhere=key.startswith("\0"))


def _write_ours(rows: RowWriter, rules: Rules, old: int | None, content: str) -> None:
    """Write one of our two rows: its text is in the key column, its other cells are empty."""
    at = _key_place(rows.columns, rules)
    rows.write(text(content), old, [content if n == at else "" for n in range(len(rows.columns))])


def _key_place(columns: list[Column], rules: Rules) -> int:
    return next((n for n, c in enumerate(columns) if c.name in rules.keys), 0)


def _lost_comments(rows: RowWriter, old: _Old, body: str) -> list[Comment]:
    """Return the inline comments of the old rows whose mark the new body has no more."""
    grid = rows.grid
    before = comments_in(rows.source[grid.start : grid.end])
    lost = before.keys() - comments_in(body).keys() if before else set()
    if not lost:
        return []
    names = {row: _spoken(key) for key, row in old.by_key.items()}
    found = []
    for row in range(len(grid.rows)):
        for column, cell in enumerate(grid.rows[row].cells):
            for ref, words in comments_in(rows.source[cell.inner : cell.outer]).items():
                if ref in lost:
                    found.append(Comment(names.get(row, ""), grid.names[column], words))
    return found


def _spoken(key: str) -> str:
    return "(no key)" if key.startswith("\0") else key
