"""Standard crontab: five fields parsed into the values each one allows.

0 and 7 are Sunday and 1 is Monday, as in every crontab (APScheduler counts from Monday = 0). A day field
that does not allow every day is *restricted*; where both day fields are, either one fires.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schedkit.errors import TriggerError

__all__ = ["MONTHS", "WEEKDAYS", "Crontab", "Field", "parse"]

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What one field may hold."""

    name: str
    low: int
    high: int
    names: dict[str, int]
    wraps: bool


_MINUTE = Kind("minute", 0, 59, {}, True)
_HOUR = Kind("hour", 0, 23, {}, True)
# A range of days that passes the month's end would mean another length every month.
_DAY = Kind("day of month", 1, 31, {}, False)
_MONTH = Kind("month", 1, 12, {name: number for number, name in enumerate(MONTHS, 1)}, True)
_WEEKDAY = Kind("day of week", 0, 7, {name: number for number, name in enumerate(WEEKDAYS)}, True)


@dataclass(frozen=True, slots=True)
class Field:
    """The values that one field allows, ascending; `starred` if it was written with ``*``."""

    values: tuple[int, ...]
    starred: bool
    step: int = 1
    full: bool = False

    def __str__(self) -> str:
        if self.full:
            return "*"
        if self.starred:
            return f"*/{self.step}"
        return ",".join(_spans(self.values))


def _spans(values: tuple[int, ...]) -> Iterator[str]:
    """Yield runs of three or more neighbours as ranges, the others one by one."""
    start = 0
    for i in range(1, len(values) + 1):
        if i < len(values) and values[i] == values[i - 1] + 1:
            continue
        run = values[start:i]
        if len(run) > 2:
            yield f"{run[0]}-{run[-1]}"
        else:
            yield from map(str, run)
        start = i


@dataclass(frozen=True, slots=True)
class Crontab:
    """Five parsed fields; weekdays count from Sunday = 0."""

    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field

    def __str__(self) -> str:
        return f"{self.minute} {self.hour} {self.day} {self.month} {self.weekday}"

    @property
    def elapsed(self) -> bool:
        """Whether it follows elapsed time where the clocks change: hour or minute written with ``*``."""
        return self.minute.starred or self.hour.starred

    def apscheduler(self) -> list[dict[str, str]]:
        """Return the keywords of the APScheduler cron triggers of which any one fires."""
        common = {
            "month": _list(self.month),
            "hour": _list(self.hour),
            "minute": _list(self.minute),
            "second": "0",
        }
        by_day = {**common, "day": _list(self.day), "day_of_week": "*"}
        # APScheduler counts weekdays from Monday = 0.
        weekdays = "*" if self.weekday.full else ",".join(str((v - 1) % 7) for v in self.weekday.values)
        by_weekday = {**common, "day": "*", "day_of_week": weekdays}
        if self.weekday.full:
            return [by_day]
        return [by_weekday] if self.day.full else [by_day, by_weekday]

    def can_fire(self) -> bool:
        """Tell whether some date exists that it allows (30 February does not)."""
        if not self.weekday.full:
            return True
        longest = (calendar.monthrange(2000, month)[1] for month in self.month.values)
        return min(self.day.values) <= max(longest)


def _list(field: Field) -> str:
    return "*" if field.full else ",".join(map(str, field.values))


def parse(expression: str) -> Crontab:
    """Parse a crontab expression of five fields, or a nickname like ``@daily``.

    Raises
    ------
    TriggerError
        If it is not understood, or allows no date at all.

    Examples
    --------
    >>> str(parse("0 7 * * mon-fri"))
    '0 7 * * 1-5'
    """
    text = " ".join(expression.split()).lower()
    fields = NICKNAMES.get(text, text).split()

    def refuse(problem: str, hint: str = "minute hour day-of-month month day-of-week") -> TriggerError:
        return TriggerError(f"cron({expression!r}): {problem}", hint=hint)

    if text.startswith("@") and text not in NICKNAMES:
        if text == "@reboot":
            raise refuse("@reboot has no time", "call submit() where the scheduler starts")
        raise refuse(f"{text} is unknown", f"there are {', '.join(NICKNAMES)}")
    if len(fields) in (6, 7):
        raise refuse(
            f"{len(fields)} fields, a crontab has five and no seconds",
            "leave the seconds out; for seconds use every('10s')",
        )
    if len(fields) != 5:
        raise refuse(f"{len(fields)} fields instead of five")
    kinds = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)
    parsed = Crontab(*(_field(kind, part, refuse) for kind, part in zip(kinds, fields, strict=True)))
    if not parsed.can_fire():
        raise refuse("it never fires", "no month it names has such a day")
    return parsed


Refuse = Callable[..., TriggerError]
# What Quartz and some others add: last day, nearest weekday, the second Monday.
_QUARTZ = re.compile(r"\d*l|l?w|\d+w|\w+#\d")


def _field(kind: Kind, text: str, refuse: Refuse) -> Field:
    high = 6 if kind is _WEEKDAY else kind.high
    every = tuple(range(kind.low, high + 1))
    values: set[int] = set()
    for item in text.split(","):
        values.update(v % 7 if kind is _WEEKDAY else v for v in _item(kind, item, refuse))
    found = tuple(sorted(values))
    step = int(text[2:]) if text.startswith("*/") and "," not in text else 1
    starred = text == "*" or step > 1
    return Field(found, starred or found == every, step, found == every)


def _item(kind: Kind, item: str, refuse: Refuse) -> range | list[int]:
    span, slash, step_text = item.partition("/")
    if slash and (not step_text.isdecimal() or int(step_text) == 0):
        raise refuse(f"the step of {item!r} in {kind.name} is not a number of 1 or more")
    step = int(step_text) if slash else 1
    high = 6 if kind is _WEEKDAY else kind.high
    if step > high - kind.low:
        raise refuse(
            f"the step of {item!r} in {kind.name} is longer than the field ({kind.low}-{high})",
            "crontab starts again in every field; for a longer period use every('90m')",
        )
    if span in ("*", "?"):
        return range(kind.low, high + 1, step)
    first_text, dash, last_text = span.partition("-")
    first = _number(kind, first_text, item, refuse)
    if not dash:
        return range(first, (high if slash else first) + 1, step)
    last = _number(kind, last_text, item, refuse)
    if kind is _WEEKDAY and last == 0 and first > 0:
        last = 7
    if first <= last:
        return range(first, last + 1, step)
    if not kind.wraps:
        raise refuse(f"{item!r} in {kind.name} runs backwards", "write two ranges: 28-31,1-3")
    size = high - kind.low + 1
    return [kind.low + (v - kind.low) % size for v in range(first, last + size + 1, step)]


def _number(kind: Kind, text: str, item: str, refuse: Refuse) -> int:
    value = kind.names.get(text, int(text) if text.isdecimal() else None)
    if value is None or not kind.low <= value <= kind.high:
        names = " or a name like mon" if kind is _WEEKDAY else " or a name like jan" if kind.names else ""
        problem = f"{item!r} in {kind.name} is not {kind.low}-{kind.high}{names}"
        if _QUARTZ.fullmatch(text):
            raise refuse(problem, "L, W and # are not crontab; use APScheduler's CronTrigger(day='last')")
        raise refuse(problem)
    return value
