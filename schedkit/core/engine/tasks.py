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
    CodeTold,
    Declare,
    Drain,
    FireRecorded,
    Found,
    HoldWrites,
    KeepRequest,
    OutdatedError,
    Pause,
    Remove,
    Reschedule,
    Resume,
    SettingPut,
    StandBy,
    TaskDropped,
    TaskUntouched,
)
from schedkit.core.events import Fired, RunStep, TaskChanged
from schedkit.core.model import Task, TaskRow
from schedkit.core.states import Disposition, State
from schedkit.core.tasks.declare import replaced
from schedkit.core.tasks.request import refuse_to_replace
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
        state, task, found = self._state, stimulus.task, stimulus.found
        known = state.rows.get(task.name)
        moved = known is None and found is not None and found.row is not None
        self._check_found(stimulus, moved)
        if task.requested is not None:
            refuse_to_replace(task.name, found.row if moved and found is not None else known)
        if moved and found is not None:
            known = self._take_in(found)
        row = self._declared_row(stimulus, known)
        self._tell_code(task.name, stimulus.code)
        state.tasks[task.name] = task
        state.tasks_aside.discard(task.name)
        if known is not None and known.trigger != stimulus.trigger:
            self._leave_behind(known, "rescheduled")
        word = "declared" if known is None else "moved" if moved else "redeclared"
        if row != known:
            came = found if moved or known is None else None
            # One that is at home here has yet to hear what comes after that.
            heard = max(state.heard, row.heard) if came is None else came.seq
            row = replace(row, heard=heard)
            state.put_row(row, word, stimulus.actor)
        else:  # declared before in the same words: there is nothing to write
            state.tell_task(word, row, stimulus.actor, log=False)
        self._runs.set_rules(task)
        if found is not None:
            self._know_parents(task, found)
        if moved and found is not None:
            self._go_on(found, stimulus.reason)
            for run in found.ended:
                self._runs.end_parent(run)
            self._runs.catch_up(task.name, found.unheard)
        if stimulus.starts:
            state.queue.remember_starts(task.name, stimulus.starts)
        self._put_schedule(row)
        self._runs.forget_waits(task.name, task)
        return {}

    def _check_found(self, stimulus: Declare, moved: bool) -> None:
        state, found = self._state, stimulus.found
        if found is None and stimulus.task.name in state.rows:
            return
        if found is None:
            name = stimulus.task.name
            raise OutdatedError(
                f"task {name!r} is at home elsewhere now", hint="read what the ledger has of it"
            )
        about = {parent.task for parent in stimulus.task.after}
        about = {*about, stimulus.task.name} if moved else about - state.rows.keys()
        unwritten = any(state.touched.get(task, 0) > stimulus.written for task in about)
        unwritten |= any(isinstance(told, RunStep) and told.task in about for told in state.draft.events)
        if found.seq < state.heard or unwritten:
            raise OutdatedError("the ledger has changed since it was read", hint="read it again")

    def _take_in(self, found: Found) -> TaskRow | None:
        """Know a task that was at home elsewhere, and its runs."""
        state, row = self._state, found.row
        assert row is not None
        state.draft.changes.append(TaskUntouched(row.name, found.seq))
        for child, unheard in found.children.items():  # else its runs may end here before they are heard of
            if child in state.tasks:
                self._runs.catch_up(child, unheard, state.rows[child].heard)
                self._runs.heard(child, max(found.seq, state.rows[child].heard))
        state.rows[row.name] = row
        state.taken[row.name] = set(found.taken)
        if row.name in found.last:
            state.last[row.name] = found.last[row.name]
        for id in list(state.by_task.get(row.name, ())):
            if (noted := state.elsewhere.get(id)) is not None:
                state.forget_noted(noted)  # of a parent that is at home here from now on
        for run in found.live:
            if run.id in found.here:
                state.guests.discard(run.id)  # as it is known here
            else:
                state.keep(run)
        state.abroad |= found.abroad
        self._runs.load_waits(found.waits)
        return row

    def _know_parents(self, task: Task, found: Found) -> None:
        """Know how the parents of a task stand: those at home elsewhere, and those that ended long ago."""
        state = self._state
        for parent in task.after:
            how = found.last.get(parent.task)
            if how is not None and (parent.task not in state.rows or parent.task not in state.last):
                state.last[parent.task] = how
        for run in found.elsewhere:
            if run.task not in state.rows and run.id not in state.runs:
                state.note(run)

    def _go_on(self, found: Found, reason: str) -> None:
        """Let runs run again that were running in a process that is gone."""
        for run in found.live:
            if run.state is State.RUNNING and run.id not in found.here | found.abroad:
                self._attempts.interrupt(run, reason)

    def _tell_code(self, task: str, code: str) -> None:
        state = self._state
        if code and state.codes.get(task) != code:
            state.codes[task] = code
            state.draft.changes.append(CodeTold(task, code, state.now))

    def stand_by(self, stimulus: StandBy) -> Answer:
        """Note that this process has the code of a task that is at home elsewhere."""
        self._tell_code(stimulus.task, stimulus.code)
        return {}

    def keep_request(self, stimulus: KeepRequest) -> Answer:
        """Note a requested task that waits for a process which has its handler."""
        state, row = self._state, stimulus.row
        known = state.rows.get(row.name)
        refuse_to_replace(row.name, known)
        created = state.now if known is None else known.created
        times = {"anchored": state.now, "created": created, "declared": state.now}
        row = replace(row, next=self._begins(stimulus.trigger), who=stimulus.actor, **times)
        state.put_row(row, "declared" if known is None else "redeclared", stimulus.actor)
        return {}

    def leave(self, name: str) -> None:
        """Forget a task that is at home elsewhere now; what runs here ends here."""
        state = self._state
        state.known[name] = state.rows.pop(name).heard
        state.tasks.pop(name, None)
        state.schedules.drop(name)
        self._runs.unfollow(name)
        state.dependencies.forget(name)
        for id in list(state.by_task.get(name, ())):
            run = state.runs.get(id)
            if run is None:
                continue
            state.queue.withdraw(id)
            if id in self._attempts.active:
                state.guests.add(id)
                continue
            if id in state.abroad:
                state.queue.release(id)
            state.drop(run)
            if self._runs.is_parent(name):
                state.note(run)

    def _declared_row(self, stimulus: Declare, known: TaskRow | None) -> TaskRow:
        state, task, trigger = self._state, stimulus.task, stimulus.task.trigger
        if known is not None and known.trigger == stimulus.trigger:
            next = known.next
            if next is None and trigger is not None:  # it may have failed, and be mended now
                found = trigger.bind(known.anchor, state.config.tz).next(state.at)
                next = None if found is None else to_micros(found)
            home_by = known.home_by if known.home == state.config.life else stimulus.home_by
            home = {"home": state.config.life, "home_by": home_by, "place": stimulus.place}
            told = {"facts": stimulus.facts, "words": stimulus.words, "requested": task.requested}
            return replace(known, next=next, **told, **home)
        next = self._begins(trigger)
        if trigger is not None and next is None:
            _log.warning(
                "task %r has no time left and runs only when it is submitted: %s", task.name, trigger.text()
            )
        return TaskRow(
            name=task.name,
            id=stimulus.id,
            trigger=stimulus.trigger,
            words=stimulus.words,
            home=state.config.life,
            home_by=stimulus.home_by,
            place=stimulus.place,
            heard=0 if known is None else known.heard,
            created=state.now if known is None else known.created,
            anchored=state.now,
            next=next,
            paused=not task.enabled if known is None else known.paused,
            facts=stimulus.facts,
            declared=state.now,
            who=stimulus.actor,
            requested=task.requested,
        )

    def _begins(self, trigger: Trigger | None) -> int | None:
        first = None if trigger is None else trigger.begins(self._state.at, self._state.config.tz)
        return None if first is None else to_micros(first)

    # What people do

    def pause(self, stimulus: Pause) -> Answer:
        """Stop the due times of a task, or of all; runs that were submitted go on."""
        state, name = self._state, stimulus.task
        if name is not None:
            state.put_row(replace(self.row(name), paused=True), "paused", stimulus.actor)
            state.schedules.drop(name)
            return {}
        self.pause_all()
        self._tell_all("paused", stimulus.actor)
        return {}

    def pause_all(self) -> None:
        """Let no due time happen."""
        self._state.paused = True
        self._state.schedules.clear()

    def resume(self, stimulus: Resume) -> Answer:
        """Let due times happen again; those passed over meanwhile are recorded as missed."""
        state, name = self._state, stimulus.task
        if name is not None:
            row = self.row(name)
            self._resume(row, state.paused or row.paused, stimulus.actor, always=True)
            return {}
        self._tell_all("resumed", stimulus.actor)
        self.resume_all(stimulus.actor)
        return {}

    def resume_all(self, actor: str) -> None:
        """Let due times happen again, but for tasks that are paused by themselves."""
        state = self._state
        stood, state.paused = state.paused, False
        for row in list(state.rows.values()):
            if not row.paused:
                self._resume(row, stood, actor, always=False)

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
        state.draft.changes.append(SettingPut("paused", "1" if word == "paused" else "0"))
        state.draft.events.append(TaskChanged(at=state.at, who=actor, change=word))

    def remove(self, stimulus: Remove) -> Answer:
        """Forget a task; its history stays. Runs that wait are cancelled."""
        state, row = self._state, self.row(stimulus.task)
        state.known[row.name] = state.rows.pop(row.name).heard
        state.tasks.pop(row.name, None)
        self._runs.unfollow(row.name)
        state.schedules.drop(row.name)
        state.draft.changes.append(TaskDropped(row.name, row.home))
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
        changed = {"trigger": stimulus.text, "words": stimulus.words, "anchored": state.now, "next": next}
        row = replace(known, **changed, heard=max(known.heard, state.heard))
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
