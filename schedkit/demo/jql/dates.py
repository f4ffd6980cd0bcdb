"""Dates in JQL: absolute, relative, epoch milliseconds, and the date functions, in the reader's time zone."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_ABSOLUTE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T](\d{1,2}):(\d{2}))?")
_PERIOD = re.compile(r"([+-]?)((?:\d+[wdhmMy]\s*)+)")
_PART = re.compile(r"(\d+)([wdhmMy])")
_FUNCTION = re.compile(r"(startof|endof)(day|week|month|year)")


def instant(text: str, now: int, zone: ZoneInfo) -> int | None:
    """Epoch milliseconds of a date literal, None where it is none.

    A bare number is epoch milliseconds; a negative period lies before `now`.
    """
    text = text.strip()
    absolute = _ABSOLUTE.fullmatch(text)
    if absolute:
        year, month, day, hour, minute = (int(part or 0) for part in absolute.groups())
        try:
            return _ms(datetime(year, month, day, hour, minute, tzinfo=zone))
        except ValueError:
            return None
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    moved = shift(datetime.fromtimestamp(now / 1000, zone), text)
    return None if moved is None else _ms(moved)


def shift(moment: datetime, period: str) -> datetime | None:
    """Move a moment by ``-1w 2d``; a bare number counts in the caller's unit and is not taken here."""
    found = _PERIOD.fullmatch(period.strip())
    if found is None:
        return None
    sign = -1 if found[1] == "-" else 1
    for count, unit in _PART.findall(found[2]):
        moment = _move(moment, sign * int(count), unit)
    return moment


def _move(moment: datetime, count: int, unit: str) -> datetime:
    if unit in "My":
        months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        return moment.replace(year=year, month=month + 1, day=min(moment.day, 28))
    step = {"w": timedelta(weeks=count), "d": timedelta(days=count), "h": timedelta(hours=count)}
    return moment + step.get(unit, timedelta(minutes=count))


def is_period(text: str) -> bool:
    """Whether a literal counts from now."""
    return _PERIOD.fullmatch(text.strip()) is not None


def function(name: str, args: tuple[str, ...], now: int, zone: ZoneInfo) -> int | None:
    """Epoch milliseconds of ``now()``, ``startOfDay("-1d")`` and their kin, None for other functions."""
    name = name.lower()
    if name == "now":
        return now
    found = _FUNCTION.fullmatch(name)
    if found is None:
        return None
    moment = datetime.fromtimestamp(now / 1000, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if args:
        offset = args[0].strip()
        unit = {"day": "d", "week": "w", "month": "M", "year": "y"}[found[2]]
        moved = shift(moment, offset + unit if re.fullmatch(r"[+-]?\d+", offset) else offset)
        if moved is None:
            return None
        moment = moved.replace(hour=0, minute=0)
    if found[2] == "week":
        moment -= timedelta(days=(moment.weekday() + 1) % 7)
    elif found[2] == "month":
        moment = moment.replace(day=1)
    elif found[2] == "year":
        moment = moment.replace(month=1, day=1)
    if found[1] == "startof":
        return _ms(moment)
    step = {
        "day": timedelta(days=1),
        "week": timedelta(weeks=1),
        "month": timedelta(days=31),
        "year": timedelta(days=366),
    }
    after = moment + step[found[2]]
    if found[2] == "month":
        after = after.replace(day=1)
    elif found[2] == "year":
        after = after.replace(month=1, day=1)
    return _ms(after) - 1


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def day(at: int, zone: ZoneInfo) -> str:
    """The ISO day of an instant for the reader."""
    return datetime.fromtimestamp(at / 1000, zone).date().isoformat()
