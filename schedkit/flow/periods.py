"""Days, weeks and sprints: when each period begins and ends, and how many events fall into it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.frames import Instants, as_instants, need, without_zone
from schedkit.flow.log import Ints

__all__ = ["Periods", "day_begins", "day_ends", "level", "periods_of", "sprint_periods"]

# pandas has two names for a month, a quarter and a year: "M" is the period, "ME" the day on which it ends.
_LONG = re.compile(r"(\d{0,4}[MQY])E?(-[A-Z]{3})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Periods:
    """Periods, each from its begin up to its end, which is the begin of the next.

    Parameters
    ----------
    index : Index
        Their names: pandas periods, or the names of sprints.
    begins, ends : array of datetime64
        Instants.
    """

    index: pd.Index[Any]
    begins: Instants
    ends: Instants

    def count(self, events: Instants) -> Ints:
        """Return how many of the events lie in each period."""
        ordered = np.sort(events[~np.isnat(events)])
        return ordered.searchsorted(self.ends) - ordered.searchsorted(self.begins)

    def begun(self, end: np.datetime64) -> list[Any]:
        """Return the periods that are not over at an instant."""
        return [str(name) for name, over in zip(self.index, self.ends <= end, strict=True) if not over]


def day_begins(walls: pd.DatetimeIndex, zone: tzinfo) -> pd.DatetimeIndex:
    """Return when days begin: at midnight, where summer time has one, and at the first where it has two."""
    return walls.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(len(walls), dtype=bool))


def day_ends(first: pd.Timestamp, last: pd.Timestamp, freq: str) -> pd.DatetimeIndex:
    """Return the days, from one to the other, on which a period ends.

    Raises
    ------
    UsageError
        If `freq` is not a frequency of pandas.
    """
    try:
        return pd.date_range(first, last, freq=_spelt(freq, "E"))
    except ValueError:
        raise UsageError(f"freq={freq!r} is not a frequency", hint="write D, W, 7D or M") from None


def _spelt(freq: str, end: str) -> str:
    """Return a frequency as periods of pandas name it (`end` ""), or as its days do ("E")."""
    freq = getattr(freq, "freqstr", freq)  # an offset of pandas
    long = _LONG.fullmatch(freq)
    return freq if long is None else f"{long[1].upper()}{end}{(long[2] or '').upper()}"


def periods_of(first: pd.Timestamp, last: pd.Timestamp, freq: str, zone: tzinfo) -> Periods:
    """Return the periods from that of one instant to that of the other.

    Raises
    ------
    UsageError
        If `freq` is not a period of pandas.
    """
    walls = [at.tz_convert(zone).tz_localize(None) for at in (first, last)]
    name = _spelt(freq, "")
    try:
        begin, end = (wall.to_period(name) for wall in walls)
    except (ValueError, AttributeError):
        raise UsageError(f"freq={freq!r} is not a period", hint="write D, W, M, Q or Y") from None
    index = pd.period_range(begin, end, freq=name)
    edges = pd.period_range(begin, periods=len(index) + 1, freq=name).to_timestamp(how="start")
    instants = day_begins(edges, zone).tz_convert("UTC").tz_localize(None)
    at = instants.to_numpy().astype("datetime64[us]")
    return Periods(index, at[:-1], at[1:])


def sprint_periods(sprints: pd.DataFrame) -> Periods:
    """Return the periods of sprints (`Jira.sprints`) that have begun, from their start to their close."""
    from schedkit.flow.sprint_clock import clocks

    need(sprints, "sprints", "Id", "Name")
    times = clocks(sprints)
    times = times[times["Begin"].notna()]
    close = times["Close"].fillna(pd.Timestamp.max.tz_localize("UTC").floor("D"))
    index = pd.Index(times["Name"].astype("str"), name="Sprint")
    return Periods(
        index,
        without_zone(as_instants(times, "Begin")),
        without_zone(as_instants(pd.DataFrame({"Close": close}), "Close")),
    )


def level(came: Instants, went: Instants, at: Instants) -> Ints:
    """Return how many are there at each instant: who came before it, less who left before it."""
    return np.sort(came).searchsorted(at) - np.sort(went).searchsorted(at)
