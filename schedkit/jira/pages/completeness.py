"""What an extraction knows about its own completeness."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from schedkit.atlassian import RequestStats
from schedkit.jira.table.batch import Batch

__all__ = ["Completeness", "SeenIds", "positions"]

# So many ids are kept apart before they are sorted in: sorting costs some milliseconds.
FRESH = 10_000


class SeenIds:
    """The ids that arrived, each with the time of its newest copy.

    In sorted arrays, where half a million weigh 8 MB, not 50 as in a dict. What came last is sorted in later.
    """

    def __init__(self) -> None:
        self.rows = 0
        # How many issues have arrived, and how many newer copies.
        self.counts = (0, 0)
        self._ids = self._updated = np.empty(0, np.int64)
        self._fresh: dict[int, int] = {}

    def __len__(self) -> int:
        return self.counts[0]

    def add(self, batch: Batch) -> None:
        """Take note of a batch."""
        new, newer = self.counts
        there, times = self._find(batch.ids)
        rows = zip(batch.ids.tolist(), batch.updated.tolist(), there.tolist(), times.tolist(), strict=True)
        for id, updated, held, time in rows:
            known = self._fresh.get(id, time if held else None)
            if known is None:
                new += 1
            elif updated > known:
                newer += 1
            else:
                continue
            self._fresh[id] = updated
        self.rows += len(batch)
        self.counts = new, newer
        if len(self._fresh) >= FRESH:
            self._sort_in()

    def _sort_in(self) -> None:
        count = len(self._fresh)
        ids = np.concatenate([np.fromiter(self._fresh, np.int64, count), self._ids])
        updated = np.concatenate([np.fromiter(self._fresh.values(), np.int64, count), self._updated])
        # The first of equal ones is the newer.
        self._ids, first = np.unique(ids, return_index=True)
        self._updated = updated[first]
        self._fresh.clear()

    def _find(self, ids: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """Return which of `ids` are sorted in, and their times."""
        if not len(self._ids):
            return np.zeros(len(ids), bool), np.zeros(len(ids), np.int64)
        spots = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return self._ids[spots] == ids, self._updated[spots]

    def recent(self, since: int) -> dict[int, int]:
        """Return the ids updated since then, in milliseconds, with their times."""
        self._sort_in()
        late = self._updated >= since * 1000
        return dict(zip(self._ids[late].tolist(), self._updated[late].tolist(), strict=True))

    def older(self, seen: Iterable[Batch]) -> list[int]:
        """Return which have since been seen with a later time of update."""
        self._sort_in()
        found: list[int] = []
        for batch in seen:
            there, times = self._find(batch.ids)
            found += batch.ids[there & (times < batch.updated)].tolist()
        return found

    @property
    def duplicates(self) -> int:
        """How many copies came beyond the first of each issue."""
        return self.rows - len(self)

    def beyond(self, listed: Sequence[int]) -> list[int]:
        """Return which have arrived without being listed."""
        self._sort_in()
        gone: list[int] = np.setdiff1d(self._ids, np.asarray(listed, np.int64), assume_unique=True).tolist()
        return gone

    def among(self, wanted: Sequence[int], there: bool = True) -> npt.NDArray[np.int64]:
        """Return which of `wanted` have arrived, in their order; or which have not."""
        self._sort_in()
        ids = np.asarray(wanted, np.int64)
        found, _ = self._find(ids)
        return np.compress(found == there, ids)

    def missing(self, wanted: Sequence[int]) -> list[int]:
        """Return which of `wanted` have not arrived."""
        absent: list[int] = self.among(wanted, there=False).tolist()
        return absent


@dataclass(slots=True)
class Completeness:
    """The content of `df.attrs["extraction"]`.

    Parameters
    ----------
    started, ended : datetime
        The as-of window: the frame shows each issue as it was at some moment between them.
    exact : bool
        Whether nothing changed in between: the frame is the site's state at the end of the window.
    requested, returned : int
        Issues the site listed, and issues in the frame.
    missing : dict
        Ids (or keys) that were listed but not returned, with reasons.
    appeared, changed, left : int
        Issues that came into the result, were edited, or left it during the extraction; the frame holds
        their last state.
    duplicates : int
        Copies removed.
    limited : bool
        Whether `limit` cut the result short on purpose.
    cut : dict
        Lists of which the site gave only a part: by column, the issue keys or ids with the reason.
    unreadable : dict
        Values that do not fit the type of their column, and were left out: by column and issue key.
    """

    site: str
    jql: str
    started: datetime
    ended: datetime
    exact: bool = False
    requested: int = 0
    returned: int = 0
    missing: dict[str, str] = field(default_factory=dict)
    appeared: int = 0
    changed: int = 0
    left: int = 0
    duplicates: int = 0
    limited: bool = False
    warnings: list[str] = field(default_factory=list)
    cut: dict[str, dict[str, str]] = field(default_factory=dict)
    unreadable: dict[str, dict[str, str]] = field(default_factory=dict)

    def as_attrs(self, stats: RequestStats) -> dict[str, Any]:
        """Return the facts as JSON-able values, with what the extraction has stats."""
        return {
            "site": self.site,
            "jql": self.jql,
            # Every issue that the site listed is in the frame, with the whole of its lists.
            "complete": not self.missing and not self.cut,
            "exact": self.exact,
            "as_of": [
                self.started.isoformat(timespec="milliseconds"),
                self.ended.isoformat(timespec="milliseconds"),
            ],
            "requested": self.requested,
            "returned": self.returned,
            "missing": dict(self.missing),
            "appeared": self.appeared,
            "changed": self.changed,
            "left": self.left,
            "duplicates": self.duplicates,
            "limited": self.limited,
            "warnings": list(self.warnings),
            "cut": {column: dict(issues) for column, issues in self.cut.items()},
            "unreadable": {column: dict(values) for column, values in self.unreadable.items()},
            "requests": stats.requests,
            "retries": stats.retries,
            "throttled": stats.limited,
            "bytes": stats.bytes,
            "seconds": round(stats.seconds, 3),
        }


def positions(ids: npt.NDArray[np.int64], wanted: Sequence[int]) -> npt.NDArray[np.int64]:
    """Return where each of `wanted` is in `ids` (which are distinct), leaving out those that are not."""
    order = np.argsort(ids, kind="stable")
    target = np.asarray(wanted, dtype=np.int64)
    if not len(ids) or not len(target):
        return np.empty(0, dtype=np.int64)
    spots = np.minimum(np.searchsorted(ids, target, sorter=order), len(ids) - 1)
    found: npt.NDArray[np.int64] = order[spots]
    hits: npt.NDArray[np.int64] = found[ids[found] == target]
    return hits
