"""How long spans of time are, and the percentiles of such lengths."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.calendars import WorkingHours
from schedkit.flow.frames import Instants, with_zone
from schedkit.values.scalars import number_of, whole_number_of
from schedkit.values.text import safe_repr

__all__ = [
    "PERCENTILES",
    "Durations",
    "as_column",
    "check_percentiles",
    "cycle_lengths",
    "elapsed",
    "nearest_rank",
    "percent",
    "touched",
]

PERCENTILES = (50, 70, 85, 95)
Durations = npt.NDArray[np.timedelta64]


def elapsed(
    begin: Instants, end: Instants, calendar: WorkingHours | Mapping[str, Any] | None = None
) -> Durations:
    """Return the time from one instant to the other, in working hours where a calendar is given."""
    calendar = WorkingHours.of(calendar)
    if calendar is None:
        return (end - begin).astype("timedelta64[us]")
    worked = calendar.between(with_zone(begin), with_zone(end))
    return np.asarray(worked.to_numpy(), dtype="timedelta64[us]")


def touched(begin: Instants, end: Instants, zone: tzinfo) -> Durations:
    """Return how many days of a zone were touched, the first and the last included."""
    first, last = (
        with_zone(each).dt.tz_convert(zone).dt.tz_localize(None).to_numpy().astype("datetime64[D]")
        for each in (begin, end)
    )
    return np.asarray(last - first + np.timedelta64(1, "D"), dtype="timedelta64[us]")


def cycle_lengths(
    begin: Instants, end: Instants, days: str, calendar: WorkingHours | Mapping[str, Any] | None, zone: tzinfo
) -> Durations:
    """Return lengths as `days` says they are counted.

    Raises
    ------
    UsageError
        If `days` is neither "elapsed" nor "inclusive", or "inclusive" with a calendar.
    """
    if days == "elapsed":
        return elapsed(begin, end, calendar)
    if days != "inclusive":
        raise UsageError(f"days={safe_repr(days)} is neither 'elapsed' nor 'inclusive'")
    if calendar is not None:
        raise UsageError("days='inclusive' counts whole days", hint="leave out either it or the calendar")
    return touched(begin, end, zone)


def nearest_rank(ordered: npt.NDArray[Any], percentile: float) -> Any:
    """Return the smallest value that at least so many percent of the values do not exceed.

    Parameters
    ----------
    ordered : array
        The values in ascending order. Of none there is no percentile: NaT or NaN.
    percentile : float
        Above 0, up to 100.

    Examples
    --------
    >>> [nearest_rank(np.array([2.5, 3, 4, 9, 9]), p).item() for p in (50, 70, 85)]
    [4.0, 9.0, 9.0]
    """
    if not len(ordered):
        return np.timedelta64("NaT", "us") if ordered.dtype.kind == "m" else np.nan
    return ordered[math.ceil(percentile * len(ordered) / 100) - 1]


def check_percentiles(percentiles: float | Sequence[float]) -> tuple[float, ...]:
    """Return one percentile or several, each above 0 and up to 100.

    Raises
    ------
    UsageError
        If one is not.
    """
    found: list[float] = []
    for each in percentiles if isinstance(percentiles, Iterable) else [percentiles]:
        number = number_of(each)
        if number is None or not 0 < number <= 100:
            raise UsageError(f"{safe_repr(each)} is not a percentile", hint="write numbers like 50 or 85")
        whole = whole_number_of(each)
        found.append(number if whole is None else whole)
    return tuple(found)


def percent(percentile: float) -> str:
    """Return what a column of a percentile is called."""
    return f"{percentile:g} %"


def as_column(lengths: Durations) -> pd.Series[Any]:
    """Return lengths as a column."""
    return pd.Series(lengths.astype("timedelta64[us]"))
