"""The owner's attempts: started when there is room, ended, timed out, cancelled, followed by another."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from schedkit.core.events import (
    LoopBlocked,
    RunRetrying,
    RunStarted,
)
from schedkit.core.ledger.changes import Change, Op
from schedkit.core.model import Retry
from schedkit.core.owner.deadlines import Deadlines
from schedkit.core.owner.known import Finished
from schedkit.core.owner.runs import Runs
from schedkit.core.run import Run
from schedkit.core.runner.attempt import Execution
from schedkit.core.runner.execute import Ending, error_facts
from schedkit.core.runner.follow import attempt_of, follow
from schedkit.core.runner.running import RunContext
from schedkit.core.states import Outcome, State
from schedkit.values.rng import chance

__all__ = ["Attempts"]

_log = logging.getLogger("schedkit")

# Starts before other work on the loop has its turn: 1000 at once would hold it for 84 ms, 50 for 6.
STARTS_AT_ONCE = 50
# Why the runs of a task that is gone end.
REMOVED = "its task was removed"
_NO_RETRY = Retry()
_GAVE_UP = {
    "type": "CancelledError",
    "message": "the task cancelled itself",
    "hint": "something it awaited was cancelled; nobody asked schedkit to cancel it",
    "traceback": "",
}


class Attempts(Runs):
    """Lives of attempts."""

    def __init__(self, *places: Any) -> None:
        super().__init__(*places)
        self._launches = 0  # in this turn of the loop
        self._yielding = False
        self._timer: asyncio.TimerHandle | None = None
        self._deadlines = Deadlines(self.loop, self._timed_out, self._timeable)
        self._patience: asyncio.Timeout | None = None  # of who waits for all to be gone
        self._idle = asyncio.Event()  # while no attempt runs
        self._idle.set()

    def pump(self) -> None:
        """Start what may start, and post every step taken since the last time."""
        if not self.stopping and not self._yielding:
            now = time.time()
            started = self.planner.start(now, STARTS_AT_ONCE)
            for waiting in started:
                self._start(self.runs[waiting.id], datetime.fromtimestamp(now, UTC))
            if len(started) == STARTS_AT_ONCE:
                self.rush.begin()
                self._yielding = True
                self.loop.call_soon(self._go_on)
            self._set_timer()
        for change, run in self._fresh.values():
            change.insert_run(run)
        self._fresh.clear()
        if self._changes:
            changes, self._changes = self._changes, []
            self.writer.post(changes)

    def _go_on(self) -> None:
        self._yielding = False
        self.pump()

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
        execution = Execution(
            started, self.registry[run.task], RunContext(started, self._tell, self.ports.results.folder)
        )
        self.executions[run.id] = execution
        self._idle.clear()
        change.then(
            lambda error: self._launch(execution) if error is None else self._unlaunched(execution, error)
        )

    def _launch(self, execution: Execution) -> None:
        self._to_launch.append(execution)
        if not self._launches:
            self.loop.call_soon(self._launch_more)
        if self._launches < STARTS_AT_ONCE:  # a single run does not wait for the loop's next turn
            self._launch_next()

    def _launch_more(self) -> None:
        """Go on in a new turn of the loop."""
        self._launches = 0
        if self._to_launch:
            self.loop.call_soon(self._launch_more)
        while self._to_launch and self._launches < STARTS_AT_ONCE:
            self._launch_next()

    def _launch_next(self) -> None:
        self._launches += 1
        execution = self._to_launch.popleft()
        if execution.task.timeout is not None:
            self._deadlines.add(self.loop.time() + execution.task.timeout, execution)
        self.ports.launch(execution, self._ended_anywhere)
        if execution.why:
            execution.stop(execution.why)  # asked for between the claim and here

    def _unlaunched(self, execution: Execution, error: BaseException) -> None:
        self._gone(execution)
        self.planner.release(execution.run.id)
        self._refused(execution.run.id, error)

    def _ended_anywhere(self, execution: Execution, ending: Ending) -> None:
        self.door.put(lambda: self._ended(execution, ending))

    def _ended(self, execution: Execution, ending: Ending) -> None:
        # What cancels it leads back to it: a circle for each run, which the collector would have to find.
        execution.cancel = None
        run = execution.run
        self.planner.release(run.id)
        current = self._gone(execution)
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

    def _gone(self, execution: Execution) -> bool:
        """Count an attempt no longer among those that run; False: it was not, or not any more."""
        if self.executions.get(execution.run.id) is not execution:
            return False
        del self.executions[execution.run.id]
        if not self.executions:
            self._idle.set()
        return True

    async def _all_gone(self, patience: float) -> None:
        """Wait until no attempt runs any more, `patience` seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience) as self._patience:
                await self._idle.wait()
        self._patience = None

    def hurry(self, patience: float) -> None:
        """Shorten the wait for what runs to `patience` seconds from now, if that is shorter."""
        if self._patience is not None:
            until = self.loop.time() + patience
            self._patience.reschedule(min(until, self._patience.when() or until))

    def clear_timers(self) -> None:
        """Leave nothing on the loop that would keep this owner alive when its work is over."""
        self.rush.end()
        self._deadlines.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

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
            random=chance.random(),
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
        if run.reason or run.task not in self.rows:  # see `cancel`
            gone = {"state": State.CANCELLED, "finished_at": now, "reason": run.reason or REMOVED}
            after = replace(after, error=None, interruptions=run.interruptions + 1, **gone)
        change = Change()
        change.add_attempt(run.id, attempt_of(run, Outcome.INTERRUPTED, now, self.config.name, None))
        self._post(change)
        if after.state.final:
            self._end(change, run, after)
        else:
            self._step(run, after, change)
            self._tell_retry(change, after, Outcome.INTERRUPTED, now)
            self._offer(after)

    def cancel(self, run_id: str, who: str) -> bool:
        """Cancel a run: at once if it waits, else as soon as its code stops; False: it is not alive."""
        run = self.runs.get(run_id)
        if run is None:
            return False
        execution = self.executions.get(run_id)
        if execution is not None and not execution.recorded:
            execution.stop("cancel", who)
            # A running run has a reason only if it was asked to stop: should its process end before its code
            # does, the next owner must not start it again.
            self._step(run, replace(run, reason=f"cancelled by {who}"))
            self.loop.call_later(self.config.cancel_grace, self._overdue, execution)
            return True
        self._withdraw(run, f"cancelled by {who}")
        return True

    def _withdraw(self, run: Run, reason: str) -> None:
        """Cancel a run that waits."""
        change = Change()
        self._post(change)
        self._end(
            change, run, replace(run, state=State.CANCELLED, finished_at=datetime.now(UTC), reason=reason)
        )

    def _overdue(self, execution: Execution) -> None:
        if self.executions.get(execution.run.id) is execution and not execution.recorded:
            execution.recorded = True
            reason = f"cancelled by {execution.who}; its code has not stopped yet and keeps its place"
            ending = Ending(Outcome.CANCELLED)
            self._conclude(execution, Outcome.CANCELLED, ending, reason=reason, error=None)
            self.pump()

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
        self._trouble(
            LoopBlocked(
                at=datetime.now(UTC), task=task, run=run_id, seconds=round(seconds, 3), where=where, over=over
            )
        )
