"""Triggers as data: what the ledger stores, and what people hand in (APScheduler's own objects too)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, TypeVar

from schedkit.core.triggers import constructors, crontab, weekdays
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.combinations import AllOf, AnyOf, Combined
from schedkit.core.triggers.kinds import At, Calendar, Cron, CronFields, Custom, Every, Windowed
from schedkit.errors import TriggerError
from schedkit.loop import process_singleton
from schedkit.values.options import refuse_unknown
from schedkit.values.scalars import plain_text, plain_time
from schedkit.values.timezones import local_timezone, parse_timezone

__all__ = [
    "cron_fields",
    "custom_trigger",
    "custom_triggers",
    "dumps",
    "from_data",
    "loads",
    "of",
    "starting",
    "words",
]

CRON_FIELDS = ("year", "month", "day", "week", "day_of_week", "hour", "minute", "second")
C = TypeVar("C", bound=type)


def dumps(trigger: Trigger) -> str:
    """Return a trigger as canonical JSON: equal declarations give equal text."""
    return json.dumps(trigger.data(), sort_keys=True, separators=(",", ":"))


def loads(text: str) -> Trigger:
    """Return the trigger that `dumps` wrote."""
    return from_data(json.loads(text))


def from_data(data: Mapping[str, Any]) -> Trigger:
    """Return the trigger that `Trigger.data` described.

    Raises
    ------
    TriggerError
        If the kind is unknown, or a custom trigger's name is not registered in this process.
    """
    kind = data.get("type")
    if kind in ("any_of", "all_of"):
        combined = AnyOf if kind == "any_of" else AllOf
        return combined(tuple(from_data(d) for d in data["triggers"]), jitter=data.get("jitter", 0.0))
    if kind == "custom":
        return _custom(data["name"], data["arguments"], data.get("jitter", 0.0))
    common: dict[str, Any] = {"jitter": data.get("jitter", 0.0)}
    if "tz" in data:
        common["tz"] = parse_timezone(data["tz"])
    if kind == "at":
        return At(_stored(data["time"]), **common)
    common |= {name: _stored(data[name]) for name in ("start", "end") if name in data}
    if kind == "cron":
        return Cron(crontab.parse(data["expression"]), **common)
    if kind == "cron_fields":
        return CronFields(tuple((name, data["fields"][name]) for name in CRON_FIELDS), **common)
    if kind == "every":
        return Every(timedelta(seconds=data["seconds"]), **common)
    if kind == "calendar":
        lengths = {n: data[n] for n in ("years", "months", "weeks", "days") if n in data}
        return Calendar(**lengths, clock=time.fromisoformat(data["at"]), **common)
    raise TriggerError(f"a stored trigger has the unknown type {kind!r}")


def _stored(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.utcoffset() == timedelta(0) else found


def of(value: object) -> Trigger:
    """Return the trigger that `value` means.

    Parameters
    ----------
    value : Trigger, APScheduler trigger, str, timedelta, datetime or date
        A string is a crontab, a timedelta an interval, a datetime one time, and so is a date: its midnight.

    Raises
    ------
    TriggerError
        If it means no trigger.
    """
    if isinstance(value, Trigger):
        return value
    value = plain_time(value)
    if isinstance(value, str):
        return constructors.cron(value)
    if isinstance(value, timedelta):
        return constructors.every(value)
    if isinstance(value, date):
        return constructors.at(value)
    for name, cls in _registered().items():
        if type(value) is cls:
            return _custom(name, _arguments(name, value), 0.0)
    if type(value).__module__.startswith("apscheduler.triggers."):
        return _from_apscheduler(value)
    if hasattr(value, "get_next_fire_time"):
        raise TriggerError(
            f"{type(value).__name__} is a custom trigger class, which cannot be stored",
            hint="decorate it with @custom_trigger('name') and give it to_data(), or use cron() or every()",
        )
    raise TriggerError(
        f"{value!r} is not a trigger", hint="use cron('0 7 * * *'), every('1h'), at('2026-03-01 07:00')"
    )


def _from_apscheduler(value: Any) -> Trigger:
    kind = type(value).__name__
    jitter = float(getattr(value, "jitter", None) or 0.0)
    if kind == "DateTrigger":
        return constructors.at(value.run_date)
    if kind in ("OrTrigger", "AndTrigger"):
        combine = constructors.any_of if kind == "OrTrigger" else constructors.all_of
        return combine(*value.triggers, jitter=jitter)
    window: dict[str, Any] = {"tz": value.timezone, "jitter": jitter}
    if kind == "CalendarIntervalTrigger":
        lengths = {n: getattr(value, n) for n in ("years", "months", "weeks", "days")}
        clock = value._time.replace(tzinfo=None)
        window |= {"start": value.start_date, "end": value.end_date}
        return constructors.calendar(**lengths, at=clock, **window)
    if kind == "IntervalTrigger":
        start = None if _made_by_default(value) else value.start_date
        return constructors.every(value.interval, start=start, end=value.end_date, **window)
    if kind == "CronTrigger":
        fields = {field.name: str(field) for field in value.fields}
        return cron_fields(fields, start=value.start_date, end=value.end_date, **window)
    raise TriggerError(f"APScheduler's {kind} is not supported", hint="use cron(), every() or at()")


def _made_by_default(interval: Any) -> bool:
    """Tell whether an IntervalTrigger took its start from the clock when it was made.

    Such a start changes whenever the cell runs again, and the schedule would never be recognised.
    """
    start: datetime = interval.start_date
    age = start - interval.interval - datetime.now(UTC)
    return start.microsecond != 0 and abs(age) < timedelta(minutes=1)


def cron_fields(fields: Mapping[str, Any], **window: Any) -> Trigger:
    """Return a trigger of APScheduler's cron keywords, with its meaning of names and defaults.

    Raises
    ------
    TriggerError
        If APScheduler refuses a field, or the fields never fire.
    """
    from apscheduler.triggers.cron import CronTrigger

    refuse_unknown(
        [name for name in fields if name not in CRON_FIELDS], CRON_FIELDS, "cron trigger", error=TriggerError
    )
    try:
        # Its own defaults: fields finer than the finest given are at their minimum, others at `*`.
        given = {key: plain_text(each) if isinstance(each, str) else each for key, each in fields.items()}
        full = {f.name: str(f) for f in CronTrigger(**given, timezone=UTC).fields}
        # A year is given: look through all years. Else every combination returns within a century.
        end = None if full["year"] != "*" else datetime(2101, 1, 1, tzinfo=UTC)
        fires = CronTrigger(**full, timezone=UTC, end_date=end).get_next_fire_time(
            None, datetime(1970, 1, 1, tzinfo=UTC)
        )
    except (ValueError, TypeError) as error:
        raise TriggerError(f"cron trigger: {error}") from None
    if fires is None:
        shown = ", ".join(f"{name}={value!r}" for name, value in full.items() if value != "*")
        raise TriggerError(f"cron trigger ({shown}): it never fires")
    full["day_of_week"] = weekdays.of_apscheduler(full["day_of_week"])
    made = constructors.every(1, **window)
    assert isinstance(made, Every)
    same: dict[str, Any] = {"tz": made.tz, "start": made.start, "end": made.end, "jitter": made.jitter}
    tab = _as_crontab(full)
    return Cron(tab, **same) if tab is not None else CronFields(tuple(full.items()), **same)


def _as_crontab(fields: Mapping[str, str]) -> crontab.Crontab | None:
    """Return the crontab that means the same as APScheduler's fields, None if there is none."""
    if fields["year"] != "*" or fields["week"] != "*" or fields["second"] != "0":
        return None
    if "/" in fields["day_of_week"] or "*" not in (fields["day"], fields["day_of_week"]):
        # Its weekdays count from Monday, and of two restricted day fields it wants both.
        return None
    five = [fields[name] for name in ("minute", "hour", "day", "month", "day_of_week")]
    try:
        return crontab.parse(" ".join(five)) if not any(" " in field for field in five) else None
    except TriggerError:
        return None  # "last" and the like


