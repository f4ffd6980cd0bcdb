"""Commands for tasks: pause, resume, remove, reschedule; and holding or draining all of them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from schedkit.core.engine.attempts import Attempts
from schedkit.core.engine.changes import SettingPut, TaskDropped
from schedkit.core.engine.due_times import DueTimes
from schedkit.core.engine.runs import Runs
from schedkit.core.engine.state import EngineState
from schedkit.core.engine.stimuli import Drain, HoldWrites, Pause, Remove, Reschedule, Resume
from schedkit.core.events import TaskChanged
from schedkit.core.model import TaskRow
from schedkit.core.tasks.declare import replaced

__all__ = ["Tasks"]

Answer = dict[str, Any]


class Tasks:
    """The part of an engine that carries out commands for tasks."""

    def __init__(self, state: EngineState, runs: Runs, attempts: Attempts, due_times: DueTimes) -> None:
        self._state, self._runs, self._attempts, self._due_times = state, runs, attempts, due_times

    def pause(self, stimulus: Pause) -> Answer:
        """Stop the due times of a task, or of all; runs that were submitted continue."""
        state, name = self._state, stimulus.task
        if name is not None:
            state.put_row(replace(state.row(name), paused=True), "paused", stimulus.actor)
            state.schedules.drop(name)
            return {}
        self.pause_all()
        self._publish_to_all("paused", stimulus.actor)
        return {}

    def pause_all(self) -> None:
        """Let no due time happen."""
        self._state.paused = True
        self._state.schedules.clear()

    def resume(self, stimulus: Resume) -> Answer:
        """Let due times happen again; those passed over meanwhile are recorded as missed."""
        state, name = self._state, stimulus.task
        if name is not None:
            row = state.row(name)
            self._resume(row, state.paused or row.paused, stimulus.actor, always=True)
            return {}
        self._publish_to_all("resumed", stimulus.actor)
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
            resumed = replace(resumed, next=self._due_times.leave_behind(resumed, "paused"))
        if resumed != row or always:
            state.put_row(resumed, "resumed", actor)
        self._due_times.put(resumed)

    def _publish_to_all(self, word: str, actor: str) -> None:
        state = self._state
        state.draft.changes.append(SettingPut("paused", "1" if word == "paused" else "0"))
        state.draft.events.append(TaskChanged(at=state.at, actor=actor, change=word))

    def remove(self, stimulus: Remove) -> Answer:
        """Forget a task; its history stays. Its runs are cancelled, except one that ends well meanwhile."""
        state = self._state
        row = state.row(stimulus.task)
        state.known[row.name] = state.rows.pop(row.name).followed_seq
        state.tasks.pop(row.name, None)
        self._runs.unfollow(row.name)
        state.schedules.drop(row.name)
        state.draft.changes.append(TaskDropped(row.name, row.home))
        self._runs.forget_waits(row.name)
        state.publish_task("removed", row, stimulus.actor)
        for run_id in list(state.by_task.get(row.name, ())):
            if (run := state.runs.get(run_id)) is not None:
                self._attempts.cancel_run(run, stimulus.actor, wanted=True)
        return {}

    def reschedule(self, stimulus: Reschedule) -> Answer:
        """Give a task another trigger."""
        state = self._state
        known = state.row(stimulus.task)
        next = self._due_times.begins(stimulus.trigger)
        self._due_times.leave_behind(known, "rescheduled")
        changed = {
            "trigger": stimulus.trigger_json,
            "schedule_text": stimulus.schedule_text,
            "anchored": state.now,
            "next": next,
        }
        row = replace(known, **changed, followed_seq=max(known.followed_seq, state.last_seq))
        state.put_row(row, "rescheduled", stimulus.actor)
        task = state.tasks.get(row.name)
        if task is not None:
            state.tasks[row.name] = task = replaced(task, trigger=stimulus.trigger)
            self._runs.set_rules(task)
            self._runs.forget_waits(row.name, task)
        self._due_times.put(row)
        return {}

    def hold(self, stimulus: HoldWrites) -> Answer:
        """Let nothing new begin while the store takes no writes."""
        self._state.held = stimulus.held
        return {}

    def drain(self, stimulus: Drain) -> Answer:
        """Let nothing new begin any more."""
        self._state.draining = True
        self._state.schedules.clear()
        return {}
