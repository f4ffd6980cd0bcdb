"""When issues were finished, and reopened again: what was known of it at any instant of the past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from schedkit.flow.frames import Instants
from schedkit.flow.issue_history import NEVER, History
from schedkit.flow.log import Ints
from schedkit.flow.workflow import DONE

__all__ = ["Finishes"]


@dataclass(frozen=True, slots=True, eq=False)
class Finishes:
    """Unbroken times in done, in the order in which they began.

    A cut of the history at each of many instants reads all of it each time; this is read once.

    Parameters
    ----------
    issue : array of int
        Row of the issue.
    at : array of datetime64
        When it was finished.
    reopened : array of datetime64
        When it was finished no more; NaT where it still is.
    """

    issue: Ints
    at: Instants
    reopened: Instants

    @classmethod
    def of(cls, history: History) -> Self:
        """Return the finishes of all issues, as often as each was finished."""
        steps = history.stays.steps
        done, first = history.phase == DONE, np.diff(steps.issue, prepend=-1) != 0
        begins = np.flatnonzero(done & (first | ~np.append(False, done[:-1])))
        breaks = np.append(np.flatnonzero(~done | first), len(done))
        ends = breaks[breaks.searchsorted(begins, side="right")]
        same = np.append(steps.issue, -1)[ends] == steps.issue[begins]
        at = steps.entered[begins]
        reopened = np.where(same, np.append(steps.entered, NEVER)[ends], NEVER)
        order = np.argsort(at, kind="stable")
        order = order[~np.isnat(at[order])]
        return cls(steps.issue[begins[order]], at[order], reopened[order])

    def among(self, rows: Ints) -> Finishes:
        """Return those of some issues."""
        mine = np.isin(self.issue, rows)
        return Finishes(self.issue[mine], self.at[mine], self.reopened[mine])

    def counts(self, edges: Instants) -> Ints:
        """Return how many issues were finished between each edge and the next, as known at the last."""
        first, last = self.at.searchsorted(edges[[0, -1]])
        reopened = self.reopened[first:last]
        known = self.at[first:last][np.isnat(reopened) | (reopened > edges[-1])]
        counts: Ints = np.diff(known.searchsorted(edges))
        return counts
