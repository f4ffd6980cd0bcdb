"""When a report runs: every kind of trigger, as YAML says it."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from schedkit.core.triggers import constructors
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.report.models import Strict
from schedkit.values.parsers import Reads, duration, optional, text, timezone

__all__ = ["CalendarDays", "Schedule", "next_time"]

_TEXT = {"type": "string"}
_LENGTH = {"type": ["string", "number"]}


def _cron(value: Any, what: str) -> str:
    found: str = text(value, what)
    constructors.cron(found)
    return found


def _day_or_moment(value: Any, what: str) -> Any:
    constructors.moment_of(value, what)
    return value  # as written: an end that is a day includes the day


Zone = Annotated[tzinfo | None, Reads(optional(timezone), _TEXT)]
Bound = Annotated[Any, Reads(optional(_day_or_moment), _TEXT)]


class CalendarDays(Strict):
    """Every so many calendar days, weeks, months or years, at a time of day."""

    years: int = Field(default=0, ge=0)
    months: int = Field(default=0, ge=0)
    weeks: int = Field(default=0, ge=0)
    days: int = Field(default=0, ge=0)
    at: str = "00:00"
    """The time of day, such as 07:00."""


class Schedule(Strict):
    """When: exactly one of cron, every, at, calendar, any_of, all_of and custom."""

    cron: Annotated[str | None, Reads(optional(_cron), _TEXT)] = None
    """A crontab line, such as 0 7 * * mon-fri; 1 is Monday, 0 and 7 are Sunday."""
    every: Annotated[float | None, Reads(optional(duration(above=True)), _LENGTH)] = None
    """An interval, such as 1h30m."""
    at: Annotated[datetime | None, Reads(optional(constructors.moment_of), _TEXT)] = None
    """One moment, such as 2026-12-24 12:00."""
    calendar: CalendarDays | None = None
    """Every so many days, weeks, months or years."""
    any_of: tuple[Schedule, ...] | None = None
    """Whenever one of several schedules is due."""
    all_of: tuple[Schedule, ...] | None = None
    """The times that several schedules share."""
    custom: str | None = None
    """The name of a trigger class of your own (@custom_trigger)."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """The arguments of the custom trigger."""
    tz: Zone = None
    """The time zone; by default the project's."""
    start: Bound = None
    """The first day or moment at which it may be due."""
    end: Bound = None
    """The last day or moment at which it may be due."""
    jitter: Annotated[float | None, Reads(optional(duration()), _LENGTH)] = None
    """Delay each run by up to this time, to spread load."""

    @model_validator(mode="before")
    @classmethod
    def _not_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError("write {cron: 0 7 * * mon-fri}, or {every: 1h}")
        return value

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len([name for name in KINDS if getattr(self, name) is not None]) != 1:
            raise ValueError(f"write exactly one of: {', '.join(KINDS)}")
        if self.arguments and self.custom is None:
            raise ValueError("arguments belong to a custom trigger")
        for name in ("tz", "start", "end"):
            if getattr(self, name) is not None and name not in _WINDOWS[self.kind]:
                raise ValueError(f"{self.kind} takes no {name}")
        if any(part.jitter for part in self._parts):
            raise ValueError(f"a part of {self.kind} has a jitter of its own; write it beside {self.kind}")
        # A schedule that never happens is refused where it is written, not when it is used.
        _ = self.trigger
        return self

    @property
    def kind(self) -> str:
        """Which kind of trigger it is."""
        return next(name for name in KINDS if getattr(self, name) is not None)

    @property
    def trigger(self) -> Trigger:
        """The trigger, without its jitter, which is an option of the task.

        Raises
        ------
        TriggerError
            If it never fires, or a custom trigger is not registered in this process.
        """
        window = {name: getattr(self, name) for name in _WINDOWS[self.kind]}
        if self.cron is not None:
            return constructors.cron(self.cron, **window)
        if self.every is not None:
            return constructors.every(self.every, **window)
        if self.at is not None:
            return constructors.at(self.at, **window)
        if self.calendar is not None:
            return constructors.calendar(**self.calendar.model_dump(), **window)
        if self.custom is not None:
            return trigger_data.from_data(
                {"type": "custom", "name": self.custom, "arguments": self.arguments}
            )
        combine = constructors.any_of if self.any_of is not None else constructors.all_of
        return combine(*(part.trigger for part in self._parts))

    @property
    def _parts(self) -> tuple[Schedule, ...]:
        return self.any_of or self.all_of or ()


_WINDOW = ("tz", "start", "end")
_WINDOWS: dict[str, tuple[str, ...]] = {
    "cron": _WINDOW,
    "every": _WINDOW,
    "at": ("tz",),
    "calendar": _WINDOW,
    "any_of": (),
    "all_of": (),
    "custom": (),
}
KINDS = tuple(_WINDOWS)


def next_time(trigger: Trigger | None, now: datetime, tz: tzinfo) -> datetime | None:
    """Return when a report runs next, in a zone; None if it has no schedule, or none that continues."""
    if trigger is None:
        return None
    bound = trigger if trigger.bound else trigger.bind(now, tz)
    found = bound.upcoming(1, after=now)
    return found[0].astimezone(tz) if found else None