def words(trigger: Trigger, tz: tzinfo | None) -> str:
    """Return a trigger in words, for a scheduler whose zone is `tz` (None: the machine's).

    A single moment without a zone of its own is told with the one in which it is read: it is read again, with
    the same wall time, where the zone has changed.
    """
    return trigger.text(local_timezone() if tz is None and _is_naive_moment(trigger) else tz)


def _is_naive_moment(trigger: Trigger) -> bool:
    return isinstance(trigger, At) and trigger.tz is None and trigger.time.tzinfo is None


def starting(trigger: Trigger, start: datetime) -> Trigger:
    """Return a trigger without its times before `start`."""
    if isinstance(trigger, Combined):
        parts = tuple(starting(part, start) for part in trigger.triggers)
        return dataclasses.replace(trigger, triggers=parts)
    if isinstance(trigger, Windowed):
        return dataclasses.replace(trigger, start=start)
    return trigger


def custom_trigger(name: str) -> Callable[[C], C]:
    """Register an APScheduler trigger class of your own under a name, so that it can be stored.

    The class needs a method ``to_data()`` that returns the keyword arguments (JSON-able) which make an
    equal object. Until the class is registered in a process, its tasks wait there.

    Examples
    --------
    >>> @custom_trigger("noon")
    ... class Noon:
    ...     def to_data(self):
    ...         return {}
    ...
    ...     def get_next_fire_time(self, previous, now):
    ...         today = now.replace(hour=12, minute=0, second=0, microsecond=0)
    ...         return today if today >= now else today + timedelta(days=1)
    >>> of(Noon()).next(datetime(2026, 1, 1, 13, tzinfo=UTC)).isoformat()
    '2026-01-02T12:00:00+00:00'
    """

    def mark(cls: C) -> C:
        for method in ("get_next_fire_time", "to_data"):
            if not callable(getattr(cls, method, None)):
                raise TriggerError(f"custom trigger {name!r} has no {method}()")
        _registered()[name] = cls
        return cls

    return mark


def custom_triggers() -> list[str]:
    """Return the names of the trigger classes that are registered in this process."""
    return list(_registered())


def _registered() -> dict[str, type]:
    return process_singleton("custom triggers", dict)


def _custom(name: str, arguments: Mapping[str, Any], jitter: float) -> Custom:
    cls = _registered().get(name)
    if cls is None:
        raise TriggerError(
            f"custom trigger {name!r} is not registered here",
            hint="run the cell or import the module that has @custom_trigger",
        )
    return Custom(name, tuple(arguments.items()), cls, jitter=jitter)


def _arguments(name: str, value: Any) -> Mapping[str, Any]:
    data = value.to_data()
    try:
        return dict(json.loads(json.dumps(data)))
    except (TypeError, ValueError) as error:
        raise TriggerError(
            f"to_data() of the custom trigger {name!r} is not a JSON object: {error}"
        ) from None
