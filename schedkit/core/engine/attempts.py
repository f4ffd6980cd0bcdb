"""Attempts: started within the limits, ended, timed out, cancelled, retried."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from schedkit.core.engine.changes import AttemptRecorded, AttemptStarted, DetailsRecorded
from schedkit.core.engine.claims import Claims
from schedkit.core.engine.deadlines import Active, Deadlines
from schedkit.core.engine.decision import AskBegin, Finished, Start, Stop
from schedkit.core.engine.retries import follow
from schedkit.core.engine.runs import Runs
from schedkit.core.engine.state import EngineState
from schedkit.core.engine.stimuli import (
    Abandon,
    Adopted,
    Cancel,
    ClaimsSettled,
    Ended,
    Recover,
    StopAttempts,
)
from schedkit.core.events import RunRetrying, RunStarted, RunStopping
from schedkit.core.model import Retry, timeout_error
from schedkit.core.run import TAG, Attempt, Run
from schedkit.core.states import Outcome, State
from schedkit.core.tasks.request import as_requested

__all__ = ["Attempts"]

_CANCELLED = "cancelled by "
_NO_RETRY = Retry()
_GAVE_UP = {
    "type": "CancelledError",
    "message": "the task cancelled itself",
    "hint": "something it awaited was cancelled; schedkit was not asked to cancel it",
    "traceback": "",
}
Answer = dict[str, Any]


class Attempts:
    """The part of an engine that starts and ends attempts."""

    def __init__(self, state: EngineState, runs: Runs, claims: Claims) -> None:
        self._state, self._runs, self._claims = state, runs, claims
        self.active: dict[str, Active] = {}
        # Runs whose attempt is recorded as ended while its code still runs: it keeps its slot.
        self.overrunning: dict[str, int] = {}
        self.deadlines = Deadlines(self.active)

    # Beginning

    def start(self, most: int) -> int:
        """Start the runs that may start now, at most so many; return how many."""
        state = self._state
        starting = state.queue.start(state.now, most)
        for waiting in starting:
            if waiting.shared:
                self._claims.claim(waiting)
            else:
                self._begin(state.runs[waiting.id])
        return len(starting)

    def claimed(self, stimulus: ClaimsSettled) -> Answer:
        """Start the runs that have got what they share with other processes; the others wait."""
        state = self._state
        for run in stimulus.runs:
            if self._claims.settle(run, stimulus.number, stimulus.refused.get(run)):
                state.queue.confirm(run, state.now)
                self._begin(state.runs[run])
        return {}

    def _begin(self, run: Run) -> None:
        state = self._state
        started = replace(run, state=State.RUNNING, attempt=run.attempt + 1, started=state.now, reason="")
        if run.waiting_for and run.waiting_for[0].startswith(TAG):  # it was shown what it waited for
            started = replace(started, waiting_for=())
        state.move(run, started)
        state.draft.events.append(RunStarted(at=state.at, after=started))
        state.draft.changes.append(AttemptStarted(run.id, started.attempt, state.now))
        state.expect_home(run.task)
        self._activate(started)

    def _activate(self, run: Run) -> None:
        state = self._state
        task = as_requested(state.tasks[run.task], run.request) if run.request else state.tasks[run.task]
        self.deadlines.add(run.id, run.attempt, task, state.steady)
        state.draft.starts.append(Start(run, task))

    def recover(self, stimulus: Recover) -> Answer:
        """Adopt the runs that the ledger shows as running, or record them as interrupted."""
        state = self._state
        state.runs_aside, state.tasks_aside = stimulus.runs_aside, set(stimulus.tasks_aside)
        for name in state.tasks_aside:
            state.schedules.drop(name)
        for run_id in state.runs_aside:
            state.queue.withdraw(run_id)
        for adopted in stimulus.adopted:
            self._adopt(adopted)
        for id in list(state.runs):
            run = state.runs.get(id)
            if run is None or id in self.active or id in state.runs_aside:
                continue
            if id in state.abroad:
                if run.task in state.tasks:
                    self._runs.hold_keys(run, state.tasks[run.task])
                continue
            # A run with a reason was cancelled before it began.
            lost = stimulus.reason or run.reason or run.task not in state.tasks
            if run.state is State.RUNNING and lost:
                self.interrupt(run, stimulus.reason or "its start was lost", stimulus.away_until)
            elif run.state is State.RUNNING:
                state.queue.hold(self._runs.keys.holding(id, state.tasks[run.task]))
                self._activate(run)
        self._claims.recover()
        return {}

    def _adopt(self, adopted: Adopted) -> None:
        state, task = self._state, adopted.task
        run = state.runs.get(adopted.run)
        state.queue.withdraw(adopted.run)
        state.queue.hold(self._runs.keys.holding(adopted.run, task))
        if run is None or run.state is not State.RUNNING or run.attempt != adopted.attempt:
            self.overrunning[adopted.run] = adopted.attempt
            return
        known = adopted.begun is not None
        began = adopted.begun if adopted.begun is not None else adopted.started
        active = self.deadlines.add(adopted.run, adopted.attempt, task, began, known=known)
        cancelled = adopted.why == "cancel"
        active.why = "" if cancelled else adopted.why
        if cancelled or run.reason:  # its code or its row may not know yet
            actor = adopted.actor if cancelled else run.reason.removeprefix(_CANCELLED)
            # Its home ends a run of its task at once, unless the task is removed.
            removed = not cancelled and run.id in state.guests
            self.cancel_run(run, actor, wanted=adopted.wanted or removed)

    # End

    def ended(self, stimulus: Ended) -> Answer:
        """Record how the code of an attempt ended, unless that was recorded before."""
        state, run_id = self._state, stimulus.run
        if self.overrunning.get(run_id) == stimulus.attempt:
            del self.overrunning[run_id]
            if run_id in self.active:  # its next attempt was recorded before this end, and has the slot
                return {}
            self._claims.release(run_id)
            waiting = state.runs.get(run_id)
            if waiting is not None:
                self._runs.offer(waiting)  # its retry, which waited for this thread to end
            return {}
        active = self.active.get(run_id)
        if active is None or active.attempt != stimulus.attempt:
            return {}
        if active.why == "timeout" and stimulus.outcome is Outcome.CANCELLED:
            # It was stopped by a timeout that the ledger does not have.
            self._timed_out(active)
            return self.ended(stimulus)
        del self.active[run_id]
        self._claims.release(run_id)
        outcome, reason, error = stimulus.outcome, stimulus.reason, stimulus.error
        if active.why == "cancel":
            if not (active.wanted and outcome is Outcome.DONE):
                outcome, reason = Outcome.CANCELLED, _CANCELLED + active.actor
        elif active.why == "stop" and outcome is not Outcome.DONE:
            outcome, reason, error = Outcome.INTERRUPTED, "the scheduler was stopped", None
        elif outcome is Outcome.CANCELLED:
            outcome, error = Outcome.FAILED, {**_GAVE_UP}
        how = replace(stimulus, outcome=outcome, reason=reason, error=error)
        self._conclude(state.runs[run_id], active.task.retry, how)
        return {}

    def _overrun(self, active: Active) -> None:
        """Record an attempt as ended while its code still runs."""
        del self.active[active.run]
        self.overrunning[active.run] = active.attempt

    def _conclude(self, run: Run, retry: Retry, how: Ended) -> bool:
        """Record the end of an attempt and what follows from it; return whether its run has ended."""
        state = self._state
        after = follow(
            run,
            how.outcome,
            retry=retry,
            now=state.now,
            retryable=how.retryable,
            skipped=how.skipped,
            reason=how.reason,
            error=how.error,
            result=how.result,
            random=state.config.random(),
            most_interruptions=state.config.most_interruptions,
        )
        attempt = self._record(run, how.outcome, how.error, how.worker)
        if how.details is not None:
            state.draft.changes.append(DetailsRecorded(run.id, how.details))
        if after.state.final:
            self._runs.end(run, after, attempt, Finished(after, how.value, how.value is not None))
        else:
            self._again(run, after, attempt)
        return after.state.final

    def _record(self, run: Run, outcome: Outcome, error: dict[str, Any] | None, worker: str = "") -> Attempt:
        now = self._state.now
        attempt = Attempt(
            number=run.attempt,
            started=run.started if run.started is not None else now,
            finished=now,
            outcome=outcome,
            error=error,
            life=self._state.config.life,
            worker=worker,
        )
        self._state.draft.changes.append(AttemptRecorded(run.id, attempt))
        return attempt

    def _again(self, before: Run, after: Run, attempt: Attempt) -> None:
        """Queue the next attempt."""
        state = self._state
        state.move(before, after)
        state.draft.events.append(RunRetrying(at=state.at, after=after, attempt=attempt))
        if after.task in state.rows:
            self._runs.offer(after)
        else:
            state.drop(after)  # its home continues it
            if self._runs.is_parent(after.task):
                state.note(after)

    def interrupt(self, run: Run, reason: str, away_until: int | None = None) -> None:
        """Record the attempt of a running run as interrupted, and what follows.

        Its code on a worker may continue until `away_until` (by default for a lease); it restarts after that.
        """
        state = self._state
        after = follow(
            run,
            Outcome.INTERRUPTED,
            retry=_NO_RETRY,
            now=state.now,
            reason=reason,
            most_interruptions=state.config.most_interruptions,
        )
        if run.reason:
            # A running run has a reason only if it was asked to stop: it must not start again.
            after = replace(
                after,
                state=State.CANCELLED,
                finished=state.now,
                reason=run.reason,
                error=None,
                interruptions=run.interruptions + 1,
            )
        elif after.state is State.QUEUED and self._runs.is_away(run.task):
            until = state.now + state.config.lease if away_until is None else away_until
            after = replace(after, due=max(state.now, until))
        attempt = self._record(run, Outcome.INTERRUPTED, None)
        if after.state.final:
            self._runs.end(run, after, attempt)
        else:
            self._again(run, after, attempt)

    # Stops

    def cancel(self, stimulus: Cancel) -> Answer:
        """Cancel a run: at once if it waits, else as soon as its code stops."""
        run = self._state.runs.get(stimulus.run)
        if run is None:
            return {"cancelled": False}
        self.cancel_run(run, stimulus.actor)
        return {"cancelled": True}

    def cancel_run(self, run: Run, actor: str, *, wanted: bool = False) -> None:
        """Cancel a run that has not ended; `wanted`: if its code ends well all the same, it is DONE."""
        state, active = self._state, self.active.get(run.id)
        if run.id in state.abroad and wanted:
            self._leave_abroad(run, actor)
        elif run.id in state.abroad:
            self._cancel_abroad(run, actor)
        elif active is None:
            self._runs.withdraw(run, _CANCELLED + actor, actor)
        elif active.why != "cancel" or (active.wanted and not wanted):
            # Also one that was asked to stop: it would run again.
            active.why, active.actor, active.wanted = "cancel", actor, wanted
            # If this process ends before the code does, no heir may start it again.
            self._record_stopping(run, actor)
            state.draft.stops.append(Stop(run.id, active.attempt, "cancel", actor, wanted=wanted))
            if not wanted:  # else its timeout is the limit: it may end well later than that
                active.deadline = state.steady + state.config.cancel_grace
                self.deadlines.watch(run.id)

    def _record_stopping(self, run: Run, actor: str) -> Run:
        """Record who has asked a running run to stop."""
        state, stopping = self._state, replace(run, reason=_CANCELLED + actor)
        if stopping != run:
            state.move(run, stopping)
            state.draft.events.append(RunStopping(at=state.at, after=stopping, by=actor))
        return stopping

    def _leave_abroad(self, run: Run, actor: str) -> None:
        """Ask a run of a removed task to stop in the process where it is running, which records its end."""
        state = self._state
        stopping = self._record_stopping(run, actor)
        state.queue.release(run.id)
        state.drop(stopping)
        if self._runs.is_parent(run.task):
            state.note(stopping)

    def _cancel_abroad(self, run: Run, actor: str) -> None:
        """Cancel a run that is running in another process, which gets the event."""
        state = self._state
        state.abroad.discard(run.id)
        state.queue.release(run.id)
        attempt = self._record(run, Outcome.CANCELLED, None)
        reason = _CANCELLED + actor
        after = replace(run, state=State.CANCELLED, finished=state.now, reason=reason)
        self._runs.end(run, after, attempt, by=actor)

    def end_guest(self, run: Run) -> None:
        """Stop the code of a run that its home has ended; its end is not recorded again."""
        active = self.active[run.id]
        self._overrun(active)
        self._state.drop(run)
        self._state.draft.stops.append(Stop(active.run, active.attempt, "cancel", recorded=True))

    def stop_guest(self, run: Run) -> None:
        """Stop the code of a run whose task its home has removed; if it ends well, it is DONE."""
        if self.active[run.id].attempt == run.attempt:
            self._state.keep(run)
            self.cancel_run(run, run.reason.removeprefix(_CANCELLED), wanted=True)

    def stop(self, stimulus: StopAttempts) -> Answer:
        """Ask all running attempts to stop."""
        for active in self.active.values():
            if not active.why:
                active.why = "stop"
                self._state.draft.stops.append(Stop(active.run, active.attempt, "stop"))
        return {}

    def abandon(self, stimulus: Abandon) -> Answer:
        """Record all running attempts as interrupted."""
        for active in list(self.active.values()):
            self._overrun(active)
            if active.why == "cancel":  # it must not run again
                outcome, reason = Outcome.CANCELLED, _CANCELLED + active.actor
            else:
                outcome, reason = Outcome.INTERRUPTED, "the scheduler was stopped"
            how = Ended(run=active.run, attempt=active.attempt, outcome=outcome, reason=reason)
            self._conclude(self._state.runs[active.run], active.task.retry, how)
        return {}

    # Time

    def time_out(self, most: int | None = None) -> int:
        """Time out attempts past their deadline, at most so many; return how many."""
        ended = 0
        while ended != most and (run_id := self.deadlines.pop(self._state.steady)) is not None:
            ended += 1
            active = self.active[run_id]
            if not self.deadlines.has_begun(active):
                self._state.draft.asks.append(AskBegin(run_id, active.attempt))
            elif active.why == "cancel":
                self._give_up_waiting(active)
            else:
                self._timed_out(active)
        return ended

    def _timed_out(self, active: Active) -> None:
        cause = timeout_error(active.task)
        error = {
            "type": "TimeoutError",
            "message": str(cause),
            "hint": "give it more with timeout=…, or make it do less",
            "traceback": f"TimeoutError: {cause}\n",
        }
        self._overrun(active)
        how = Ended(
            run=active.run,
            attempt=active.attempt,
            outcome=Outcome.TIMEOUT,
            reason="timeout",
            error=error,
            retryable=active.task.retry.allows(cause),
        )
        final = self._conclude(self._state.runs[active.run], active.task.retry, how)
        self._state.draft.stops.append(
            Stop(active.run, active.attempt, "timeout", recorded=True, final=final)
        )

    def _give_up_waiting(self, active: Active) -> None:
        self._overrun(active)
        reason = f"cancelled by {active.actor}; its code has not stopped yet and keeps its place"
        how = Ended(run=active.run, attempt=active.attempt, outcome=Outcome.CANCELLED, reason=reason)
        self._conclude(self._state.runs[active.run], active.task.retry, how)
        self._state.draft.stops.append(Stop(active.run, active.attempt, "cancel", recorded=True))
