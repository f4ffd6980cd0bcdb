"""What an extraction knows about its own completeness."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from schedkit.jira.batch import Batch

__all__ = ["Evidence", "Held", "positions"]


class Held:
    """The ids that arrived, each with the time of its newest copy."""

    def __init__(self) -> None:
        self.updated: dict[int, int] = {}
        self.rows = 0
        self.counts = (0, 0)

    def add(self, batch: Batch) -> None:
        """Take note of a batch."""
        new, newer = self.counts
        for id, updated in zip(batch.ids.tolist(), batch.updated.tolist(), strict=True):
            known = self.updated.get(id)
            if known is None:
                new += 1
            elif updated > known:
                newer += 1
            else:
                continue
            self.updated[id] = updated
        self.rows += len(batch)
        self.counts = new, newer

    def since(self, before: tuple[int, int]) -> tuple[int, int]:
        """Return how many issues are new, and how many newer, since `counts` was `before`."""
        return self.counts[0] - before[0], self.counts[1] - before[1]

    def recent(self, since: int) -> dict[int, int]:
        """Return the ids updated since then, in milliseconds, with their times."""
        return {id: updated for id, updated in self.updated.items() if updated >= since * 1000}

    def older(self, seen: Iterable[Batch]) -> list[int]:
        """Return which have since been seen with a later time of update."""
        return [
            id
            for batch in seen
            for id, updated in zip(batch.ids.tolist(), batch.updated.tolist(), strict=True)
            if self.updated.get(id, updated) < updated
        ]

    @property
    def duplicates(self) -> int:
        """How many copies came beyond the first of each issue."""
        return self.rows - len(self.updated)

    def beyond(self, listed: Sequence[int]) -> list[int]:
        """Return which have arrived without being listed; arrays, because half a million ids weigh."""
        arrived = np.fromiter(self.updated, np.int64, len(self.updated))
        gone: list[int] = np.setdiff1d(arrived, np.asarray(listed, np.int64), assume_unique=True).tolist()
        return gone

    def missing(self, wanted: Iterable[int]) -> list[int]:
        """Return which of `wanted` have not arrived."""
        return [id for id in wanted if id not in self.updated]


@dataclass(slots=True)
class Evidence:
    """What `df.attrs["extraction"]` tells.

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

    @property
    def complete(self) -> bool:
        """Whether every issue that the site listed is in the frame."""
        return not self.missing

    def told(
        self, *, requests: int, retries: int, throttled: int, bytes: int, seconds: float
    ) -> dict[str, Any]:
        """Return the facts as JSON-able values."""
        return {
            "site": self.site,
            "jql": self.jql,
            "complete": self.complete,
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
            "requests": requests,
            "retries": retries,
            "throttled": throttled,
            "bytes": bytes,
            "seconds": round(seconds, 3),
        }


def positions(ids: npt.NDArray[np.int64], wanted: list[int]) -> npt.NDArray[np.int64]:
    """Return where each of `wanted` is in `ids` (which are distinct), leaving out those that are not."""
    order = np.argsort(ids, kind="stable")
    target = np.asarray(wanted, dtype=np.int64)
    if not len(ids) or not len(target):
        return np.empty(0, dtype=np.int64)
    spots = np.minimum(np.searchsorted(ids, target, sorter=order), len(ids) - 1)
    found: npt.NDArray[np.int64] = order[spots]
    hits: npt.NDArray[np.int64] = found[ids[found] == target]
    return hits
