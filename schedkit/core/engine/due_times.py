"""Due times: each becomes a run, or is recorded with the reason why not."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from schedkit.core.engine.attempts import Attempts
from schedkit.core.engine.changes import FireRecorded
from schedkit.core.engine.runs import Runs
from schedkit.core.engine.state import EngineState
from schedkit.core.events import Fired
from schedkit.core.model import TaskRow
from schedkit.core.states import DueOutcome
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.kinds import At
from schedkit.core.triggers.schedule import Fire, Schedule, settle, skipped
from schedkit.core.triggers.wallclock import TICK
from schedkit.errors import TriggerError
from schedkit.values.instants import to_micros

__all__ = ["DueTimes"]

_log = logging.getLogger("schedkit")


class DueTimes:
    """The part of an engine that handles due times."""

    def __init__(self, state: EngineState, runs: Runs, attempts: Attempts) -> None:
        self._state, self._runs, self._attempts = state, runs, attempts

    def begins(self, trigger: Trigger | None) -> int | None:
        """Return the first time of a trigger that begins now, None without one."""
        first = None if trigger is None else trigger.begins(self._state.at, self._state.config.tz)
        return None if first is None else to_micros(first)

    def goes_on(self, row: TaskRow, trigger: Trigger | None) -> int | None:
        """Return the next time of a schedule that is declared again as it was.

        It is the known one, unless that is to come and no time of the schedule any more: the zone in which
        its wall times are read has changed.
        """
        state, next_at = self._state, row.next_at
        if trigger is None or (next_at is None and isinstance(trigger, At)):
            return row.next
        bound = trigger.bind(row.anchor, state.config.tz)
        if next_at is None:  # it may have failed, and be mended now
            found = bound.next(state.at)
        elif trigger.bound or next_at <= state.at or bound.next(next_at - TICK) == next_at:
            return row.next
        else:
            found = bound.first(state.at)
        return None if found is None else to_micros(found)

    def put(self, row: TaskRow) -> None:
        """Have a task's schedule become due at the next time of its row, if it may become due at all."""
        state, task = self._state, self._state.tasks.get(row.name)
        stands = row.paused or state.paused or state.draining or row.name in state.tasks_aside
        if task is None or task.trigger is None or row.next is None or stands:
            state.schedules.drop(row.name)
        else:
            self._push(Schedule.of(task, row.anchor, state.config.tz), row.next)

    def fire(self, most: int) -> int:
        """Handle the due times of at most so many schedules; return of how many."""
        state = self._state
        due = state.schedules.take(state.now, most)
        for schedule in due:
            row = state.rows[schedule.task]
            assert row.next is not None
            assert row.next_at is not None
            settled = settle(schedule, row.next_at, state.at, state.alive(row.name))
            if settled.error is not None:
                _log.error(
                    "the trigger of task %r failed; it has no further due times until the task is declared "
                    "again or rescheduled: %s",
                    row.name,
                    settled.error,
                )
            next = None if settled.next_at is None else to_micros(settled.next_at)
            if next != row.next:
                state.advance(row, next)
            self._record_fires(settled.fires)
            if next is not None:
                self._push(schedule, next)
        return len(due)

    def _record_fires(self, fires: Iterable[Fire]) -> None:
        for fire in fires:
            if fire.kind is not DueOutcome.RUN:
                self._record_fire(fire)
                continue
            scheduled = to_micros(fire.last)
            if scheduled in self._state.taken.get(fire.task, ()):
                continue  # it has a run: the clock was set back
            if fire.cancels:
                for run_id in list(self._state.by_task.get(fire.task, ())):
                    if (run := self._state.runs.get(run_id)) is not None:
                        self._attempts.cancel_run(run, "a newer run of the task")
            due = to_micros(fire.due_at)
            self._runs.add(self._runs.new(fire.task, "schedule", "", scheduled=scheduled, due=due))

    def leave_behind(self, row: TaskRow, reason: str) -> int | None:
        """Record what a schedule that is changed or resumed passes over; return its next time after that."""
        state = self._state
        if row.trigger is None or row.next_at is None:
            return None
        try:
            trigger = trigger_data.loads(row.trigger).bind(row.anchor, state.config.tz)
            settled = skipped(Schedule(row.name, trigger), row.next_at, state.at, reason)
        except TriggerError as error:  # also of a custom trigger that fails now
            _log.warning(
                "the previous trigger of %r failed; its past due times are not recorded: %s", row.name, error
            )
            return None
        for fire in settled.fires:
            self._record_fire(fire)
        return None if settled.next_at is None else to_micros(settled.next_at)

    def _record_fire(self, fire: Fire) -> None:
        state = self._state
        state.draft.changes.append(
            FireRecorded(
                fire.task,
                to_micros(fire.first),
                to_micros(fire.last),
                fire.count,
                fire.kind,
                state.now,
                fire.reason,
            )
        )
        state.draft.events.append(
            Fired(
                at=state.at,
                task=fire.task,
                scheduled_at=fire.first,
                until=fire.last,
                count=fire.count,
                outcome=fire.kind,
            )
        )

    def _push(self, schedule: Schedule, next: int) -> None:
        due = next
        if schedule.jitter:
            row = self._state.rows[schedule.task]
            assert row.next_at is not None
            due = to_micros(schedule.due_time(row.next_at))
        self._state.schedules.put(schedule, due)
