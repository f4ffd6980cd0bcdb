"""What other processes have written to the event log, as far as it concerns what is at home here."""

from __future__ import annotations

from typing import Any

from schedkit.core.engine.runs import Runs
from schedkit.core.engine.state import EngineState
from schedkit.core.engine.tasks import Tasks
from schedkit.core.engine.values import Heard
from schedkit.core.events import RunStep, TaskChanged
from schedkit.core.run import Run
from schedkit.core.states import State

__all__ = ["Hearing"]


class Hearing:
    """The part of an engine that follows events of other processes; hearing one twice changes nothing."""

    def __init__(self, state: EngineState, runs: Runs, tasks: Tasks) -> None:
        self._state, self._runs, self._tasks = state, runs, tasks

    def hear(self, stimulus: Heard) -> dict[str, Any]:
        """Take in what others did."""
        for event in stimulus.events:
            if isinstance(event, TaskChanged):
                self._hear_task(event)
            elif isinstance(event, RunStep):
                self._hear_run(event.after)
        return {}

    def _hear_task(self, event: TaskChanged) -> None:
        state, row = self._state, event.row
        if row is None:  # all of them
            if event.change == "paused":
                self._tasks.pause_all()
            else:
                self._tasks.resume_all(event.who)
        elif row.name in state.rows and row.home != state.rows[row.name].home:
            self._tasks.leave(row.name)

    def _hear_run(self, run: Run) -> None:
        if run.task in self._state.rows:
            self._hear_own(run)
        elif self._runs.is_parent(run.task):
            self._hear_parent(run)

    def _hear_own(self, run: Run) -> None:
        """A run of a task at home here was made, or moved on, in another process."""
        state, known = self._state, self._state.runs.get(run.id)
        if known is None:
            if not run.state.final and run.state is not State.RUNNING:
                state.keep(run)
                self._runs.offer(run)
                self._runs.follow_up(run)
        elif run.id in state.abroad and run.state is not State.RUNNING:
            state.abroad.discard(run.id)
            state.queue.release(run.id)
            if run.state.final:
                self._runs.end_abroad(run)
            else:
                state.keep(run)
                self._runs.offer(run)

    def _hear_parent(self, run: Run) -> None:
        """A run that tasks at home here come after was made, or has ended."""
        state = self._state
        if run.state.final:
            state.note_end(run)
            self._runs.end_parent(run)
        elif run.id not in state.elsewhere:
            state.note(run)
            self._runs.follow_up(run)
