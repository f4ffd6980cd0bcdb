"""Moments and dates as the contents of cells."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from schedkit.confluence.markup import time_tag
from schedkit.confluence.tables.look import Look
from schedkit.values.dates import all_midnight

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["day", "days", "moment", "moments"]

_DAY = "%Y-%m-%d"
_MINUTE = "%Y-%m-%d %H:%M"


def days(series: pd.Series[Any], look: Look) -> list[str]:
    """Return the days of a column of moments or dates, as Confluence's dates."""
    if getattr(series.dtype, "tz", None) is not None and not all_midnight(series):
        # The midnights of a date are its own zone's.
        series = series.dt.tz_convert(look.zone)
    shown = series.dt.strftime(_DAY).tolist()
    tags = {day: time_tag(day) for day in set(shown) if isinstance(day, str)}
    return [tags.get(day, "") for day in shown]


def moments(series: pd.Series[Any], look: Look) -> list[str]:
    """Return the moments of a column as text, to the minute."""
    behind = ""
    if getattr(series.dtype, "tz", None) is not None:
        series, behind = series.dt.tz_convert(look.zone), look.zone_behind
    return [m + behind if isinstance(m, str) else "" for m in series.dt.strftime(_MINUTE).tolist()]


def day(value: datetime, look: Look) -> str:
    """Return the day of one moment, or of a date that is a midnight."""
    if value.tzinfo is not None and value.time() != time():
        value = value.astimezone(look.zone)
    return time_tag(value.strftime(_DAY))


def moment(value: datetime, look: Look) -> str:
    """Return one moment as text, to the minute."""
    if value.tzinfo is None:
        return value.strftime(_MINUTE)
    return value.astimezone(look.zone).strftime(_MINUTE) + look.zone_behind
