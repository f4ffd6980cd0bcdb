"""Stimuli become decisions, and decisions are written, in their order.

Stimuli come in from any thread. The engine decides on our loop, the writer commits on a thread of its own,
and what a decision has others do begins there, after its commit. What the ledger refuses, and what fails in
the engine, ends the engine: it is rebuilt from the ledger, and what was not written is decided again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import anyio
import anyio.lowlevel
import anyio.to_thread

from schedkit.core.engine.decision import Decision, Reply
from schedkit.core.engine.engine import Engine
from schedkit.core.engine.stimuli import (
    Answer,
    ClaimsSettled,
    Declare,
    Ended,
    HoldWrites,
    Recover,
    Stimulus,
)
from schedkit.core.events import Event, StoreAway, StoreBack, TaskChanged
from schedkit.core.execution.executors import Executors
from schedkit.core.node.clock import Clock
from schedkit.core.node.config import NodeConfig
from schedkit.core.node.declarations import Declarations
from schedkit.core.node.effects import Effects
from schedkit.core.node.event_bus import EventBus
from schedkit.core.node.failures import CAREFUL_DECISIONS, Failures, tell_refusal
from schedkit.core.node.inbox import Inbox
from schedkit.core.node.own_loop import OwnLoop
from schedkit.core.node.rush import Rush
from schedkit.core.node.ticks import seconds_to_tick
from schedkit.core.node.unwritten import Aside, Unwritten, as_ours
from schedkit.core.store.commits import Refused
from schedkit.core.store.deliveries import Deliveries
from schedkit.core.store.lives import Lease
from schedkit.core.store.reader import Ledger
from schedkit.core.store.writer import Writer
from schedkit.errors import LedgerError, NotRunningError
from schedkit.values.instants import SECOND

__all__ = ["AT_ONCE", "Decisions"]

_log = logging.getLogger("schedkit")

# Stimuli of one decision: as many as runs start at once, so that a run is written once, as started.
AT_ONCE = 50
# The longest sleep: a jump of the wall clock, or a laptop that slept, is noticed within it.
LONGEST_NAP_SECONDS = 1.0


class _EngineEndedError(Exception):
    """The ledger does not agree with the engine, or the engine has failed on `stimuli`."""

    def __init__(self, stimuli: Sequence[Stimulus] = (), careful: bool = False) -> None:
        super().__init__("the engine must be rebuilt from the ledger")
        self.stimuli, self.careful = stimuli, careful


class Decisions:
    """Decides on what is posted and has it written, until the life ends.

    Parameters
    ----------
    trouble : callable
        Takes the event when the store stops and starts to take writes.
    lost : callable
        Called on our loop when others have taken this life for dead.
    told : callable
        Called on the writer's thread after each commit.
    healthy : callable
        Asked before each beat: a process whose loop stands still must not count as alive.

    Attributes
    ----------
    engine : Engine
        What it knows and decides; replaced when it fails.
    post : callable
        Has stimuli decided soon, in their order; from any thread. After its end they are refused.
    effects : Effects
        Carries out what is written.
    written : int
        The number of the last event that is in the ledger.
    told_of_all : bool
        Somebody has paused or resumed all tasks; whether they are paused, the ledger tells.
    """

    def __init__(
        self,
        ledger: Ledger,
        bus: EventBus,
        config: NodeConfig,
        declarations: Declarations,
        lease: Lease,
        executors: Executors,
        clock: Clock,
        *,
        trouble: Callable[[StoreAway | StoreBack], object],
        lost: Callable[[], object],
        told: Callable[[], object],
        healthy: Callable[[], bool],
    ) -> None:
        self.ledger, self.bus, self.config, self.lease = ledger, bus, config, lease
        self.engine = Engine(config.engine(lease.life, lease.seconds))
        self.written = 0
        self.told_of_all = False
        self.clock = clock
        self._declarations = declarations
        self._trouble, self._tell_others = trouble, told
        self._dropped = False  # something that is not decided again
        self._loop = OwnLoop()
        self._rush = Rush(self._loop)
        self._inbox = Inbox(self._refuse)
        self.post = self._inbox.post
        self._aside = Aside()
        self._unwritten: deque[Unwritten] = deque()
        self._refusal: BaseException | None = None  # of the first that is unwritten
        self._failures = Failures()
        self.writer = Writer(
            ledger.store,
            lease,
            committed=self._committed,
            refused=self._refused,
            lost=lambda: self._loop.call(lost),
            away=self._store_away,
            back=self._store_back,
            healthy=healthy,
        )
        self.effects = Effects(
            executors,
            self.post,
            tell=lambda event: bus.publish((event,)),
            deliveries=Deliveries(ledger.store, self.writer.call),
        )

    def _refuse(self, stimuli: Iterable[Stimulus], error: Exception) -> None:
        for stimulus in stimuli:
            self.effects.forget([stimulus])
            self.effects.reply(Reply(stimulus, {}, error))

    # Its course, on our loop

    async def begin(self) -> None:
        """Begin with an engine with which nothing is at home yet."""
        await self._make_engine()
        self.writer.start()

    async def serve(self) -> None:
        """Decide, and decide again, until it is cancelled."""
        failure: _EngineEndedError | None = None
        nap, careful = 0.0, 0  # seconds; decisions that are to be about one thing each
        while True:
            try:
                if failure is not None:
                    nap, careful = 0.0, await self._start_over(failure)
                    failure = None
                    if self._inbox.closed is not None:  # it was given up
                        return
                await self._inbox.wait(0.0 if self._refusal else nap)
                if self._refusal is not None:
                    raise _EngineEndedError
                stimuli = self._inbox.take(1 if careful else AT_ONCE)
                nap = self._decide(stimuli, again=stimuli, careful=careful > 0)
                careful = max(careful - 1, 0)
                self._inbox.taken()
            except _EngineEndedError as error:
                failure = error
            except LedgerError as error:
                _log.warning("the ledger cannot be read, trying again: %s", error)

    def _decide(
        self,
        stimuli: Sequence[Stimulus],
        *,
        again: Sequence[Stimulus] = (),
        careful: bool = False,
        making: bool = False,
    ) -> float:
        """Have the engine decide, and the decision written; return for how many seconds it may rest.

        Parameters
        ----------
        again : sequence of Stimulus
            What has to be decided again if the engine fails or the ledger refuses.
        making : bool
            Whether the engine is rebuilt with these: only what is new in the ledger is published.
        """
        now, steady = self.clock.wall(), self.clock.steady()
        try:
            decision = self.engine.handle_all(stimuli, now, steady, careful=careful or making)
        except Exception as error:
            raise _EngineEndedError(again, careful) from error
        if making:
            decision.events[:] = [event for event in decision.events if event.seq]
        executions = self.effects.executions.begin(decision, steady)
        timed_out = self.effects.executions.ask_to_stop(decision) if decision.stops else ()
        made = Unwritten(decision, self.engine.decided, again, executions, timed_out, careful)
        if decision.writes or self._unwritten:
            self._unwritten.append(made)
            self.writer.post(decision)
        else:
            self.bus.publish(decision.events)
            self.effects.carry_out(made)
        for stimulus in again:
            if isinstance(stimulus, Declare):
                self._aside.tasks.discard(stimulus.task.name)
        if decision.more:
            if not (careful or making):  # else it is about one thing
                self._rush.begin()
            return 0.0
        longest = seconds_to_tick(LONGEST_NAP_SECONDS)
        return longest if decision.wake_at is None else min(max(decision.wake_at - now, 0) / SECOND, longest)

    # The rebuilt engine

    async def _make_engine(self) -> None:
        """Make the engine from the ledger."""
        snapshot = await anyio.to_thread.run_sync(self.ledger.snapshot, self.lease.life)
        config = self.config.engine(self.lease.life, self.lease.seconds)
        self.engine = Engine(config, snapshot, self.engine.decided)
        self.written = max(self.written, snapshot.seq)
        declared = await self._declarations.again({row.name for row in snapshot.tasks})
        recover = Recover(
            adopted=self.effects.executions.adopted(),
            runs_aside=frozenset(self._aside.runs),
            tasks_aside=frozenset(self._aside.tasks),
        )
        self._decide([*declared, recover], making=True)

    async def _start_over(self, failure: _EngineEndedError) -> int:
        """Rebuild the engine; what was not written is decided again.

        Returns
        -------
        int
            How many decisions are to be about one thing each, so that a failure shows which.
        """
        if self._refusal is None:
            await self._all_written()
        error = self._refusal or failure.__cause__
        assert error is not None
        left = list(self._unwritten)
        again = [stimulus for unwritten in left for stimulus in unwritten.stimuli] + list(failure.stimuli)
        for unwritten in left:
            self.effects.executions.withdraw(unwritten.executions)
        refused: Stimulus | None = None
        stimuli, careful = (left[0].stimuli, left[0].careful) if left else (failure.stimuli, failure.careful)
        if not careful or self._failures.passing(error, stimuli):
            tell_refusal(error)
        elif stimuli and again:
            refused = again.pop(0)
            self._failures.told(error)
            if isinstance(refused, Ended):
                self.effects.executions.forget([refused])
                self._aside.leave_run(refused.run, as_ours(error))
                self.effects.waiters.fail(refused.run, as_ours(error))
        elif left:
            for run in self._aside.leave(left[0].decision, as_ours(error)):
                self.effects.waiters.fail(run, as_ours(error))
        self._inbox.put_back(again)
        self._unwritten.clear()
        self._refusal = None
        if not self._failures.note():
            self._give_up(as_ours(error))
            if refused is not None:
                self.effects.reply(Reply(refused, {}, as_ours(error)))
            return 0
        self.writer.restart()
        await anyio.sleep(self._failures.pause)
        while True:
            try:
                await self._make_engine()
                break
            except LedgerError as unread:
                _log.warning("the ledger cannot be read, trying again: %s", unread)
                await anyio.sleep(LONGEST_NAP_SECONDS)
        if refused is not None:
            self.effects.reply(Reply(refused, {}, as_ours(error)))
            if refused.command and not isinstance(refused, Answer):  # its sender waits
                self.post(Answer(command=refused.command, error=as_ours(error)))
        return len(again) + CAREFUL_DECISIONS

    def _give_up(self, error: Exception) -> None:
        """Decide no more: whatever is decided is refused, as by a ledger whose file is damaged."""
        told = f"ledger {self.ledger.store}: nothing can be decided any more: {error}"
        given_up = LedgerError(told, hint="stop the scheduler, and restore the ledger or name another")
        given_up.__cause__ = error
        _log.critical("%s", given_up)
        self._trouble(StoreAway(at=datetime.now(UTC), reason=told))  # screens show it
        self.effects.executions.abandon()
        self._inbox.close(given_up)

    async def _all_written(self) -> None:
        """Wait until what was decided so far is written, or refused."""
        written = anyio.Event()
        future = self.writer.call(lambda connection: None)
        future.add_done_callback(lambda done: self._loop.call(written.set))
        await written.wait()

    # After a commit, on the writer's thread

    def _committed(self, decisions: Sequence[Decision], refused: Refused | None) -> None:
        events = [event for decision in decisions for event in decision.events]
        self.hear_of_all(events)
        self.written = max([self.written, *(event.seq for event in events)])
        self.bus.publish(events)
        self._tell_others()
        for decision in decisions:
            written = self._unwritten.popleft()
            self.effects.carry_out(written)
            if refused is not None and (runs := decision.claims):
                self.post(ClaimsSettled(number=written.number, runs=runs, refused=refused))
        self._failures.count = 0

    def hear_of_all(self, events: Iterable[Event]) -> None:
        """Note whether another process has paused or resumed all tasks: two may at once; on any thread."""
        if any(isinstance(event, TaskChanged) and event.row is None for event in events):
            self.told_of_all = True

    def _refused(self, decision: Decision, error: Exception) -> None:
        if self.writer.ended:  # it is not decided again
            self._dropped = True
            self._unwritten.popleft()
            for reply in decision.replies:
                self.effects.reply(Reply(reply.stimulus, {}, error))
            return
        self._refusal = error
        self._inbox.wake()

    def _store_away(self, why: str) -> None:
        self._trouble(StoreAway(at=datetime.now(UTC), reason=why))
        self.post(HoldWrites(held=True))

    def _store_back(self, seconds: float) -> None:
        self._trouble(StoreBack(at=datetime.now(UTC), seconds=round(seconds, 3)))
        self.post(HoldWrites(held=False))

    @property
    def unwritten(self) -> bool:
        """Whether something that was decided is not written yet."""
        return bool(self._unwritten)

    @property
    def all_written(self) -> bool:
        """Whether all that was decided is in the ledger."""
        return not (self._unwritten or self._dropped)

    @property
    def decisions_written(self) -> int:
        """How many of the engine's decisions are in the ledger, with all before them; on our loop."""
        try:
            return self._unwritten[0].number - 1
        except IndexError:
            return self.engine.decided

    # What a life asks of it, on our loop

    def calm(self, seconds: float) -> bool:
        """Tell whether nothing is on its way to its start or due within so many seconds."""
        if self._inbox or self._unwritten:
            return False
        upcoming = self.engine.next_due()
        return upcoming is None or upcoming >= self.clock.wall() + seconds * SECOND

    def write(self, decision: Decision) -> None:
        """Have something written that no stimulus has led to."""
        self._unwritten.append(Unwritten(decision, self.engine.decided))
        self.writer.post(decision)

    async def decided(self) -> None:
        """Wait until all that was posted so far is decided and with the writer."""
        await self._inbox.emptied()

    def end_rush(self) -> None:
        """Let the cyclic collector work again: there will be no more starts."""
        self._rush.end()

    def end(self) -> None:
        """Decide no more; what is posted from now on is refused."""
        self._rush.end()
        stopped = f"ledger {self.ledger.store}: the scheduler here was stopped"
        self._inbox.close(NotRunningError(stopped, hint="start it again"))
