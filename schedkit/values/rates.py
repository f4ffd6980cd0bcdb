"""Rates as people write them: ``"5/min"``, ``"3/10s"``."""

from __future__ import annotations

import re
from typing import Any

from schedkit.errors import UsageError
from schedkit.values.durations import parse_duration
from schedkit.values.parsers import invalid
from schedkit.values.scalars import plain_text

__all__ = ["count_and_seconds", "parse_rate"]


def count_and_seconds(value: Any, what: str) -> tuple[int, float]:
    """Return how many in how many seconds.

    Examples
    --------
    >>> count_and_seconds("5/min", "rate"), count_and_seconds("3/10s", "rate")
    ((5, 60.0), (3, 10.0))
    """
    count, slash, period = (plain_text(value) if isinstance(value, str) else "").partition("/")
    period = period.strip()
    try:
        length = parse_duration(period if period[:1].isdecimal() else f"1{period}") if period else 0.0
    except UsageError:
        length = 0.0
    if not slash or not re.fullmatch("[0-9]{1,9}", count.strip()) or not length:
        raise invalid(what, value, "write it like '5/min' or '3/10s'")
    if not int(count):
        raise invalid(what, value, "at least 1 start in that time")
    return int(count), length


def parse_rate(value: Any, what: str) -> str | None:
    """Read a rate, which stays as it is written; None is no limit."""
    if value is None:
        return None
    count_and_seconds(value, what)
    return plain_text(value)
