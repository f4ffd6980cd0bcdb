"""The owner's runs, from their beginning to their end, and the runs that wait for them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from schedkit.core.events import (
    RunEnded,
    RunQueued,
)
from schedkit.core.ledger.changes import Change, Op
from schedkit.core.ledger.rows import new_id
from schedkit.core.model import Task
from schedkit.core.owner.joins import Wait
from schedkit.core.owner.known import Finished, Known, OwnerEnded, Waiter
from schedkit.core.run import Run
from schedkit.core.runner.plan import Waiting, rank
from schedkit.core.states import Overlap, State

__all__ = ["Runs"]

_log = logging.getLogger("schedkit")


class Runs(Known):
    """Lives of runs."""

    def new_run(
        self,
        task: str,
        cause: str,
        who: str,
        *,
        id: str = "",
        params: Mapping[str, Any] | None = None,
        scheduled_at: datetime | None = None,
        due: datetime | None = None,
        priority: int | None = None,
    ) -> Run:
        known = self.registry.get(task)
        now = datetime.now(UTC)
        if params is None:
            params = known.params if known is not None else {}
        if priority is None:
            priority = known.priority if known is not None else 10
        return Run(
            id=id or new_id(),
            task=task,
            state=State.QUEUED,
            cause=cause,
            who=who,
            scheduled_at=scheduled_at,
            due_at=due or now,
            queued_at=now,
            priority=priority,
            params=dict(params),
        )

    def submit(self, run: Run, waiter: Waiter | None = None, receipt: Any = None) -> None:
        """Take in a run that somebody asked for; `receipt` is called when it is durable."""
        change = Change()
        change.receipt = receipt
        if waiter is not None:
            self._waiters.setdefault(run.id, []).append(waiter)
        self._add(change, run)
        self._post(change)

    def _add(self, change: Change, run: Run) -> None:
        """Bring a run to life, and with it the runs of tasks that follow its task."""
        waits, spoiled = self._parents_of(run) if run.cause == "schedule" else ({}, "")
        if waits:
            run = replace(run, state=State.PENDING, waiting_for=tuple(waits))
        self._begin(change, run)
        if waits:
            self._expect(change, run, waits)
        if spoiled:
            self._end(
                change, run, replace(run, state=State.SKIPPED, finished_at=run.queued_at, reason=spoiled)
            )
            return
        self._forget_if_refused(change, run.id)
        self._offer(run)
        self._follow_up(change, run)

    def _begin(self, change: Change, run: Run) -> None:
        self._keep(run)
        self._fresh[run.id] = (change, run)
        self._tell_queued(change, run, run.queued_at)

    def _parents_of(self, run: Run) -> tuple[dict[str, Wait], str]:
        """Return what a scheduled run with parents waits for, or why it will not run."""
        task = self.registry.get(run.task)
        waits: dict[str, Wait] = {}
        for parent in task.after if task is not None else ():
            live = self._by_task.get(parent.task)
            if live:
                waits[parent.task] = Wait(next(reversed(live)), parent.on)
            elif parent.on == "success" and self._last.get(parent.task, State.DONE) is not State.DONE:
                return {}, f"its parent {parent.task!r} ended as {self._last[parent.task]}"
        return waits, ""

    def _follow_up(self, change: Change, run: Run) -> None:
        """Let the tasks that come after this run's task have a run that waits for it."""
        for child in self._children.get(run.task, {}).values():
            bound = self.joins.bind(child.name, run.task, run.id)
            if bound is not None:
                change.add(Op.BIND_WAIT, waiter=bound, of=run.task, bound=run.id)
                continue
            waits = {p.task: Wait(run.id if p.task == run.task else None, p.on) for p in child.after}
            made = self.new_run(child.name, "after", run.id)
            made = replace(made, state=State.PENDING, waiting_for=tuple(waits))
            self._begin(change, made)
            self._expect(change, made, waits)
            self._forget_if_refused(change, made.id)
            self._follow_up(change, made)

    def _expect(self, change: Change, run: Run, waits: dict[str, Wait]) -> None:
        self.joins.expect(run.id, run.task, waits)
        for parent, wait in waits.items():
            change.add(
                Op.INSERT_WAIT,
                run=run.id,
                child=run.task,
                parent=parent,
                parent_run=wait.parent_run,
                how=wait.how,
                ended=None,
            )

    def _offer(self, run: Run) -> None:
        task = self.registry.get(run.task)
        if task is None or run.state not in (State.QUEUED, State.RETRY) or run.id in self.planner:
            return
        if run.id in self.planner.running:
            return  # its last attempt's thread still holds the place
        due = run.due_at.timestamp()
        self.planner.offer(
            Waiting(run.id, run.task, rank(due, run.priority), due, self._keys_of(task), task.rate)
        )

    def _keys_of(self, task: Task) -> tuple[str, ...]:
        known = self._keys.get(task.name)
        if known is None:
            keys = [f"task:{task.name}"] if task.overlap is not Overlap.ALLOW else []
            keys += [f"tag:{tag}" for tag in task.tags if tag in self.config.tag_limits]
            # Not asked of the others: what was interrupted is offered before its task's limit is set.
            keys += [task.place] if task.place in self.planner.limits else []
            known = self._keys[task.name] = tuple(keys)
        return known

    def _step(self, before: Run, after: Run, change: Change | None = None) -> Change:
        """Move a run on in memory and in the change that will say so in the ledger."""
        fresh = self._fresh.get(before.id)
        if fresh is not None:
            own, _ = fresh
            self._fresh[before.id] = (own, after)
        else:
            own = change or Change()
            own.update_run(before, after)
            if change is None:
                self._post(own)
        self.runs[before.id] = after
        return own

    def _end(self, change: Change, before: Run, after: Run, finished: Finished | None = None) -> None:
        """Bring a run to its final state; whoever waited for it is told, and runs after it decided."""
        own = self._step(before, after, change)
        del self.runs[after.id]
        self._by_task[after.task].pop(after.id, None)
        self.planner.withdraw(after.id)
        self._last[after.task] = after.state
        own.tell(
            RunEnded(
                at=after.finished_at or datetime.now(UTC),
                seq=self.next_seq(),
                task=after.task,
                run=after.id,
                who=after.who,
                state=after.state,
                attempt=after.attempt,
                seconds=after.seconds,
                error=after.error,
                result=after.result,
                reason=after.reason,
            )
        )
        done = finished or Finished(after)
        own.then(lambda error: self._resolve(after.id, error or done))
        if self.joins.runs_of(after.id):
            own.add(Op.END_WAIT, bound=after.id, how_ended=after.state.value)
        self.joins.judge(after.id)
        for verdict in self.joins.ended(after.id, after.state):
            child = self.runs.get(verdict.run)
            if child is None:
                continue
            now = datetime.now(UTC)
            if verdict.blocked_by:
                reason = f"its parent {verdict.blocked_by!r} ended as {verdict.state}"
                self._end(own, child, replace(child, state=State.SKIPPED, finished_at=now, reason=reason))
            else:
                self._release(own, child, now)

    def _release(self, change: Change, run: Run, now: datetime) -> None:
        """Queue a run that waits for its parents no more."""
        ready = replace(run, state=State.QUEUED, due_at=now)
        self._tell_queued(self._step(run, ready, change), ready, now)
        self._offer(ready)

    def _tell_queued(self, change: Change, run: Run, at: datetime) -> None:
        """Say that a run waits, and for which parents, from a time on."""
        change.tell(
            RunQueued(
                at=at,
                seq=self.next_seq(),
                task=run.task,
                run=run.id,
                who=run.who,
                state=run.state,
                cause=run.cause,
                scheduled_at=run.scheduled_at,
                due_at=run.due_at,
                priority=run.priority,
                params=run.params,
                waiting_for=run.waiting_for if run.state is State.PENDING else (),
            )
        )

    def _forget_waits(self, change: Change, name: str, task: Task | None = None) -> None:
        """Let runs wait no more for what their task, as it is declared now, does not wait for; None: removed.

        Those that wait for nothing else go on. A task with a trigger of its own has no run made for each of
        its parents': none that is still to come would ever be paired off.
        """
        if task is None:
            forgotten, free = self.joins.forget(name)
        else:
            parents = {parent.task for parent in task.after}
            forgotten, free = self.joins.forget(name, parents, to_come=task.trigger is None)
        now = datetime.now(UTC)
        for run_id, gone in forgotten.items():
            for parent in gone:
                change.add(Op.DROP_WAIT, waiter=run_id, of=parent)
            run = self.runs.get(run_id)
            if task is None or run is None or run.state is not State.PENDING:
                continue
            left = replace(run, waiting_for=tuple(one for one in run.waiting_for if one not in gone))
            if run_id in free:
                self._release(change, left, now)
            else:
                self._tell_queued(self._step(run, left, change), left, now)

    def _resolve(self, run_id: str, what: Finished | BaseException) -> None:
        for waiter in self._waiters.pop(run_id, ()):
            if isinstance(what, BaseException):
                waiter.fail(what)
            else:
                waiter.settle(what)

    def _forget_if_refused(self, change: Change, run_id: str) -> None:
        change.then(lambda error: self._refused(run_id, error) if error is not None else None)

    def _refused(self, run_id: str, error: BaseException) -> None:
        """Forget a run whose step the ledger refused; its truth is there."""
        run = self.runs.pop(run_id, None)
        if run is None:
            return
        self._by_task.get(run.task, {}).pop(run_id, None)
        self.planner.withdraw(run_id)
        self.joins.refused(run_id)
        self._resolve(run_id, error)
        if not self.stopping:
            _log.error("run %s of task %r was refused by the ledger: %s", run_id, run.task, error)

    def let_go(self) -> None:
        """Have everybody who waits for a run ask again: this owner ends no more of them."""
        for run_id in list(self._waiters):
            self._resolve(run_id, OwnerEnded())

    def wait_for(self, run_id: str, waiter: Waiter) -> bool:
        """Answer `waiter` when a live run has ended; False: it is not alive."""
        if run_id not in self.runs and run_id not in self._waiters:
            return False
        self._waiters.setdefault(run_id, []).append(waiter)
        return True
