"""The owner of a ledger: all that is decided about tasks and runs, on our loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from msgspec.structs import replace

from schedkit.core.events import (
    OwnerChanged,
    TaskChanged,
)
from schedkit.core.ledger.changes import Change, Op
from schedkit.core.ledger.reader import TaskRow
from schedkit.core.ledger.rows import new_id, to_micros
from schedkit.core.model import Task
from schedkit.core.owner.attempts import REMOVED
from schedkit.core.owner.joins import Wait
from schedkit.core.owner.times import Times
from schedkit.core.runner.execute import Ending
from schedkit.core.states import Outcome, Overlap, State
from schedkit.core.tasks.declare import replaced
from schedkit.core.tasks.options import shown_options
from schedkit.core.text import dump
from schedkit.core.when import data as trigger_data
from schedkit.core.when.base import Trigger

__all__ = ["Owner", "describe"]

_log = logging.getLogger("schedkit")


class Owner(Times):
    """What a node does with a ledger it owns; every method runs on our loop unless it says otherwise."""

    def load(self) -> Callable[[], None]:
        """Read the ledger (on any thread); returns what takes it in on the loop."""
        rows, live, waits = self.ledger.tasks(), self.ledger.live(), self.ledger.waits()
        seq, paused = self.ledger.last_seq(), self.ledger.setting("paused") == "1"
        parents = {parent for row in rows for parent in row.facts.get("after", ())}
        last = {run.task: run.state for run in self.ledger.recent(parents, 1) if run.state.final}
        holder = self.ledger.holder()

        def adopt() -> None:
            self._seq = self.written = seq
            self.paused, self._last = paused, last
            self.rows = {row.name: row for row in rows}
            by_run: dict[str, dict[str, Wait]] = {}
            children: dict[str, str] = {}
            for wait in waits:
                ended = None if wait.ended is None else State(wait.ended)
                by_run.setdefault(wait.run, {})[wait.parent] = Wait(wait.parent_run, wait.how, ended)
                children[wait.run] = wait.child
            pending = {run.id for run in live if run.state is State.PENDING}
            for run_id, parents in by_run.items():
                self.joins.expect(run_id, children[run_id], parents)
                if run_id not in pending:
                    self.joins.judge(run_id)
            for run in live:
                self._keep(run)
            for child in set(children.values()) - self.rows.keys():
                change = Change()  # of a task that is gone
                self._forget_waits(change, child)
                self._post(change)
            for run in live:
                if run.state is State.RUNNING:
                    who = "its process ended"
                    self._interrupted(
                        run, who if holder is None else f"{who} before {self.config.name} took over"
                    )
                elif run.task not in self.rows and run.id in self.runs:
                    self._withdraw(run, REMOVED)

        return adopt

    def declare(self, task: Task, who: str, starts: Iterable[datetime] = (), receipt: Any = None) -> None:
        """Take in a task that this process has declared, new or again.

        `starts` are its latest ones as the ledger knows them; they count towards its rate.
        """
        known = self.rows.get(task.name)
        text = None if task.trigger is None else trigger_data.dumps(task.trigger)
        now = datetime.now(UTC)
        # Whose code it is: a viewer tells by it whether the present owner can run the task.
        facts = {**_facts(task), "epoch": self.lease.epoch}
        if known is not None and known.trigger == text:
            next_at = known.next_at
            if next_at is None and task.trigger is not None:  # it may have failed, and be mended now
                next_at = task.trigger.bind(known.anchor, self.config.tz).next(now)
            row = replace(known, next_at=next_at, facts=facts, words=_words(task, self.config.tz))
        else:
            next_at = None if task.trigger is None else task.trigger.begins(now, self.config.tz)
            if task.trigger is not None and next_at is None:
                _log.warning(
                    "task %r has no time left and runs only when it is submitted: %s",
                    task.name,
                    task.trigger.text(),
                )
            row = TaskRow(
                name=task.name,
                trigger=text,
                words=_words(task, self.config.tz),
                anchor=now,
                next_at=next_at,
                paused=not task.enabled if known is None else known.paused,
                facts=facts,
                declared_at=now,
                who=who,
            )
        change = Change()
        change.receipt = receipt
        if known is not None and known.trigger != text:
            self._leave_behind(change, known, now, "rescheduled")
        if row != known:
            change.add(Op.PUT_TASK, **row.row())
        self.rows[task.name] = row
        self._set_rules(task)
        self.ports.prepare(task)
        self.planner.remember_starts(task.name, [start.timestamp() for start in starts])
        self._tell_task(change, "declared" if known is None else "redeclared", row, who, log=row != known)
        self._put_schedule(row)
        for run_id in self._by_task.get(task.name, ()):
            # What waits already waits by the old rules: its tags, its place and its rate may be others now.
            self.planner.withdraw(run_id)
            self._offer(self.runs[run_id])
        self._forget_waits(change, task.name, task)
        if not change.ops and receipt is not None:
            change.receipt = None
            receipt(None)  # declared before in the same words: there is nothing to write
        self._post(change)

    def _set_rules(self, task: Task) -> None:
        self._keys.pop(task.name, None)
        self.planner.limit(f"task:{task.name}", None if task.overlap is Overlap.ALLOW else task.max_instances)
        # A task with a trigger of its own does not follow its parents, it only waits for them.
        parents = () if task.trigger is not None else tuple(parent.task for parent in task.after)
        self._unfollow(task.name)
        for parent in parents:
            self._children.setdefault(parent, {})[task.name] = task
        if parents:
            self._followed[task.name] = parents

    def _unfollow(self, name: str) -> None:
        for parent in self._followed.pop(name, ()):
            del self._children[parent][name]

    def pause(self, name: str | None, who: str, receipt: Any = None) -> None:
        """Stop the due times of a task, or of all (None); runs that were submitted go on."""
        change = Change()
        change.receipt = receipt
        if name is None:
            self.paused = True
            change.add(Op.PUT_META, key="paused", value="1")
            for known in self.rows:
                self.timetable.drop(known)
            change.tell(TaskChanged(at=datetime.now(UTC), seq=self.next_seq(), who=who, change="paused"))
        else:
            row = self.rows[name] = replace(self.rows[name], paused=True)
            change.add(Op.PUT_TASK, **row.row())
            self.timetable.drop(name)
            self._tell_task(change, "paused", row, who)
        self._post(change)

    def resume(self, name: str | None, who: str, receipt: Any = None) -> None:
        """Let due times happen again; those passed over meanwhile are recorded as missed."""
        change = Change()
        change.receipt = receipt
        now, stood = datetime.now(UTC), self.paused
        if name is None:
            self.paused = False
            change.add(Op.PUT_META, key="paused", value="0")
            change.tell(TaskChanged(at=now, seq=self.next_seq(), who=who, change="resumed"))
        else:
            stood = stood or self.rows[name].paused
            self.rows[name] = replace(self.rows[name], paused=False)
        for row in list(self.rows.values()) if name is None else [self.rows[name]]:
            if row.paused:
                continue
            if stood and row.name in self.registry and row.next_at is not None and row.next_at <= now:
                row = replace(row, next_at=self._leave_behind(change, row, now, "paused"))
            if row != self.rows[row.name] or name is not None:
                self.rows[row.name] = row
                change.add(Op.PUT_TASK, **row.row())
                self._tell_task(change, "resumed", row, who)
            self._put_schedule(row)
        self._post(change)

    def remove(self, name: str, who: str, receipt: Any = None) -> None:
        """Forget a task; its history stays. Runs that wait are cancelled."""
        change = Change()
        change.receipt = receipt
        row = self.rows.pop(name)
        self.removed[name] = new_id()
        self._unfollow(name)
        self.timetable.drop(name)
        change.add(Op.DROP_TASK, task=name)
        self._forget_waits(change, name)
        self._tell_task(change, "removed", row, who)
        self._post(change)
        for run_id in list(self._by_task.get(name, ())):
            self.cancel(run_id, who)

    def reschedule(self, name: str, trigger: Trigger | None, who: str, receipt: Any = None) -> None:
        """Give a task another trigger; None: it runs only when submitted."""
        now = datetime.now(UTC)
        next_at = None if trigger is None else trigger.begins(now, self.config.tz)
        task = self.registry.get(name)
        if task is not None:
            task = replaced(task, trigger=trigger)
            self.registry.add(task, known=self.rows)
            self.declare(task, who, receipt=receipt)
            return
        known = self.rows[name]
        change = Change()
        change.receipt = receipt
        self._leave_behind(change, known, now, "rescheduled")
        row = self.rows[name] = replace(
            known,
            trigger=None if trigger is None else trigger_data.dumps(trigger),
            words="" if trigger is None else trigger.text(self.config.tz),
            anchor=now,
            next_at=next_at,
        )
        change.add(Op.PUT_TASK, **row.row())
        self._tell_task(change, "rescheduled", row, who)
        self._post(change)

    def declare_absent(self, row: TaskRow) -> None:
        """Note a task that another process has declared; it waits until this one declares it too."""
        if row.name in self.rows:
            return
        self.rows[row.name] = row
        change = Change()
        change.add(Op.PUT_TASK, **row.row())
        self._tell_task(change, "declared", row, row.who)
        self._post(change)

    def row_from(self, data: Mapping[str, Any], who: str) -> TaskRow:
        """Return the row of a task described by `describe`."""
        now = datetime.now(UTC)
        text = data["trigger"]
        trigger = None if text is None else trigger_data.loads(text)
        return TaskRow(
            name=data["name"],
            trigger=text,
            words=data["words"] if trigger is None else trigger.text(self.config.tz),
            anchor=now,
            next_at=None if trigger is None else trigger.begins(now, self.config.tz),
            facts=data["facts"],
            declared_at=now,
            who=who,
        )

    def claim_command(self, id: str) -> bool:
        """Tell whether a command is yet to be carried out; each is once."""
        if id in self._claimed:
            return False
        self._claimed.add(id)
        return True

    def answer(self, id: str, answer: Mapping[str, Any]) -> None:
        """Answer a command, in the group of what it did."""
        change = Change()
        change.add(Op.ANSWER, command=id, done_at=to_micros(datetime.now(UTC)), answer=dump(answer))
        change.then(lambda error: self._claimed.discard(id))
        self._post(change)
        self.pump()

    def announce(self, event: OwnerChanged) -> None:
        """Log that this process began or ceased to own the ledger."""
        change = Change()
        if event.change == "started":  # what runs at once is this process's to say: a viewer shows it
            change.add(Op.PUT_META, key="limits", value=dump(self.config.at_once))
        change.tell(replace(event, seq=self.next_seq()))
        self._post(change)
        self.pump()

    async def stop(self, patience: float) -> None:
        """Let running attempts end for `patience` seconds; then interrupt and record them."""
        self.stopping = True
        self.rush.end()
        for name in self.rows:
            self.timetable.drop(name)
        await self._all_gone(patience)
        for execution in list(self.executions.values()):
            execution.stop("stop")
        await self._all_gone(min(2.0, max(0.2, patience)))
        for execution in list(self.executions.values()):
            if not execution.recorded:
                execution.recorded = True
                if execution.why == "cancel":  # it must not run again
                    outcome, reason = Outcome.CANCELLED, f"cancelled by {execution.who}"
                else:
                    outcome, reason = Outcome.INTERRUPTED, "the scheduler was stopped"
                self._conclude(execution, outcome, Ending(outcome), reason=reason, error=None)
        self.clear_timers()
        self.pump()


def _words(task: Task, tz: tzinfo | None) -> str:
    if task.trigger is not None:
        return task.trigger.text(tz)
    return "after " + ", ".join(parent.task for parent in task.after) if task.after else ""


def describe(task: Task) -> dict[str, Any]:
    """Return what another process may know of a task: all but its code."""
    return {
        "name": task.name,
        "trigger": None if task.trigger is None else trigger_data.dumps(task.trigger),
        "words": _words(task, None),
        "facts": _facts(task),
    }


def _facts(task: Task) -> dict[str, Any]:
    return {
        "description": task.description,
        "tags": list(task.tags),
        "priority": int(task.priority),
        "timeout": task.timeout,
        "after": [parent.task for parent in task.after],
        "overlap": task.overlap.value,
        "max_instances": task.max_instances,
        "place": task.place,
        "rate": "" if task.rate is None else str(task.rate),
        "options": shown_options(task),
    }
