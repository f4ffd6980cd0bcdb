"""What becomes of due times: a pure function of schedules and a time.

A schedule advances only together with a recorded disposition of every time it leaves behind: `due`
returns both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from schedkit.core.model import Task
from schedkit.core.states import Disposition, Overlap
from schedkit.core.when.base import Times, Trigger
from schedkit.core.when.wallclock import TICK
from schedkit.values.durations import duration_text

__all__ = ["Fire", "Schedule", "Tick", "due", "skipped"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A task's place in time: its trigger, the next time, and what to do about late ones.

    Parameters
    ----------
    task : str
        Name of the task.
    trigger : Trigger
        Bound: it knows its zone and its start.
    next_at : datetime or None
        The earliest scheduled time without a disposition; None: it is finished.
    grace, jitter : float
        Seconds; see `schedkit.core.model.Task`.
    """

    task: str
    trigger: Trigger
    next_at: datetime | None
    grace: float | None = None
    coalesce: bool = True
    catch_up: int = 100
    max_instances: int = 1
    overlap: Overlap = Overlap.SKIP
    jitter: float = 0.0

    @classmethod
    def of(
        cls,
        task: Task,
        anchor: datetime,
        *,
        next_at: datetime | None = None,
        now: datetime | None = None,
        tz: tzinfo | None = None,
    ) -> Schedule:
        """Return the schedule of a declared task.

        Parameters
        ----------
        anchor : datetime
            When this schedule was first declared; an interval counts from here.
        next_at : datetime, optional
            The next time that the ledger remembers.
        now : datetime, optional
            Where it begins if `next_at` is not given.
        tz : tzinfo, optional
            The zone of wall times that name none.
        """
        assert task.trigger is not None
        trigger = task.trigger.bind(anchor, tz)
        if next_at is None and now is not None:
            next_at = trigger.next(now)
        return cls(
            task=task.name,
            trigger=trigger,
            next_at=next_at,
            grace=task.misfire_grace,
            coalesce=task.coalesce,
            catch_up=task.catch_up,
            max_instances=task.max_instances,
            overlap=task.overlap,
            jitter=max(task.jitter, trigger.jitter),
        )

    def at(self, next_at: datetime | None) -> Schedule:
        """Return it with another next time."""
        # Written out: dataclasses.replace costs four times as much, at every fire.
        return Schedule(
            self.task,
            self.trigger,
            next_at,
            self.grace,
            self.coalesce,
            self.catch_up,
            self.max_instances,
            self.overlap,
            self.jitter,
        )

    @property
    def due_at(self) -> datetime | None:
        """When the next time is to start: the scheduled time, put off by its jitter."""
        return None if self.next_at is None else self.due_time(self.next_at)

    def due_time(self, scheduled_at: datetime) -> datetime:
        """Return when a scheduled time is to start; always the same for the same time."""
        if not self.jitter:
            return scheduled_at
        digest = hashlib.blake2b(f"{self.task}\0{scheduled_at.isoformat()}".encode(), digest_size=8).digest()
        return scheduled_at + timedelta(seconds=self.jitter * int.from_bytes(digest, "big") / 2**64)


@dataclass(frozen=True, slots=True)
class Fire:
    """What becomes of one due time, or of a range of them.

    Attributes
    ----------
    first, last : datetime
        The scheduled times (UTC) it covers, both included; equal unless it is a range.
    count : int or None
        How many they are; None: more than are worth counting.
    due_at : datetime
        When `last` was to start, jitter included.
    cancels : bool
        Whether live runs of the task are to be cancelled first.
    """

    task: str
    kind: Disposition
    first: datetime
    last: datetime
    due_at: datetime
    count: int | None = 1
    reason: str = ""
    cancels: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """What one look at the clock decided: to be committed together or not at all.

    Attributes
    ----------
    broken : tuple of (str, Exception)
        Tasks whose trigger failed, and how: the time that was due runs, and no other follows.
    """

    before: tuple[Schedule, ...]
    after: tuple[Schedule, ...]
    fires: tuple[Fire, ...]
    broken: tuple[tuple[str, Exception], ...] = ()


