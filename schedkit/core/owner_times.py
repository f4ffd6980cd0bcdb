"""The owner's due times: recorded with what became of them, as the schedules advance."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from schedkit.core import trigger_data
from schedkit.core.changes import Change, Op
from schedkit.core.clock import BATCH, Fire, Schedule, Tick, skipped
from schedkit.core.events import (
    Fired,
)
from schedkit.core.ledger import TaskRow
from schedkit.core.owner_attempts import Attempts
from schedkit.core.rows import to_micros
from schedkit.core.states import Disposition
from schedkit.core.store import reason
from schedkit.core.writer import StaleError
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
        for before, after in zip(tick.before, tick.after, strict=True):
            row = self.rows.get(before.task)
            if row is None or before.next_at is None:
                continue
            change.add(
                Op.ADVANCE,
                task=before.task,
                was=to_micros(before.next_at),
                to=None if after.next_at is None else to_micros(after.next_at),
            )
            self.rows[before.task] = row = replace(row, next_at=after.next_at)
            change.tell(self._task_event("advanced", row, "", 0))
        for fire in tick.fires:
            if fire.kind is Disposition.RUN:
                if fire.cancels:
                    for run_id in list(self._by_task.get(fire.task, ())):
                        self.cancel(run_id, "a newer run of the task")
                self._add(
                    change, self.new_run(fire.task, "schedule", "", scheduled_at=fire.last, due=fire.due_at)
                )
            else:
                self._record_fire(change, fire, now)
        committed = self.loop.create_future()
        change.then(lambda error: _settle(committed, error))
        self._post(change)
        self.pump()
        try:
            await committed
        except (StaleError, IntegrityError) as error:
            await self._reconcile(tick, error)

    async def _reconcile(self, tick: Tick, error: Exception) -> None:
        """Take up the ledger's truth where a tick contradicts it, e.g. after the clock was set back."""
        _log.warning("due times did not fit the ledger, which is right: %s", reason(error))
        rows = {row.name: row for row in await asyncio.to_thread(self.ledger.tasks)}
        for before in tick.before:
            row = rows.get(before.task)
            if row is None or before.task not in self.rows or before.next_at is None:
                self.rows.pop(before.task, None)
                self.timetable.drop(before.task)
                continue
            times = [fire.last for fire in tick.fires if fire.task == before.task]
            if row.next_at == before.next_at and times:
                # A time has its run already: move past what is there.
                taken = await asyncio.to_thread(
                    self.ledger.scheduled, before.task, before.next_at, max(times)
                )
                row = replace(row, next_at=before.trigger.next(max(taken, default=max(times))))
                change = Change()
                change.add(Op.PUT_TASK, **row.row())
                self._post(change)
            self.rows[before.task] = row
            self._put_schedule(row)
        self.pump()

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


def _settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    if not future.done():
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
