"""Working hours: how much of a span of time people were at work."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, tzinfo
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.values.keywords import check_keywords
from schedkit.values.scalars import plain_time
from schedkit.values.text import safe_repr
from schedkit.values.timezones import parse_timezone

__all__ = ["WorkingHours"]

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@check_keywords
class WorkingHours:
    """A calendar of working hours.

    Parameters
    ----------
    days : str or sequence of str
        ``"mon-fri"``, ``"mon,wed,fri"``, both mixed or in a list; also ``"Monday"``.
    start, end : str or time
        Local times, ``"09:00"`` and ``"17:00"``; ``"24:00"`` is midnight at the end of the day.
    tz : str or tzinfo
        The time zone they are meant in. A working day always has its hours by the wall clock, also where
        summer time begins or ends within them.
    holidays : date, str, or iterable of them
        Days off.
    blocks : sequence of (start, end), optional
        Several parts of the working day, instead of `start` and `end`; with a lunch break:
        ``[("09:00", "12:00"), ("13:00", "17:00")]``.

    Raises
    ------
    UsageError
        For days, times or a zone that do not exist, or blocks that overlap.

    Examples
    --------
    >>> hours = WorkingHours(tz="Europe/Berlin", holidays=["2026-01-01"])
    >>> hours.between(pd.Timestamp("2025-12-31T15:00Z"), pd.Timestamp("2026-01-02T09:00Z"))
    Timedelta('0 days 02:00:00')
    """

    def __init__(
        self,
        days: str | Iterable[str] = "mon-fri",
        start: str | time = "09:00",
        end: str | time = "17:00",
        tz: str | tzinfo = "UTC",
        holidays: date | str | Iterable[date | str] = (),
        blocks: Sequence[Sequence[str | time]] | None = None,
    ) -> None:
        self.mask = _mask(days)
        self.blocks = _blocks([(start, end)] if blocks is None else blocks)
        self.tz = parse_timezone(tz)
        try:
            days_off = [holidays] if isinstance(holidays, str | date | np.datetime64) else list(holidays)
            self.holidays = np.array(list(map(_day, days_off)), dtype="datetime64[D]")
        except (TypeError, ValueError) as problem:
            raise UsageError(f"a holiday is not a date: {problem}", hint="write 2026-12-25") from None

    @classmethod
    def of(cls, given: WorkingHours | Mapping[str, Any] | None) -> WorkingHours | None:
        """Return a calendar from its options, or as it is.

        Raises
        ------
        UsageError
            If it is neither.
        """
        if given is None or isinstance(given, cls):
            return given
        if not isinstance(given, Mapping):
            raise UsageError(
                f"calendar={safe_repr(given)} is not a calendar",
                hint='write WorkingHours(tz="Europe/Berlin")',
            )
        return cls(**given)

    def between(self, start: Any, end: Any) -> Any:
        """Return the working time from `start` to `end`: a Timedelta, or a Series of them for Series.

        Parameters
        ----------
        start, end : Timestamp or Series of Timestamp
            Instants with a time zone. Missing ones give missing times.
        """
        if isinstance(start, pd.Series) or isinstance(end, pd.Series):
            like = start if isinstance(start, pd.Series) else end
            one, other = _series(start, like), _series(end, like)
            return (self._worked(other) - self._worked(one)).astype("timedelta64[us]")
        return self.between(pd.Series([start]), pd.Series([end])).iloc[0]

    def _worked(self, instants: pd.Series[Any]) -> pd.Series[Any]:
        """Return the working time from a fixed day long ago to each instant."""
        local = pd.to_datetime(instants, utc=True).dt.tz_convert(self.tz)
        known = local.notna().to_numpy()
        wall = local.dt.tz_localize(None)[known]
        days = wall.to_numpy().astype("datetime64[D]")
        seconds = (wall - wall.dt.normalize()).dt.total_seconds().to_numpy()
        whole = np.busday_count(np.datetime64("1970-01-05"), days, weekmask=self.mask, holidays=self.holidays)
        today = np.is_busday(days, weekmask=self.mask, holidays=self.holidays)
        day = sum(end - start for start, end in self.blocks)
        part = sum(np.clip(seconds - start, 0, end - start) for start, end in self.blocks) * today
        worked = pd.Series(pd.NaT, index=instants.index, dtype="timedelta64[us]")
        microseconds = np.round((whole * day + part) * 1_000_000).astype(np.int64)
        worked[known] = microseconds.astype("timedelta64[us]")
        return worked


def _series(value: Any, like: pd.Series[Any]) -> pd.Series[Any]:
    return value if isinstance(value, pd.Series) else pd.Series(value, index=like.index)


def _day(value: Any) -> str:
    value = plain_time(value)
    # NumPy would take one with a zone for a day of UTC.
    return str(value.date() if isinstance(value, datetime) else value)


def _mask(days: str | Iterable[str]) -> list[bool]:
    mask = [False] * 7
    if not isinstance(days, Iterable):
        raise UsageError(f"days={safe_repr(days)} names no days", hint="write mon-fri, or mon,wed,fri")
    parts = days.split(",") if isinstance(days, str) else [p for each in days for p in str(each).split(",")]
    for part in parts:
        first, _, last = part.lower().replace(" ", "").partition("-")
        number = _day_of_week(first, part)
        stop = _day_of_week(last, part) if last else number
        while True:
            mask[number] = True
            if number == stop:
                break
            number = (number + 1) % 7
    return mask


def _day_of_week(name: str, part: str) -> int:
    for number, day in enumerate(_DAYS):
        if name in (day, day[:3]):
            return number
    raise UsageError(f"{part!r} is not a day of the week", hint="write mon-fri, or mon,wed,fri")


def _blocks(blocks: Sequence[Sequence[str | time]]) -> list[tuple[int, int]]:
    """Return the parts of a working day in order, in seconds since midnight."""
    found = []
    for block in blocks:
        if not isinstance(block, Sequence) or isinstance(block, str) or len(block) != 2:
            raise UsageError(f"{safe_repr(block)} is not a start and an end", hint='write ("09:00", "12:00")')
        start, end = map(_seconds, block)
        if end <= start:
            raise UsageError(f"the working day ends at {block[1]}, before it starts at {block[0]}")
        found.append((start, end))
    found.sort()
    if not found:
        raise UsageError("the working day has no hours", hint='write blocks=[("09:00", "17:00")]')
    if any(one[1] > other[0] for one, other in itertools.pairwise(found)):
        raise UsageError("the blocks of the working day overlap")
    return found


def _seconds(clock: str | time) -> int:
    try:
        if isinstance(clock, str) and clock == "24:00":
            return 86_400
        at = clock if isinstance(clock, time) else time.fromisoformat(clock)
    except (TypeError, ValueError):
        raise UsageError(f"{safe_repr(clock)} is not a time of day", hint="write 09:00") from None
    return at.hour * 3600 + at.minute * 60 + at.second
