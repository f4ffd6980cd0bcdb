"""Whether a cell says what the site shows: cells come back from workbooks and other files altered.

A list comes back as one text, a long text cut, a moment without its milliseconds, a number with 15
digits. None of that is an edit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from schedkit.jira.write.values import cell_value, missing

__all__ = ["alike", "same_moment", "split_names", "unchanged"]

# A worksheet's cell holds 32,767 UTF-16 units; a text that long may be the beginning of a longer one.
_CUT = 32_767 // 2


def unchanged(cell: Any, held: Any, store: str) -> bool:
    """Tell whether a cell of a frame shows the value `held`, which a fresh frame holds in its place.

    Raises
    ------
    ValueError, TypeError
        If the cell is not a value for that type of column.

    Examples
    --------
    >>> unchanged("Linux, ARM", ("Linux, ARM",), "list")
    True
    >>> unchanged("Linux", ("Linux, ARM",), "list")
    False
    """
    if store == "list":
        shown = cell if isinstance(cell, str) else _joined(cell_value(cell, store))
        return alike(shown, _joined(cell_value(held, store))) or alike(cell_value(cell, store), held)
    if store == "raw":
        return True
    new, old = cell_value(cell, store), cell_value(held, store)
    if isinstance(new, pd.Timestamp) and isinstance(old, pd.Timestamp):
        return same_moment(new, old)
    if isinstance(new, str) and isinstance(old, str) and len(new) >= _CUT and len(new) < len(old):
        return _lines(old).startswith(_lines(new).removesuffix("…"))
    return alike(new, old)


def alike(one: Any, other: Any) -> bool:
    """Tell whether two values of a frame are the same to Jira, which trims texts and sorts lists."""
    if missing(one) or missing(other):
        return (missing(one) or one == "") and (missing(other) or other == "")
    if isinstance(one, str) and isinstance(other, str):
        return _lines(one) == _lines(other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return sorted(one) == sorted(other)
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-14)
    return bool(one == other)


def same_moment(one: pd.Timestamp, other: pd.Timestamp) -> bool:
    """Tell whether two moments are the same, though one may have lost its fraction of a second."""
    gap = abs(one - other)
    whole = one.microsecond == 0 or other.microsecond == 0
    return bool(gap < pd.Timedelta(seconds=1) if whole else gap < pd.Timedelta(milliseconds=1))


def split_names(text: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return the names in a text with commas; a known name may hold commas itself.

    Examples
    --------
    >>> split_names("Linux, ARM, Windows", ["Linux, ARM", "Windows"])
    ('Linux, ARM', 'Windows')
    """
    parts = [part.strip() for part in text.split(",")]
    # Workbooks and people change the white space within names.
    folded = [_folded(part) for part in parts]
    by_parts = {tuple(map(_folded, name.split(","))): name for name in known if name}
    longest = max(map(len, by_parts), default=1)
    names: list[str] = []
    at = 0
    while at < len(parts):
        for count in range(min(longest, len(parts) - at), 0, -1):
            name = by_parts.get(tuple(folded[at : at + count]))
            if name is not None:
                names.append(name)
                at += count
                break
        else:
            names += [parts[at]] if parts[at] else []
            at += 1
    return tuple(names)


def _folded(text: str) -> str:
    return " ".join(text.split())


def _joined(names: Sequence[str]) -> str:
    return ", ".join(names)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
