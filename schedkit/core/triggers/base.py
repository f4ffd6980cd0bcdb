"""The base of all triggers: a fixed set of instants, described by data."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any, Protocol, Self

from schedkit.errors import TriggerError
from schedkit.values.timezones import in_known_zone, local_timezone

__all__ = ["Times", "Trigger", "TriggerLike", "local_to_utc"]


@dataclass(frozen=True, slots=True)
class Times:
    """A range of fire times of one trigger: the first, the last, and how many (None: over the limit)."""

    first: datetime
    last: datetime
    count: int | None


def local_to_utc(value: datetime, tz: tzinfo) -> datetime:
    """Return `value` in UTC, reading one without offset in `tz`."""
    return (value if value.tzinfo else value.replace(tzinfo=tz)).astimezone(UTC)


@dataclass(frozen=True, repr=False)
class Trigger(ABC):
    """A fixed set of instants at which a task is due.

    It keeps no state and reads no clock: `next` is a pure function of the time it is asked about, so
    the same data gives the same times after every restart.

    Attributes
    ----------
    jitter : float
        Each due time is put off by up to this many seconds, always the same for the same time of the
        same task; the scheduled time, which is the key, never moves.
    """

    jitter: float = dataclasses.field(default=0.0, kw_only=True)

    @cached_property
    def bound(self) -> bool:
        """Whether it needs neither a zone nor an anchor to know its times."""
        return True

    def bind(self, anchor: datetime, tz: tzinfo | None = None) -> Self:
        """Return it with everything it left open filled in.

        Parameters
        ----------
        anchor : datetime
            When the task was first declared; an interval without a start counts from here.
        tz : tzinfo, optional
            The zone of wall times without one; the machine's by default.
        """
        return self if self.bound else self._bind(anchor.astimezone(UTC), tz or local_timezone())

    def _bind(self, anchor: datetime, tz: tzinfo) -> Self:
        return self

    def next(self, after: datetime) -> datetime | None:
        """Return the first fire time (UTC) strictly after `after`, None if there is none."""
        try:
            trigger = self if self.bound else self.bind(after)
            return trigger._next(after if after.tzinfo is UTC else after.astimezone(UTC))
        except OverflowError:  # the calendar ends with the year 9999
            return None

    def first(self, since: datetime) -> datetime | None:
        """Return the first time (UTC) of a schedule that begins at `since`, None if it has none left."""
        return self.next(since)

    def begins(self, anchor: datetime, tz: tzinfo | None = None) -> datetime | None:
        """Return the first time (UTC) of a schedule that is declared at `anchor`, None if it has none left.

        Raises
        ------
        TriggerError
            If that cannot be told: its window lies outside the calendar, or a custom trigger fails.
        """
        try:
            return self.bind(anchor, tz).first(anchor)
        except OverflowError:
            raise TriggerError(
                f"{self.text()}: a time outside the supported range",
                hint="use the years 1 to 9999",
            ) from None

    @abstractmethod
    def _next(self, after: datetime) -> datetime | None: ...

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """Return the last fire time in (`after`, `until`], without listing those before it."""
        known = self.next(after)
        if known is None or known > until:
            return None
        # `known` is a fire time; nothing fires in (clear, until]. Gallop back, then halve between.
        clear, span = until, timedelta(minutes=1)
        while until - span > known:
            found = self.next(until - span)
            if found is not None and found <= until:
                known = found
                break
            clear = until - span
            span *= 2
        while clear - known > timedelta(seconds=1):
            middle = known + (clear - known) / 2
            found = self.next(middle)
            if found is not None and found <= clear:
                known = found
            else:
                clear = middle
        while (found := self.next(known)) is not None and found <= clear:
            known = found
        return known

    def times(self, after: datetime, until: datetime, limit: int = 200) -> Times | None:
        """Return the range of fire times in (`after`, `until`], counting them up to `limit`."""
        first = self.next(after)
        if first is None or first > until:
            return None
        last: datetime = first
        count = 1
        while (later := self.next(last)) is not None and later <= until:
            if count == limit:
                latest = self.latest(last, until)
                assert latest is not None
                return Times(first, latest, None)
            last = later
            count += 1
        return Times(first, last, count)

    def newest(self, after: datetime, until: datetime, count: int) -> list[datetime]:
        """Return the last `count` fire times in (`after`, `until`], oldest first."""
        span = timedelta(minutes=1)
        while True:
            low = max(after, until - span)
            found: deque[datetime] = deque(maxlen=count)
            time = self.next(low)
            while time is not None and time <= until:
                found.append(time)
                time = self.next(time)
            if len(found) == count or low == after:
                return list(found)
            span *= 2

    def upcoming(self, count: int = 5, after: datetime | None = None) -> list[datetime]:
        """Return the next `count` fire times, in the trigger's own zone.

        Parameters
        ----------
        count : int
            How many at most.
        after : datetime, optional
            From when on; now by default.
        """
        start = datetime.now(UTC) if after is None else in_known_zone(after)
        trigger = self.bind(start)
        tz = trigger.display_zone()
        return [time.astimezone(tz) for time in trigger.walk(start, count)]

    def walk(self, after: datetime, count: int) -> Iterator[datetime]:
        """Yield at most `count` fire times after `after`."""
        for _ in range(count):
            found = self.next(after)
            if found is None:
                return
            yield found
            after = found

    def display_zone(self) -> tzinfo:
        """Return the zone in which its times read naturally."""
        return UTC

    @abstractmethod
    def data(self) -> dict[str, Any]:
        """Return JSON-able data from which `schedkit.core.triggers.constructors.from_data` makes it again."""

    @abstractmethod
    def text(self, tz: tzinfo | None = None) -> str:
        """Return it in words: ``"at 07:00 on Monday to Friday, Europe/Berlin"``.

        Parameters
        ----------
        tz : tzinfo, optional
            The zone to name for wall times without one of their own.
        """

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.text()}>"


class ForeignTrigger(Protocol):
    """A trigger of APScheduler."""

    def get_next_fire_time(self, previous_fire_time: Any, now: Any) -> datetime | None: ...


# What is accepted where a trigger is wanted: a text is a crontab, a timedelta an interval.
TriggerLike = Trigger | ForeignTrigger | str | timedelta | datetime
