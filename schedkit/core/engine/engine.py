"""The engine: one decision for a batch of stimuli, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from schedkit.core.engine.attempts import Attempts
from schedkit.core.engine.changes import Answered, SettingPut
from schedkit.core.engine.claims import Claims
from schedkit.core.engine.decision import Decision, Reply
from schedkit.core.engine.declaring import Declaring
from schedkit.core.engine.due_times import DueTimes
from schedkit.core.engine.foreign_events import ForeignEvents
from schedkit.core.engine.runs import Runs
from schedkit.core.engine.snapshot import Limit, Snapshot
from schedkit.core.engine.state import EngineConfig, EngineState
from schedkit.core.engine.stimuli import (
    Abandon,
    Announce,
    Answer,
    Began,
    Cancel,
    ClaimsSettled,
    Declare,
    DeclareLimits,
    Drain,
    Ended,
    EventsReceived,
    HoldWrites,
    KeepRequest,
    LimitsSeen,
    Pause,
    Recover,
    Remove,
    Reschedule,
    Resume,
    RoomSeen,
    StandBy,
    Stimulus,
    StopAttempts,
    Submit,
    WaitFor,
)
from schedkit.core.engine.tasks import Tasks
from schedkit.core.model import TaskRow
from schedkit.core.run import Run
from schedkit.errors import SchedkitError

__all__ = ["MOST_FIRES", "MOST_STARTS", "Engine"]

# Of one decision: 1000 starts at once would hold the loop for 84 ms, 50 for 6.
MOST_FIRES = 50
MOST_STARTS = 50


class Engine:
    """Decides about the tasks that are at home in one process, and their runs.

    It reads no clock and touches no store: time is an argument, and a decision is a value. An engine built
    from the ledger's rows equals the one before it, but for attempts whose code is alive here.

    Parameters
    ----------
    decided : int
        How many decisions were made before it, by the engine that it replaces.

    Attributes
    ----------
    tasks : dict of str to Task
        The tasks that this process has declared.
    rows : dict of str to TaskRow
        The tasks that the ledger knows.
    runs : dict of str to Run
        The runs that have not ended.
    last : dict of str to State
        How the run of each task that was the last to end has ended.
    active : dict of str to Active
        The attempts whose end is not recorded, by run.
    schedules : Schedules
        The schedules of the tasks that may become due.
    queue : RunQueue
        The runs that wait for their start or hold a slot.
    dependencies : DependencyTracker
        Which runs wait for which.

    Examples
    --------
    >>> engine = Engine(EngineConfig())
    >>> decision = engine.handle_all([Pause(task=None, actor="me")], now=0)
    >>> decision.changes
    [SettingPut(key='paused', value='1')]
    """

    def __init__(self, config: EngineConfig, snapshot: Snapshot | None = None, decided: int = 0) -> None:
        state = self._state = EngineState(config)
        state.decided = decided
        self._runs = Runs(state)
        self._claims = Claims(state, self._runs)
        self._attempts = Attempts(state, self._runs, self._claims)
        self._due_times = DueTimes(state, self._runs, self._attempts)
        tasks = Tasks(state, self._runs, self._attempts, self._due_times)
        declaring = Declaring(state, self._runs, self._attempts, self._due_times)
        foreign = ForeignEvents(state, self._runs, self._attempts, tasks, declaring)
        self._handlers: dict[type[Stimulus], Callable[[Any], dict[str, Any]]] = {
            Abandon: self._attempts.abandon,
            Announce: self._announce,
            Answer: _answered,
            Began: self._attempts.deadlines.begin,
            Cancel: self._attempts.cancel,
            ClaimsSettled: self._attempts.claimed,
            Declare: declaring.declare,
            DeclareLimits: self._claims.declare,
            Drain: tasks.drain,
            Ended: self._attempts.ended,
            EventsReceived: foreign.receive,
            HoldWrites: tasks.hold,
            KeepRequest: declaring.keep_request,
            LimitsSeen: self._claims.see,
            Pause: tasks.pause,
            Recover: foreign.recover,
            Remove: tasks.remove,
            Reschedule: tasks.reschedule,
            Resume: tasks.resume,
            RoomSeen: self._runs.see_room,
            StandBy: declaring.stand_by,
            StopAttempts: self._attempts.stop,
            Submit: self._runs.submit,
            WaitFor: self._wait_for,
        }
        if snapshot is not None:
            self._load(snapshot)
        self.tasks, self.rows, self.runs, self.last = state.tasks, state.rows, state.runs, state.last
        self.schedules, self.queue, self.dependencies = state.schedules, state.queue, state.dependencies
        self.active = self._attempts.active

    def _load(self, snapshot: Snapshot) -> None:
        state = self._state
        state.paused = snapshot.paused
        state.limits = dict(snapshot.limits)
        for key, limit in snapshot.limits.items():
            state.queue.limit(key, limit.most)
        self._claims.load(snapshot.claims)
        state.last.update(snapshot.last)
        state.taken = {task: set(times) for task, times in snapshot.taken.items()}
        state.rows = {row.name: row for row in snapshot.tasks}
        for run in snapshot.live:
            state.keep(run)
        state.abroad, state.guests = set(snapshot.abroad), set(snapshot.guests)
        state.last_seq, state.unfollowed, state.ended = (
            snapshot.seq,
            dict(snapshot.unfollowed),
            list(snapshot.ended),
        )
        for run in snapshot.elsewhere:
            state.note(run)
        self._runs.load_waits(snapshot.waits)

    def handle_all(
        self, stimuli: Iterable[Stimulus], now: int, steady: int | None = None, *, careful: bool = False
    ) -> Decision:
        """Return the decision for stimuli and the time.

        Parameters
        ----------
        now : int
            The present in microseconds since 1970; it may jump.
        steady : int, optional
            The present on a clock that does not jump, in microseconds, by which attempts time out; `now` by
            default.
        careful : bool
            Whether to handle one item at most: the stimulus, or else one that has become due. It shows which
            of them the ledger refuses.
        """
        state, stimuli = self._state, list(stimuli)
        state.begin(now, now if steady is None else steady)
        for stimulus in stimuli:
            self._handle(stimulus)
        if not careful:
            more = self._pass_time()
        else:
            more = bool(stimuli) or self._pass_a_moment()
        if self._claims.waits and self._claims.sweep():
            more = True
        draft = state.draft
        for event in draft.events:
            state.touched[event.task] = state.decided
        return Decision(
            [*draft.changes, *draft.runs.values()],
            draft.events,
            draft.starts,
            draft.stops,
            draft.replies,
            draft.finished,
            more,
            now if more else self._wake_at(),
            draft.asks,
        )

    def _pass_time(self) -> bool:
        """Handle what has become due; return whether there may be more."""
        self._attempts.time_out()
        if self._stands:
            return False
        fired = self._due_times.fire(MOST_FIRES)
        return self._attempts.start(MOST_STARTS) == MOST_STARTS or fired == MOST_FIRES

    def _pass_a_moment(self) -> bool:
        """Handle one item that has become due; return whether there was one."""
        if self._attempts.time_out(1):
            return True
        return not self._stands and bool(self._due_times.fire(1) or self._attempts.start(1))

    @property
    def _stands(self) -> bool:
        return self._state.held or self._state.draining

    def _handle(self, stimulus: Stimulus) -> None:
        state = self._state
        try:
            answer, error = self._handlers[type(stimulus)](stimulus), None
        except SchedkitError as refusal:  # raised before anything is changed
            answer, error = {}, refusal
        if stimulus.command:
            result = {"ok": True, **answer}
            if error is not None:
                result = {"error": error.message, "hint": error.hint, "type": type(error).__name__}
            state.draft.changes.append(Answered(stimulus.command, state.now, result))
        if stimulus.token is not None or error is not None:
            state.draft.replies.append(Reply(stimulus, answer, error))

    def _wait_for(self, stimulus: WaitFor) -> dict[str, Any]:
        change = self._state.queue.take_back if stimulus.over else self._state.queue.lend
        change(stimulus.run, stimulus.other)
        return {}

    def _announce(self, stimulus: Announce) -> dict[str, Any]:
        draft = self._state.draft
        draft.changes.extend(SettingPut(key, value) for key, value in stimulus.settings.items())
        draft.events.append(stimulus.event)
        return {}

    def _wake_at(self) -> int | None:
        state = self._state
        times: list[int] = []
        deadline = self._attempts.deadlines.next()
        if deadline is not None:
            times.append(state.now + max(0, deadline - state.steady))
        if not self._stands:
            upcoming = (state.schedules.next_due(), state.queue.next_time())
            times += [time for time in upcoming if time is not None]
        return min(times, default=None)

    # Reads

    def row(self, name: str) -> TaskRow:
        """Return a task's row.

        Raises
        ------
        UsageError
            If the ledger knows no task of this name.
        """
        return self._state.row(name)

    @property
    def paused(self) -> bool:
        """Whether the due times of all tasks are stopped."""
        return self._state.paused

    @property
    def decided(self) -> int:
        """How many decisions were made."""
        return self._state.decided

    @property
    def limits(self) -> dict[str, Limit]:
        """How many runs may hold each shared key at once, in all processes together."""
        return self._state.limits

    @property
    def shared_keys(self) -> frozenset[str]:
        """The shared keys for which runs wait here, or which they claim: their use has to be looked at."""
        return self._claims.watched

    @property
    def looks_at_limits(self) -> bool:
        """Whether the limits of the ledger are to be looked at, or the use of shared keys."""
        return self._claims.unsure or bool(self.shared_keys)

    def alive(self, task: str) -> int:
        """Return how many runs of a task have not ended."""
        return self._state.alive(task)

    def live_of(self, task: str) -> list[Run]:
        """Return the runs of a task that have not ended; on any thread."""
        runs = self._state.runs
        found = [runs.get(run) for run in list(self._state.by_task.get(task, ()))]
        return [run for run in found if run is not None]

    def next_due(self) -> int | None:
        """Return the next due time, or the next time for which a run waits."""
        times = (self._state.schedules.next_due(), self._state.queue.next_time())
        return min((time for time in times if time is not None), default=None)


def _answered(stimulus: Answer) -> dict[str, Any]:
    if stimulus.error is not None:
        raise stimulus.error
    return dict(stimulus.answer)
