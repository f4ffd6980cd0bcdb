"""The owner of a ledger: all that is decided about tasks and runs, on our loop.

What is alive is kept in memory and changed first; each step is posted to the writer as one change, and
takes effect outside (a function is started, a waiter is answered) only after its commit. Nothing here
waits for the store.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from schedkit.core import trigger_data
from schedkit.core.attempt import Execution, Ports
from schedkit.core.bus import Bus
from schedkit.core.changes import Change, Op
from schedkit.core.clock import Fire, Schedule, Tick, Timetable, skipped
from schedkit.core.deadlines import Deadlines
from schedkit.core.door import Door
from schedkit.core.events import (
    Event,
    Fired,
    LoopBlocked,
    OwnerChanged,
    RunEnded,
    RunQueued,
    RunRetrying,
    RunStarted,
    StoreAway,
    StoreBack,
    TaskChanged,
)
from schedkit.core.execute import Ending, error_facts
from schedkit.core.follow import MOST_INTERRUPTIONS, attempt_of, follow
from schedkit.core.joins import Joins, Wait
from schedkit.core.lease import Lease
from schedkit.core.ledger import Ledger, TaskRow
from schedkit.core.model import Disposition, Outcome, Overlap, Retry, Run, State, Task
from schedkit.core.plan import Planner, Waiting, rank
from schedkit.core.retention import Retention
from schedkit.core.rows import new_id, to_micros
from schedkit.core.running import RunContext
from schedkit.core.store import reason
from schedkit.core.tasks import Registry
from schedkit.core.text import dump
from schedkit.core.trigger_base import Trigger
from schedkit.core.writer import StaleError, Writer
from schedkit.errors import TriggerError

__all__ = ["Config", "Finished", "Owner", "describe"]

_log = logging.getLogger("schedkit")

# Starts before other work on the loop has its turn: 1000 at once would hold it for 84 ms, 50 for 6.
STARTS_AT_ONCE = 50
# A cancelled attempt that goes on is recorded as cancelled after this; its place stays taken.
CANCEL_GRACE_SECONDS = 10.0
_NO_RETRY = Retry()
_GAVE_UP = {
    "type": "CancelledError",
    "message": "the task cancelled itself",
    "hint": "something it awaited was cancelled; nobody asked schedkit to cancel it",
    "traceback": "",
}


@dataclass(frozen=True)
class Config:
    """How an owner works: its name and limits."""

    name: str
    concurrency: int = 5
    threads: int = 20
    processes: int = 2
    tag_limits: Mapping[str, int] = field(default_factory=dict)
    tz: tzinfo | None = None
    most_interruptions: int = MOST_INTERRUPTIONS
    cancel_grace: float = CANCEL_GRACE_SECONDS
    hand_over_patience: float = 20.0
    retention: Retention = field(default_factory=Retention)


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has ended, with its value where it ended in this process."""

    run: Run
    value: Any = None
    has_value: bool = False


Waiter = Future[Finished]


