"""Declares tasks at home here, and lets them move from and to other processes."""

from __future__ import annotations

import logging
from collections.abc import Set as AbstractSet
from typing import Any

from msgspec.structs import replace

from schedkit.core.engine.attempts import Attempts
from schedkit.core.engine.changes import CodeRecorded, TaskUntouched
from schedkit.core.engine.due_times import DueTimes
from schedkit.core.engine.runs import Runs
from schedkit.core.engine.snapshot import Found, OutdatedError
from schedkit.core.engine.state import EngineState
from schedkit.core.engine.stimuli import Declare, KeepRequest, StandBy
from schedkit.core.events import RunStep
from schedkit.core.model import Task, TaskRow
from schedkit.core.states import State
from schedkit.core.tasks.request import refuse_to_replace

__all__ = ["Declaring"]

_log = logging.getLogger("schedkit")


class Declaring:
    """The part of an engine that adds declared tasks, and removes those that move to other processes."""

    def __init__(self, state: EngineState, runs: Runs, attempts: Attempts, due_times: DueTimes) -> None:
        self._state, self._runs, self._attempts, self._due_times = state, runs, attempts, due_times

    def declare(self, stimulus: Declare) -> dict[str, Any]:
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
        self._record_code(task.name, stimulus.code)
        state.tasks[task.name] = task
        state.tasks_aside.discard(task.name)
        if known is not None and known.trigger != stimulus.trigger:
            self._due_times.leave_behind(known, "rescheduled")
        word = "declared" if known is None else "moved" if moved else "redeclared"
        if row != known:
            came = found if moved or known is None else None
            # A task at home here has yet to handle the events after that.
            followed_seq = max(state.last_seq, row.followed_seq) if came is None else came.seq
            row = replace(row, followed_seq=followed_seq)
            state.put_row(row, word, stimulus.actor)
        else:  # declared as before: there is nothing to write
            state.publish_task(word, row, stimulus.actor, log=False)
        self._runs.set_rules(task)
        if found is not None:
            self._know_parents(task, found)
        if moved and found is not None:
            self._go_on(found, stimulus.reason)
            for run in found.ended:
                self._runs.end_parent(run)
            self._runs.catch_up(task.name, found.unfollowed)
        if stimulus.starts:
            state.queue.remember_starts(task.name, stimulus.starts)
        self._due_times.put(row)
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
        if found.seq < state.last_seq or (about and self._are_unwritten(about, stimulus.written)):
            raise OutdatedError("the ledger has changed since it was read", hint="read it again")

    def _are_unwritten(self, tasks: AbstractSet[str], written: int) -> bool:
        """Tell whether runs of these tasks have changed since the decision of this number was written."""
        if any(self._state.touched.get(task, 0) > written for task in tasks):
            return True
        return any(isinstance(event, RunStep) and event.task in tasks for event in self._state.draft.events)

    def _take_in(self, found: Found) -> TaskRow | None:
        """Add a task that was at home elsewhere, with its runs."""
        state, row = self._state, found.row
        assert row is not None
        state.draft.changes.append(TaskUntouched(row.name, found.seq))
        for child, unfollowed in found.children.items():  # else its runs may end here before they are known
            if child in state.tasks:
                self._runs.catch_up(child, unfollowed, state.rows[child].followed_seq)
                self._runs.record_followed(child, max(found.seq, state.rows[child].followed_seq))
        state.rows[row.name] = row
        state.taken[row.name] = set(found.taken)
        if row.name in found.last:
            state.last[row.name] = found.last[row.name]
        for id in list(state.by_task.get(row.name, ())):
            if (noted := state.elsewhere.get(id)) is not None:
                state.forget_noted(noted)  # a parent that is at home here from now on
        for run in found.live:
            if run.id in found.here:
                state.guests.discard(run.id)  # as it is known here
            else:
                state.keep(run)
        state.abroad |= found.abroad
        self._runs.load_waits(found.waits)
        return row

    def _know_parents(self, task: Task, found: Found) -> None:
        """Record the last states of the parents of a task, and their live runs elsewhere."""
        state = self._state
        for parent in task.after:
            how = found.last.get(parent.task)
            if how is not None and (parent.task not in state.rows or parent.task not in state.last):
                state.last[parent.task] = how
        for run in found.elsewhere:
            if run.task not in state.rows and run.id not in state.runs:
                state.note(run)

    def _go_on(self, found: Found, reason: str) -> None:
        """Interrupt runs that were running in a process that is gone."""
        for run in found.live:
            if run.state is State.RUNNING and run.id not in found.here | found.abroad:
                self._attempts.interrupt(run, reason)

    def _declared_row(self, stimulus: Declare, known: TaskRow | None) -> TaskRow:
        state, task, trigger = self._state, stimulus.task, stimulus.task.trigger
        place = stimulus.place
        if place is None:
            place = "" if known is None else known.place
        if known is not None and known.trigger == stimulus.trigger:
            next = self._due_times.goes_on(known, trigger)
            home_by = known.home_by if known.home == state.config.life else stimulus.home_by
            home = {"home": state.config.life, "home_by": home_by, "place": place}
            shown = {"facts": stimulus.facts, "schedule_text": stimulus.schedule_text}
            return replace(known, next=next, requested=task.requested, **shown, **home)
        next = self._due_times.begins(trigger)
        if trigger is not None and next is None:
            _log.warning(
                "task %r has no future due time and runs only when submitted: %s", task.name, trigger.text()
            )
        return TaskRow(
            name=task.name,
            id=stimulus.id,
            trigger=stimulus.trigger,
            schedule_text=stimulus.schedule_text,
            home=state.config.life,
            home_by=stimulus.home_by,
            place=place,
            followed_seq=0 if known is None else known.followed_seq,
            created=state.now if known is None else known.created,
            anchored=state.now,
            next=next,
            paused=not task.enabled if known is None else known.paused,
            facts=stimulus.facts,
            declared=state.now,
            actor=stimulus.actor,
            requested=task.requested,
        )

    def keep_request(self, stimulus: KeepRequest) -> dict[str, Any]:
        """Add a requested task that waits for a process which has its handler."""
        state, row = self._state, stimulus.row
        known = state.rows.get(row.name)
        refuse_to_replace(row.name, known)
        times = {"anchored": state.now, "created": state.now, "declared": state.now}
        if known is not None:
            times |= {"created": known.created, "paused": known.paused, "followed_seq": known.followed_seq}
        row = replace(row, next=self._due_times.begins(stimulus.trigger), actor=stimulus.actor, **times)
        state.put_row(row, "declared" if known is None else "redeclared", stimulus.actor)
        return {}

    def stand_by(self, stimulus: StandBy) -> dict[str, Any]:
        """Record that this process has the code of a task that is at home elsewhere."""
        self._record_code(stimulus.task, stimulus.code)
        return {}

    def _record_code(self, task: str, code: str) -> None:
        state = self._state
        if code and state.codes.get(task) != code:
            state.codes[task] = code
            state.draft.changes.append(CodeRecorded(task, code, state.now))

    def leave(self, name: str) -> None:
        """Remove a task that is at home elsewhere now; its attempts that run here end here."""
        state = self._state
        state.known[name] = state.rows.pop(name).followed_seq
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
