"""A window of history as a screen shows it: figures, a time line of bars, one page of runs.

It is counted in the database, so that thousands of runs do not slow a screen: at most `BARS` bars a lane
leave it, whatever lies in the window. SQLite forms groups by putting all rows in order, which takes five
times as long as to read them: it is asked for groups of as few as possible.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import func, select

from schedkit.core.board.lengths import run_lengths
from schedkit.core.board.rows import Row, brief_error, iso, run_row
from schedkit.core.ids import id_at
from schedkit.core.store.database import Store
from schedkit.core.store.queries import mappings
from schedkit.core.store.rows import run_from_row
from schedkit.core.store.schema import runs
from schedkit.values.instants import from_micros, to_micros

__all__ = ["BARS", "LANES", "window"]

BARS = 120
LANES = 12
TASKS_NAMED = 1000
BAD = ("FAILED", "TIMEOUT")
QUIET = ("CANCELLED", "SKIPPED")

# Not the bare column: SQLite would go through all runs ever by its index of tasks, to have them in groups,
# instead of through those of the window. Of 2,000,000 runs a window of a day took 5 s of CPU, and takes 0.01;
# and the time line of 80 days takes 0.7 s, and took 1.2 s by the index.
_TASK = runs.c.task.concat(sa.literal_column("''"))
_STARTED = runs.c.started_at.is_not(None)


def window(
    store: Store,
    now: datetime,
    hours: float,
    *,
    task: str = "",
    state: str = "",
    first: int = 0,
    rows: int = 50,
) -> Row:
    """Return the runs queued within the last `hours`, JSON-able.

    Parameters
    ----------
    now : datetime
        Where the window ends.
    task, state : str
        Only these, if given.
    first, rows : int
        The page: `rows` runs from number `first`, newest first.

    Returns
    -------
    dict
        ``since`` and ``until``, the time line's ends; ``total``, ``failed``, ``half`` and ``most``, the
        seconds within which 50 % and 95 % ended; ``tasks`` and ``states``, what the window holds;
        ``lanes``, the busiest tasks, each with ``bars``
        ``[from, to, runs, failed, longest, active, quiet]``, from and to in milliseconds after ``since``,
        longest in seconds, quiet the cancelled and skipped ones; ``more``, how many tasks have no lane;
        ``runs``, the page.
    """
    since = now - timedelta(hours=hours)
    inside = runs.c.id >= id_at(since)
    chosen = _only(task, state)
    wanted = sa.and_(inside, *chosen)
    with store.snapshot() as connection:
        held = _held(connection, inside)
        mine = {group: count for group, count in held.items() if _fits(group, task, state)}
        lengths = run_lengths(connection, chosen, since, now, sum(mine.values()))
        began = from_micros(lengths.first) or now
        lanes = _lanes(connection, wanted, mine, began, now)
        half, most = lengths.within
        page = select(runs).where(wanted).order_by(runs.c.id.desc()).offset(first).limit(rows)
        return {
            "since": iso(began),
            "until": iso(now),
            "total": sum(mine.values()),
            "failed": sum(count for (_, ended), count in mine.items() if ended in BAD),
            "half": half,
            "most": most,
            "tasks": sorted({name for name, _ in held})[:TASKS_NAMED],
            "states": sorted({each for _, each in held}),
            "lanes": lanes,
            "more": len({name for name, _ in mine}) - len(lanes),
            "first": first,
            "runs": [_brief(run_row(run_from_row(row))) for row in mappings(connection, page)],
        }


def _brief(row: Row) -> Row:
    return {**row, "error": row["error"] and brief_error(row["error"])}


def _only(task: str, state: str) -> list[sa.ColumnElement[bool]]:
    return [column == value for column, value in ((runs.c.task, task), (runs.c.state, state)) if value]


def _fits(group: tuple[str, str], task: str, state: str) -> bool:
    return task in ("", group[0]) and state in ("", group[1])


def _held(connection: sa.Connection, inside: sa.ColumnElement[bool]) -> dict[tuple[str, str], int]:
    """Return how many runs of each task and state are inside.

    Those that are DONE, nearly all as a rule, are what the other states leave of a task's runs; and those of
    a task are counted in the index. So few are put in order.
    """
    first = select(func.min(runs.c.task).label("task")).cte("names", recursive=True)
    later = select(func.min(runs.c.task)).where(runs.c.task > first.c.task).scalar_subquery()
    names = first.union_all(select(later).where(first.c.task.is_not(None)))
    count = select(func.count()).where(inside, runs.c.task == names.c.task).scalar_subquery()
    done = {
        (row.task, "DONE"): row.runs for row in connection.execute(select(names.c.task, count.label("runs")))
    }
    query = select(_TASK.label("task"), runs.c.state, func.count().label("runs"))
    others = {
        (row.task, row.state): row.runs
        for row in connection.execute(
            query.where(inside, runs.c.state != "DONE").group_by(_TASK, runs.c.state)
        )
    }
    for (task, _), runs_of in others.items():
        done[task, "DONE"] -= runs_of
    return {group: count for group, count in (done | others).items() if count}


def _lanes(
    connection: sa.Connection,
    wanted: sa.ColumnElement[bool],
    groups: dict[tuple[str, str], int],
    began: datetime,
    now: datetime,
) -> list[Row]:
    busy: dict[str, int] = {}
    for (task, _), count in groups.items():
        busy[task] = busy.get(task, 0) + count
    names = sorted(sorted(busy, key=lambda name: (-busy[name], name))[:LANES])
    if not names:
        return []
    start, end = to_micros(began), to_micros(now)
    bar = (runs.c.started_at - start) // max(1, -(-(end - start) // BARS))
    query = (
        select(
            _TASK.label("task"),
            func.min(runs.c.started_at).label("from"),
            func.max(func.coalesce(runs.c.finished_at, end)).label("to"),
            func.count().label("runs"),
            func.count().filter(runs.c.state.in_(BAD)).label("failed"),
            func.count().filter(runs.c.state.in_(QUIET)).label("quiet"),
            func.max(func.coalesce(runs.c.finished_at, end) - runs.c.started_at).label("longest"),
            func.count().filter(runs.c.finished_at.is_(None)).label("active"),
        )
        .where(wanted, _STARTED, _TASK.in_(names))
        .group_by(_TASK, bar)
        .order_by(_TASK, sa.text("2"))
    )
    bars: dict[str, list[list[float]]] = {name: [] for name in names}
    for row in connection.execute(query).mappings():
        span = ((row["from"] - start) / 1000, (row["to"] - start) / 1000)
        counts = (row["runs"], row["failed"], row["longest"] / 1e6, row["active"], row["quiet"])
        bars[row["task"]].append([*span, *counts])
    return [{"task": name, "runs": busy[name], "bars": bars[name]} for name in names]
