"""The owner's due times: recorded with what became of them, as the schedules advance."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import sqlalchemy as sa
from msgspec.structs import replace

from schedkit.core.events import (
    Fired,
)
from schedkit.core.ledger import schema
from schedkit.core.ledger.changes import Change, Op
from schedkit.core.ledger.reader import TaskRow, scheduled_times
from schedkit.core.ledger.rows import time_from, to_micros
from schedkit.core.ledger.store import reason
from schedkit.core.ledger.writer import RefusedRowError, StaleError
from schedkit.core.owner.attempts import Attempts
from schedkit.core.states import Disposition
from schedkit.core.when import data as trigger_data
from schedkit.core.when.clock import BATCH, Fire, Schedule, Tick, skipped
from schedkit.errors import TriggerError

__all__ = ["Times"]

_log = logging.getLogger("schedkit")


class Times(Attempts):
    """Dispositions of due times."""

    async def record(self, tick: Tick) -> None:
        """Commit a tick: the dispositions and the advances, in one transaction."""
        now = datetime.now(UTC)
        if len(tick.before) >= BATCH:
            self.rush.begin()
        change = Change()
        told: set[str] = set()
        for before, after in zip(tick.before, tick.after, strict=True):
            row = self.rows.get(before.task)
            # Removed, paused or rescheduled since it was decided: that has dealt with its times, or will.
            if row is None or before.next_at is None or not self.timetable.took(before.task):
                continue
            if row.next_at != before.next_at:
                self._put_schedule(row)
                continue
            told.add(before.task)
            change.add(
                Op.ADVANCE,
                task=before.task,
                was=to_micros(before.next_at),
                to=_micros(after.next_at),
            )
            self.rows[before.task] = row = replace(row, next_at=after.next_at)
            change.tell(self._task_event("advanced", row, "", 0))
        if not told:
            return
        self._record_fires(change, (fire for fire in tick.fires if fire.task in told), now)
        try:
            await self._committed_change(change)
        except (StaleError, RefusedRowError) as error:
            _log.warning("due times did not fit the ledger, which is right: %s", reason(error))
            for before, after in zip(tick.before, tick.after, strict=True):
                if before.task in told:
                    fires = [fire for fire in tick.fires if fire.task == before.task]
                    await self._reconcile(before, after, fires)

    async def _committed_change(self, change: Change) -> None:
        committed = self.loop.create_future()
        change.then(lambda error: _settle(committed, error))
        self._post(change)
        self.pump()
        await committed

    async def _reconcile(self, before: Schedule, after: Schedule, fires: list[Fire]) -> None:
        """Bring a task's part of a refused tick together with the ledger.

        It is refused with all others of its tick when one of them has its run already, as after the clock
        was set back, and no time of any of them may go without its disposition.
        """
        times = [when for fire in fires for when in (fire.first, fire.last)]
        while True:
            row = self.rows.get(before.task)
            if row is None:
                return
            stands = await asyncio.wrap_future(
                self.writer.call(lambda connection: _as_it_stands(connection, before.task, times))
            )
            if self.rows.get(before.task) is row:
                break  # what was posted before is written, and nothing has been posted since
        if stands is None:
            del self.rows[before.task]
            self.timetable.drop(before.task)
            return
        ledger, taken = stands
        row = self.rows[before.task] = replace(row, next_at=ledger)
        change, now = Change(), datetime.now(UTC)
        if ledger != before.next_at:
            # A pause or a new trigger came meanwhile and was written from where the tick would have led.
            self._record_fires(change, _without(fires, taken), now)
        elif taken:
            row = self.rows[before.task] = replace(row, next_at=after.next_at)
            change.add(Op.ADVANCE, task=row.name, was=_micros(before.next_at), to=_micros(after.next_at))
            self._record_fires(change, _without(fires, taken), now)
        if change.ops:
            await self._committed_change(change)
        self._put_schedule(self.rows.get(before.task, row))

    def _record_fires(self, change: Change, fires: Iterable[Fire], now: datetime) -> None:
        for fire in fires:
            if fire.kind is not Disposition.RUN:
                self._record_fire(change, fire, now)
                continue
            if fire.cancels:
                for run_id in list(self._by_task.get(fire.task, ())):
                    self.cancel(run_id, "a newer run of the task")
            self._add(
                change, self.new_run(fire.task, "schedule", "", scheduled_at=fire.last, due=fire.due_at)
            )

    def _record_fire(self, change: Change, fire: Fire, now: datetime) -> None:
        change.add(
            Op.INSERT_FIRE,
            task=fire.task,
            scheduled_at=to_micros(fire.first),
            until=to_micros(fire.last),
            count=fire.count,
            disposition=fire.kind.value,
            at=to_micros(now),
            reason=fire.reason,
        )
        change.tell(
            Fired(
                at=now,
                seq=self.next_seq(),
                task=fire.task,
                scheduled_at=fire.first,
                until=fire.last,
                count=fire.count,
                disposition=fire.kind,
            )
        )

    def _schedule(self, row: TaskRow) -> Schedule | None:
        task = self.registry.get(row.name)
        if task is None or task.trigger is None or row.next_at is None:
            return None
        return Schedule.of(task, row.anchor, next_at=row.next_at, tz=self.config.tz)

    def _put_schedule(self, row: TaskRow) -> None:
        schedule = self._schedule(row)
        if schedule is None or row.paused or self.paused or self.stopping:
            self.timetable.drop(row.name)
        else:
            self.timetable.put(schedule)

    def _leave_behind(self, change: Change, row: TaskRow, now: datetime, reason: str) -> datetime | None:
        """Record what a schedule that is changed or resumed passes over; return its next time after that."""
        if row.trigger is None or row.next_at is None:
            return None
        try:
            trigger = trigger_data.loads(row.trigger).bind(row.anchor, self.config.tz)
        except TriggerError as error:
            _log.warning(
                "the old schedule of %r cannot be read, its passed times are unknown: %s", row.name, error
            )
            return None
        tick = skipped(Schedule(row.name, trigger, row.next_at), now, reason)
        for fire in tick.fires:
            self._record_fire(change, fire, now)
        return tick.after[0].next_at


def _micros(when: datetime | None) -> int | None:
    return None if when is None else to_micros(when)


def _as_it_stands(
    connection: sa.Connection, task: str, times: list[datetime]
) -> tuple[datetime | None, set[datetime]] | None:
    """Return a task's next time, and which times between these have their run; None if there is no task."""
    found = connection.execute(sa.select(schema.tasks.c.next_at).where(schema.tasks.c.name == task)).first()
    if found is None:
        return None
    taken = scheduled_times(connection, task, min(times), max(times)) if times else set[datetime]()
    return time_from(found.next_at), taken


def _without(fires: Iterable[Fire], taken: set[datetime]) -> Iterator[Fire]:
    return (fire for fire in fires if fire.kind is not Disposition.RUN or fire.last not in taken)


def _settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    if not future.done():
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
