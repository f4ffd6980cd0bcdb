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
        self._check_found(stimulus)
        came = found if known is None else None
        if task.requested is not None:
            refuse_to_replace(task.name, known if came is None else came.row)
        if came is not None:
            known = self._take_in(task.name, came)
        row = self._declared_row(stimulus, known)
        self._record_code(task.name, stimulus.code)
        state.tasks[task.name] = task
        state.tasks_aside.discard(task.name)
        if known is not None and known.trigger != stimulus.trigger:
            self._due_times.leave_behind(known, "rescheduled")
        word = "declared" if known is None else "redeclared" if came is None else "moved"
        if row != known:
            # A task at home here has yet to handle the events after that.
            followed_seq = max(state.last_seq, row.followed_seq) if came is None else came.seq
            row = replace(row, followed_seq=followed_seq)
            state.put_row(row, word, stimulus.actor)
        else:  # declared as before: there is nothing to write
            state.publish_task(word, row, stimulus.actor, log=False)
        self._runs.set_rules(task)
        if found is not None:
            self._know_parents(task, found)
        if came is not None:
            self._go_on(came, stimulus.reason)
            for run in came.ended:
                self._runs.end_parent(run)
            self._runs.catch_up(task.name, came.unfollowed)
        if stimulus.starts:
            state.queue.remember_starts(task.name, stimulus.starts)
        self._due_times.put(row)
        self._runs.forget_waits(task.name, task)
        return {}

    def _check_found(self, stimulus: Declare) -> None:
        state, found, name = self._state, stimulus.found, stimulus.task.name
        if found is None and name in state.rows:
            return
        if found is None:
            raise OutdatedError(
                f"task {name!r} is at home elsewhere now", hint="read what the ledger has of it"
            )
        parents = {parent.task for parent in stimulus.task.after}
        at_home = parents & state.rows.keys()
        about = set() if name in state.rows else {name}
        # Its waits come with it: they are for runs of its parents as these were.
        about |= parents - at_home if name in state.rows or found.row is None else parents
        if (
            found.seq < max([state.last_seq, *(state.rows[parent].followed_seq for parent in at_home)])
            or self._are_unwritten(about, name, stimulus.written)
            or self._lacks_children(name, found, stimulus.written)
        ):
            raise OutdatedError("the ledger has changed since it was read", hint="read it again")

    def _lacks_children(self, name: str, found: Found, written: int) -> bool:
        """Tell whether the ledger did not know, of a task that comes here, which runs its children here lack.

        Those may end here before they are heard of.
        """
        state = self._state
        return name not in state.rows and any(
            state.rows[child].followed_seq < found.seq and state.put.get(child, 0) > written
            for child in self._runs.children_of(name)
        )

    def _are_unwritten(self, tasks: AbstractSet[str], name: str, written: int) -> bool:
        """Tell whether a task, or runs of these, have changed since the decision of this number."""
        if any(self._state.touched.get(task, 0) > written for task in tasks):
            return True
        return any(
            event.task in tasks and (event.task == name or isinstance(event, RunStep))
            for event in self._state.draft.events
        )

    def _take_in(self, name: str, found: Found) -> TaskRow | None:
        """Add what the ledger has of a task that is not at home here; return its row, None if it is new.

        A new one may have runs too: of a task of its name that was removed, where they are still running.
        """
        state, row = self._state, found.row
        state.draft.changes.append(TaskUntouched(name, found.seq))
        for child, unfollowed in found.children.items():  # else its runs may end here before they are known
            if child in state.tasks:
                self._runs.catch_up(child, unfollowed, state.rows[child].followed_seq)
                self._runs.record_followed(child, max(found.seq, state.rows[child].followed_seq))
        if row is not None:
            state.rows[name] = row
        state.taken[name] = set(found.taken)
        if name in found.last:
            state.last[name] = found.last[name]
        for id in list(state.by_task.get(name, ())):
            if (noted := state.elsewhere.get(id)) is not None:
                state.forget_noted(noted)  # a parent that is at home here from now on
        for run in found.live:
            if run.id not in found.here:
                state.keep(run)
                continue
            if run.reason and not state.runs[run.id].reason:  # its home before has asked it to stop
                self._attempts.stop_guest(run)
            state.guests.discard(run.id)  # as it is known here
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
