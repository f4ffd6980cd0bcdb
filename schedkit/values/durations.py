"""Durations as people write them (``"10s"``, ``"1h30m"``, ``90``, ``timedelta``), and their one spelling."""

from __future__ import annotations

import re
from datetime import timedelta

from schedkit.errors import UsageError
from schedkit.values.scalars import number_of, plain_time
from schedkit.values.text import safe_repr

__all__ = ["Duration", "duration_text", "elapsed_text", "parse_duration"]

Duration = str | float | timedelta

_UNITS = {
    "us": 1e-6, "ms": 1e-3,
    "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
    "m": 60.0, "min": 60.0, "mins": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0,
    "w": 604800.0, "week": 604800.0, "weeks": 604800.0,
}  # fmt: skip
# Dates beyond a century from now overflow datetime soon after.
_CENTURY = 36525 * 86400.0
_PART = re.compile(r"\s*([0-9]{1,18}(?:\.[0-9]{1,18})?)\s*([a-z]{1,10})\s*", re.IGNORECASE)
_EXAMPLES = "use e.g. '10s', '5m', '1h30m', '90 days' or a number of seconds"


def parse_duration(value: Duration, what: str = "duration") -> float:
    """Return a duration in seconds.

    Parameters
    ----------
    value : str, float or timedelta
        ``"10s"``, ``"1h30m"``, ``"2 days"``, a number of seconds (also as text), or a timedelta.
    what : str
        Its name in the error message.

    Raises
    ------
    UsageError
        If it is not a duration, or longer than a century.

    Examples
    --------
    >>> parse_duration("1h30m")
    5400.0
    """
    length = _length(value)
    if length is None:
        raise UsageError(f"{what}: invalid duration {safe_repr(value)}", hint=_EXAMPLES)
    if abs(length) > _CENTURY:
        raise UsageError(f"{what}: duration {safe_repr(value)} is longer than a century", hint=_EXAMPLES)
    return float(length)


def _length(value: object) -> float | None:
    value = plain_time(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    number = number_of(value)
    if number is not None:
        return number if abs(number) < 1e18 else None
    if not isinstance(value, str) or not 0 < len(value.strip()) <= 100:
        return None
    text, at, total = value.strip(), 0, 0.0
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text)
    while at < len(text) and (part := _PART.match(text, at)) and part[2].lower() in _UNITS:
        total, at = total + float(part[1]) * _UNITS[part[2].lower()], part.end()
    return total if at == len(text) else None


def duration_text(seconds: float) -> str:
    """Return a duration exactly, in the one spelling in which it is shown; `parse_duration` reads it.

    Examples
    --------
    >>> duration_text(5400)
    '1h 30m'
    """
    rest = round(abs(seconds) * 1_000_000)
    parts = []
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count, rest = divmod(rest, round(_UNITS[unit] * 1_000_000))
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if seconds < 0 and parts else "") + (" ".join(parts) or "0s")


def elapsed_text(seconds: float) -> str:
    """Return how long something took, rounded to what a reader wants to know.

    Examples
    --------
    >>> elapsed_text(252.3), elapsed_text(4.53), elapsed_text(0.0421)
    ('4m 12s', '4.5s', '42ms')
    """
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f}ms" if seconds else "0s"
    if abs(seconds) < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    whole = round(seconds)
    if abs(whole) >= 86400:  # beyond a day seconds do not matter
        whole = round(whole / 60) * 60
    return duration_text(whole)