def due(schedules: Iterable[Schedule], now: datetime, active: Callable[[str], int]) -> Tick:
    """Decide what becomes of every time that is due at `now`.

    Parameters
    ----------
    schedules : iterable of Schedule
        Those that are due; others pass through unchanged.
    now : datetime
        The present, UTC.
    active : callable
        Task name → its runs that have not ended.

    Returns
    -------
    Tick
        The schedules before and after, and exactly one disposition for every due time between.
    """
    before = tuple(schedules)
    fires: list[Fire] = []
    after: list[Schedule] = []
    broken: list[tuple[str, Exception]] = []
    for schedule in before:
        try:
            decided, advanced = _settle(schedule, now, active)
        except Exception as error:  # a custom trigger is somebody's code: the others must not stand still
            assert schedule.next_at is not None
            decided, advanced = (_run(schedule, schedule.next_at, False),), schedule.at(None)
            broken.append((schedule.task, error))
        fires += decided
        after.append(advanced)
    return Tick(before, tuple(after), tuple(fires), tuple(broken))


def skipped(schedule: Schedule, now: datetime, reason: str) -> Tick:
    """Leave behind every time up to `now` as missed, e.g. those of a pause."""
    if schedule.next_at is None or schedule.next_at > now:
        return Tick((schedule,), (schedule,), ())
    times = schedule.trigger.times(schedule.next_at - TICK, now)
    fires = _range(schedule, Disposition.MISSED, times, reason)
    return Tick((schedule,), (schedule.at(schedule.trigger.next(now)),), fires)


def _settle(s: Schedule, now: datetime, active: Callable[[str], int]) -> tuple[tuple[Fire, ...], Schedule]:
    first = s.next_at
    if first is None or first > now or s.due_time(first) > now:
        return (), s
    last, following = first, s.trigger.next(first)
    if following is not None and following <= now and s.due_time(following) <= now:
        last = _last_due(s, first, now)
        following = s.trigger.next(last)
    fires: tuple[Fire, ...] = ()
    in_time = first if s.grace is None else _first_in_grace(s, first, last, now)
    if in_time != first:
        end = last if in_time is None else in_time - TICK
        assert s.grace is not None
        times = s.trigger.times(first - TICK, end)
        fires += _range(s, Disposition.MISSED, times, f"more than {duration_text(s.grace)} late")
    if in_time is not None:
        fires += _policy(s, in_time, last, active(s.task))
    return fires, s.at(following)


def _last_due(s: Schedule, first: datetime, now: datetime) -> datetime:
    """Return the last time that is due, without listing those before it."""
    # Whatever was scheduled a whole jitter ago is due; the times since are looked at one by one.
    last = s.trigger.latest(first - TICK, now - timedelta(seconds=s.jitter)) or first
    while (later := s.trigger.next(last)) is not None and s.due_time(later) <= now:
        last = later
    return last


def _first_in_grace(s: Schedule, first: datetime, last: datetime, now: datetime) -> datetime | None:
    """Return the first time that is not too late, None if all are."""
    assert s.grace is not None
    limit = now - timedelta(seconds=s.grace)
    if s.due_time(first) >= limit:
        return first
    found = s.trigger.next(max(first, limit - timedelta(seconds=s.jitter) - TICK))
    while found is not None and found <= last and s.due_time(found) < limit:
        found = s.trigger.next(found)
    return found if found is not None and found <= last else None


def _policy(s: Schedule, first: datetime, last: datetime, active: int) -> tuple[Fire, ...]:
    """Decide about the times from `first` to `last`, all of them in time."""
    busy = active >= s.max_instances
    if (busy and s.overlap is Overlap.SKIP) or (
        s.overlap is Overlap.QUEUE and active >= s.max_instances + s.catch_up
    ):
        times = s.trigger.times(first - TICK, last)
        waiting = "still running" if s.overlap is Overlap.SKIP else "running or waiting"
        return _range(s, Disposition.OVERLAPPED, times, f"{active} {waiting}")
    cancels = busy and s.overlap is Overlap.CANCEL
    if first == last:
        return (_run(s, last, cancels),)
    if s.coalesce or s.overlap is Overlap.CANCEL:
        times = s.trigger.times(first - TICK, last - TICK)
        earlier = _range(s, Disposition.COALESCED, times, f"the run of {last.isoformat()} stands for it")
        return (*earlier, _run(s, last, cancels))
    runs = s.trigger.newest(first - TICK, last, s.catch_up)
    dropped = s.trigger.times(first - TICK, runs[0] - TICK)
    reason = f"only the last {s.catch_up} are caught up"
    return (*_range(s, Disposition.MISSED, dropped, reason), *(_run(s, time, False) for time in runs))


def _run(s: Schedule, time: datetime, cancels: bool) -> Fire:
    return Fire(s.task, Disposition.RUN, time, time, s.due_time(time), cancels=cancels)


def _range(s: Schedule, kind: Disposition, times: Times | None, reason: str) -> tuple[Fire, ...]:
    if times is None:
        return ()
    return (Fire(s.task, kind, times.first, times.last, s.due_time(times.last), times.count, reason),)
