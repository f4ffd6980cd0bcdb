"""Dates and durations as Excel's serial day numbers, exact to the microsecond until 2079-06-05."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

Micros = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

DAY = 86_400_000_000
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Calendar:
    """Where a workbook's serial 0 lies and which microseconds since 1970 it can show."""

    zero: int
    first: int
    end: int

    @property
    def from_1900(self) -> bool:
        """Whether this is the calendar with 1900-02-29, in which earlier serials are off by one."""
        return self.first > self.zero


def _micros(year: int, month: int, day: int) -> int:
    return (datetime(year, month, day, tzinfo=UTC) - _UNIX) // timedelta(microseconds=1)


_END = _micros(9999, 12, 31) + DAY
# Before 1900-03-01 serials are off by one: Excel counts a 1900-02-29, which did not exist.
FROM_1900 = Calendar(zero=_micros(1899, 12, 30), first=_micros(1900, 3, 1), end=_END)
# The serial after 9999-12-31.
LAST_SERIAL = 2_958_466
_LEAP_DAY = 60
FROM_1904 = Calendar(zero=_micros(1904, 1, 1), first=_micros(1904, 1, 1), end=_END)


def serials(micros: Micros, calendar: Calendar = FROM_1900) -> tuple[Floats, Mask]:
    """Return the serials of wall-clock `micros` since 1970, and which of them Excel can show.

    Examples
    --------
    >>> serials(np.array([0, 43_200_000_000]))[0].tolist()
    [25569.0, 25569.5]
    """
    shown = (micros >= calendar.first) & (micros < calendar.end)
    # One division of an exact integer: the serial is the nearest double, and rounds back to the microsecond.
    days = np.where(shown, micros - calendar.zero, 0) / DAY
    # The last microseconds of 9999 round up to a day that Excel cannot show.
    return days, shown & (days < (calendar.end - calendar.zero) // DAY)


def micros_of(days: float, calendar: Calendar = FROM_1900) -> int:
    """Return the microseconds since 1970 of a serial.

    Examples
    --------
    >>> micros_of(25569.5)
    43200000000
    """
    return round_micros(days + (calendar.from_1900 and days < _LEAP_DAY)) + calendar.zero


def micros_of_all(days: Floats, calendar: Calendar = FROM_1900) -> Micros:
    """Return the same of many serials.

    Raises
    ------
    ValueError
        If one of them is not a day that Excel knows.
    """
    if not ((days >= 0) & (days < LAST_SERIAL)).all():
        raise ValueError("a serial outside the calendar")
    if calendar.from_1900:
        days = days + (days < _LEAP_DAY)
    whole = np.floor(days)
    return whole.astype(np.int64) * DAY + np.rint((days - whole) * DAY).astype(np.int64) + calendar.zero


def round_micros(days: float) -> int:
    """Return a serial length of time in microseconds."""
    whole = int(days // 1)
    return whole * DAY + round((days - whole) * DAY)
