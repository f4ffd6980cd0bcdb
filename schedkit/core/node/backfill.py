"""Making up for due times that made no run, each once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import anyio.to_thread
import sqlalchemy as sa

from schedkit.core.node.life import Life
from schedkit.core.node.submissions import Submitted, submit_all
from schedkit.core.store.reader import scheduled_times
from schedkit.core.triggers.base import Trigger
from schedkit.errors import NotRunningError, UsageError
from schedkit.loop import awaited
from schedkit.values.instants import from_micros, to_micros

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
    """A life's way to make up for past due times; its methods run on our loop."""

    def __init__(self, life: Life) -> None:
        self._life = life
        # Between the look at what is taken and the runs themselves, nobody else may take it.
        self._one_at_a_time = anyio.Lock()

    async def make(self, name: str, start: datetime, end: datetime, actor: str) -> Submitted:
        """Submit a run for each due time in [start, end] that has none, oldest first; durable on return.

        Raises
        ------
        NotRunningError
            If the task is not at home here.
        UsageError
            If the task has no schedule here, or the window holds too much.
        """
        life = self._life
        async with self._one_at_a_time:
            row, task = life.engine.rows.get(name), life.registry.get(name)
            if row is None or task is None:
                raise NotRunningError(
                    f"no process that runs has the task {name!r}",
                    hint="run the cell or file that declares it",
                )
            if task.trigger is None:
                raise UsageError(
                    f"task {name!r} has no schedule here", hint="only due times can be made up for"
                )
            trigger = task.trigger.bind(row.anchor, life.config.tz)
            # Times that lie ahead belong to the clock.
            until = min(end, (row.next_at or datetime.now(UTC)) - MICROSECOND)
            due = await anyio.to_thread.run_sync(due_times, trigger, start, until, f"task {name!r}")
            taken = await self._taken(name, due)
            wanted = [{"scheduled": to_micros(time)} for time in due if time not in taken]
            submitted = submit_all(life, name, wanted, cause="backfill", actor=actor)
            await awaited(submitted[2].future())
        return submitted

    async def _taken(self, name: str, due: list[datetime]) -> set[datetime]:
        if not due:
            return set()
        # Read by the writer, after everything the clock has decided and not yet written.
        await self._life.decided()

        def read(connection: sa.Connection) -> set[datetime]:
            return scheduled_times(connection, name, due[0], due[-1])

        return await awaited(self._life.writer.call(read))

    async def carry_out(self, data: Mapping[str, Any], actor: str) -> dict[str, Any]:
        """Do what `asked` wrote down; return its answer."""
        start, end = (from_micros(data[key]) for key in ("start", "end"))
        runs, _, _ = await self.make(data["task"], start, end, actor)
        return {"runs": runs}


def asked(name: str, start: datetime, end: datetime) -> dict[str, Any]:
    """Return a backfill as data for another process."""
    return {"task": name, "start": to_micros(start), "end": to_micros(end)}
