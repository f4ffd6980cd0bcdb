"""Lengths of time as people write them: ``"10s"``, ``"1h30m"``, ``90``, ``timedelta``."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from schedkit.errors import UsageError

__all__ = ["Duration", "seconds", "show"]

Duration = str | float | timedelta

_UNITS = {
    "us": 1e-6, "ms": 1e-3,
    "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
    "m": 60.0, "min": 60.0, "mins": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0,
    "w": 604800.0, "week": 604800.0, "weeks": 604800.0,
}  # fmt: skip
# Beyond it no date can be reckoned with.
_CENTURY = 36525 * 86400.0
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.IGNORECASE)


def seconds(value: Duration, what: str = "duration", *, error: type[UsageError] = UsageError) -> float:
    """Return a length of time in seconds.

    Parameters
    ----------
    value : str, float or timedelta
        ``"10s"``, ``"1h30m"``, ``"2 days"``, a number of seconds, or a timedelta.
    what : str
        Its name in the error message.
    error : type
        The class of the error raised.

    Raises
    ------
    UsageError
        If it is no length of time, or longer than a century.

    Examples
    --------
    >>> seconds("1h30m")
    5400.0
    """
    length = _length(value)
    if length is None:
        raise error(f"{what}: {value!r} is no length of time", hint='write e.g. "10s", "5m", "1h30m"')
    if abs(length) > _CENTURY:
        raise error(f"{what}: {value!r} is longer than a century", hint='write e.g. "10s", "5m", "1h30m"')
    return float(length)


def _length(value: Duration) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if math.isfinite(value) else None
    if not isinstance(value, str) or not value.strip():
        return None
    text, at, total = value.strip(), 0, 0.0
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    while at < len(text) and (part := _PART.match(text, at)) and part[2].lower() in _UNITS:
        total, at = total + float(part[1]) * _UNITS[part[2].lower()], part.end()
    return total if at == len(text) else None


def show(length: float) -> str:
    """Return seconds the way `seconds` reads them.

    Examples
    --------
    >>> show(5400)
    '1h30m'
    """
    rest = round(length * 1_000_000)
    parts = []
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count, rest = divmod(rest, round(_UNITS[unit] * 1_000_000))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
