"""Events that other processes have written to the log, applied to what is at home here."""

from __future__ import annotations

from typing import Any

from schedkit.core.engine.attempts import Attempts
from schedkit.core.engine.declaring import Declaring
from schedkit.core.engine.runs import Runs
from schedkit.core.engine.state import EngineState
from schedkit.core.engine.stimuli import EventsReceived, Recover
from schedkit.core.engine.tasks import Tasks
from schedkit.core.events import RunQueued, RunStep, RunStopping, TaskChanged
from schedkit.core.run import Run
from schedkit.core.states import State

__all__ = ["ForeignEvents"]


class ForeignEvents:
    """The part of an engine that applies events of other processes; applying one twice changes nothing."""

    def __init__(
        self, state: EngineState, runs: Runs, attempts: Attempts, tasks: Tasks, declaring: Declaring
    ) -> None:
        self._state, self._runs, self._attempts = state, runs, attempts
        self._tasks, self._declaring = tasks, declaring

    def receive(self, stimulus: EventsReceived) -> dict[str, Any]:
        """Apply events of other processes."""
        news = [event for event in stimulus.events if event.seq > self._state.last_seq]
        for event in news:  # first, so that nothing is decided about a task that has left
            if isinstance(event, TaskChanged):
                self._receive_task(event)
        for event in news:
            if isinstance(event, RunStep):
                self._receive_run(event)
        if news:
            self._state.last_seq = news[-1].seq
        if stimulus.paused is not None and stimulus.paused != self._state.paused:
            if stimulus.paused:
                self._tasks.pause_all()
            else:
                self._tasks.resume_all(self._state.config.name)
        return {}

    def recover(self, stimulus: Recover) -> dict[str, Any]:
        """Continue after the engine was built, also with events that had not been applied before."""
        answer = self._attempts.recover(stimulus)
        unfollowed, self._state.unfollowed = self._state.unfollowed, {}
        ended, self._state.ended = self._state.ended, []
        for run in ended:
            self._runs.end_parent(run)
        for name, runs in unfollowed.items():
            if name in self._state.tasks:
                self._runs.catch_up(name, runs)
                self._runs.record_followed(name, self._state.last_seq)
        return answer

    def _receive_task(self, event: TaskChanged) -> None:
        row, known = event.row, self._state.rows.get(event.task)
        if (
            row is not None
            and known is not None
            and row.home != known.home
            and event.seq > known.followed_seq
        ):
            self._declaring.leave(row.name)

    def _receive_run(self, event: RunStep) -> None:
        run, row = event.after, self._state.rows.get(event.task)
        if row is None and event.seq > self._state.known.get(event.task, 0):
            if isinstance(event, RunStopping) and run.id in self._attempts.active:
                self._attempts.stop_guest(run)
            self._receive_foreign(event)
        elif row is None:
            return
        elif event.seq > row.followed_seq:  # else it was known when the task came here
            self._receive_own(run)
        if isinstance(event, RunQueued) and event.followed:
            self._runs.follow_elsewhere(run, event.seq)
        if run.state.final:
            self._runs.end_parent(run)

    def _receive_own(self, run: Run) -> None:
        """Apply a new state of a run of a task at home here, which runs in another process.

        Each of these is known here until it has ended. An event of one that is not was written before
        its end was.
        """
        state = self._state
        if run.id in self._attempts.active or run.id not in state.runs:
            return
        state.queue.withdraw(run.id)
        if run.id in state.abroad:
            state.abroad.discard(run.id)
            state.queue.release(run.id)
        if run.state.final:
            self._runs.end_abroad(run)
            return
        state.keep(run)
        if run.state is State.RUNNING:
            state.abroad.add(run.id)
            if (task := state.tasks.get(run.task)) is not None:
                self._runs.hold_keys(run, task)
        else:
            self._runs.offer(run)

    def _receive_foreign(self, event: RunStep) -> None:
        """Apply a new run, or a new state of a run, of a task that is at home elsewhere."""
        state, run = self._state, event.after
        # One that is neither new nor known has ended while its task was at home here, as for `_receive_own`.
        exists = isinstance(event, RunQueued) or run.id in state.elsewhere or run.id in state.runs
        if run.id in self._attempts.active and run.state is not State.RUNNING:
            self._attempts.end_guest(run)  # its home has ended it
        if not self._runs.is_parent(run.task) or run.id in state.guests:
            return
        if run.state.final:
            state.note_end(run)
        elif exists:
            state.note(run)
