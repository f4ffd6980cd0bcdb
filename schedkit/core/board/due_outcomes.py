"""What became of the due times of a few days, counted in the database: by day, task and outcome."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func, select

from schedkit.core.board.rows import Row, iso
from schedkit.core.ids import id_at
from schedkit.core.store.database import Store
from schedkit.core.store.schema import fires, runs
from schedkit.values.instants import from_micros, to_micros

__all__ = ["MOST_ENTRIES", "due_outcomes"]

MOST_ENTRIES = 2000
# Day, task and outcome, by their places: written out again they would be other expressions to PostgreSQL.
_GROUPS = (sa.text("1"), sa.text("2"), sa.text("3"))


def due_outcomes(store: Store, bounds: Sequence[datetime], task: str = "") -> list[list[Row]]:
    """Return for each day the due times that have an outcome.

    Parameters
    ----------
    bounds : sequence of datetime
        Where the days begin, and where the last one ends.
    task : str
        Only of this task, if given.

    Returns
    -------
    list of list of dict
        ``task``, ``outcome`` (a run's state, or missed, coalesced, overlapped), ``count`` (None: more than
        are worth counting), ``at`` and ``until``, and ``run``, the latest run. Of all days together at most
        `MOST_ENTRIES`, those of runs first.
    """
    days: list[list[Row]] = [[] for _ in bounds[1:]]
    with store.reading() as connection:
        for query in (_of_runs(bounds, task), _of_fires(bounds, task)):
            left = MOST_ENTRIES - sum(map(len, days))
            for found in connection.execute(query.limit(left)).mappings():
                days[found["day"]].append(_entry(found))
    return days


def _of_runs(bounds: Sequence[datetime], task: str) -> sa.Select[Any]:
    at, state = runs.c.scheduled_at, runs.c.state
    day = _day_of(at, bounds)
    inside = [runs.c.id >= id_at(bounds[0]), at >= to_micros(bounds[0]), at < to_micros(bounds[-1])]
    columns = (day.label("day"), runs.c.task, state.label("outcome"), func.count().label("count"))
    latest = (func.min(at).label("at"), func.max(at).label("until"), func.max(runs.c.id).label("run"))
    wanted = [*inside, *([runs.c.task == task] if task else [])]
    return select(*columns, *latest).where(*wanted).group_by(*_GROUPS)


def _of_fires(bounds: Sequence[datetime], task: str) -> sa.Select[Any]:
    start, end = to_micros(bounds[0]), to_micros(bounds[-1])
    # A range that began before the first day is of the first day.
    at = sa.case((fires.c.scheduled_at < start, start), else_=fires.c.scheduled_at)
    day, outcome = _day_of(at, bounds), fires.c.outcome
    uncounted = func.sum(sa.case((fires.c.count.is_(None), 1), else_=0))
    count = sa.case((uncounted > 0, None), else_=func.sum(fires.c.count)).label("count")
    columns = (day.label("day"), fires.c.task, outcome.label("outcome"), count)
    range = (func.min(at).label("at"), func.max(fires.c.until).label("until"), sa.null().label("run"))
    wanted = [fires.c.scheduled_at < end, fires.c.until >= start, *([fires.c.task == task] if task else [])]
    return select(*columns, *range).where(*wanted).group_by(*_GROUPS)


def _day_of(at: sa.ColumnElement[int], bounds: Sequence[datetime]) -> sa.ColumnElement[int]:
    """Return the number of the day that a time is of."""
    inner = bounds[1:-1]
    if not inner:
        return sa.literal_column("0")
    whens: list[tuple[sa.ColumnElement[bool], sa.ColumnElement[int]]] = [
        (at < to_micros(bound), sa.literal_column(str(day))) for day, bound in enumerate(inner)
    ]
    return sa.case(*whens, else_=sa.literal_column(str(len(inner))))


def _entry(found: Any) -> Row:
    return {
        "task": found["task"],
        "outcome": found["outcome"],
        "count": None if found["count"] is None else int(found["count"]),
        "at": iso(from_micros(int(found["at"]))),
        "until": iso(from_micros(int(found["until"]))),
        "times": [],
        "run": found["run"],
    }
