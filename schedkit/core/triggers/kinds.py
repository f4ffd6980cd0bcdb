"""The kinds of triggers: crontab, APScheduler's cron fields, interval, date, calendar, the user's own."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cached_property
from typing import Any, Self

from schedkit.core.triggers import crontab
from schedkit.core.triggers import describe as trigger_words
from schedkit.core.triggers.base import Times, Trigger, local_to_utc
from schedkit.core.triggers.wall_times import WallTimes, wall_engine
from schedkit.core.triggers.wallclock import TICK, instant, next_elapsed, next_fixed
from schedkit.errors import TriggerError
from schedkit.values.timezones import timezone_name

__all__ = ["At", "Calendar", "Cron", "CronFields", "Custom", "Every"]


@dataclass(frozen=True, repr=False)
class Windowed(Trigger):
    """A trigger with an optional zone, start and end (both inclusive)."""

    tz: tzinfo | None = dataclasses.field(default=None, kw_only=True)
    start: datetime | None = dataclasses.field(default=None, kw_only=True)
    end: datetime | None = dataclasses.field(default=None, kw_only=True)

    @cached_property
    def bound(self) -> bool:
        return self.tz is not None and self._window_bound

    @property
    def _window_bound(self) -> bool:
        return all(moment is None or moment.tzinfo is UTC for moment in (self.start, self.end))

    def _bind(self, anchor: datetime, tz: tzinfo) -> Self:
        zone = self.tz or tz
        start = self.start and local_to_utc(self.start, zone)
        end = self.end and local_to_utc(self.end, zone)
        return dataclasses.replace(self, tz=zone, start=start, end=end)

    def _next(self, after: datetime) -> datetime | None:
        if self.start is not None and after < self.start:
            after = self.start - TICK
        found = self._within(after)
        return None if found is None or (self.end is not None and found > self.end) else found

    @abstractmethod
    def _within(self, after: datetime) -> datetime | None: ...

    def display_zone(self) -> tzinfo:
        return self.tz or UTC

    def _common(self) -> dict[str, Any]:
        """The data of what every trigger may have; what is not there is left out."""
        data: dict[str, Any] = {}
        if self.tz is not None:
            data["tz"] = timezone_name(self.tz)
        for name in ("start", "end"):
            value: datetime | None = getattr(self, name)
            if value is not None:
                data[name] = value.isoformat()
        if self.jitter:
            data["jitter"] = self.jitter
        return data

    def _window(self, tz: tzinfo | None) -> str:
        return trigger_words.window(self.tz or tz, self.start, self.end)


@dataclass(frozen=True, repr=False)
class Cron(Windowed):
    """A standard crontab expression; made by `schedkit.cron`."""

    expression: crontab.Crontab

    @cached_property
    def _engines(self) -> list[Callable[[datetime], datetime | None]]:
        return [wall_engine(fields) for fields in self.expression.apscheduler()]

    def _next_wall(self, wall: datetime) -> datetime | None:
        found = [t for engine in self._engines if (t := engine(wall)) is not None]
        return min(found, default=None)

    def _within(self, after: datetime) -> datetime | None:
        assert self.tz is not None
        follow = next_elapsed if self.expression.elapsed else next_fixed
        return follow(after, self.tz, self._next_wall)

    @cached_property
    def _wall_times(self) -> WallTimes:
        return WallTimes(self.expression)

    def times(self, after: datetime, until: datetime, limit: int = 200) -> Times | None:
        """Arithmetic where the clocks do not change: a thousand schedules may have been a week down."""
        found = self.bind(after)._counted(after, until)
        return super().times(after, until, limit) if found is None else found

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        found = self.bind(after)._counted(after, until)
        return super().latest(after, until) if found is None else found.last

    def _counted(self, after: datetime, until: datetime) -> Times | None:
        """Return the times in (after, until], None if there are none or arithmetic cannot tell."""
        first = self.next(after)
        if first is None or first > until or self.tz is None:
            return None
        until = until if self.end is None else min(until, self.end)
        return self._wall_times.between(first, until, self.tz)

    def data(self) -> dict[str, Any]:
        return {"type": "cron", "expression": str(self.expression), **self._common()}

    def text(self, tz: tzinfo | None = None) -> str:
        return trigger_words.cron(self.expression) + self._window(tz)


@dataclass(frozen=True, repr=False)
class CronFields(Windowed):
    """APScheduler's own cron keywords (`add_job(func, "cron", hour=7)`), weekdays by name."""

    fields: tuple[tuple[str, str], ...]

    @cached_property
    def _next_wall(self) -> Callable[[datetime], datetime | None]:
        return wall_engine(dict(self.fields))

    @cached_property
    def _elapsed(self) -> bool:
        given = dict(self.fields)
        return any(given[name].startswith("*") for name in ("hour", "minute"))

    def _within(self, after: datetime) -> datetime | None:
        assert self.tz is not None
        follow = next_elapsed if self._elapsed else next_fixed
        return follow(after, self.tz, self._next_wall)

    def data(self) -> dict[str, Any]:
        return {"type": "cron_fields", "fields": dict(self.fields), **self._common()}

    def text(self, tz: tzinfo | None = None) -> str:
        return trigger_words.cron_fields(dict(self.fields)) + self._window(tz)


