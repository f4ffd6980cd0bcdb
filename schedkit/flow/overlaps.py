"""When the value of a field and a stay in a status held at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from schedkit.flow.frames import Instants, naive
from schedkit.flow.issue_history import Cut
from schedkit.flow.log import Ints
from schedkit.flow.steps import Steps

__all__ = ["joint"]


def joint(cut: Cut, steps: Steps, which: Any) -> tuple[Ints, Instants, Instants]:
    """Return when chosen stays and any value of a field held at once, in order of issue and time.

    Parameters
    ----------
    cut : Cut
        The stays.
    steps : Steps
        The field; a step without a value does not count.
    which : array of bool
        Which of the stays.

    Returns
    -------
    tuple of arrays
        The issue, the beginning and the end of each interval.
    """
    end = naive(cut.end)
    left = np.where(np.isnat(steps.left) | (steps.left > end), end, steps.left)
    held = np.flatnonzero((steps.code >= 0) & (steps.entered < left))
    chosen = np.flatnonzero(which)
    if not len(held) or not len(chosen):
        return np.empty(0, dtype=np.int64), left[:0], left[:0]
    # Stays of one issue follow each other: those that meet a value are a slice.
    scale = _Scale(steps.entered[held], left[held], cut.entered[chosen], cut.left[chosen])
    begins = scale.key(cut.issue[chosen], cut.entered[chosen])
    ends = scale.key(cut.issue[chosen], cut.left[chosen])
    first = ends.searchsorted(scale.key(steps.issue[held], steps.entered[held]), side="right")
    stop = begins.searchsorted(scale.key(steps.issue[held], left[held]), side="left")
    counts = np.maximum(stop - first, 0)
    value = np.repeat(np.arange(len(held)), counts)
    offset = np.arange(len(value)) - np.repeat(np.cumsum(counts) - counts, counts)
    stay = chosen[first[value] + offset]
    begin = np.maximum(steps.entered[held][value], cut.entered[stay])
    return cut.issue[stay], begin, np.minimum(left[held][value], cut.left[stay])


class _Scale:
    """Instants of issues as numbers that grow with the issue, then with time."""

    def __init__(self, *instants: Instants) -> None:
        self.least = min(each.min() for each in instants)
        self.width = int((max(each.max() for each in instants) - self.least).astype(np.int64)) + 1

    def key(self, issue: Ints, at: Instants) -> Ints:
        return np.asarray(issue * self.width + (at - self.least).astype(np.int64), dtype=np.int64)
