"""Who did what, from the log of events; and the runs that failed."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import select

from schedkit.core import events as ev
from schedkit.core.ids import id_at
from schedkit.core.run import Run
from schedkit.core.states import State
from schedkit.core.store.database import Store
from schedkit.core.store.queries import mappings
from schedkit.core.store.rows import run_from_row
from schedkit.core.store.schema import events, runs

__all__ = ["AuditRow", "audit", "failed_since", "finished_runs"]

_KINDS = tuple(
    kind.__name__ for kind in (ev.TaskChanged, ev.RunQueued, ev.RunStopping, ev.RunEnded, ev.NodeChanged)
)
_FAILED = (str(State.FAILED), str(State.TIMEOUT))
BATCH, MOST_BATCHES = 500, 20
# Why a run exists that was not requested.
_BY_ITSELF = ("schedule", "after")


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was done by a person or a process: `action` is declared, paused, submitted, cancelled, …"""

    seq: int
    at: datetime
    actor: str
    action: str
    task: str
    run: str


def audit(store: Store, *, actor: str | None, before: int | None, limit: int) -> tuple[list[AuditRow], int]:
    """Return what was done, newest first, and the number before which the next page begins (0: none).

    What the clock does by itself is left out. Where there is much of that, a page may have less than `limit`
    rows, though others follow.
    """
    query = select(events.c.seq, events.c.actor, events.c.data).where(events.c.kind.in_(_KINDS))
    if actor is not None:
        query = query.where(events.c.actor == actor)
    query, found = query.order_by(events.c.seq.desc()).limit(BATCH), list[AuditRow]()
    with store.reading() as connection, store.decoding():
        for _ in range(MOST_BATCHES):
            page = query if before is None else query.where(events.c.seq < before)
            batch = [dict(row) for row in mappings(connection, page)]
            for event in batch:
                row = _row(ev.decode(event["data"]), event["seq"], event["actor"])
                if row is not None:
                    found.append(row)
                    if len(found) == limit:
                        return found, row.seq
            if len(batch) < BATCH:
                return found, 0
            before = batch[-1]["seq"]
    return found, before or 0


def _row(event: ev.Event, seq: int, actor: str) -> AuditRow | None:
    action = _action(event)
    if not action:
        return None
    who = actor or event.name if isinstance(event, ev.NodeChanged) else actor
    return AuditRow(seq=seq, at=event.at, actor=who, action=action, task=event.task, run=event.run)


def _action(event: ev.Event) -> str:
    """Return what was done in one word; empty if it was not requested."""
    match event:
        case ev.TaskChanged():
            return event.change
        case ev.NodeChanged():
            return f"process {event.change}" if not event.actor else f"process {event.name} {event.change}"
        case ev.RunQueued(after=run) if event.followed and run.cause not in _BY_ITSELF:
            return {"submit": "submitted", "command": "submitted"}.get(run.cause, run.cause)
        case ev.RunStopping():
            return "cancelled"
        case ev.RunEnded(after=run, attempt=None) if run.state is State.CANCELLED:
            return "cancelled"
        case _:
            return ""


def failed_since(store: Store, since: datetime, *, task: str | None, limit: int) -> list[Run]:
    """Return the runs queued since a time that FAILED or timed out and were not retried, oldest first."""
    inside = runs.c.id >= id_at(since)
    retried = select(runs.c.retry_of).where(inside, runs.c.retry_of.is_not(None))
    query = select(runs).where(inside, runs.c.state.in_(_FAILED), runs.c.id.not_in(retried))
    if task is not None:
        query = query.where(runs.c.task == task)
    with store.reading() as connection, store.decoding():
        return [run_from_row(row) for row in mappings(connection, query.order_by(runs.c.id).limit(limit))]


def finished_runs(store: Store, limit: int) -> list[Run]:
    """Return the latest runs that have ended, newest first."""
    query = select(runs).where(runs.c.finished_at.is_not(None)).order_by(runs.c.id.desc()).limit(limit)
    with store.reading() as connection, store.decoding():
        return [run_from_row(row) for row in mappings(connection, query)]
