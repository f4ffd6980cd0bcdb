"""Changes of one field of an issue that were made at one instant: which came first.

Their entries' numbers tell it, where the history is the site's own. A history that was imported, with times
to the second, may have been numbered the other way round (github.com/constructorfabric/insight, issue 3485);
an entry may hold two changes of one field. What each change began with tells it then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["chain", "linked"]

Ints = npt.NDArray[np.int64]
MOST = 8  # the ways to put more of them in order are too many to try


def linked(
    changes: pd.DataFrame,
    order: Ints,
    at: Ints,
    when: npt.NDArray[np.datetime64],
    issue: Ints,
    source: Ints,
) -> Ints:
    """Return an order in which changes of one instant follow from each other, where there is one.

    Parameters
    ----------
    order : array of int
        The order by issue, time and number.
    at : array of int
        The rows of `changes`.
    when, issue, source : array
        Of each: its time, its issue, and which of several merged fields it is of.
    """
    same = (np.diff(issue[order]) == 0) & (np.diff(when[order]) == np.timedelta64(0, "us"))
    if not same.any():
        return order
    found = order.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(np.int8), [0]])))
    for begin, end in zip(edges[::2].tolist(), (edges[1::2] + 1).tolist(), strict=True):
        tied = order[begin:end]
        if len(tied) > MOST or (source[tied] != source[tied[0]]).any():
            continue
        before = _before(order, begin, issue, source)
        ends = _ends(changes, at[[*tied] if before is None else [before, *tied]])
        first = None if before is None else ends.pop(0)[1]
        places = chain(ends, first)
        if places is not None:
            found[begin:end] = tied[places]
    return found


def _before(order: Ints, begin: int, issue: Ints, source: Ints) -> int | None:
    """Return the last change of the same field and issue before a place in the order."""
    first = order[begin]
    for place in range(begin - 1, -1, -1):
        if issue[order[place]] != issue[first]:
            return None
        if source[order[place]] == source[first]:
            return int(order[place])
    return None


def chain(ends: Sequence[tuple[Any, Any]], first: Any = None) -> list[int] | None:
    """Return in which order changes follow from each other, the given one first; None if there is none.

    Parameters
    ----------
    ends : sequence of (before, after)
        The values of each change.
    first : object, optional
        The value before all of them, if it is known.

    Examples
    --------
    >>> chain([("Doing", "Done"), ("To Do", "Doing")])
    [1, 0]
    """

    def continued(done: list[int], value: Any) -> list[int] | None:
        if len(done) == len(ends):
            return done
        for place, (was, now) in enumerate(ends):
            if place not in done and (value is None or was == value):
                found = continued([*done, place], now)
                if found is not None:
                    return found
        return None

    return continued([], first) or (None if first is None else continued([], None))


def _ends(changes: pd.DataFrame, rows: Ints) -> list[tuple[Any, Any]]:
    """Return the values before and after each change: ids where all have them, else texts."""
    for was, now in (("From Id", "To Id"), ("From", "To")):
        if was in changes and now in changes:
            pairs = changes[[was, now]].iloc[rows].astype(object)
            if was == "From" or pairs.notna().all(axis=None):
                pairs = pairs.where(pairs.notna(), "")  # none is a value too
                return list(pairs.itertuples(index=False, name=None))
    return []
