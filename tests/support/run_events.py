"""Events of tasks and runs for tests: each step of a run begins with the run as the step before left it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from schedkit.core import events as ev
from schedkit.core.model import TaskRow
from schedkit.core.run import Attempt, Run, first_number
from schedkit.core.states import Outcome, State
from schedkit.values.instants import to_micros

__all__ = ["T0", "RunEvents", "changed", "task_row"]

T0 = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
_OUTCOMES = {
    State.DONE: Outcome.DONE,
    State.SKIPPED: Outcome.DONE,
    State.FAILED: Outcome.FAILED,
    State.TIMEOUT: Outcome.TIMEOUT,
    State.CANCELLED: Outcome.CANCELLED,
}


def task_row(
    name: str, words: str = "", *, next_at: datetime | None = None, paused: bool = False, **facts: Any
) -> TaskRow:
    """Return the row of a task; `facts` are those that screens show."""
    next = None if next_at is None else to_micros(next_at)
    return TaskRow(
        name=name, schedule_text=words, anchored=0, declared=0, next=next, paused=paused, facts=facts
    )


def changed(
    row: TaskRow | str | None, change: str = "declared", at: datetime = T0, **more: Any
) -> ev.TaskChanged:
    """Return what tells of a change of a task, of all tasks (None), or of one that has only a name."""
    row = task_row(row) if isinstance(row, str) else row
    return ev.TaskChanged(at=at, change=change, row=row, **more)


class RunEvents:
    """Makes the events of runs; `second` counts from `begin`."""

    def __init__(self, begin: datetime = T0) -> None:
        self.begin = begin
        self.runs: dict[str, Run] = {}
        self._told: dict[str, int] = {}

    def at(self, second: float) -> datetime:
        """Return a moment."""
        return self.begin + timedelta(seconds=second)

    def _run(self, run: str, task: str, second: float, state: State, **fields: Any) -> Run:
        micros = to_micros(self.at(second))
        known = self.runs.get(run) or Run(id=run, task=task, state=state, due=micros, queued=micros)
        self.runs[run] = replace(known, state=state, **fields)
        return self.runs[run]

    def queued(
        self, run: str, task: str = "a", second: float = 0, state: State = State.QUEUED, **fields: Any
    ) -> ev.RunQueued:
        """Return what tells that a run exists."""
        after = self._run(run, task, second, state, **fields)
        return ev.RunQueued(at=self.at(second), after=after)

    def started(self, run: str, task: str = "a", second: float = 1, attempt: int = 1) -> ev.RunStarted:
        """Return what tells that an attempt began."""
        micros = to_micros(self.at(second))
        after = self._run(run, task, second, State.RUNNING, attempt=attempt, started=micros)
        return ev.RunStarted(at=self.at(second), after=after)

    def retrying(
        self, run: str, task: str = "a", second: float = 3, outcome: Outcome = Outcome.FAILED, **fields: Any
    ) -> ev.RunRetrying:
        """Return what tells that an attempt ended and another follows."""
        began = self.runs[run].started
        after = self._run(run, task, second, State.RETRY, **{"started": None, **fields})
        attempt = self._attempt(after, began, second, outcome)
        return ev.RunRetrying(at=self.at(second), after=after, attempt=attempt)

    def ended(
        self, run: str, task: str = "a", second: float = 3, state: State = State.DONE, **fields: Any
    ) -> ev.RunEnded:
        """Return what tells that a run ended, with its attempt if one was running."""
        finished = to_micros(self.at(second))
        after = self._run(run, task, second, state, **{"finished": finished, **fields})
        attempt = (
            None if after.started is None else self._attempt(after, after.started, second, _OUTCOMES[state])
        )
        return ev.RunEnded(at=self.at(second), after=after, attempt=attempt)

    def _attempt(self, run: Run, began: int | None, second: float, outcome: Outcome) -> Attempt:
        finished = to_micros(self.at(second))
        return Attempt(
            number=run.attempt,
            started=finished if began is None else began,
            finished=finished,
            outcome=outcome,
            error=run.error,
        )

    # What a run tells

    def progressed(
        self, run: str, task: str = "a", second: float = 2, *, stage: str, done: float, **more: Any
    ) -> ev.RunProgressed:
        """Return what tells of progress."""
        about = self._about(run, task, second)
        return ev.RunProgressed(**about, stage=stage, done=done, **more)

    def logged(
        self, run: str, task: str = "a", second: float = 2, *, message: str, level: int = 20
    ) -> ev.RunLogged:
        """Return what tells of a log line."""
        return ev.RunLogged(**self._about(run, task, second), level=level, message=message)

    def noted(
        self, run: str, task: str = "a", second: float = 2, *, kind: str, facts: dict[str, Any]
    ) -> ev.RunNoted:
        """Return what tells of facts or of a file."""
        return ev.RunNoted(**self._about(run, task, second), kind=kind, facts=facts)

    def _about(self, run: str, task: str, second: float) -> dict[str, Any]:
        attempt = self.runs[run].attempt if run in self.runs else 1
        number = max(self._told.get(run, 0) + 1, first_number(attempt))
        self._told[run] = number
        return {"at": self.at(second), "task": task, "run": run, "number": number}
