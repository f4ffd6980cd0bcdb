"""How many issues were finished in a time, and how many were where."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.frames import as_instant, warned, with_zone
from schedkit.flow.stays import cut_stays, grouped, in_order
from schedkit.values.keywords import check_keywords
from schedkit.values.timezones import parse_timezone

__all__ = ["cumulative_flow", "throughput"]


@check_keywords
def throughput(
    finished: pd.Series[Any] | pd.DataFrame,
    freq: str = "W",
    tz: str | tzinfo = "UTC",
    *,
    start: Any = None,
    until: Any = None,
) -> pd.Series[Any]:
    """Return how many issues were finished in each period, quiet periods included.

    Parameters
    ----------
    finished : Series or DataFrame
        Instants, or a frame with the column Finished (`cycle_times`) or Resolved.
    freq : str
        ``"D"``, ``"W"``, ``"M"``, ``"Q"``: a pandas period.
    tz : str or tzinfo
        Whose days count.
    start, until : Timestamp, optional
        The first and the last period; those of the first and the last finish by default.

    Returns
    -------
    Series
        Counts by period.
    """
    if isinstance(finished, pd.DataFrame):
        column = next((c for c in ("Finished", "Resolved") if c in finished), None)
        if column is None:
            raise UsageError("the frame has neither Finished nor Resolved", hint="give a column of instants")
        finished = finished[column]
    zone = parse_timezone(tz)
    days = pd.to_datetime(finished, utc=True).dropna().dt.tz_convert(zone).dt.tz_localize(None)
    first, last = (
        None if at is None else as_instant(at).tz_convert(zone).tz_localize(None) for at in (start, until)
    )
    try:
        periods = days.dt.to_period(freq)
        bounds: list[Any] = [None if at is None else at.to_period(freq) for at in (first, last)]
    except ValueError:
        raise UsageError(f"freq={freq!r} is not a period", hint="write D, W, M, Q or Y") from None
    begin, end = bounds[0] or periods.min(), bounds[1] or periods.max()
    if begin in (None, pd.NaT) or end in (None, pd.NaT):
        return pd.Series([], index=pd.PeriodIndex([], freq=freq), dtype="int64", name="Finished")
    whole = pd.period_range(begin, end, freq=freq)
    return periods.value_counts().reindex(whole, fill_value=0).rename("Finished")


@check_keywords
def cumulative_flow(
    issues: pd.DataFrame,
    changes: pd.DataFrame,
    *,
    freq: str = "D",
    tz: str | tzinfo = "UTC",
    start: Any = None,
    until: Any = None,
    by: str | Mapping[str, str] = "status",
    categories: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return how many issues were in each status at the end of each day.

    Parameters
    ----------
    issues, changes, until, categories
        As for `status_spans`.
    freq : str
        ``"D"`` for days, ``"W"`` for weeks, ``"7D"``, ``"ME"``: a pandas frequency of whole days.
    tz : str or tzinfo
        Whose midnight ends a day.
    start : Timestamp, optional
        The first day; that of the first issue by default.
    by : str or mapping
        ``"status"``, ``"category"``, or groups of statuses by name.

    Returns
    -------
    DataFrame
        One row per day, one column per status, in the site's order.
    """
    stays, end = cut_stays(issues, changes, until, categories)
    zone = parse_timezone(tz)
    if not len(stays.steps.issue):
        return pd.DataFrame(index=pd.DatetimeIndex([], tz=zone))
    entered, left = stays.steps.entered, stays.steps.left
    first = as_instant(start) if start is not None else with_zone(entered).min()
    first, last = (instant.tz_convert(zone).tz_localize(None).normalize() for instant in (first, end))
    try:
        walls = pd.date_range(first, last, freq=freq)
    except ValueError:
        raise UsageError(f"freq={freq!r} is not a frequency", hint="write D, W, 7D or ME") from None
    ends = _begun(walls + pd.DateOffset(days=1), zone).tz_convert("UTC").tz_localize(None)
    at = ends.to_numpy().astype("datetime64[us]")
    codes, groups = pd.factorize(np.asarray(grouped(stays, by), dtype=object))
    table: dict[str, Any] = {}
    for code, group in enumerate(groups):
        mine = codes == code
        came, went = np.sort(entered[mine]), np.sort(left[mine & ~np.isnat(left)])
        # Who came before midnight, less who left before it.
        table[str(group)] = came.searchsorted(at) - went.searchsorted(at)
    frame = pd.DataFrame(
        {column: table[column] for column in in_order(stays, table, by)}, index=_begun(walls, zone)
    )
    return warned(frame, stays.warnings(None if until is None else end))


def _begun(walls: pd.DatetimeIndex, zone: tzinfo) -> pd.DatetimeIndex:
    """Return when days begin: at midnight, where summer time has one, and at the first where it has two."""
    return walls.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(len(walls), dtype=bool))
