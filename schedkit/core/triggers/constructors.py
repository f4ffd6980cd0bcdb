"""When a task runs: `cron`, `every`, `at`, `calendar` and their combinations.

APScheduler 3.11's triggers do the arithmetic, with the traps closed: crontab weekdays count from Sunday,
two restricted day fields mean either, an interval reads no clock, jitter stays out of the key, and a
time that a change of the clocks repeats or leaves out happens exactly once.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from schedkit.core.triggers import crontab
from schedkit.core.triggers.base import Times, Trigger, local_to_utc
from schedkit.core.triggers.combinations import AllOf, AnyOf
from schedkit.core.triggers.kinds import At, Calendar, Cron, Every
from schedkit.errors import TriggerError, UsageError
from schedkit.values.durations import Duration, duration_text
from schedkit.values.keywords import check_keywords
from schedkit.values.parsers import duration, timezone
from schedkit.values.scalars import number_of, plain_time, whole_number_of
from schedkit.values.timezones import in_known_zone

__all__ = [
    "Times",
    "Trigger",
    "all_of",
    "any_of",
    "at",
    "calendar",
    "cron",
    "every",
]

Moment = datetime | date | str

# A shorter one is a slip (seconds written for milliseconds): it would keep a scheduler at its limit.
LEAST_INTERVAL = timedelta(milliseconds=10)


@check_keywords
def cron(
    expression: str,
    *,
    tz: str | tzinfo | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    jitter: Duration = 0.0,
) -> Trigger:
    """Fire as a standard crontab says.

    Where the clocks change, a fixed time that does not exist happens right after the jump, and one that
    exists twice happens the first time; an hour or minute written with ``*`` follows elapsed time.

    Parameters
    ----------
    expression : str
        ``"minute hour day-of-month month day-of-week"`` or ``"@daily"``; 1 is Monday, 0 and 7 are
        Sunday, names and steps are allowed; two restricted day fields mean either.
    tz : str or tzinfo, optional
        The zone of these wall times; the scheduler's by default.
    start, end : datetime or str, optional
        The first and the last moment at which it may fire, in `tz` unless they carry an offset.
    jitter : str or float
        Put each run off by up to so long (seconds), to spread load.

    Raises
    ------
    TriggerError
        If the expression is not understood or never fires.

    Examples
    --------
    >>> cron("0 7 * * mon-fri", tz="Europe/Berlin").text()
    'at 07:00 on Monday to Friday, Europe/Berlin'
    """
    if not isinstance(expression, str):
        raise TriggerError(
            f"cron({expression!r}): the expression is text", hint='write e.g. cron("0 7 * * mon-fri")'
        )
    window = _window(tz, start, end, jitter)
    return _checked(Cron(crontab.parse(expression), **window))


@check_keywords
def every(
    interval: Duration | None = None,
    *,
    weeks: float = 0,
    days: float = 0,
    hours: float = 0,
    minutes: float = 0,
    seconds: float = 0,
    start: Moment | None = None,
    end: Moment | None = None,
    tz: str | tzinfo | None = None,
    jitter: Duration = 0.0,
) -> Trigger:
    """Fire every so much elapsed time, without drift.

    A day is 24 hours here: where the clocks change, ``every("1d")`` fires an hour earlier or later by the
    wall. `calendar` keeps the time of day.

    Parameters
    ----------
    interval : str, float or timedelta, optional
        ``"1h30m"``, seconds, or a timedelta; or use the keywords. At least 10 milliseconds.
    start : datetime or str, optional
        The first time; one interval after the first declaration by default.
    end, tz, jitter
        As for `cron`.

    Raises
    ------
    TriggerError
        If the interval is zero, negative or shorter than 10 milliseconds.

    Examples
    --------
    >>> every("90m").text()
    'every 1h30m'
    """
    named = {"weeks": weeks, "days": days, "hours": hours, "minutes": minutes, "seconds": seconds}
    if (interval is None) == (not any(named.values())):
        raise TriggerError(
            "every() needs one interval that is longer than zero",
            hint="write every('1h') or every(hours=1)",
        )
    if interval is None:
        try:
            interval = timedelta(**{unit: _number(value) for unit, value in named.items()})
        except (TypeError, ValueError, OverflowError):
            given = ", ".join(f"{unit}={value!r}" for unit, value in named.items() if value)
            raise TriggerError(
                f"every({given}): no length of time", hint="write e.g. every(hours=1)"
            ) from None
    negative = isinstance(interval, timedelta) and interval < timedelta(0)
    length = timedelta(seconds=0 if negative else _seconds(interval, "interval"))
    if length <= timedelta(0):
        raise TriggerError(f"every({interval!r}): the interval must be longer than zero")
    if length < LEAST_INTERVAL:
        least = duration_text(LEAST_INTERVAL.total_seconds())
        raise TriggerError(
            f"every({interval!r}): the interval is shorter than {least}",
            hint="for work without a pause write a loop in one task",
        )
    return _checked(Every(length, **_window(tz, start, end, jitter)))


@check_keywords
def at(moment: Moment, *, tz: str | tzinfo | None = None, jitter: Duration = 0.0) -> Trigger:
    """Fire once; a moment that has passed when the task is first declared is late, and runs late once.

    Parameters
    ----------
    moment : datetime or str
        ``"2026-03-01 07:00"``, in `tz` unless it carries an offset. Without both it keeps its wall time: a
        scheduler whose zone is changed runs it at 07:00 of the new zone.

    Examples
    --------
    >>> at("2026-03-01 07:00", tz="Asia/Shanghai").text()
    'once, on 2026-03-01 07:00, Asia/Shanghai'
    """
    found = moment_of(moment, "at()")
    return At(found, tz=_zone(tz), jitter=_seconds(jitter, "jitter"))


@check_keywords
def calendar(
    *,
    years: int = 0,
    months: int = 0,
    weeks: int = 0,
    days: int = 0,
    at: str | time = "00:00",
    start: Moment | None = None,
    end: Moment | None = None,
    tz: str | tzinfo | None = None,
    jitter: Duration = 0.0,
) -> Trigger:
    """Fire every so many years, months, weeks and days, always at the same time of day.

    Parameters
    ----------
    years, months, weeks, days : int
        The interval. A month without the day in question is passed over.
    at : str or time
        The time of day, ``"07:00"``.
    start : date or str, optional
        The first day; the day of the first declaration by default.
    end, tz, jitter
        As for `cron`.

    Examples
    --------
    >>> calendar(weeks=2, at="07:00", start="2026-01-05", tz="UTC").text()
    'every 2 weeks at 07:00, UTC, from 2026-01-05 00:00'
    """
    given = {"years": years, "months": months, "weeks": weeks, "days": days}
    lengths: dict[str, Any] = {unit: whole_number_of(value) for unit, value in given.items()}
    if not any(lengths.values()) or any(v is None or v < 0 for v in lengths.values()):
        raise TriggerError(
            "calendar() needs at least one whole year, month, week or day",
            hint="for less than a day use every('12h')",
        )
    try:
        clock = time.fromisoformat(at) if isinstance(at, str) else at
    except ValueError:
        clock = None
    if not isinstance(clock, time):
        raise TriggerError(f"calendar(at={at!r}) is not a time of day", hint="write it like 07:00")
    if clock.tzinfo is not None:
        raise TriggerError(f"calendar(at={at!r}) has an offset", hint="pass the zone as tz=")
    return _checked(Calendar(**lengths, clock=clock, **_window(tz, start, end, jitter)))


@check_keywords
def any_of(*triggers: object, jitter: Duration = 0.0) -> Trigger:
    """Fire whenever one of several triggers does; times they share count once.

    Examples
    --------
    >>> any_of(cron("0 7 * * *", tz="UTC"), cron("0 12 * * sat", tz="UTC")).text()
    'at 07:00, UTC or at 12:00 on Saturday, UTC'
    """
    return AnyOf(_parts("any_of", triggers), jitter=_seconds(jitter, "jitter"))


@check_keywords
def all_of(*triggers: object, jitter: Duration = 0.0) -> Trigger:
    """Fire at the times that several triggers share.

    Examples
    --------
    >>> fortnight = calendar(weeks=2, at="07:00", start="2026-01-05", tz="UTC")
    >>> all_of(cron("0 7 * 1-6 mon", tz="UTC"), fortnight).next(datetime(2026, 1, 6, tzinfo=UTC)).day
    19
    """
    return _checked(AllOf(_parts("all_of", triggers), jitter=_seconds(jitter, "jitter")))


def _parts(name: str, triggers: tuple[object, ...]) -> tuple[Trigger, ...]:
    from schedkit.core.triggers.data import of

    if not triggers:
        raise TriggerError(f"{name}() needs at least one trigger")
    found = tuple(of(trigger) for trigger in triggers)
    if any(trigger.jitter for trigger in found):
        raise TriggerError(
            f"{name}(): one of its triggers has a jitter of its own", hint=f"give it to {name}(…, jitter=…)"
        )
    return found


def _seconds(value: Duration, what: str) -> float:
    try:
        found: float = duration()(value, what)
    except UsageError as error:
        raise TriggerError(error.message, hint=error.hint) from None
    return found


def _number(value: float) -> float:
    found = number_of(value)
    if found is None:
        raise TypeError(type(value))
    return found


def _zone(tz: str | tzinfo | None) -> tzinfo | None:
    try:
        return None if tz is None else timezone(tz, "tz")
    except UsageError as error:
        raise TriggerError(error.message, hint=error.hint) from None


def moment_of(value: Moment, what: str) -> datetime:
    """Return a moment that was given as text or a day, too: a day is its midnight."""
    value = plain_time(value)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise TriggerError(
                f"{what}: {value!r} is not a date and time", hint="write it like 2026-03-01 07:00"
            ) from None
    if isinstance(value, datetime):
        try:
            return in_known_zone(value)
        except UsageError as error:
            raise TriggerError(f"{what}: {error.message}", hint=error.hint) from None
    if isinstance(value, date):
        return datetime.combine(value, time())
    raise TriggerError(f"{what}: {value!r} is not a date and time")


def _window(
    tz: str | tzinfo | None, start: Moment | None, end: Moment | None, jitter: Duration
) -> dict[str, Any]:
    return {
        "tz": _zone(tz),
        "start": None if start is None else moment_of(start, "start"),
        "end": None if end is None else _last_moment(end),
        "jitter": _seconds(jitter, "jitter"),
    }


def between(start: Moment, end: Moment, tz: tzinfo) -> tuple[datetime, datetime]:
    """Return the first and the last moment (UTC) of a window, which are wall times of `tz` unless aware."""
    return local_to_utc(moment_of(start, "start"), tz), local_to_utc(_last_moment(end), tz)


def _last_moment(end: Moment) -> datetime:
    last = moment_of(end, "end")
    # "until 31 March" includes that day.
    return datetime.combine(last.date(), time.max) if _is_day(end) else last


def _is_day(value: object) -> bool:
    value = plain_time(value)
    return (isinstance(value, date) and not isinstance(value, datetime)) or (
        isinstance(value, str) and len(value.strip()) == len("2026-03-31")
    )


# Where a search for the first time begins when no start is given: any moment does, times repeat.
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def _checked(trigger: Trigger) -> Trigger:
    """Refuse a trigger whose window or combination leaves it no time at all."""
    start = getattr(trigger, "start", None)
    end = getattr(trigger, "end", None)
    if isinstance(trigger, AllOf) and any(map(_counts_from_now, trigger.triggers)):
        now = datetime.now(UTC)
        if trigger.bind(now).next(now) is None:
            raise TriggerError(
                f"{trigger.text()}: counted from now, its triggers never coincide",
                hint="give the interval a start=",
            )
    if isinstance(trigger, AllOf) or end is not None:
        anchor = _LONG_AGO
        if start is not None and start.year > 1:  # two days before that lie outside the calendar
            anchor = start.replace(tzinfo=start.tzinfo or UTC) - timedelta(days=2)
        if trigger.begins(anchor) is None:
            raise TriggerError(f"{trigger.text()}: it never fires", hint="check its start and end")
    return trigger


def _counts_from_now(trigger: Trigger) -> bool:
    return isinstance(trigger, Every | Calendar) and trigger.start is None
