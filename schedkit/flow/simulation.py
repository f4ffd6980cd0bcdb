"""Monte Carlo simulation of throughput: days drawn at random from the days of the past."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schedkit.errors import UsageError
from schedkit.flow.elapsed import nearest_rank
from schedkit.flow.log import Ints
from schedkit.values.text import safe_repr

__all__ = ["MOST_DAYS", "Past", "at_least", "how_many", "when"]

# Trials that have not ended after ten years never will, for a reader's purposes.
MOST_DAYS = 3653
_BLOCK = 64


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """How many items were finished on each day of the past, quiet days included.

    Parameters
    ----------
    counts : array of int
        Of each day, in order.
    weekdays : array of int
        Of each day, Monday is 0.
    sample : str
        ``"weekday"``: a Monday is drawn from Mondays; ``"day"``: from all days.
    """

    counts: Ints
    weekdays: Ints
    sample: str = "weekday"

    def check(self) -> None:
        """Raise if nothing can be drawn from it."""
        if self.sample not in ("weekday", "day"):
            raise UsageError(f"sample={safe_repr(self.sample)} is neither 'weekday' nor 'day'")
        if not self.counts.sum():
            raise UsageError(
                f"nothing was finished in the {len(self.counts)} days that the forecast draws from",
                hint="give an earlier since",
            )
        if self.sample == "weekday" and len(np.unique(self.weekdays)) < 7:
            raise UsageError(
                f"{len(self.counts)} days do not have every day of the week",
                hint='give an earlier since, or sample="day"',
            )

    def draw(self, first: int, days: int, trials: int, rng: np.random.Generator) -> Ints:
        """Return counts of days to come: a row per trial, a column per day; `first` is its weekday."""
        if self.sample == "day":
            return self.counts[rng.integers(0, len(self.counts), size=(trials, days))]
        drawn = np.empty((trials, days), dtype=np.int64)
        for weekday in range(7):
            columns = drawn[:, (weekday - first) % 7 :: 7]
            same = self.counts[self.weekdays == weekday]
            columns[:] = same.take(rng.integers(0, len(same), size=columns.shape))
        return drawn


def when(past: Past, count: int, first: int, trials: int, rng: np.random.Generator) -> Ints:
    """Return after how many days each trial has finished `count` items; one more than MOST_DAYS for never."""
    ended = np.full(trials, MOST_DAYS + 1, dtype=np.int64)
    left = np.arange(trials)
    reached = np.zeros(trials, dtype=np.int64)
    for begin in range(0, MOST_DAYS, _BLOCK):
        sums = reached[left, None] + past.draw((first + begin) % 7, _BLOCK, len(left), rng).cumsum(axis=1)
        over = sums[:, -1] >= count
        ended[left[over]] = begin + 1 + (sums[over] < count).sum(axis=1)
        reached[left] = sums[:, -1]
        left = left[~over]
        if not len(left):
            break
    return ended


def how_many(past: Past, days: int, first: int, trials: int, rng: np.random.Generator) -> Ints:
    """Return how many items each trial finishes within so many days."""
    total = np.zeros(trials, dtype=np.int64)
    for begin in range(0, days, _BLOCK):
        size = min(_BLOCK, days - begin)
        total += past.draw((first + begin) % 7, size, trials, rng).sum(axis=1)
    return total


def at_least(totals: npt.NDArray[np.int64], percentile: float) -> int:
    """Return how many items at least so many percent of the trials finish.

    It is read from the other end: the more certain, the fewer.

    Examples
    --------
    >>> totals = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    >>> at_least(totals, 50), at_least(totals, 90)
    (6, 2)
    """
    return int(-nearest_rank(np.sort(-totals), percentile))
