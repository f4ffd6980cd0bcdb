"""The hours that a zone's clock shows twice, when it goes back: which of both a workbook's times are.

A cell holds what a clock on the wall shows, and says nothing of the zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["localized", "shown_again"]

_DAY = 86_400_000_000  # microseconds
_FIRST, _LAST = (datetime(year, 1, 3, tzinfo=UTC).timestamp() * 1e6 for year in (1, 9999))


def localized(wall: pd.Series[Any], zone: tzinfo, again: Iterable[int] = ()) -> pd.Series[Any]:
    """Return what a clock on the wall showed as moments; one that it shows twice is the first one.

    Parameters
    ----------
    wall : Series of datetime64
        Without a zone.
    again : iterable of int
        Those of them, in microseconds since 1970, that are the second one.
    """
    second = list(again)
    first = np.ones(len(wall), dtype=bool) if not second else ~np.isin(_micros(wall), second)
    moments: pd.Series[Any] = wall.dt.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
    return moments


def shown_again(moments: pd.Series[Any], zone: tzinfo, known: Iterable[int] = ()) -> list[int]:
    """Return what the clock shows for those moments that are each the second of two, and no first one.

    They are microseconds since 1970 of the clock on the wall, as `localized` takes them; `known` are those of
    the moments that were there before.
    """
    try:
        micros = _micros(moments.dropna().astype(pd.DatetimeTZDtype("us", "UTC")))
    except (ValueError, OverflowError):  # far outside the calendar
        return list(known)
    days = pd.unique(micros[(micros > _FIRST) & (micros < _LAST)] // _DAY).tolist()
    back = [day for day in days if _offset(day - 1, zone) > _offset(day + 1, zone)]
    if not back:
        return list(known)
    found = pd.Series(micros[np.isin(micros // _DAY, back)].view("datetime64[us]")).dt.tz_localize("UTC")
    wall = found.dt.tz_convert(zone).dt.tz_localize(None)
    second = (found != localized(wall, zone)).to_numpy()
    shown = _micros(wall)
    return sorted({*known, *shown[second].tolist()} - set(shown[~second].tolist()))


def _micros(times: pd.Series[Any]) -> npt.NDArray[np.int64]:
    return np.asarray(times.dt.as_unit("us").astype("int64"))


def _offset(day: int, zone: tzinfo) -> timedelta:
    """Return how far a zone is ahead of UTC as a day of UTC begins, counted from 1970."""
    begins = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return begins.astimezone(zone).utcoffset() or timedelta()
