"""What other processes have written to the event log, as far as it concerns what is at home here."""

from __future__ import annotations

from typing import Any

from schedkit.core.engine.runs import Runs
from schedkit.core.engine.state import EngineState
from schedkit.core.engine.tasks import Tasks
from schedkit.core.engine.values import Heard
from schedkit.core.events import Event, RunStep, TaskChanged
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
                self._hear_run(event)
        return {}

    def _hear_task(self, event: TaskChanged) -> None:
        state, row = self._state, event.row
        if row is None:  # all of them
            if event.change == "paused":
                self._tasks.pause_all()
            else:
                self._tasks.resume_all(event.who)
        elif row.name in state.rows and self._is_news(event) and row.home != state.config.life:
            self._tasks.leave(row.name)

    def _is_news(self, event: Event) -> bool:
        """Tell whether it happened after what is known of its task, which it adds to."""
        known = self._state.since
        if event.seq <= known.get(event.task, 0):
            return False
        known[event.task] = event.seq
        return True

    def _hear_run(self, event: RunStep) -> None:
        own = event.task in self._state.rows
        if (own or self._runs.is_parent(event.task)) and self._is_news(event):
            if own:
                self._hear_own(event.after)
            else:
                self._hear_parent(event.after)

    def _hear_own(self, run: Run) -> None:
        """A run of a task at home here was made, or moved on, in another process."""
        state, known = self._state, self._state.runs.get(run.id)
        if known is not None and known.state is State.RUNNING and run.id not in state.abroad:
            return  # it is running here: what was heard is older
        state.queue.withdraw(run.id)
        if run.id in state.abroad:
            state.abroad.discard(run.id)
            state.queue.release(run.id)
        if run.state.final:
            if known is not None:
                self._runs.end_abroad(run)
            return
        state.keep(run)
        if run.state is State.RUNNING:
            state.abroad.add(run.id)
            self._runs.hold_keys(run, state.tasks[run.task])
        else:
            self._runs.offer(run)
        if known is None:
            self._runs.follow_up(run)

    def _hear_parent(self, run: Run) -> None:
        """A run that tasks at home here come after was made, or has ended."""
        state = self._state
        if run.state.final:
            state.note_end(run)
            self._runs.end_parent(run)
        elif run.id not in state.elsewhere and run.id not in state.runs:
            state.note(run)
            self._runs.follow_up(run)
