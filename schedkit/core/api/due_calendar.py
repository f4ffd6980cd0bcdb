"""The calendar of a screen: the due times of seven days, the past ones with what became of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from schedkit.core.board.due_outcomes import due_outcomes
from schedkit.core.board.rows import Row, iso
from schedkit.core.model import TaskRow
from schedkit.core.store.database import Store
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.errors import SchedkitError, UsageError
from schedkit.values.timezones import timezone_name

__all__ = ["DAYS", "due_calendar"]

DAYS = 7
MOST_DAYS_AWAY = 3660
# So many tasks are looked through for what comes, those that are due next …
MOST_TASKS = 500
# … and due times are listed one by one where a day has so few of them, and counted up to so many.
LISTED, COUNTED = 6, 2000
_MOMENT = timedelta(microseconds=1)


def due_calendar(
    store: Store, tasks: Iterable[TaskRow], now: datetime, first: int, tz: tzinfo, task: str = ""
) -> Row:
    """Return the due times of seven days, JSON-able.

    Parameters
    ----------
    first : int
        How many days after today it begins.
    tz : tzinfo
        Whose days they are.
    task : str
        Only of this task, if given.

    Returns
    -------
    dict
        ``zone``; ``days``, each with its date ``day`` and ``entries`` in the order of their times: what
        `due_outcomes` returns, and what comes, with the outcome ``due`` and its ``times`` if they are few;
        ``left_out``, how many tasks are not looked through.

    Raises
    ------
    UsageError
        The days are too far away.
    """
    if abs(first) > MOST_DAYS_AWAY:
        raise UsageError(f"the calendar has no day {first} days from today", hint="ten years are in it")
    today = now.astimezone(tz).date()
    dates = [today + timedelta(days=first + number) for number in range(DAYS + 1)]
    bounds = [_midnight(day, tz) for day in dates]
    days = due_outcomes(store, bounds, task) if bounds[0] <= now else [[] for _ in dates[1:]]
    coming = [row for row in tasks if _comes(row, bounds[-1]) and task in ("", row.name)]
    coming.sort(key=lambda row: (row.next or 0, row.name))
    for row in coming[:MOST_TASKS]:
        for number, entry in _due(row, bounds):
            days[number].append(entry)
    return {
        "zone": timezone_name(tz),
        "now": iso(now),
        "first": first,
        "days": [
            {"day": day.isoformat(), "entries": sorted(entries, key=_order)}
            for day, entries in zip(dates, days, strict=False)
        ],
        "left_out": max(0, len(coming) - MOST_TASKS),
    }


def _midnight(day: date, tz: tzinfo) -> datetime:
    return datetime.combine(day, time(), tz).astimezone(UTC)


def _comes(row: TaskRow, end: datetime) -> bool:
    return row.trigger is not None and not row.paused and row.next_at is not None and row.next_at < end


def _due(row: TaskRow, bounds: Sequence[datetime]) -> Iterable[tuple[int, Row]]:
    """Yield what comes of a task, with the number of its day."""
    assert row.next_at is not None
    trigger = _trigger(row)
    for number, (start, end) in enumerate(itertools.pairwise(bounds)):
        begin = max(start, row.next_at)
        if begin >= end:
            continue
        if trigger is None:  # one of the user's own, whose code is not here
            if begin == row.next_at:
                yield number, _entry(row.name, begin, begin, None, [])
            continue
        found = trigger.times(begin - _MOMENT, end - _MOMENT, COUNTED)
        if found is not None:
            few = found.count is not None and found.count <= LISTED
            times = list(trigger.walk(begin - _MOMENT, found.count or 0)) if few else []
            yield number, _entry(row.name, found.first, found.last, found.count, times)


def _trigger(row: TaskRow) -> Trigger | None:
    assert row.trigger is not None
    try:
        return trigger_data.loads(row.trigger).bind(row.anchor, UTC)
    except SchedkitError:
        return None


def _entry(task: str, first: datetime, last: datetime, count: int | None, times: Sequence[datetime]) -> Row:
    return {
        "task": task,
        "outcome": "due",
        "count": count,
        "at": iso(first),
        "until": iso(last),
        "times": [iso(time) for time in times],
        "run": None,
    }


def _order(entry: Row) -> tuple[str, str, str]:
    return entry["at"], entry["task"], entry["outcome"]
