"""Queries that several readers of the ledger share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from schedkit.core.store.schema import LIVE_STATES, events, meta, runs, tasks, waits

__all__ = ["ALL_TASKS", "LAST_SEQ", "LIVE", "LIVE_RUNS", "OPEN_WAITS", "mappings", "setting"]

# Literals: with bound parameters no partial index is used.
_LIVE_STATES: list[sa.ColumnElement[str]] = [sa.literal_column(f"'{state}'") for state in LIVE_STATES]
LIVE = runs.c.state.in_(_LIVE_STATES)
LIVE_RUNS = select(runs).where(LIVE).order_by(runs.c.id)
ALL_TASKS = select(tasks).order_by(tasks.c.name)
# What PENDING runs wait for, and parents' runs that are still to come.
OPEN_WAITS = (
    select(waits)
    .where(
        waits.c.run.in_(select(runs.c.id).where(LIVE, runs.c.state == "PENDING"))
        | waits.c.parent_run.is_(None)
    )
    .order_by(waits.c.run, waits.c.parent)
)
LAST_SEQ = select(sa.func.max(events.c.seq))


def mappings(
    connection: sa.Connection, query: sa.Select[Any], values: Mapping[str, Any] | None = None
) -> Iterator[Mapping[str, Any]]:
    """Return the rows of a query, all read at once, by the names of their columns."""
    found = connection.execute(query, values).mappings().all()
    yield from found  # type: ignore[misc]  # a RowMapping is one


def setting(connection: sa.Connection, key: str) -> str | None:
    """Return a setting that is kept with the ledger."""
    return connection.scalar(select(meta.c.value).where(meta.c.key == key))
