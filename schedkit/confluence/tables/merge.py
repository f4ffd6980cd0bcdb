"""A new table laid over the one on the page: pure, from source text to edits of it.

What people own stays: the table's skin, their columns (carried by key), the order of columns, and the
bytes of every cell that already says what it should.
"""

from __future__ import annotations

from typing import NamedTuple

from schedkit.confluence.source.grid import Grid, key_text
from schedkit.confluence.source.storage import text
from schedkit.confluence.tables.columns import Column, decide_columns
from schedkit.confluence.tables.fresh import filled
from schedkit.confluence.tables.ours import ARCHIVED, archived_cell, is_more, more_cell
from schedkit.confluence.tables.rules import Merged, Rules
from schedkit.confluence.tables.table import Rendered
from schedkit.confluence.tables.weave import Loom
from schedkit.errors import RegionError

__all__ = ["merge"]


class _Old(NamedTuple):
    """The rows on the page: index by key, those below the archive's head, and our own two."""

    by_key: dict[str, int]
    archived: set[int]
    more: int | None = None
    head: int | None = None


def merge(source: str, grid: Grid, new: Rendered, rules: Rules, what: str) -> Merged:
    """Lay `new` over the table `grid` of `source`.

    Raises
    ------
    RegionError
        If they cannot be matched: no header, no key column, names or keys that repeat.
    """
    check_keys(new, rules, what)
    if grid.header is None:
        if grid.rows:
            raise RegionError(
                f"{what} has no header row, so its columns cannot be matched",
                hint="make its first row a header row in Confluence",
            )
        return filled(grid, new, rules)
    columns, notes = decide_columns(source, grid, new, rules, what)
    loom = Loom(source, grid, columns)
    old = _old_rows(loom, rules, what)
    keys = new.keys or [str(n) for n in range(1, len(new) + 1)]
    shown = _shown_rows(loom, old, rules, keys)
    from_frame = [new.columns[c.new] if c.new >= 0 else None for c in columns]
    updated = [None if c.of_people else cells for c, cells in zip(columns, from_frame, strict=True)]
    for at in shown:
        row = old.by_key.get(keys[at])
        sources = from_frame if row is None else updated
        content = [None if cells is None else cells[at] for cells in sources]
        loom.write(keys[at], row, content)
    if len(shown) < len(keys):
        _write_ours(loom, rules, old.more, more_cell(len(keys) - len(shown), rules.workbook))
    in_frame = set(keys)
    left = [(key, row) for key, row in old.by_key.items() if key not in in_frame]
    staying = [(key, row) for key, row in left if _stays(loom, rules, key, row)]
    if staying:
        _write_ours(loom, rules, old.head, archived_cell())
        for key, row in staying:
            loom.write(key, row, [None] * len(columns))
    edits = [(grid.start, grid.end, loom.body()), *loom.head_edits()]
    return Merged(
        [(start, end, text) for start, end, text in edits if source[start:end] != text],
        [c.name for c in columns],
        loom.changes,
        added=[keys[at] for at in shown if keys[at] not in old.by_key],
        removed=[_spoken(key) for key, row in left if (key, row) not in set(staying)],
        archived=[_spoken(key) for key, row in staying if row not in old.archived],
        carried=[c.name for c in columns if c.kept or c.of_people],
        hidden=len(keys) - len(shown),
        notes=notes,
    )


def check_keys(new: Rendered, rules: Rules, what: str) -> None:
    """Refuse a frame whose keys are missing or repeat."""
    if new.keys is None:
        return
    seen: set[str] = set()
    for row, key in enumerate(new.keys, 1):
        if not key:
            raise RegionError(
                f"{what}: row {row} of the frame has no {rules.key}", hint="leave such rows out"
            )
        if key in seen:
            raise RegionError(
                f"{what}: the frame has {rules.key} {key!r} twice",
                hint=f"df.drop_duplicates({rules.key!r}) keeps the first",
            )
        seen.add(key)


def _old_rows(loom: Loom, rules: Rules, what: str) -> _Old:
    grid = loom.grid
    if rules.key is None:
        last = len(grid.rows) - 1
        more = last if grid.rows and is_more(text(loom.content(last, 0))) else None
        return _Old({str(row + 1): row for row in range(len(grid.rows)) if row != more}, set(), more)
    column = grid.names.index(rules.key)
    by_key: dict[str, int] = {}
    archived: set[int] = set()
    more = head = None
    for row in range(len(grid.rows)):
        key = key_text(loom.content(row, column))
        # One in which people wrote is theirs by now.
        if is_more(key) and not loom.has_words(row):
            more = row
        elif key == ARCHIVED and head is None and not _has_more_than(loom, row, column):
            head = row
        elif key and key in by_key:
            raise RegionError(
                f"{what} has {rules.key} {key!r} in two rows", hint="delete one of them on the page"
            )
        else:
            # Rows without a key cannot be matched, and are known by their place.
            by_key[key or f"\0{row}"] = row
            if head is not None:
                archived.add(row)
    return _Old(by_key, archived, more, head)


def _has_more_than(loom: Loom, row: int, column: int) -> bool:
    return any(
        c.old != column and not c.numbering and c.old >= 0 and text(loom.content(row, c.old))
        for c in loom.columns
    )


def _shown_rows(loom: Loom, old: _Old, rules: Rules, keys: list[str]) -> list[int]:
    """The first `cap` rows of the frame, and every other in which people wrote."""
    cap = rules.cap
    if cap is None or len(keys) <= cap:
        return list(range(len(keys)))
    beyond = [at for at in range(cap, len(keys)) if keys[at] in old.by_key]
    return [*range(cap), *(at for at in beyond if loom.has_words(old.by_key[keys[at]]))]


def _stays(loom: Loom, rules: Rules, key: str, row: int) -> bool:
    """Tell whether a row whose key has left goes to the archived block."""
    if rules.key is None or rules.gone == "drop":
        return False
    return rules.gone == "archive" or loom.has_words(row, everywhere=key.startswith("\0"))


def _write_ours(loom: Loom, rules: Rules, old: int | None, content: str) -> None:
    """Write one of our two rows: its words stand in the key column, its other cells are empty."""
    at = _key_place(loom.columns, rules)
    loom.write(text(content), old, [content if n == at else "" for n in range(len(loom.columns))])


def _key_place(columns: list[Column], rules: Rules) -> int:
    return next((n for n, c in enumerate(columns) if c.name == rules.key), 0)


def _spoken(key: str) -> str:
    return "(no key)" if key.startswith("\0") else key