@dataclass(frozen=True, repr=False)
class Every(Windowed):
    """Every so much elapsed time from its start; a late run moves none of the later times."""

    interval: timedelta

    @cached_property
    def bound(self) -> bool:
        # Elapsed time is the same everywhere: it needs no zone.
        return self.start is not None and self._window_bound

    def _bind(self, anchor: datetime, tz: tzinfo) -> Self:
        return dataclasses.replace(super()._bind(anchor, tz), start=self._start(anchor, tz))

    def _start(self, anchor: datetime, tz: tzinfo) -> datetime:
        return local_to_utc(self.start, self.tz or tz) if self.start else anchor + self.interval

    def _within(self, after: datetime) -> datetime | None:
        assert self.start is not None
        if after < self.start:
            return self.start
        return self.start + ((after - self.start) // self.interval + 1) * self.interval

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        known = self.times(after, until)
        return None if known is None else known.last

    def times(self, after: datetime, until: datetime, limit: int = 200) -> Times | None:
        """Arithmetic: a week of `every("1s")` costs what a minute of it costs."""
        trigger = self.bind(after)
        first = trigger.next(after)
        if first is None or first > until:
            return None
        until = until if trigger.end is None else min(until, trigger.end)
        steps = (until - first) // self.interval
        return Times(first, first + steps * self.interval, steps + 1)

    def data(self) -> dict[str, Any]:
        return {"type": "every", "seconds": self.interval.total_seconds(), **self._common()}

    def text(self, tz: tzinfo | None = None) -> str:
        on_the_wall = any(moment and moment.tzinfo is None for moment in (self.start, self.end))
        zone = self.tz or (tz if on_the_wall else None)
        return trigger_words.every(self.interval, zone) + self._window(zone)


@dataclass(frozen=True, repr=False)
class At(Trigger):
    """Once, at one time."""

    time: datetime
    tz: tzinfo | None = dataclasses.field(default=None, kw_only=True)

    @cached_property
    def bound(self) -> bool:
        return self.time.tzinfo is UTC

    def _bind(self, anchor: datetime, tz: tzinfo) -> Self:
        zone = self.tz or self.time.tzinfo or tz
        # A wall time the clocks jump over happens right after the jump, as in a crontab.
        utc = self.time.astimezone(UTC) if self.time.tzinfo else instant(self.time, zone)
        return dataclasses.replace(self, time=utc, tz=zone)

    def first(self, since: datetime) -> datetime | None:
        """Return its one time, passed or not: what has passed is late, and late is for the misfire grace."""
        return self.bind(since).time

    def _next(self, after: datetime) -> datetime | None:
        return self.time if self.time > after else None

    def display_zone(self) -> tzinfo:
        return self.tz or self.time.tzinfo or UTC

    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = {"type": "at", "time": self.time.isoformat()}
        if self.tz is not None:
            data["tz"] = timezone_name(self.tz)
        if self.jitter:
            data["jitter"] = self.jitter
        return data

    def text(self, tz: tzinfo | None = None) -> str:
        return trigger_words.at(self.time, self.tz or (None if self.time.tzinfo else tz))


@dataclass(frozen=True, repr=False)
class Calendar(Windowed):
    """Every so many years, months, weeks and days, always at the same time of day."""

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    clock: time = time()

    @cached_property
    def bound(self) -> bool:
        return self.start is not None and super().bound

    def _bind(self, anchor: datetime, tz: tzinfo) -> Self:
        zone = self.tz or tz
        first = self.start or datetime.combine(anchor.astimezone(zone).date(), time())
        return Windowed._bind(dataclasses.replace(self, start=first), anchor, zone)

    @cached_property
    def _first_day(self) -> date:
        assert self.start is not None
        assert self.tz is not None
        return self.start.astimezone(self.tz).date()

    def _within(self, after: datetime) -> datetime | None:
        from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger

        assert self.tz is not None
        engine = CalendarIntervalTrigger(
            years=self.years,
            months=self.months,
            weeks=self.weeks,
            days=self.days,
            hour=self.clock.hour,
            minute=self.clock.minute,
            second=self.clock.second,
            start_date=self._first_day,
            timezone=UTC,
        )
        wall = engine.get_next_fire_time(self._jump(after, self.tz), after)
        while True:
            found = instant(wall.replace(tzinfo=None), self.tz)
            if found > after:
                return found
            wall = engine.get_next_fire_time(wall, after)

    def _jump(self, after: datetime, tz: tzinfo) -> datetime | None:
        """Return a time of the sequence shortly before `after`, so that years are not walked by days."""
        length = 7 * self.weeks + self.days
        if self.years or self.months:
            return None
        steps = ((after.astimezone(tz).date() - self._first_day).days - 2) // length
        if steps < 1:
            return None
        return datetime.combine(self._first_day + timedelta(days=steps * length), self.clock, UTC)

    def data(self) -> dict[str, Any]:
        lengths = {n: getattr(self, n) for n in ("years", "months", "weeks", "days") if getattr(self, n)}
        return {"type": "calendar", **lengths, "at": self.clock.isoformat(), **self._common()}

    def text(self, tz: tzinfo | None = None) -> str:
        lengths = [(getattr(self, n), n) for n in ("years", "months", "weeks", "days") if getattr(self, n)]
        return trigger_words.calendar(lengths, self.clock) + self._window(tz)


@dataclass(frozen=True, repr=False)
class Custom(Trigger):
    """A registered trigger class of the user, stored as its name and its arguments."""

    name: str
    arguments: tuple[tuple[str, Any], ...]
    build: Callable[..., Any] = dataclasses.field(compare=False, repr=False)

    @cached_property
    def _built(self) -> Any:
        return self.build(**dict(self.arguments))

    def _next(self, after: datetime) -> datetime | None:
        # APScheduler's contract: no previous time means "from now on"; a trigger that answers with an
        # older time all the same (as a date does) is asked for what follows.
        for previous in (None, after):
            try:
                found: datetime | None = self._built.get_next_fire_time(previous, after + TICK)
            except Exception as error:
                raise TriggerError(
                    f"custom trigger {self.name!r} failed: {type(error).__name__}: {error}"
                ) from error
            if found is None:
                return None
            if not isinstance(found, datetime):
                raise TriggerError(f"custom trigger {self.name!r} returned {found!r}, not a datetime")
            if found.tzinfo is None:
                raise TriggerError(f"custom trigger {self.name!r} returned a time without a time zone")
            if found > after:
                return found.astimezone(UTC)
        return None

    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = {"type": "custom", "name": self.name, "arguments": dict(self.arguments)}
        if self.jitter:
            data["jitter"] = self.jitter
        return data

    def text(self, tz: tzinfo | None = None) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.arguments)
        return f"{self.name}({arguments})"
