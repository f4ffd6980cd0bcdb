"""Triggers in words, as a panel shows them: ``at 07:00 on Monday to Friday, Europe/Berlin``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta, tzinfo

from schedkit.core.triggers.crontab import Crontab, Field
from schedkit.values.durations import duration_text
from schedkit.values.timezones import timezone_name

__all__ = ["at", "calendar", "cron", "cron_fields", "every", "window"]

DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
# More clock times than this read better as a pattern.
MAX_TIMES = 6


def cron(tab: Crontab) -> str:
    """Return a crontab in words, without its zone."""
    return _clock(tab.minute, tab.hour) + _days(tab)


def _clock(minute: Field, hour: Field) -> str:
    if minute.full and hour.full:
        return "every minute"
    if len(hour.values) * len(minute.values) <= MAX_TIMES and not hour.full:
        return f"at {listed([f'{h:02}:{m:02}' for h in hour.values for m in minute.values])}"
    if minute.full:
        return f"every minute {_hours(hour)}"
    if minute.starred:
        return f"every {minute.step} minutes" + ("" if hour.full else f" {_hours(hour)}")
    if minute.values == (0,):
        return "every hour" if hour.full else f"on the hour {_hours(hour)}"
    past = "minute" if minute.values == (1,) else "minutes"
    return f"{listed(_spans(minute.values, str))} {past} past {'every hour' if hour.full else _hours(hour)}"


def _hours(hour: Field) -> str:
    if hour.starred:
        return f"every {hour.step} hours"
    spans = _spans(hour.values, lambda h: f"{h:02}")
    return f"in the hour{'s' if len(hour.values) > 1 else ''} {listed(spans)}"


def _days(tab: Crontab) -> str:
    months = "" if tab.month.full else f" in {listed(_spans(tab.month.values, lambda m: MONTH_NAMES[m - 1]))}"
    # Monday first, so that a weekend reads "Saturday and Sunday".
    order = sorted((v - 1) % 7 for v in tab.weekday.values)
    weekdays = listed(_spans(tuple(order), lambda v: DAY_NAMES[(v + 1) % 7]))
    days = f"day {listed(_spans(tab.day.values, str))}"
    if tab.day.full:
        return ("" if tab.weekday.full else f" on {weekdays}") + months
    if tab.weekday.full:
        return f" on {days}" + (months or " of every month")
    return f" on {days} or on any {listed([DAY_NAMES[(v + 1) % 7] for v in order], 'or')}{months}"


def _spans(values: tuple[int, ...], name: object) -> list[str]:
    assert callable(name)
    found: list[str] = []
    start = 0
    for i in range(1, len(values) + 1):
        if i < len(values) and values[i] == values[i - 1] + 1:
            continue
        run = values[start:i]
        if len(run) > 2:
            found.append(f"{name(run[0])} to {name(run[-1])}")
        else:
            found.extend(name(value) for value in run)
        start = i
    return found


def listed(words: Sequence[str], conjunction: str = "and") -> str:
    """Join words as a sentence does: a, b and c."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"


def cron_fields(fields: dict[str, str]) -> str:
    """Return APScheduler's cron keywords in words."""
    shown = [f"{name.replace('_', ' ')} {value}" for name, value in fields.items() if value != "*"]
    return f"at {', '.join(shown)}" if shown else "every second"


def every(interval: timedelta, tz: tzinfo | None) -> str:
    """Return an interval in words, and how its time of day changes with the clocks."""
    text = f"every {duration_text(interval.total_seconds())}"
    if interval % timedelta(days=1) or tz is None or not _changes_its_clocks(tz):
        return text
    return f"{text} of elapsed time (a clock change moves the time of day)"


def _changes_its_clocks(tz: tzinfo) -> bool:
    # By the rule that holds from now on, which a zone's data give for any later year.
    return len({datetime(2100, month, 1, tzinfo=tz).utcoffset() for month in range(1, 13)}) > 1


def at(moment: datetime, tz: tzinfo | None) -> str:
    """Return one point in time in words."""
    local = moment.astimezone(tz) if tz and moment.tzinfo else moment
    zone = tz or moment.tzinfo
    return f"once, on {_moment(local)}" + (f", {timezone_name(zone)}" if zone else "")


def calendar(lengths: list[tuple[int, str]], clock: time) -> str:
    """Return a calendar interval in words."""
    spans = [f"{count} {unit}" if count > 1 else unit.removesuffix("s") for count, unit in lengths]
    shown = clock.isoformat("minutes" if clock.second == 0 else "seconds")
    return f"every {listed(spans)} at {shown}"


def window(tz: tzinfo | None, start: datetime | None, end: datetime | None) -> str:
    """Return what restricts a trigger: its zone, its start and its end."""
    parts = [timezone_name(tz)] if tz else []
    for word, moment in (("from", start), ("until", end)):
        if moment is not None:
            parts.append(f"{word} {_moment(moment.astimezone(tz) if tz and moment.tzinfo else moment)}")
    return "".join(f", {part}" for part in parts)


def _moment(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(" ", "minutes" if moment.second == 0 else "seconds")
