"""Weekdays by name, which mean the same to APScheduler (where 0 is Monday) and to a crontab (Sunday)."""

from __future__ import annotations

from schedkit.errors import TriggerError

__all__ = ["of_apscheduler", "of_crontab"]

NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def of_apscheduler(expression: str) -> str:
    """Replace the numbers that APScheduler's field ``day_of_week`` may hold.

    Examples
    --------
    >>> of_apscheduler("1-5,0")
    'tue-sat,mon'
    """
    parts = []
    for item in expression.split(","):
        numbers = item.split("-")
        if all(n.isdecimal() and int(n) < len(NAMES) for n in numbers):
            item = "-".join(NAMES[int(n)] for n in numbers)
        parts.append(item)
    return ",".join(parts)


def of_crontab(expression: str) -> str:
    """Replace the numbers that a crontab's field for the day of the week may hold, ranges by each day.

    Raises
    ------
    TriggerError
        If a number is not 0 to 7.

    Examples
    --------
    >>> of_crontab("1-3,0")
    'mon,tue,wed,sun'
    """
    parts = []
    for item in expression.split(","):
        span, slash, step = item.strip().partition("/")
        ends = span.split("-")
        if all(end.isdecimal() for end in ends):
            if any(int(end) > 7 for end in ends):
                raise TriggerError(
                    f"day_of_week {expression!r}: {span!r} is not 0-7", hint="1 or mon is Monday"
                )
            first, last = int(ends[0]), int(ends[-1])
            last += 7 if last < first else 0
            every = int(step) if step.isdecimal() and int(step) else 1
            if slash and len(ends) == 1:
                last = 6
            parts += [NAMES[(day - 1) % 7] for day in range(first, last + 1, every)]
        else:
            parts.append(item.strip())
    return ",".join(dict.fromkeys(parts))