class Owner:
    """Decides and remembers; every method runs on our loop unless it says otherwise."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        bus: Bus,
        ports: Ports,
        config: Config,
        lease: Lease,
        lost: Callable[[], object],
    ) -> None:
        self.ledger, self.registry, self.bus, self.ports, self.config = ledger, registry, bus, ports, config
        self.lease = lease
        self._lost = lost
        self._turned = time.monotonic()
        self.writer = Writer(
            ledger.store,
            lease,
            committed=self._committed_anywhere,
            lost=lambda: self.loop.call_soon_threadsafe(lost),
            away=lambda why: bus.publish((StoreAway(at=datetime.now(UTC), reason=why),)),
            back=lambda seconds: bus.publish((StoreBack(at=datetime.now(UTC), seconds=round(seconds, 3)),)),
            healthy=lambda: time.monotonic() - self._turned < lease.seconds,
        )
        self.loop = asyncio.get_running_loop()
        self.door = Door(self.loop, self.pump, self._pressed)
        self.timetable = Timetable()
        limits = {f"tag:{tag}": most for tag, most in config.tag_limits.items()}
        limits["process"] = config.processes
        if config.threads < config.concurrency:
            limits["thread"] = config.threads
        self.planner = Planner(config.concurrency, limits)
        self.rows: dict[str, TaskRow] = {}
        self.paused = False
        self.runs: dict[str, Run] = {}
        self.executions: dict[str, Execution] = {}
        self.joins = Joins()
        self.stopping = False
        self._by_task: dict[str, dict[str, None]] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self._children: dict[str, list[Task]] = {}
        self._last: dict[str, State] = {}
        self._seq = 0
        self._changes: list[Change] = []
        self._fresh: dict[str, tuple[Change, Run]] = {}
        self._waiters: dict[str, list[Waiter]] = {}
        self._to_launch: deque[Execution] = deque()
        self._launching = False
        self._timer: asyncio.TimerHandle | None = None
        self._deadlines = Deadlines(self.loop, self._timed_out, self._timeable)
        self._idle = asyncio.Event()
        self._claimed: set[str] = set()

    # What is known

    def alive(self, task: str) -> int:
        """Return how many runs of a task have not ended."""
        return len(self._by_task.get(task, ()))

    def next_seq(self) -> int:
        self._seq += 1
        return self._seq

    # Coming to life

    def load(self) -> Callable[[], None]:
        """Read the ledger (on any thread); returns what takes it in on the loop."""
        rows, live, waits = self.ledger.tasks(), self.ledger.live(), self.ledger.waits()
        seq, paused = self.ledger.last_seq(), self.ledger.setting("paused") == "1"
        parents = {parent for row in rows for parent in row.facts.get("after", ())}
        last = {run.task: run.state for run in self.ledger.recent(parents, 1) if run.state.final}
        holder = self.ledger.holder()

        def adopt() -> None:
            self._seq, self.paused, self._last = seq, paused, last
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
            for run in live:
                if run.state is State.RUNNING:
                    who = "its process ended"
                    self._interrupted(
                        run, who if holder is None else f"{who} before {self.config.name} took over"
                    )

        return adopt

    def declare(self, task: Task, who: str, starts: Iterable[datetime] = (), receipt: Any = None) -> None:
        """Take in a task that this process has declared, new or again.

        `starts` are its latest ones as the ledger knows them; they count towards its rate.
        """
        known = self.rows.get(task.name)
        text = None if task.trigger is None else trigger_data.dumps(task.trigger)
        now = datetime.now(UTC)
        facts = _facts(task)
        if known is not None and known.trigger == text:
            row = replace(known, facts=facts, words=_words(task))
        else:
            next_at = None if task.trigger is None else task.trigger.bind(now, self.config.tz).next(now)
            row = TaskRow(
                name=task.name,
                trigger=text,
                words=_words(task),
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
        self.planner.remember_starts(task.name, [start.timestamp() for start in starts])
        self._tell_task(change, "declared" if known is None else "redeclared", row, who, log=row != known)
        self._put_schedule(row)
        for run_id in self._by_task.get(task.name, ()):
            self._offer(self.runs[run_id])
        if not change.ops and receipt is not None:
            change.receipt = None
            receipt(None)  # declared before in the same words: there is nothing to write
        self._post(change)

    def _set_rules(self, task: Task) -> None:
        self._keys.pop(task.name, None)
        self.planner.limit(f"task:{task.name}", None if task.overlap is Overlap.ALLOW else task.max_instances)
        self._children = {}
        for child in self.registry.values():
            if child.trigger is None:
                for parent in child.after:
                    self._children.setdefault(parent.task, []).append(child)

    def _put_schedule(self, row: TaskRow) -> None:
        schedule = self._schedule(row)
        if schedule is None or row.paused or self.paused or self.stopping:
            self.timetable.drop(row.name)
        else:
            self.timetable.put(schedule)

    def _schedule(self, row: TaskRow) -> Schedule | None:
        task = self.registry.get(row.name)
        if task is None or task.trigger is None or row.next_at is None:
            return None
        return Schedule.of(task, row.anchor, next_at=row.next_at, tz=self.config.tz)

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

    # Due times

    async def record(self, tick: Tick) -> None:
        """Commit a tick: the dispositions and the advances, in one transaction."""
        now = datetime.now(UTC)
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

    # Runs

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

    def _keep(self, run: Run) -> None:
        self.runs[run.id] = run
        self._by_task.setdefault(run.task, {})[run.id] = None
        self._idle.clear()

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
        change.then(lambda error: self._refused(run.id, error) if error is not None else None)
        self._offer(run)
        self._follow_up(change, run)

    def _begin(self, change: Change, run: Run) -> None:
        self._keep(run)
        self._fresh[run.id] = (change, run)
        change.tell(
            RunQueued(
                at=run.queued_at,
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
                waiting_for=run.waiting_for,
            )
        )

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
        for child in self._children.get(run.task, ()):
            bound = self.joins.bind(child.name, run.task, run.id)
            if bound is not None:
                change.add(Op.BIND_WAIT, waiter=bound, of=run.task, bound=run.id)
                continue
            waits = {p.task: Wait(run.id if p.task == run.task else None, p.on) for p in child.after}
            made = self.new_run(child.name, "after", run.id)
            made = replace(made, state=State.PENDING, waiting_for=tuple(waits))
            self._begin(change, made)
            self._expect(change, made, waits)
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
            if task.runs_in == "process":
                keys.append("process")
            elif isinstance(task.runs_in, Executor) or not (task.runs_in == "auto" and task.asynchronous):
                keys.append("thread")
            known = self._keys[task.name] = tuple(key for key in keys if key in self.planner.limits)
        return known

    def pump(self) -> None:
        """Start what may start, and post every step taken since the last time."""
        if not self.stopping:
            now = time.time()
            for waiting in self.planner.start(now):
                self._start(self.runs[waiting.id], datetime.fromtimestamp(now, UTC))
            self._set_timer()
        for change, run in self._fresh.values():
            change.insert_run(run)
        self._fresh.clear()
        if self._changes:
            changes, self._changes = self._changes, []
            self.writer.post(changes)

    def _set_timer(self) -> None:
        upcoming = self.planner.next_time()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if upcoming is not None:
            # The wall clock may jump: look again at least every second.
            delay = min(max(upcoming - time.time(), 0.0), 1.0)
            self._timer = self.loop.call_later(delay, self.pump)

    def _start(self, run: Run, now: datetime) -> None:
        started = replace(run, state=State.RUNNING, attempt=run.attempt + 1, started_at=now, reason="")
        change = self._step(run, started)
        change.tell(
            RunStarted(
                at=now, seq=self.next_seq(), task=run.task, run=run.id, who=run.who, attempt=started.attempt
            )
        )
        execution = Execution(started, self.registry[run.task], RunContext(started, self._tell))
        self.executions[run.id] = execution
        change.then(
            lambda error: self._launch(execution) if error is None else self._unlaunched(execution, error)
        )

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

    def _launch(self, execution: Execution) -> None:
        self._to_launch.append(execution)
        if not self._launching:
            self._launching = True
            self._launch_some()

    def _launch_some(self) -> None:
        for _ in range(STARTS_AT_ONCE):
            if not self._to_launch:
                self._launching = False
                return
            execution = self._to_launch.popleft()
            if execution.task.timeout is not None:
                self._deadlines.add(self.loop.time() + execution.task.timeout, execution)
            self.ports.launch(execution, self._ended_anywhere)
            if execution.why:
                execution.stop(execution.why)  # asked for between the claim and here
        self.loop.call_soon(self._launch_some)

    def _unlaunched(self, execution: Execution, error: BaseException) -> None:
        self.executions.pop(execution.run.id, None)
        self.planner.release(execution.run.id)
        self._refused(execution.run.id, error)

    def _refused(self, run_id: str, error: BaseException) -> None:
        """Forget a run whose step the ledger refused; its truth is there."""
        run = self.runs.pop(run_id, None)
        if run is None:
            return
        self._by_task.get(run.task, {}).pop(run_id, None)
        self.planner.withdraw(run_id)
        self._resolve(run_id, error)
        if not self.stopping:
            _log.error("run %s of task %r was refused by the ledger: %s", run_id, run.task, error)

    # Endings

    def _ended_anywhere(self, execution: Execution, ending: Ending) -> None:
        self.door.put(lambda: self._ended(execution, ending))

    def _ended(self, execution: Execution, ending: Ending) -> None:
        run = execution.run
        self.planner.release(run.id)
        current = self.executions.get(run.id) is execution
        if current:
            del self.executions[run.id]
        if execution.recorded:
            waiting = self.runs.get(run.id)
            if current and waiting is not None:
                self._offer(waiting)  # its retry, which waited for this thread to end
            return
        outcome, reason, error = ending.outcome, ending.reason, ending.error
        if execution.why == "cancel":
            outcome, reason = Outcome.CANCELLED, f"cancelled by {execution.who}"
        elif execution.why == "stop" and outcome is not Outcome.DONE:
            outcome, reason, error = Outcome.INTERRUPTED, "the scheduler was stopped", None
        elif outcome is Outcome.CANCELLED:
            outcome, error = Outcome.FAILED, {**_GAVE_UP}
        self._conclude(execution, outcome, ending, reason=reason, error=error)

    def _timeable(self, execution: Execution) -> bool:
        current = self.executions.get(execution.run.id) is execution
        return current and not execution.recorded and execution.why != "cancel"

    def _timed_out(self, execution: Execution) -> None:
        limit = execution.task.timeout
        cause = TimeoutError(f"{execution.task.name} took longer than its timeout of {limit:g} s")
        error = {**error_facts(cause), "hint": "give it more with timeout=…, or make it do less"}
        ending = Ending(Outcome.TIMEOUT, error=error, retryable=execution.task.retry.allows(cause))
        execution.recorded = True
        self._conclude(execution, Outcome.TIMEOUT, ending, reason="timeout", error=error)
        execution.stop("timeout")
        self.ports.tell_hooks(execution, cause, final=execution.run.id not in self.runs)
        self.pump()

    def _conclude(
        self,
        execution: Execution,
        outcome: Outcome,
        ending: Ending,
        *,
        reason: str,
        error: dict[str, Any] | None,
    ) -> None:
        """Record the end of an attempt, and what follows from it."""
        run = self.runs.get(execution.run.id)
        if run is None or run.attempt != execution.run.attempt or run.state is not State.RUNNING:
            return  # refused meanwhile: another owner has it
        now = datetime.now(UTC)
        after = follow(
            run,
            outcome,
            retry=execution.task.retry,
            now=now,
            retryable=ending.retryable,
            skipped=ending.skipped,
            reason=reason,
            error=error,
            result=ending.result,
            random=random.random(),
            most_interruptions=self.config.most_interruptions,
        )
        change = Change()
        change.add_attempt(run.id, attempt_of(run, outcome, now, self.config.name, error))
        told = execution.context.row()
        if told is not None:
            change.add(Op.PUT_DETAILS, **told)
        self._post(change)
        if after.state.final:
            finished = Finished(after, ending.value, ending.value is not None)
            self._end(change, run, after, finished)
        else:
            self._step(run, after, change)
            self._tell_retry(change, after, outcome, now)
            if not execution.recorded:
                self._offer(after)

    def _tell_retry(self, change: Change, run: Run, outcome: Outcome, now: datetime) -> None:
        change.tell(
            RunRetrying(
                at=now,
                seq=self.next_seq(),
                task=run.task,
                run=run.id,
                state=run.state,
                attempt=run.attempt,
                outcome=outcome,
                due_at=run.due_at,
                error=run.error,
                reason=run.reason,
            )
        )

    def _interrupted(self, run: Run, reason: str) -> None:
        """Record that a running run has lost its attempt, and what follows."""
        now = datetime.now(UTC)
        after = follow(
            run,
            Outcome.INTERRUPTED,
            retry=_NO_RETRY,
            now=now,
            reason=reason,
            most_interruptions=self.config.most_interruptions,
        )
        change = Change()
        change.add_attempt(run.id, attempt_of(run, Outcome.INTERRUPTED, now, self.config.name, None))
        self._post(change)
        if after.state.final:
            self._end(change, run, after)
        else:
            self._step(run, after, change)
            self._tell_retry(change, after, Outcome.INTERRUPTED, now)
            self._offer(after)

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
                ready = replace(child, state=State.QUEUED, due_at=now)
                self._step(child, ready, own)
                own.tell(
                    RunQueued(
                        at=now,
                        seq=self.next_seq(),
                        task=ready.task,
                        run=ready.id,
                        state=ready.state,
                        cause=ready.cause,
                        scheduled_at=ready.scheduled_at,
                        due_at=now,
                        priority=ready.priority,
                        params=ready.params,
                    )
                )
                self._offer(ready)
        if not self.runs:
            self._idle.set()

    def _resolve(self, run_id: str, what: Finished | BaseException) -> None:
        for waiter in self._waiters.pop(run_id, ()):
            if waiter.set_running_or_notify_cancel():
                if isinstance(what, BaseException):
                    waiter.set_exception(what)
                else:
                    waiter.set_result(what)

    def wait_for(self, run_id: str, waiter: Waiter) -> bool:
        """Answer `waiter` when a live run has ended; False: it is not alive."""
        if run_id not in self.runs and run_id not in self._waiters:
            return False
        self._waiters.setdefault(run_id, []).append(waiter)
        return True

    # What people ask for

    def cancel(self, run_id: str, who: str, receipt: Any = None) -> bool:
        """Cancel a run: at once if it waits, else as soon as its code stops; False: it is not alive."""
        run = self.runs.get(run_id)
        if run is None:
            return False
        execution = self.executions.get(run_id)
        if execution is not None and not execution.recorded:
            execution.stop("cancel", who)
            self.loop.call_later(self.config.cancel_grace, self._overdue, execution)
            return True
        change = Change()
        self._post(change)
        now = datetime.now(UTC)
        self._end(
            change, run, replace(run, state=State.CANCELLED, finished_at=now, reason=f"cancelled by {who}")
        )
        return True

    def _overdue(self, execution: Execution) -> None:
        if self.executions.get(execution.run.id) is execution and not execution.recorded:
            execution.recorded = True
            reason = f"cancelled by {execution.who}; its code has not stopped yet and keeps its place"
            ending = Ending(Outcome.CANCELLED)
            self._conclude(execution, Outcome.CANCELLED, ending, reason=reason, error=None)
            self.pump()

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
        now = datetime.now(UTC)
        if name is None:
            self.paused = False
            change.add(Op.PUT_META, key="paused", value="0")
            change.tell(TaskChanged(at=now, seq=self.next_seq(), who=who, change="resumed"))
        else:
            self.rows[name] = replace(self.rows[name], paused=False)
        for row in list(self.rows.values()) if name is None else [self.rows[name]]:
            if row.paused:
                continue
            if row.name in self.registry and row.next_at is not None and row.next_at <= now:
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
        self.timetable.drop(name)
        change.add(Op.DROP_TASK, task=name)
        self._tell_task(change, "removed", row, who)
        self._post(change)
        for run_id in list(self._by_task.get(name, ())):
            self.cancel(run_id, who)

    def reschedule(self, name: str, trigger: Trigger | None, who: str, receipt: Any = None) -> None:
        """Give a task another trigger; None: it runs only when submitted."""
        task = self.registry.get(name)
        if task is not None:
            task = dataclasses.replace(task, trigger=trigger)
            self.registry.add(task, known=self.rows)
            self.declare(task, who, receipt=receipt)
            return
        now = datetime.now(UTC)
        known = self.rows[name]
        change = Change()
        change.receipt = receipt
        self._leave_behind(change, known, now, "rescheduled")
        row = self.rows[name] = replace(
            known,
            trigger=None if trigger is None else trigger_data.dumps(trigger),
            words="" if trigger is None else trigger.text(),
            anchor=now,
            next_at=None if trigger is None else trigger.bind(now, self.config.tz).next(now),
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
        trigger = None if text is None else trigger_data.loads(text).bind(now, self.config.tz)
        return TaskRow(
            name=data["name"],
            trigger=text,
            words=data["words"],
            anchor=now,
            next_at=None if trigger is None else trigger.next(now),
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
        change.tell(replace(event, seq=self.next_seq()))
        self._post(change)
        self.pump()

    def _tell_task(self, change: Change, word: str, row: TaskRow, who: str, log: bool = True) -> None:
        change.tell(self._task_event(word, row, who, self.next_seq() if log else 0))

    def _task_event(self, word: str, row: TaskRow, who: str, seq: int) -> TaskChanged:
        return TaskChanged(
            at=datetime.now(UTC),
            seq=seq,
            task=row.name,
            who=who,
            change=word,
            next_time=row.next_at,
            trigger=row.words,
            paused=row.paused,
            waiting=row.name not in self.registry,
            tags=tuple(row.facts.get("tags", ())),
            priority=row.facts.get("priority", 10),
            description=row.facts.get("description", ""),
        )

    # Housekeeping

    def _committed_anywhere(self, outcome: list[tuple[Change, BaseException | None]]) -> None:
        self.bus.publish([event for change, error in outcome if error is None for event in change.events])
        done = [(call, error) for change, error in outcome for call in change.done]
        if done:
            self.loop.call_soon_threadsafe(self._committed, done)

    def _committed(
        self, done: list[tuple[Callable[[BaseException | None], object], BaseException | None]]
    ) -> None:
        for call, error in done:
            call(error)
        self.pump()

    def _pressed(self) -> bool:
        """Tell whether due times wait for the loop."""
        upcoming = self.timetable.next_due()
        return upcoming is not None and upcoming.timestamp() <= time.time()

    def turn(self) -> None:
        """Note that the loop turns; an owner that stands still must not renew its lease."""
        self._turned = time.monotonic()

    def _tell(self, event: Event) -> None:
        self.bus.publish((event,))

    def _post(self, change: Change) -> None:
        self._changes.append(change)

    def save_progress(self) -> None:
        """Post what running attempts have told since the last time."""
        for execution in self.executions.values():
            if execution.context.changed and not execution.recorded:
                told = execution.context.row()
                if told is not None:
                    change = Change()
                    change.add(Op.PUT_DETAILS, **told)
                    self._post(change)
        self.pump()

    def blocked(self, name: str, seconds: float, where: str, over: bool) -> None:
        """Tell which coroutine keeps the users' loop busy."""
        run_id = name.rpartition("(run ")[2].rstrip(")") if "(run " in name else ""
        task = name.partition(" (run ")[0]
        if not over:
            _log.warning("task %r blocks the users' loop for %.1f s at %s", task, seconds, where)
        self._tell(
            LoopBlocked(
                at=datetime.now(UTC), task=task, run=run_id, seconds=round(seconds, 3), where=where, over=over
            )
        )

    async def stop(self, patience: float) -> None:
        """Let running attempts end for `patience` seconds; then interrupt and record them."""
        self.stopping = True
        for name in self.rows:
            self.timetable.drop(name)
        deadline = self.loop.time() + patience
        while self.executions and self.loop.time() < deadline:
            await asyncio.sleep(0.02)
        for execution in list(self.executions.values()):
            execution.stop("stop")
        deadline = self.loop.time() + min(2.0, max(0.2, patience))
        while self.executions and self.loop.time() < deadline:
            await asyncio.sleep(0.02)
        for execution in list(self.executions.values()):
            if not execution.recorded:
                execution.recorded = True
                ending = Ending(Outcome.INTERRUPTED)
                reason = "the scheduler was stopped"
                self._conclude(execution, Outcome.INTERRUPTED, ending, reason=reason, error=None)
        self.pump()


def _settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    if not future.done():
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _words(task: Task) -> str:
    if task.trigger is not None:
        return task.trigger.text()
    return "after " + ", ".join(parent.task for parent in task.after) if task.after else ""


def describe(task: Task) -> dict[str, Any]:
    """Return what another process may know of a task: all but its code."""
    return {
        "name": task.name,
        "trigger": None if task.trigger is None else trigger_data.dumps(task.trigger),
        "words": _words(task),
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
    }
