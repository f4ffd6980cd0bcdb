"""Making up for due times that made no run, each once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from schedkit.core.ledger.reader import scheduled_times
from schedkit.core.ledger.rows import time_from, to_micros
from schedkit.core.node.submissions import post_runs
from schedkit.core.owner.known import Waiter
from schedkit.core.owner.owner import Owner
from schedkit.core.run import Run
from schedkit.core.when.base import Trigger
from schedkit.errors import UsageError

__all__ = ["MOST_BACKFILL", "Backfills", "asked", "due_times"]

MOST_BACKFILL = 10_000
MICROSECOND = timedelta(microseconds=1)


def due_times(trigger: Trigger, start: datetime, end: datetime, what: str) -> list[datetime]:
    """Return the times of `trigger` from `start` to `end`, both included.

    Raises
    ------
    UsageError
        If there are more of them than are made up for at once.
    """
    due, at = list[datetime](), trigger.next(start - MICROSECOND)
    while at is not None and at <= end:
        due.append(at)
        if len(due) > MOST_BACKFILL:
            raise UsageError(
                f"{what}: more than {MOST_BACKFILL} due times from {start} to {end}",
                hint="backfill a shorter window",
            )
        at = trigger.next(at)
    return due


class Backfills:
    """The owner's way to make up for past due times; its methods run on our loop."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        # Between the look at what is taken and the runs themselves, nobody else may take it.
        self._one_at_a_time = asyncio.Lock()

    async def make(
        self, name: str, start: datetime, end: datetime, who: str
    ) -> tuple[list[Run], list[Waiter]]:
        """Submit a run for each due time in [start, end] that has none, oldest first; durable on return.

        Raises
        ------
        UsageError
            If the task has no schedule here, or the window holds too much.
        """
        owner = self._owner
        async with self._one_at_a_time:
            row, task = owner.rows.get(name), owner.registry.get(name)
            if row is None or task is None or task.trigger is None:
                raise UsageError(
                    f"task {name!r} has no schedule here", hint="only due times can be made up for"
                )
            trigger = task.trigger.bind(row.anchor, owner.config.tz)
            # Times that lie ahead belong to the clock.
            until = min(end, (row.next_at or datetime.now(UTC)) - MICROSECOND)
            due = await asyncio.to_thread(due_times, trigger, start, until, f"task {name!r}")
            taken = await self._taken(name, due)
            runs = [
                owner.new_run(name, "backfill", who, scheduled_at=time) for time in due if time not in taken
            ]
            waiters, durable = post_runs(owner, runs)
            await asyncio.wrap_future(durable.future())
        return runs, waiters

    async def _taken(self, name: str, due: list[datetime]) -> set[datetime]:
        if not due:
            return set()
        # Read by the writer, after everything the clock has decided and not yet written.
        self._owner.pump()

        def read(connection: sa.Connection) -> set[datetime]:
            return scheduled_times(connection, name, due[0], due[-1])

        return await asyncio.wrap_future(self._owner.writer.call(read))

    async def carry_out(self, data: Mapping[str, Any], who: str) -> dict[str, Any]:
        """Do what `asked` wrote down; return its answer."""
        start, end = (_time(data[key]) for key in ("start", "end"))
        runs, _ = await self.make(data["task"], start, end, who)
        return {"runs": [run.id for run in runs]}


def asked(name: str, start: datetime, end: datetime) -> dict[str, Any]:
    """Return a backfill as data for another process."""
    return {"task": name, "start": to_micros(start), "end": to_micros(end)}


def _time(micros: int) -> datetime:
    time = time_from(micros)
    assert time is not None
    return time
