"""Runs from their first state to their last, and the runs that depend on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from schedkit.core.engine.changes import (
    ParentsFollowed,
    WaitAdded,
    WaitBound,
    WaitDropped,
    WaitEnded,
)
from schedkit.core.engine.decision import Finished
from schedkit.core.engine.dependencies import Verdict, Wait
from schedkit.core.engine.queue import AWAY, Waiting, away_key
from schedkit.core.engine.run_keys import RunKeys
from schedkit.core.engine.snapshot import WaitRow
from schedkit.core.engine.state import EngineState
from schedkit.core.engine.stimuli import RoomSeen, Submit
from schedkit.core.events import RunEnded, RunQueued
from schedkit.core.model import Task
from schedkit.core.run import Attempt, Run
from schedkit.core.states import Overlap, State
from schedkit.core.tasks.request import as_requested
from schedkit.errors import UsageError
from schedkit.values.instants import from_micros

__all__ = ["Runs"]

# Causes of runs that wait for the parents of their task which are under way.
_AFTER_PARENTS = ("schedule", "request")


class Runs:
    """The part of an engine that makes, queues and ends runs."""

    def __init__(self, state: EngineState) -> None:
        self._state = state
        self.keys = RunKeys(state)
        # Parent → the tasks that have a run for each of its runs; and the reverse.
        self._children: dict[str, dict[str, Task]] = {}
        self._parents: dict[str, tuple[str, ...]] = {}
        # Parent → the tasks that depend on it, those with a trigger of their own too.
        self._after: dict[str, set[str]] = {}

    def set_rules(self, task: Task) -> None:
        """Apply the limits and parents of a declared task."""
        most = None if task.overlap is Overlap.ALLOW else task.max_instances
        self._state.queue.limit(f"task:{task.name}", most)
        if task.executor_kind == AWAY:  # there is no room until it is seen
            for key in (AWAY, away_key(task.name)):
                self._state.queue.limit(key, self._state.room.get(key, 0))
        before = self._take_apart(task.name)
        parents = tuple(parent.task for parent in task.after)
        for parent in parents:
            self._after.setdefault(parent, set()).add(task.name)
            if task.trigger is None:  # one with a trigger of its own only waits for them
                self._children.setdefault(parent, {})[task.name] = task
        if parents:
            self._parents[task.name] = parents
        self._forget(before)
        self.queue_again(task)

    def see_room(self, stimulus: RoomSeen) -> dict[str, Any]:
        """Apply how many runs the workers have room for."""
        state = self._state
        of_tasks = {away_key(task): number for task, number in stimulus.of_task.items()}
        state.room = {AWAY: stimulus.most, **of_tasks}
        state.queue.why = {away_key(task): why for task, why in stimulus.why.items()}
        for key, number in state.room.items():
            state.queue.limit(key, number)
        return {}

    def queue_again(self, task: Task) -> None:
        """Queue the waiting runs of a task by its present tags, executor, rate and limits."""
        self.keys.forget(task.name)
        for run_id in self._state.by_task.get(task.name, ()):
            self._state.queue.withdraw(run_id)
            run = self._state.runs[run_id]
            if run_id in self._state.abroad:
                self._state.queue.release(run_id)
                self.hold_keys(run, task)
            else:
                self.offer(run)

    def unfollow(self, name: str) -> None:
        """Stop a task from following its parents."""
        self._forget(self._take_apart(name))

    def _take_apart(self, name: str) -> tuple[str, ...]:
        parents = self._parents.pop(name, ())
        for parent in parents:
            self._children.get(parent, {}).pop(name, None)
            self._after[parent].discard(name)
            if not self._after[parent]:
                del self._after[parent]
        return parents

    def _forget(self, parents: Iterable[str]) -> None:
        """Drop the runs elsewhere of parents on which no task here depends any more."""
        for parent in parents:
            for id in () if self.is_parent(parent) else list(self._state.by_task.get(parent, ())):
                if (run := self._state.elsewhere.get(id)) is not None:
                    self._state.forget_noted(run)

    def new(self, task: str, cause: str, actor: str, id: str = "", **known: Any) -> Run:
        """Return a new run, which is not added yet."""
        state, declared = self._state, self._state.tasks.get(task)
        if declared is not None and known.get("request"):
            declared = as_requested(declared, known["request"])
        if known.get("params") is None:
            known["params"] = dict(declared.params) if declared is not None else {}
        return Run(
            id=id or state.config.new_id(),
            task=task,
            state=State.QUEUED,
            cause=cause,
            actor=actor,
            due=known.pop("due", state.now),
            queued=state.now,
            priority=declared.priority if declared is not None else 10,
            **known,
        )

    def submit(self, stimulus: Submit) -> dict[str, Any]:
        """Add a requested run, unless it is known, as after a lost answer; it may have ended just now."""
        state = self._state
        if stimulus.run in state.runs or stimulus.run in state.draft.runs:
            return {"run": stimulus.run}
        for known in state.runs.values() if stimulus.key else ():
            if known.key == stimulus.key:
                return {"run": known.id}
        state.row(stimulus.task)  # it raises if there is none
        if stimulus.scheduled in state.taken.get(stimulus.task, ()):
            when = from_micros(stimulus.scheduled)
            raise UsageError(
                f"task {stimulus.task!r} already has a run for {when}", hint="see its runs: task.runs()"
            )
        if stimulus.scheduled is not None:  # its schedule may still reach this time
            state.taken.setdefault(stimulus.task, set()).add(stimulus.scheduled)
        run = self.new(
            stimulus.task,
            stimulus.cause,
            stimulus.actor,
            stimulus.run,
            params=stimulus.params,
            scheduled=stimulus.scheduled,
            retry_of=stimulus.retry_of,
            request=stimulus.request,
            key=stimulus.key,
        )
        self.add(run)
        return {"run": run.id}

    def add(self, run: Run) -> None:
        """Add a run, and with it the runs of tasks that follow its task."""
        waits, blocked_by = self._parents_of(run) if run.cause in _AFTER_PARENTS else ({}, "")
        if waits:
            run = replace(run, state=State.PENDING, waiting_for=tuple(waits))
        self._begin(run, waits, followed=not blocked_by)
        if blocked_by:
            skipped = replace(run, state=State.SKIPPED, finished=run.queued, reason=blocked_by)
            self.end(run, skipped)
            return
        self.offer(run)
        self.follow_up(run)

    def _begin(self, run: Run, waits: Mapping[str, Wait], *, followed: bool = True) -> None:
        self._state.expect_home(run.task)
        self._state.move(None, run)
        self._state.draft.events.append(RunQueued(at=self._state.at, after=run, followed=followed))
        if waits:
            self._state.dependencies.expect(run.id, run.task, waits)
            for parent, wait in waits.items():
                row = WaitRow(run.id, run.task, parent, wait.parent_run, wait.how)
                self._state.draft.changes.append(WaitAdded(row))

    def _parents_of(self, run: Run) -> tuple[dict[str, Wait], str]:
        """Return what a run with parents waits for, or the reason why it is skipped."""
        state, task = self._state, self._state.tasks.get(run.task)
        waits: dict[str, Wait] = {}
        for parent in task.after if task is not None else ():
            live = state.by_task.get(parent.task)
            if live:
                waits[parent.task] = Wait(next(reversed(live)), parent.on)
            elif parent.on == "success" and state.last.get(parent.task, State.DONE) is not State.DONE:
                return {}, f"its parent {parent.task!r} ended as {state.last[parent.task]}"
        return waits, ""

    def follow_up(self, run: Run) -> None:
        """Add a run of each task that follows this run's task, which waits for it."""
        for child in list(self._children.get(run.task, {}).values()):
            self._follow(child, run)

    def _follow(self, child: Task, run: Run) -> None:
        """Add the run of a task that follows a run, and those that follow it in turn."""
        pending = [(child, run)]  # a chain may be longer than the stack of calls is high
        while pending:
            made = self._run_after(*pending.pop())
            if made is not None:
                following = self._children.get(made.task, {}).values()
                pending += [(each, made) for each in reversed(following)]

    def _run_after(self, child: Task, run: Run) -> Run | None:
        """Return the new run of a task that follows a run; None if one that waits is bound to it."""
        bound = self._state.dependencies.bind(child.name, run.task, run.id)
        if bound is not None:
            self._state.expect_home(child.name)  # else another process binds it, and may have done so
            self._state.draft.changes.append(WaitBound(bound, run.task, run.id))
            return None
        waits = {p.task: Wait(run.id if p.task == run.task else None, p.on) for p in child.after}
        made = self.new(child.name, "after", run.id)
        made = replace(made, state=State.PENDING, waiting_for=tuple(waits))
        self._begin(made, waits)
        return made

    def follow_elsewhere(self, run: Run, seq: int) -> None:
        """Add the runs that follow a run made elsewhere, unless they exist."""
        for child in list(self._children.get(run.task, {}).values()):
            if self._state.rows[child.name].followed_seq < seq:
                self._follow(child, run)
                self.record_followed(child.name, seq)

    def catch_up(self, name: str, unfollowed: Iterable[tuple[int, Run]], since: int = 0) -> None:
        """Add a run of a task for each run of its parents with an event after `since`."""
        for seq, run in unfollowed:
            child = self._children.get(run.task, {}).get(name)
            if child is not None and seq > since:
                self._follow(child, run)
                if run.state.final:
                    self.end_parent(run)

    def record_followed(self, name: str, seq: int) -> None:
        """Record up to which event a task has a run for each run of its parents."""
        row = self._state.rows[name]
        self._state.rows[name] = replace(row, followed_seq=seq)
        self._state.draft.changes.append(ParentsFollowed(name, seq, row.home))

    def offer(self, run: Run) -> None:
        """Offer a run to the queue if its code is here and none of its attempts runs any more."""
        state, task = self._state, self._state.tasks.get(run.task)
        if task is None or run.state not in (State.QUEUED, State.RETRY) or run.id in state.runs_aside:
            return
        if run.id in state.queue or run.id in state.queue.running or run.id in state.abroad:
            return  # its last attempt's thread still holds the slot
        state.queue.offer(self.keys.waiting(run, task))

    def is_away(self, name: str) -> bool:
        """Tell whether the runs of a task are on workers elsewhere, also of one that is not declared here."""
        row = self._state.rows.get(name)
        return row is not None and row.facts.get("executor") == AWAY

    def end(
        self,
        before: Run,
        after: Run,
        attempt: Attempt | None = None,
        finished: Finished | None = None,
        by: str = "",
    ) -> None:
        """Set the final state of a run, with its attempt if one was running, and handle its children.

        `by` is who cancelled it.
        """
        self._record_end(before, after, attempt, finished, by)
        self.end_parent(after)

    def _record_end(
        self,
        before: Run,
        after: Run,
        attempt: Attempt | None = None,
        finished: Finished | None = None,
        by: str = "",
    ) -> None:
        state, draft = self._state, self._state.draft
        state.move(before, after)
        state.queue.withdraw(after.id)
        draft.events.append(RunEnded(at=state.at, after=after, attempt=attempt, by=by))
        draft.finished.append(finished or Finished(after))
        state.dependencies.judge(after.id)

    def end_abroad(self, run: Run) -> None:
        """Apply the end of a run of a task at home here that another process has written."""
        state = self._state
        state.drop(run)
        state.last[run.task] = run.state
        state.draft.finished.append(Finished(run))
        state.dependencies.judge(run.id)

    def end_parent(self, parent: Run) -> None:
        """Start, skip or keep waiting the runs here that waited for one that has ended."""
        state = self._state
        pending = [self._verdicts(parent)]  # a chain may be longer than the stack of calls is high
        while pending:
            verdict = next(pending[-1], None)
            if verdict is None:
                pending.pop()
                continue
            child = state.runs[verdict.run]
            if verdict.blocked_by:
                reason = f"its parent {verdict.blocked_by!r} ended as {verdict.state}"
                skipped = replace(child, state=State.SKIPPED, finished=state.now, reason=reason)
                self._record_end(child, skipped)
                pending.append(self._verdicts(skipped))
            else:
                self._release(child, child)

    def _verdicts(self, parent: Run) -> Iterator[Verdict]:
        """Record the end of a parent for the runs that wait for it; return what it means for each."""
        state = self._state
        for waiting in state.dependencies.runs_of(parent.id):
            if (run := state.runs.get(waiting)) is not None:
                state.expect_home(run.task)  # else another process decides what the run waits for
            state.draft.changes.append(WaitEnded(waiting, parent.task, parent.state))
        return iter(state.dependencies.ended(parent.id, parent.state))

    def children_of(self, task: str) -> Iterable[str]:
        """Return the tasks at home here that have a run for each run of this one."""
        return self._children.get(task, {}).keys()

    def is_parent(self, task: str) -> bool:
        """Tell whether a task at home here depends on this one."""
        return task in self._after

    def hold_keys(self, run: Run, task: Task) -> None:
        """Count a run that is running in another process as an instance of its task."""
        self._state.queue.hold_keys(Waiting(run.id, run.task, 0, 0, self.keys.of(task).instances))

    def withdraw(self, run: Run, reason: str, by: str) -> None:
        """Cancel a run that waits."""
        ended = replace(run, state=State.CANCELLED, finished=self._state.now, reason=reason)
        self.end(run, ended, by=by)

    def _release(self, before: Run, run: Run) -> None:
        """Queue a run that no longer waits for its parents."""
        state = self._state
        ready = replace(run, state=State.QUEUED, due=state.now)
        state.move(before, ready)
        state.draft.events.append(RunQueued(at=state.at, after=ready))
        self.offer(ready)

    def forget_waits(self, name: str, task: Task | None = None) -> None:
        """Drop waits for parents that the task, as it is declared now, does not have; None: removed.

        Those that wait for nothing else are queued. A task with a trigger of its own gets no run for each
        run of its parents, so a wait for a run that is still to come would never end.
        """
        state = self._state
        if task is None:
            forgotten, free = state.dependencies.forget(name)
        else:
            parents = {parent.task for parent in task.after}
            forgotten, free = state.dependencies.forget(name, parents, to_come=task.trigger is None)
        for run_id, gone in forgotten.items():
            state.draft.changes.extend(WaitDropped(run_id, parent) for parent in gone)
            run = state.runs.get(run_id)
            if task is None or run is None or run.state is not State.PENDING:
                continue
            left = replace(run, waiting_for=tuple(one for one in run.waiting_for if one not in gone))
            if run_id in free:
                self._release(run, left)
            else:
                state.move(run, left)
                state.draft.events.append(RunQueued(at=state.at, after=left))

    def load_waits(self, rows: list[WaitRow]) -> None:
        """Load the waits that the ledger has."""
        state = self._state
        by_run: dict[str, dict[str, Wait]] = {}
        children: dict[str, str] = {}
        for row in rows:
            by_run.setdefault(row.run, {})[row.parent] = Wait(row.parent_run, row.how, row.ended)
            children[row.run] = row.child
        for run_id, parents in by_run.items():
            state.dependencies.expect(run_id, children[run_id], parents)
            run = state.runs.get(run_id)
            if run is None or run.state is not State.PENDING:
                state.dependencies.judge(run_id)
