"""Making up for due times that made no run, each once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio
import anyio.to_thread
import sqlalchemy as sa

from schedkit.core.engine.stimuli import Submit
from schedkit.core.ids import new_id
from schedkit.core.node.commands import BackfillTask
from schedkit.core.node.life import Life
from schedkit.core.node.waiters import Waiter
from schedkit.core.promise import Countdown
from schedkit.core.store.reader import scheduled_times
from schedkit.core.triggers.base import Trigger
from schedkit.errors import NotRunningError, UsageError
from schedkit.loop import awaited
from schedkit.values.instants import from_micros, to_micros

__all__ = ["MOST_BACKFILL", "Backfills", "due_times"]

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
    """A process's way to make up for past due times; its methods run on our loop."""

    def __init__(self) -> None:
        # Between the read of what is taken and the writing of the runs, no other process may take it.
        self._one_at_a_time = anyio.Lock()

    async def make(self, life: Life, asked: BackfillTask) -> dict[str, Waiter]:
        """Submit a run for each due time that has none, oldest first; durable on return.

        Returns
        -------
        dict of str to Waiter
            A promise of the end of each run, by its id.

        Raises
        ------
        NotRunningError
            If the task is not at home here.
        UsageError
            If the task has no schedule here, or the window holds too much.
        """
        name = asked.task
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
            start, end = from_micros(asked.start), from_micros(asked.end)
            # Times that lie ahead belong to the clock.
            until = min(end, (row.next_at or datetime.now(UTC)) - MICROSECOND)
            due = await anyio.to_thread.run_sync(due_times, trigger, start, until, f"task {name!r}")
            taken = await _taken(life, name, due)
            left = [time for time in due if time not in taken]
            durable = Countdown(len(left))
            wanted = [
                Submit(
                    run=new_id(),
                    task=name,
                    cause="backfill",
                    actor=asked.actor,
                    scheduled=to_micros(time),
                    token=durable,
                )
                for time in left
            ]
            waiters = life.submit(wanted)
            await life.written(durable)
        return {submit.run: waiter for submit, waiter in zip(wanted, waiters, strict=True)}


async def _taken(life: Life, name: str, due: list[datetime]) -> set[datetime]:
    if not due:
        return set()
    # Read by the writer, after everything the clock has decided and not yet written.
    await life.decided()

    def read(connection: sa.Connection) -> set[datetime]:
        return scheduled_times(connection, name, due[0], due[-1])

    return await awaited(life.writer.call(read))
