"""The outcome of due times: a pure function of a schedule and a time.

A schedule advances only together with a recorded outcome of every time it leaves behind: `settle`
returns both.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from schedkit.core.model import Task
from schedkit.core.states import DueOutcome, Overlap
from schedkit.core.triggers.base import Times, Trigger
from schedkit.core.triggers.wallclock import TICK
from schedkit.values.durations import duration_text

__all__ = ["Fire", "Schedule", "Settled", "settle", "skipped"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a task is due, and what to do about due times that come late.

    Parameters
    ----------
    task : str
        Name of the task.
    trigger : Trigger
        Bound: it knows its zone and its start.
    grace, jitter : float
        Seconds; see `schedkit.core.model.Task`.
    """

    task: str
    trigger: Trigger
    grace: float | None = None
    coalesce: bool = True
    catch_up: int = 100
    max_instances: int = 1
    overlap: Overlap = Overlap.SKIP
    jitter: float = 0.0

    @classmethod
    def of(cls, task: Task, anchor: datetime, tz: tzinfo | None = None) -> Schedule:
        """Return the schedule of a declared task.

        Parameters
        ----------
        anchor : datetime
            When this schedule was first declared; an interval counts from here.
        tz : tzinfo, optional
            The zone of wall times that name none.
        """
        assert task.trigger is not None
        trigger = task.trigger.bind(anchor, tz)
        return cls(
            task=task.name,
            trigger=trigger,
            grace=task.misfire_grace,
            coalesce=task.coalesce,
            catch_up=task.catch_up,
            max_instances=task.max_instances,
            overlap=task.overlap,
            jitter=max(task.jitter, trigger.jitter),
        )

    def due_time(self, scheduled_at: datetime) -> datetime:
        """Return when a scheduled time is to start; always the same for the same time."""
        if not self.jitter:
            return scheduled_at
        digest = hashlib.blake2b(f"{self.task}\0{scheduled_at.isoformat()}".encode(), digest_size=8).digest()
        return scheduled_at + timedelta(seconds=self.jitter * int.from_bytes(digest, "big") / 2**64)


@dataclass(frozen=True, slots=True)
class Fire:
    """The outcome of one due time, or of a range of them.

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
    kind: DueOutcome
    first: datetime
    last: datetime
    due_at: datetime
    count: int | None = 1
    reason: str = ""
    cancels: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What was decided about the due times of one schedule; to be recorded together or not at all.

    Attributes
    ----------
    fires : tuple of Fire
        One outcome for every time that the schedule leaves behind.
    next_at : datetime or None
        Its next time; None: it has none left.
    error : Exception or None
        What its trigger raised: the time that was due runs, and no other follows.
    """

    fires: tuple[Fire, ...]
    next_at: datetime | None
    error: Exception | None = None


def settle(schedule: Schedule, next_at: datetime, now: datetime, active: int) -> Settled:
    """Decide the outcome of each time of a schedule that is due at `now`.

    Parameters
    ----------
    next_at : datetime
        Its earliest time without an outcome.
    now : datetime
        The present, UTC.
    active : int
        How many runs of the task have not ended.
    """
    try:
        return _settle(schedule, next_at, now, active)
    except Exception as error:  # a custom trigger is foreign code: other schedules must not stop
        return Settled((_run(schedule, next_at, False),), None, error)


def skipped(schedule: Schedule, next_at: datetime, now: datetime, reason: str) -> Settled:
    """Record each time up to `now` as missed, e.g. those of a pause."""
    if next_at > now:
        return Settled((), next_at)
    times = schedule.trigger.times(next_at - TICK, now)
    return Settled(_range(schedule, DueOutcome.MISSED, times, reason), schedule.trigger.next(now))


def _settle(s: Schedule, first: datetime, now: datetime, active: int) -> Settled:
    if first > now or s.due_time(first) > now:
        return Settled((), first)
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
        fires += _range(s, DueOutcome.MISSED, times, f"more than {duration_text(s.grace)} late")
    if in_time is not None:
        fires += _policy(s, in_time, last, active)
    return Settled(fires, following)


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
        return _range(s, DueOutcome.OVERLAPPED, times, f"{active} {waiting}")
    cancels = busy and s.overlap is Overlap.CANCEL
    if first == last:
        return (_run(s, last, cancels),)
    if s.coalesce or s.overlap is Overlap.CANCEL:
        times = s.trigger.times(first - TICK, last - TICK)
        earlier = _range(s, DueOutcome.COALESCED, times, f"the run of {last.isoformat()} stands for it")
        return (*earlier, _run(s, last, cancels))
    runs = s.trigger.newest(first - TICK, last, s.catch_up)
    dropped = s.trigger.times(first - TICK, runs[0] - TICK)
    reason = f"only the last {s.catch_up} are caught up"
    return (*_range(s, DueOutcome.MISSED, dropped, reason), *(_run(s, time, False) for time in runs))


def _run(s: Schedule, time: datetime, cancels: bool) -> Fire:
    return Fire(s.task, DueOutcome.RUN, time, time, s.due_time(time), cancels=cancels)


def _range(s: Schedule, kind: DueOutcome, times: Times | None, reason: str) -> tuple[Fire, ...]:
    if times is None:
        return ()
    return (Fire(s.task, kind, times.first, times.last, s.due_time(times.last), times.count, reason),)
