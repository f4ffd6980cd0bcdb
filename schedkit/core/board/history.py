"""A window of history as a screen shows it: figures, a time line of bars, one page of runs.

It is counted in the database, so that thousands of runs do not slow a screen: at most `BARS` bars a lane
leave it, whatever lies in the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func, select

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
# instead of through those of the window. Of 2,000,000 runs a window of a day took 5 s of CPU, and takes 0.01.
_TASK = runs.c.task.concat(sa.literal_column("''"))
_STARTED = runs.c.started_at.is_not(None)
_ENDED = _STARTED & runs.c.finished_at.is_not(None)
_LENGTH = runs.c.finished_at - runs.c.started_at
_IS_BAD = func.sum(sa.case((runs.c.state.in_(BAD), 1), else_=0))
_IS_QUIET = func.sum(sa.case((runs.c.state.in_(QUIET), 1), else_=0))


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
    inside = runs.c.id >= id_at(now - timedelta(hours=hours))
    wanted = sa.and_(inside, *_only(task, state))
    with store.reading() as connection:
        groups = connection.execute(
            select(
                _TASK.label("task"),
                runs.c.state,
                func.count().label("runs"),
                func.sum(sa.case((_ENDED, 1), else_=0)).label("ended"),
                func.min(runs.c.started_at).label("first"),
            )
            .where(inside)
            .group_by(_TASK, runs.c.state)
        ).mappings()
        found = [dict(group) for group in groups]
        mine = [group for group in found if _fits(group, task, state)]
        total, ended = _sum(mine, "runs"), _sum(mine, "ended")
        began = from_micros(min((group["first"] for group in mine if group["first"]), default=None)) or now
        lanes = _lanes(connection, wanted, mine, began, now)
        half, most = _within(connection, wanted, ended)
        page = select(runs).where(wanted).order_by(runs.c.id.desc()).offset(first).limit(rows)
        return {
            "since": iso(began),
            "until": iso(now),
            "total": total,
            "failed": sum(group["runs"] for group in mine if group["state"] in BAD),
            "half": half,
            "most": most,
            "tasks": sorted({group["task"] for group in found})[:TASKS_NAMED],
            "states": sorted({group["state"] for group in found}),
            "lanes": lanes,
            "more": len({group["task"] for group in mine}) - len(lanes),
            "first": first,
            "runs": [_brief(run_row(run_from_row(row))) for row in mappings(connection, page)],
        }


def _brief(row: Row) -> Row:
    return {**row, "error": row["error"] and brief_error(row["error"])}


def _only(task: str, state: str) -> list[sa.ColumnElement[bool]]:
    return [column == value for column, value in ((runs.c.task, task), (runs.c.state, state)) if value]


def _fits(group: Mapping[str, Any], task: str, state: str) -> bool:
    return task in ("", group["task"]) and state in ("", group["state"])


def _sum(groups: list[dict[str, Any]], what: str) -> int:
    return sum(int(group[what]) for group in groups)


def _within(
    connection: sa.Connection, wanted: sa.ColumnElement[bool], ended: int
) -> tuple[float | None, float | None]:
    """Return the seconds within which 50 % and 95 % of the runs ended; they are put in order once."""
    if not ended:
        return None, None
    places = [min(ended - 1, int(share * ended)) + 1 for share in (0.5, 0.95)]
    number = func.row_number().over(order_by=_LENGTH).label("number")
    ordered = select(_LENGTH.label("length"), number).where(wanted, _ENDED).subquery()
    query = select(ordered.c.number, ordered.c.length).where(ordered.c.number.in_(places))
    found = {row.number: int(row.length) / 1e6 for row in connection.execute(query)}
    half, most = (found.get(place) for place in places)
    return half, most


def _lanes(
    connection: sa.Connection,
    wanted: sa.ColumnElement[bool],
    groups: list[dict[str, Any]],
    began: datetime,
    now: datetime,
) -> list[Row]:
    busy: dict[str, int] = {}
    for group in groups:
        busy[group["task"]] = busy.get(group["task"], 0) + group["runs"]
    names = sorted(sorted(busy, key=lambda name: (-busy[name], name))[:LANES])
    if not names:
        return []
    start, end = to_micros(began), to_micros(now)
    bar = (runs.c.started_at - start) // max(1, -(-(end - start) // BARS))
    query = (
        select(
            runs.c.task,
            func.min(runs.c.started_at).label("from"),
            func.max(func.coalesce(runs.c.finished_at, end)).label("to"),
            func.count().label("runs"),
            _IS_BAD.label("failed"),
            _IS_QUIET.label("quiet"),
            func.max(func.coalesce(runs.c.finished_at, end) - runs.c.started_at).label("longest"),
            func.sum(sa.case((runs.c.finished_at.is_(None), 1), else_=0)).label("active"),
        )
        .where(wanted, _STARTED, runs.c.task.in_(names))
        .group_by(runs.c.task, bar)
        .order_by(runs.c.task, sa.text("2"))
    )
    bars: dict[str, list[list[float]]] = {name: [] for name in names}
    for row in connection.execute(query).mappings():
        span = ((row["from"] - start) / 1000, (row["to"] - start) / 1000)
        counts = (int(row["runs"]), int(row["failed"]), row["longest"] / 1e6, int(row["active"]))
        bars[row["task"]].append([*span, *counts, int(row["quiet"])])
    return [{"task": name, "runs": busy[name], "bars": bars[name]} for name in names]
