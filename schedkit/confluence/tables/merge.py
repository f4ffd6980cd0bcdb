"""A new table laid over the one on the page: pure, from source text to edits of it.

What people own stays: the table's attributes, their columns (carried by key), the order of columns, and the
bytes of every cell that already says what it should.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from schedkit.confluence.source.comments import comments_in
from schedkit.confluence.source.grid import Grid
from schedkit.confluence.tables.columns import align_names, decide_columns, unique_names
from schedkit.confluence.tables.key_value import update_values
from schedkit.confluence.tables.managed_rows import more_cell
from schedkit.confluence.tables.missing_rows import (
    has_marks,
    leaving,
    with_marks,
    write_managed_row,
    write_missing,
)
from schedkit.confluence.tables.new_table import filled
from schedkit.confluence.tables.old_rows import OldRows, find_old_rows, match_keys, shown_key
from schedkit.confluence.tables.render import Rendered
from schedkit.confluence.tables.row_writer import Accepted, RowWriter
from schedkit.confluence.tables.rules import Comment, Merged, Rules
from schedkit.errors import CheckError, RegionError

__all__ = ["check_keys", "check_rows", "merge"]

# A table below this many rows may lose any of them.
_JUDGED_FROM = 10


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
        if not grid.rows:
            check_rows(new, rules, what)
            return filled(grid, new, rules)
        grid = _numbered(grid, new, rules, what)
    elif set(unique_names(grid.names)) <= {*new.names, *rules.keep}:
        # Names that repeat are told apart as reading tells them apart, if the frame has all of them.
        grid = grid._replace(names=unique_names(grid.names))
    if new.incomplete and rules.keys:
        # What is not known to be gone is not taken away.
        rules = replace(rules, missing="keep")
    if rules.missing == "mark" and has_marks(grid.names) and not has_marks(new.names):
        new = with_marks(new)
    merged = _laid(source, grid, new, rules, what, accepted)
    if merged.marked and not has_marks(merged.names):
        return _laid(source, grid, with_marks(new), rules, what, accepted)
    return merged


def _numbered(grid: Grid, new: Rendered, rules: Rules, what: str) -> Grid:
    """Name the columns of a table without a header row as reading does: "1", "2", …; they cannot change."""
    names = [str(n) for n in range(1, len(grid.rows[0].cells) + 1)]
    if not {*new.names, *rules.keep} <= set(names) or rules.drop or rules.missing == "mark":
        raise RegionError(
            f"{what} has no header row, so its columns cannot be matched by name",
            hint="make its first row a header row in Confluence, or call the frame's columns '1', '2', …, "
            "as read() does",
        )
    return grid._replace(names=names)


def _laid(source: str, grid: Grid, new: Rendered, rules: Rules, what: str, accepted: Accepted) -> Merged:
    new, rules, aligned = align_names(grid.names, new, rules)
    columns, notes = decide_columns(source, grid, new, rules, what)
    rows = RowWriter(source, grid, columns, accepted, what)
    keys = new.keys or [str(n) for n in range(1, len(new) + 1)]
    old, matched = match_keys(find_old_rows(rows, rules, what), keys)
    check_rows(new, rules, what, leaving(rows, old, rules))
    # A row that was read from the archived block and is laid over it again stays there.
    unmoved = {key for key in new.archived if old.by_key.get(key) in old.archived}
    shown = [at for at in _shown_rows(rows, old, rules, keys) if keys[at] not in unmoved]
    _write_frame(rows, old, new, keys, shown)
    hidden = len(keys) - len(unmoved) - len(shown)
    if hidden:
        write_managed_row(rows, rules, old.more, more_cell(hidden, rules.workbook))
    missing = write_missing(rows, old, rules, set(keys), unmoved)
    edits = [(grid.start, grid.end, rows.body()), *rows.head_edits()]
    return Merged(
        [(start, end, content) for start, end, content in edits if source[start:end] != content],
        [c.name for c in columns],
        rows.changes,
        added=[keys[at] for at in shown if keys[at] not in old.by_key],
        removed=missing.removed,
        archived=missing.archived,
        marked=missing.marked,
        carried=[c.name for c in columns if c.kept or c.of_people],
        hidden=hidden,
        notes=[*_incomplete(new, old, set(keys)), *aligned, *matched, *notes],
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


def _shown_rows(rows: RowWriter, old: OldRows, rules: Rules, keys: list[str]) -> list[int]:
    """The first `cap` rows of the frame, and every other in which people wrote."""
    cap = rules.cap
    if cap is None or len(keys) <= cap:
        return list(range(len(keys)))
    beyond = [at for at in range(cap, len(keys)) if keys[at] in old.by_key]
    return [*range(cap), *(at for at in beyond if rows.has_words(old.by_key[keys[at]]))]


def _write_frame(rows: RowWriter, old: OldRows, new: Rendered, keys: list[str], shown: list[int]) -> None:
    from_frame = [new.columns[c.new] if c.new >= 0 else None for c in rows.columns]
    updated = [None if c.of_people else cells for c, cells in zip(rows.columns, from_frame, strict=True)]
    for at in shown:
        row = old.by_key.get(keys[at])
        sources = from_frame if row is None else updated
        rows.write(keys[at], row, [None if cells is None else cells[at] for cells in sources])


def _incomplete(new: Rendered, old: OldRows, in_frame: Set[str]) -> list[str]:
    """Say what the extraction lacks, and what this means for rows of the page that are not in the frame."""
    if not new.incomplete:
        return []
    if new.keys is None:
        return [f"{new.incomplete}: the table shows only what the frame has"]
    count = sum(key not in in_frame for key, row in old.by_key.items() if row not in old.archived)
    stay = "1 row that the frame lacks stays" if count == 1 else f"{count} rows that the frame lacks stay"
    return [f"{new.incomplete}: {stay}" if count else new.incomplete]


def _lost_comments(rows: RowWriter, old: OldRows, body: str) -> list[Comment]:
    """Return the inline comments of the old rows whose mark the new body has no more."""
    grid = rows.grid
    before = comments_in(rows.source[grid.start : grid.end])
    lost = before.keys() - comments_in(body).keys() if before else set()
    if not lost:
        return []
    names = {row: shown_key(key) for key, row in old.by_key.items()}
    found = []
    for row in range(len(grid.rows)):
        for column, cell in enumerate(grid.rows[row].cells):
            for ref, words in comments_in(rows.source[cell.inner : cell.outer]).items():
                if ref in lost:
                    found.append(Comment(names.get(row, ""), grid.names[column], words))
    return found
