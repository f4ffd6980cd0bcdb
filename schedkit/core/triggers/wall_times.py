"""Arithmetic on the wall times of crontabs: the next one, and how many there are in a window."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo

from schedkit.core.triggers.base import Times
from schedkit.core.triggers.crontab import Crontab
from schedkit.core.triggers.wallclock import TICK

__all__ = ["WallTimes", "offset_changes", "wall_engine"]

# A longer window is handled one time after the other, up to the limit of what is counted.
MOST_DAYS = 1000
_DAY = timedelta(days=1)


class WallTimes:
    """The wall times of a crontab.

    Examples
    --------
    >>> from schedkit.core.triggers.crontab import parse
    >>> hourly = WallTimes(parse("0 * * * *"))
    >>> hourly.range(datetime(2026, 1, 5, 7), datetime(2026, 1, 6, 7, 30))
    (25, datetime.datetime(2026, 1, 6, 7, 0))
    """

    def __init__(self, expression: Crontab) -> None:
        self._crontab = expression
        self._minutes = [
            60 * hour + minute for hour in expression.hour.values for minute in expression.minute.values
        ]

    def between(self, first: datetime, until: datetime, tz: tzinfo) -> Times | None:
        """Return the times from the time `first` to `until`; None: too long, or the clocks change."""
        if (until - first).days > MOST_DAYS or offset_changes(first, until, tz):
            return None
        first_wall, until_wall = (at.astimezone(tz).replace(tzinfo=None) for at in (first, until))
        found = self.range(first_wall, until_wall)
        return None if found is None else Times(first, first + (found[1] - first_wall), found[0])

    def range(self, first: datetime, until: datetime) -> tuple[int, datetime] | None:
        """Return how many times there are from the time `first` to `until`, both included, and the last.

        None: `first` is none of them, as one that happens right after the clocks have jumped over it.
        """
        if first.second or first.microsecond or _minute_of(first) not in self._minutes:
            return None
        count, last = 0, first
        for day in self._days(first.date(), until.date()):
            low = 0 if day > first.date() else bisect.bisect_left(self._minutes, _minute_of(first))
            high = len(self._minutes)
            if day == until.date():
                high = bisect.bisect_right(self._minutes, _minute_of(until))
            if high > low:
                count += high - low
                hour, minute = divmod(self._minutes[high - 1], 60)
                last = datetime(day.year, day.month, day.day, hour, minute)
        return count, last

    def _days(self, first: date, last: date) -> Iterator[date]:
        day = first
        while day <= last:
            if self._allows(day):
                yield day
            day += _DAY

    def _allows(self, day: date) -> bool:
        crontab = self._crontab
        if day.month not in crontab.month.values:
            return False
        by_day = day.day in crontab.day.values
        if crontab.weekday.full:
            return by_day
        by_weekday = day.isoweekday() % 7 in crontab.weekday.values
        return by_weekday if crontab.day.full else by_day or by_weekday


def _minute_of(wall: datetime) -> int:
    return 60 * wall.hour + wall.minute


def offset_changes(first: datetime, until: datetime, tz: tzinfo) -> bool:
    """Tell whether the offset of a zone changes between two instants; two changes of one day are none."""
    offset, at = first.astimezone(tz).utcoffset(), first
    while at < until:
        at = min(at + _DAY, until)
        if at.astimezone(tz).utcoffset() != offset:
            return True
    return False


def wall_engine(fields: dict[str, str]) -> Callable[[datetime], datetime | None]:
    """Return APScheduler's cron arithmetic on wall times: it runs in UTC, where no clock ever changes."""
    from apscheduler.triggers.cron import CronTrigger

    engine = CronTrigger(**fields, timezone=UTC)

    def next_wall(wall: datetime) -> datetime | None:
        found: datetime | None = engine.get_next_fire_time(None, wall.replace(tzinfo=UTC) + TICK)
        return found.replace(tzinfo=None) if found else None

    return next_wall
