"""Events of this scheduler as APScheduler's events, for `add_listener`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from apscheduler import events as theirs

from schedkit.core.events import Event, Fired, NodeChanged, RunEnded, RunStarted, TaskChanged
from schedkit.core.run import Run
from schedkit.core.states import DueOutcome, State
from schedkit.errors import RunCancelledError, RunFailedError, RunTimeoutError

__all__ = ["ExecutionEvent", "Translator"]

STORE = "default"
_TASK_CODES = {
    "declared": theirs.EVENT_JOB_ADDED,
    "redeclared": theirs.EVENT_JOB_MODIFIED,
    "rescheduled": theirs.EVENT_JOB_MODIFIED,
    "paused": theirs.EVENT_JOB_MODIFIED,
    "resumed": theirs.EVENT_JOB_MODIFIED,
    "removed": theirs.EVENT_JOB_REMOVED,
}
_ALL_CODES = {"paused": theirs.EVENT_SCHEDULER_PAUSED, "resumed": theirs.EVENT_SCHEDULER_RESUMED}
_NODE_CODES = {"started": theirs.EVENT_SCHEDULER_STARTED, "stopped": theirs.EVENT_SCHEDULER_SHUTDOWN}
_FIRE_CODES = {
    DueOutcome.MISSED: theirs.EVENT_JOB_MISSED,
    DueOutcome.OVERLAPPED: theirs.EVENT_JOB_MAX_INSTANCES,
}
_ERRORS = {
    State.FAILED: RunFailedError,
    State.TIMEOUT: RunTimeoutError,
    State.CANCELLED: RunCancelledError,
}


class ExecutionEvent(theirs.JobExecutionEvent):  # type: ignore[misc]  # APScheduler ships no types
    """APScheduler's event of an ended job; the return value is loaded when it is asked for."""

    def __init__(
        self,
        code: int,
        job_id: str,
        scheduled_run_time: datetime | None,
        load: Callable[[], Any],
        exception: BaseException | None = None,
        traceback: str | None = None,
    ) -> None:
        self._load = load
        super().__init__(code, job_id, STORE, scheduled_run_time, None, exception, traceback)

    @property
    def retval(self) -> Any:
        """What the job's function returned, None if it failed."""
        return None if self.exception is not None else self._load()

    @retval.setter
    def retval(self, value: Any) -> None:
        # Its base class sets this in __init__; the value is in the ledger.
        pass


class Translator:
    """A listener of ours that calls one of theirs with the events of a mask.

    Parameters
    ----------
    callback : callable
        Takes one APScheduler event.
    mask : int
        The codes it wants, joined with ``|``.
    load : callable
        Given a run's stored result, returns the value.
    is_here : callable
        Given a life, tells whether it is this process's: others start and stop too.
    """

    def __init__(
        self,
        callback: Callable[[Any], object],
        mask: int,
        load: Callable[[dict[str, Any] | None], Any],
        is_here: Callable[[str], bool],
    ) -> None:
        self.callback = callback
        self._mask = mask
        self._load = load
        self._is_here = is_here

    def __call__(self, event: Event) -> None:
        """Hear one fact."""
        found = self._translated(event)
        if found is not None and found.code & self._mask:
            self.callback(found)

    def _translated(self, event: Event) -> Any:
        match event:
            case RunStarted():
                times = [_asked_for(event.after)]
                return theirs.JobSubmissionEvent(theirs.EVENT_JOB_SUBMITTED, event.task, STORE, times)
            case RunEnded():
                return self._ended(event)
            case Fired():
                return self._fired(event)
            case TaskChanged(row=None):
                code = _ALL_CODES.get(event.change)
                return None if code is None else theirs.SchedulerEvent(code)
            case TaskChanged():
                code = _TASK_CODES.get(event.change)
                return None if code is None else theirs.JobEvent(code, event.task, STORE)
            case NodeChanged() if event.change in _NODE_CODES and self._is_here(event.life):
                return theirs.SchedulerEvent(_NODE_CODES[event.change])
        return None

    def _ended(self, event: RunEnded) -> ExecutionEvent:
        run = event.after
        error, made = run.error or {}, _ERRORS.get(run.state)
        exception = None
        if made is not None:
            exception = made(run.why or f"ended as {run.state}", hint=error.get("hint", ""))
        return ExecutionEvent(
            theirs.EVENT_JOB_EXECUTED if exception is None else theirs.EVENT_JOB_ERROR,
            event.task,
            _asked_for(run),
            lambda: self._load(run.result),
            exception,
            error.get("traceback"),
        )

    def _fired(self, event: Fired) -> Any:
        code = _FIRE_CODES.get(event.outcome)
        if code is None:
            return None
        if code == theirs.EVENT_JOB_MISSED:
            return ExecutionEvent(code, event.task, event.scheduled_at, lambda: None)
        return theirs.JobSubmissionEvent(code, event.task, STORE, [event.scheduled_at])


def _asked_for(run: Run) -> datetime:
    """Return the time for which a run was scheduled, or at which it was asked for."""
    return run.scheduled_at or run.queued_at
