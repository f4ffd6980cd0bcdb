"""Tasks and their due times: declared, paused, resumed, rescheduled, removed, fired."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from schedkit.core.engine.attempts import Attempts
from schedkit.core.engine.runs import Runs
from schedkit.core.engine.state import EngineState
from schedkit.core.engine.values import (
    Declare,
    DeclareAbsent,
    Drain,
    FireRecorded,
    HoldWrites,
    Pause,
    Remove,
    Reschedule,
    Resume,
    SettingPut,
    TaskDropped,
)
from schedkit.core.events import Fired, TaskChanged
from schedkit.core.model import TaskRow
from schedkit.core.states import Disposition
from schedkit.core.tasks.declare import replaced
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.dispositions import Fire, Schedule, settle, skipped
from schedkit.errors import TriggerError, UsageError
from schedkit.values.instants import to_micros

__all__ = ["Tasks"]

_log = logging.getLogger("schedkit")
Answer = dict[str, Any]


class Tasks:
    """The part of an engine that keeps tasks and their schedules."""

    def __init__(self, state: EngineState, runs: Runs, attempts: Attempts) -> None:
        self._state, self._runs, self._attempts = state, runs, attempts

    def row(self, name: str) -> TaskRow:
        """Return a task's row.

        Raises
        ------
        UsageError
            If there is none.
        """
        row = self._state.rows.get(name)
        if row is None:
            known = ", ".join(map(repr, self._state.rows)) or "none"
            raise UsageError(f"no task is called {name!r}", hint=f"there are: {known}")
        return row

    # Declaring

    def declare(self, stimulus: Declare) -> Answer:
        """Take in a task that this process has declared, new or again."""
        state, task = self._state, stimulus.task
        known = state.rows.get(task.name)
        row = self._declared_row(stimulus, known)
        state.tasks[task.name] = task
        state.tasks_aside.discard(task.name)
        if known is not None and known.trigger != stimulus.trigger:
            self._leave_behind(known, "rescheduled")
        word = "declared" if known is None else "redeclared"
        if row != known:
            state.put_row(row, word, stimulus.actor)
        else:  # declared before in the same words: there is nothing to write
            state.tell_task(word, row, stimulus.actor, log=False)
        self._runs.set_rules(task)
        if stimulus.starts:
            state.queue.remember_starts(task.name, stimulus.starts)
        self._put_schedule(row)
        self._runs.forget_waits(task.name, task)
        return {}

    def _declared_row(self, stimulus: Declare, known: TaskRow | None) -> TaskRow:
        state, task, trigger = self._state, stimulus.task, stimulus.task.trigger
        if known is not None and known.trigger == stimulus.trigger:
            next = known.next
            if next is None and trigger is not None:  # it may have failed, and be mended now
                found = trigger.bind(known.anchor, state.config.tz).next(state.at)
                next = None if found is None else to_micros(found)
            return replace(known, next=next, facts=stimulus.facts, words=stimulus.words)
        next = self._begins(trigger)
        if trigger is not None and next is None:
            _log.warning(
                "task %r has no time left and runs only when it is submitted: %s", task.name, trigger.text()
            )
        return TaskRow(
            name=task.name,
            trigger=stimulus.trigger,
            words=stimulus.words,
            anchored=state.now,
            next=next,
            paused=not task.enabled if known is None else known.paused,
            facts=stimulus.facts,
            declared=state.now,
            who=stimulus.actor,
        )

    def _begins(self, trigger: Trigger | None) -> int | None:
        first = None if trigger is None else trigger.begins(self._state.at, self._state.config.tz)
        return None if first is None else to_micros(first)

    def declare_absent(self, stimulus: DeclareAbsent) -> Answer:
        """Note a task that another process has declared."""
        row = stimulus.row
        if row.name not in self._state.rows:
            self._state.put_row(row, "declared", row.who)
        return {}

    # What people do

    def pause(self, stimulus: Pause) -> Answer:
        """Stop the due times of a task, or of all; runs that were submitted go on."""
        state, name = self._state, stimulus.task
        if name is not None:
            state.put_row(replace(self.row(name), paused=True), "paused", stimulus.actor)
            state.schedules.drop(name)
            return {}
        state.paused = True
        state.schedules.clear()
        self._tell_all("paused", stimulus.actor)
        return {}

    def resume(self, stimulus: Resume) -> Answer:
        """Let due times happen again; those passed over meanwhile are recorded as missed."""
        state, name = self._state, stimulus.task
        if name is not None:
            row = self.row(name)
            self._resume(row, state.paused or row.paused, stimulus.actor, always=True)
            return {}
        stood, state.paused = state.paused, False
        self._tell_all("resumed", stimulus.actor)
        for row in list(state.rows.values()):
            if not row.paused:
                self._resume(row, stood, stimulus.actor, always=False)
        return {}

    def _resume(self, row: TaskRow, stood: bool, actor: str, *, always: bool) -> None:
        state, resumed = self._state, replace(row, paused=False)
        passed = row.next is not None and row.next <= state.now
        if stood and passed and row.name in state.tasks:
            resumed = replace(resumed, next=self._leave_behind(resumed, "paused"))
        if resumed != row or always:
            state.put_row(resumed, "resumed", actor)
        self._put_schedule(resumed)

    def _tell_all(self, word: str, actor: str) -> None:
        state = self._state
        state.draft.changes.append(SettingPut("paused", "1" if state.paused else "0"))
        state.draft.events.append(TaskChanged(at=state.at, seq=state.next_seq(), who=actor, change=word))

    def remove(self, stimulus: Remove) -> Answer:
        """Forget a task; its history stays. Runs that wait are cancelled."""
        state, row = self._state, self.row(stimulus.task)
        del state.rows[row.name]
        state.tasks.pop(row.name, None)
        self._runs.unfollow(row.name)
        state.schedules.drop(row.name)
        state.draft.changes.append(TaskDropped(row.name))
        self._runs.forget_waits(row.name)
        state.tell_task("removed", row, stimulus.actor)
        for run_id in list(state.by_task.get(row.name, ())):
            if (run := state.runs.get(run_id)) is not None:
                self._attempts.cancel_run(run, stimulus.actor)
        return {}

    def reschedule(self, stimulus: Reschedule) -> Answer:
        """Give a task another trigger."""
        state, known = self._state, self.row(stimulus.task)
        next = self._begins(stimulus.trigger)
        self._leave_behind(known, "rescheduled")
        row = replace(known, trigger=stimulus.text, words=stimulus.words, anchored=state.now, next=next)
        state.put_row(row, "rescheduled", stimulus.actor)
        task = state.tasks.get(row.name)
        if task is not None:
            state.tasks[row.name] = task = replaced(task, trigger=stimulus.trigger)
            self._runs.set_rules(task)
            self._runs.forget_waits(row.name, task)
        self._put_schedule(row)
        return {}

    # Due times

    def fire(self, most: int) -> int:
        """Decide what becomes of the due times of at most so many schedules; return of how many."""
        state = self._state
        due = state.schedules.take(state.now, most)
        for schedule in due:
            row = state.rows[schedule.task]
            assert row.next is not None
            assert row.next_at is not None
            settled = settle(schedule, row.next_at, state.at, state.alive(row.name))
            if settled.error is not None:
                _log.error(
                    "the trigger of task %r failed and gives no further time until the task is declared "
                    "again or rescheduled: %s",
                    row.name,
                    settled.error,
                )
            next = None if settled.next_at is None else to_micros(settled.next_at)
            if next != row.next:
                state.advance(row, next)
            self._record_fires(settled.fires)
            if next is not None:
                self._put(schedule, next)
        return len(due)

    def _record_fires(self, fires: Iterable[Fire]) -> None:
        for fire in fires:
            if fire.kind is not Disposition.RUN:
                self._record_fire(fire)
                continue
            scheduled = to_micros(fire.last)
            if scheduled in self._state.taken.get(fire.task, ()):
                continue  # it has its run: the clock was set back
            if fire.cancels:
                for run_id in list(self._state.by_task.get(fire.task, ())):
                    if (run := self._state.runs.get(run_id)) is not None:
                        self._attempts.cancel_run(run, "a newer run of the task")
            due = to_micros(fire.due_at)
            self._runs.add(self._runs.new(fire.task, "schedule", "", scheduled=scheduled, due=due))

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
                seq=state.next_seq(),
                task=fire.task,
                scheduled_at=fire.first,
                until=fire.last,
                count=fire.count,
                disposition=fire.kind,
            )
        )

    def _leave_behind(self, row: TaskRow, reason: str) -> int | None:
        """Record what a schedule that is changed or resumed passes over; return its next time after that."""
        state = self._state
        if row.trigger is None or row.next_at is None:
            return None
        try:
            trigger = trigger_data.loads(row.trigger).bind(row.anchor, state.config.tz)
            settled = skipped(Schedule(row.name, trigger), row.next_at, state.at, reason)
        except TriggerError as error:  # also of a custom trigger that fails now
            _log.warning(
                "the old schedule of %r cannot be read, its passed times are unknown: %s", row.name, error
            )
            return None
        for fire in settled.fires:
            self._record_fire(fire)
        return None if settled.next_at is None else to_micros(settled.next_at)

    # Schedules in their order

    def _put_schedule(self, row: TaskRow) -> None:
        state, task = self._state, self._state.tasks.get(row.name)
        stands = row.paused or state.paused or state.draining or row.name in state.tasks_aside
        if task is None or task.trigger is None or row.next is None or stands:
            state.schedules.drop(row.name)
        else:
            self._put(Schedule.of(task, row.anchor, state.config.tz), row.next)

    def _put(self, schedule: Schedule, next: int) -> None:
        due = next
        if schedule.jitter:
            row = self._state.rows[schedule.task]
            assert row.next_at is not None
            due = to_micros(schedule.due_time(row.next_at))
        self._state.schedules.put(schedule, due)

    def hold(self, stimulus: HoldWrites) -> Answer:
        """Let nothing new begin while the store takes no writes."""
        self._state.held = stimulus.held
        return {}

    def drain(self, stimulus: Drain) -> Answer:
        """Let nothing new begin any more."""
        self._state.draining = True
        self._state.schedules.clear()
        return {}
