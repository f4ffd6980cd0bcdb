"""The attempts whose code is alive in this process, from the decision to start them until they have ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from time import monotonic

import anyio

from schedkit.core.engine.changes import DetailsRecorded
from schedkit.core.engine.decision import AskBegin, Decision
from schedkit.core.engine.obstacles import Hung, Unbegun
from schedkit.core.engine.stimuli import Adopted, Began, Ended, Stimulus
from schedkit.core.events import Event
from schedkit.core.execution.attempt import Ending, Execution
from schedkit.core.execution.run_context import Deliveries, RunContext
from schedkit.core.execution.storage import Storage
from schedkit.values.instants import SECOND

__all__ = ["HUNG_SECONDS", "Executions"]

# Code that was told to stop usually ends within this time; what continues longer is shown.
HUNG_SECONDS = 1.0
# A child process is started in less, where the machine is not busy.
UNBEGUN_SECONDS = 2.0


class Executions:
    """Executions by their run and number.

    Parameters
    ----------
    storage : Storage
        Of the results, for texts that are too long for the ledger.
    tell : callable
        Is called with what code tells of itself, on any thread.
    post : callable
        Is called with the end of each attempt, and its begin if that was asked for, on any thread.
    deliveries : Deliveries
        Keeps what runs have delivered.
    """

    def __init__(
        self,
        storage: Storage,
        tell: Callable[[Event], object],
        post: Callable[[Began | Ended], object],
        deliveries: Deliveries,
    ) -> None:
        self._storage, self._tell, self._post, self._deliveries = storage, tell, post, deliveries
        self._known: dict[tuple[str, int], Execution] = {}
        self._idle = anyio.Event()  # set when none is left, for who waits
        self._patience: anyio.CancelScope | None = None  # of who waits
        self._latest = math.inf  # when a wait that is yet to begin must end

    def __len__(self) -> int:
        return len(self._known)

    def values(self) -> list[Execution]:
        """Return all of them; on any thread."""
        return list(self._known.values())

    def of(self, run: str) -> Execution | None:
        """Return the last attempt of a run; on any thread."""
        found = [each for each in self.values() if each.run.id == run]
        return max(found, key=lambda each: each.run.attempt, default=None)

    def hung(self) -> list[Hung]:
        """Return those that continue for a while after their end was recorded; on any thread."""
        before = monotonic() - HUNG_SECONDS
        return [
            Hung(
                run=each.run.id,
                task=each.run.task,
                why=each.why or "stop",
                started=each.run.started or each.run.due,
            )
            for each in self.values()
            if each.recorded is not None and each.recorded < before
        ]

    def unbegun(self) -> list[Unbegun]:
        """Return those whose code has waited for its place for a while; on any thread."""
        before = (monotonic() - UNBEGUN_SECONDS) * SECOND
        return [
            Unbegun(
                run=each.run.id,
                task=each.run.task,
                executor=each.task.executor_kind,
                started=each.run.started or each.run.due,
            )
            for each in self.values()
            if each.begun is None and each.recorded is None and each.started < before
        ]

    # With a decision, on our loop

    def begin(self, decision: Decision, steady: int) -> list[Execution]:
        """Return the executions that a decision starts; they are launched when it is written."""
        begun: list[Execution] = []
        for start in decision.starts:
            run = start.run
            context = RunContext(run, self._tell, self._storage, self._deliveries)
            execution = Execution(run, start.task, context, steady, self._ended)
            self._known[run.id, run.attempt] = execution
            begun.append(execution)
        return begun

    def ask_to_stop(self, decision: Decision) -> list[tuple[Execution, bool]]:
        """Ask code to stop; return those that timed out, and whether their run has ended with them.

        What an attempt has told is added to the decision that records its end.
        """
        timed_out: list[tuple[Execution, bool]] = []
        for stop in decision.stops:
            execution = self._known.get((stop.run, stop.attempt))
            if execution is None:
                continue
            if stop.recorded:
                execution.record_end()
                if (told := execution.context.close()) is not None:
                    decision.changes.append(DetailsRecorded(stop.run, told))
            execution.stop(stop.why, stop.actor, wanted=stop.wanted)
            if stop.why == "timeout":
                timed_out.append((execution, stop.final))
        return timed_out

    def withdraw(self, begun: Iterable[Execution]) -> None:
        """Forget executions that were never launched."""
        for execution in begun:
            self._known.pop((execution.run.id, execution.run.attempt), None)

    def adopted(self) -> tuple[Adopted, ...]:
        """Return all of them as a rebuilt engine takes them in."""
        return tuple(
            Adopted(
                run=execution.run.id,
                task=execution.task,
                attempt=execution.run.attempt,
                started=execution.started,
                begun=execution.begun,
                why=execution.why,
                actor=execution.actor,
                wanted=execution.wanted,
            )
            for execution in self.values()
        )

    # After its commit

    def tell_begin(self, asked: Iterable[AskBegin]) -> None:
        """Tell when the code of these attempts began, of each once it has."""
        for ask in asked:
            if (execution := self._known.get((ask.run, ask.attempt))) is not None:
                execution.tell_begin(self._began)

    def _began(self, execution: Execution, at: int) -> None:
        self._post(Began(run=execution.run.id, attempt=execution.run.attempt, at=at))

    def _ended(self, execution: Execution, ending: Ending) -> None:
        self._post(
            Ended(
                run=execution.run.id,
                attempt=execution.run.attempt,
                outcome=ending.outcome,
                value=ending.value,
                result=ending.result,
                error=ending.error,
                retryable=ending.retryable,
                skipped=ending.skipped,
                reason=ending.reason,
                details=execution.context.told(),
                worker=execution.worker,
            )
        )

    def forget(self, stimuli: Iterable[Stimulus]) -> bool:
        """Forget the attempts whose end is written; tell whether none is left."""
        for stimulus in stimuli:
            if type(stimulus) is Ended:
                self._known.pop((stimulus.run, stimulus.attempt), None)
        return not self._known

    # Now and then, on our loop

    def progress(self) -> list[DetailsRecorded]:
        """Return what they have told since the last time."""
        told: list[DetailsRecorded] = []
        for execution in self.values():
            if execution.context.changed and execution.recorded is None:
                details = execution.context.told()
                if details is not None:
                    told.append(DetailsRecorded(execution.run.id, details))
        return told

    def abandon(self) -> None:
        """Ask all to stop, and record them no more."""
        for execution in self.values():
            execution.record_end()
            execution.context.close()
            execution.stop("stop")

    async def all_gone(self, patience: float) -> None:
        """Wait until none is left, `patience` seconds at most."""
        with anyio.move_on_after(patience) as self._patience:
            self._patience.deadline = min(self._patience.deadline, self._latest)
            self._latest = math.inf
            while self._known:
                self._idle = anyio.Event()
                if self._known:
                    await self._idle.wait()
        self._patience = None

    def none_left(self) -> None:
        """Wake who waits for that."""
        self._idle.set()

    def hurry(self, patience: float) -> None:
        """Shorten the wait, or the next one, to `patience` seconds from now, if that is shorter."""
        latest = anyio.current_time() + patience
        if self._patience is None:
            self._latest = min(self._latest, latest)
        else:
            self._patience.deadline = min(self._patience.deadline, latest)
