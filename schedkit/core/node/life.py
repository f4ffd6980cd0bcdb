"""A life of a node: stimuli become decisions, decisions are written and carried out.

Stimuli come in from any thread. The engine decides on our loop, the writer commits on a thread of its own,
and what a decision has others do begins there, after its commit. What the ledger refuses, and what fails in
the engine, ends the engine: it is made anew from the ledger, and what was not written is decided again.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import anyio
import anyio.lowlevel
import anyio.to_thread

from schedkit.core.engine.decision import Decision, Reply
from schedkit.core.engine.engine import Engine
from schedkit.core.engine.stimuli import (
    Abandon,
    Announce,
    Declare,
    Drain,
    Ended,
    HoldWrites,
    Recover,
    Stimulus,
    StopAttempts,
    Submit,
)
from schedkit.core.events import Event, LoopBlocked, NodeChanged, StoreAway, StoreBack, TaskChanged
from schedkit.core.execution.executors import Executors
from schedkit.core.node.clock import Clock
from schedkit.core.node.config import NodeConfig
from schedkit.core.node.declarations import Declarations
from schedkit.core.node.event_bus import EventBus
from schedkit.core.node.executions import Executions
from schedkit.core.node.inbox import Inbox
from schedkit.core.node.own_loop import OwnLoop
from schedkit.core.node.rush import Rush
from schedkit.core.node.unwritten import Aside, Unwritten, as_ours
from schedkit.core.node.waiters import Waiter, Waiters
from schedkit.core.store.lives import Lease
from schedkit.core.store.reader import Ledger
from schedkit.core.store.refusals import StaleError
from schedkit.core.store.writer import Writer
from schedkit.core.tasks.registry import Registry
from schedkit.core.text import dump
from schedkit.errors import LedgerError, NotRunningError
from schedkit.values.instants import SECOND

__all__ = ["AT_ONCE", "Life"]

_log = logging.getLogger("schedkit")

# Stimuli of one decision: as many as runs start at once, so that a run is written once, as started.
AT_ONCE = 50
# The longest sleep: a jump of the wall clock, or a laptop that slept, is noticed within it.
LONGEST_NAP_SECONDS = 1.0
# After a failure, decisions about one thing each: enough for all that may start or be due at once.
CAREFUL_DECISIONS = 200
# So many engines in a row that came to nothing, some seconds, are enough.
MOST_FAILURES = 6
# Between two engines, if what was decided is refused or fails again and again.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 5.0


class _EngineEndedError(Exception):
    """The ledger does not agree with the engine, or the engine has failed on `stimuli`."""

    def __init__(self, stimuli: Sequence[Stimulus] = (), careful: bool = False) -> None:
        super().__init__("the engine has to be made anew")
        self.stimuli, self.careful = stimuli, careful


class Life:
    """One life of a node, which runs the tasks that are at home with it.

    Attributes
    ----------
    engine : Engine
        What it knows and decides; replaced when it fails.
    executions : Executions
        The attempts whose code has not ended, and those that are about to begin.
    written : int
        The number of the last event that is in the ledger.
    told_of_all : bool
        Somebody has paused or resumed all tasks; whether they are paused, the ledger tells.
    trouble : Event or None
        What a board that is made now would have missed.
    """

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        bus: EventBus,
        executors: Executors,
        config: NodeConfig,
        declarations: Declarations,
        lease: Lease,
        lost: Callable[[], object],
        told: Callable[[], object],
    ) -> None:
        self.ledger, self.registry, self.bus, self.config = ledger, registry, bus, config
        self.executors = executors
        self.lease = lease
        self._tell_others = told
        self.engine = Engine(config.engine(lease.life))
        self.executions = Executions(executors.results.folder, self._tell, self.post)
        self.waiters = Waiters()
        self.declarations = declarations
        self.written = 0
        self.trouble: Event | None = None
        self.told_of_all = False
        self.clock = Clock()
        self.stopping = False
        self._ended = self._settled = False
        self._loop = OwnLoop()
        self._rush = Rush(self._loop)
        self._inbox = Inbox()
        self._careful = 0  # for so many decisions: one of what they are about has failed
        self._aside = Aside()
        self._unwritten: deque[Unwritten] = deque()
        self._refusal: BaseException | None = None  # of the first that is unwritten
        self._failures = 0  # in a row
        self._given_up: Exception | None = None
        self._turned = time.monotonic()
        self._claimed: set[str] = set()
        self.writer = Writer(
            ledger.store,
            lease,
            committed=self._committed,
            refused=self._refused,
            lost=lambda: self._loop.call(lost),
            away=self._store_away,
            back=self._store_back,
            healthy=lambda: time.monotonic() - self._turned < lease.seconds,
        )

    # The way in, from any thread

    def post(self, *stimuli: Stimulus) -> None:
        """Have stimuli decided soon, in their order; after the end of this life they are refused."""
        if self._is_over():  # its loop may be closed, and nobody must wake it
            self._refuse(stimuli)
            return
        self._inbox.put(stimuli)
        if self._is_over():
            self._refuse(self._inbox.clear())

    def _is_over(self) -> bool:
        return self._ended or self._given_up is not None

    def _refuse(self, stimuli: Iterable[Stimulus]) -> None:
        error = self._given_up or NotRunningError(
            f"ledger {self.ledger.store}: the scheduler here was stopped", hint="start it again"
        )
        for stimulus in stimuli:
            self._forget([stimulus])
            self._reply(Reply(stimulus, {}, error))

    # Its course, on our loop

    async def begin(self) -> None:
        """Begin with an engine with which nothing is at home yet."""
        await self._make_engine()
        self.writer.start()

    async def serve(self) -> None:
        """Decide, and decide again, until it is cancelled."""
        failure: _EngineEndedError | None = None
        while True:
            try:
                if failure is not None:
                    await self._start_over(failure)
                    failure = None
                if self._given_up is not None:
                    return
                await self._decide_forever()
            except _EngineEndedError as error:
                failure = error
            except LedgerError as error:
                _log.warning("the ledger cannot be read, trying again: %s", error)

    async def _decide_forever(self) -> None:
        nap = 0.0
        while True:
            await self._inbox.wait(0.0 if self._refusal else nap)
            if self._refusal is not None:
                raise _EngineEndedError
            careful = self._careful > 0
            self._careful -= careful
            stimuli = self._inbox.take(1 if careful else AT_ONCE)
            nap = self._decide(stimuli, again=stimuli, careful=careful)
            self._inbox.taken()

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
            Whether these make the engine anew: only what is new in the ledger is told.
        """
        now, steady = self.clock.wall(), self.clock.steady()
        try:
            decision = self.engine.handle_all(stimuli, now, steady, careful=careful or making)
        except Exception as error:
            raise _EngineEndedError(again, careful) from error
        if making:
            decision.events[:] = [event for event in decision.events if event.seq]
        executions = self.executions.begin(decision, steady)
        timed_out = self.executions.ask_to_stop(decision)
        made = Unwritten(decision, again, executions, timed_out, careful, self.engine.decided)
        if decision.writes or self._unwritten:
            self._write(made)
        else:
            self.bus.publish(decision.events)
            self._carry_out(made)
        for stimulus in again:
            if isinstance(stimulus, Declare):
                self._aside.tasks.discard(stimulus.task.name)
        if decision.more:
            if not (careful or making):  # else it is about one thing
                self._rush.begin()
            return 0.0
        if decision.wake_at is None:
            return LONGEST_NAP_SECONDS
        return min(max(decision.wake_at - now, 0) / SECOND, LONGEST_NAP_SECONDS)

    def _write(self, unwritten: Unwritten) -> None:
        self._unwritten.append(unwritten)
        self.writer.post(unwritten.decision)

    # The engine made anew

    async def _make_engine(self) -> None:
        """Make the engine from the ledger."""
        snapshot = await anyio.to_thread.run_sync(self.ledger.snapshot, self.lease.life)
        self.engine = Engine(self.config.engine(self.lease.life), snapshot, self.engine.decided)
        self.written = max(self.written, snapshot.seq)
        declared = await self.declarations.again({row.name for row in snapshot.tasks})
        recover = Recover(
            adopted=self.executions.adopted(),
            runs_aside=frozenset(self._aside.runs),
            tasks_aside=frozenset(self._aside.tasks),
        )
        self._decide([*declared, recover], making=True)

    async def _start_over(self, failure: _EngineEndedError) -> None:
        """Make the engine anew, and have decided again, one by one, what was not written."""
        if self._refusal is None:
            await self._all_written()
        error = self._refusal or failure.__cause__
        assert error is not None
        left = list(self._unwritten)
        again = [stimulus for unwritten in left for stimulus in unwritten.stimuli] + list(failure.stimuli)
        for unwritten in left:
            self.executions.withdraw(unwritten.executions)
        refused: Stimulus | None = None
        if not (left[0].careful if left else failure.careful):
            self._tell_refusal(error)
        elif (left[0].stimuli if left else failure.stimuli) and again:
            refused = again.pop(0)
            if isinstance(refused, Ended):
                self.executions.forget([refused])
                self._aside.leave_run(refused.run, as_ours(error))
                self.waiters.fail(refused.run, as_ours(error))
        elif left:
            for run in self._aside.leave(left[0].decision, as_ours(error)):
                self.waiters.fail(run, as_ours(error))
        self._inbox.put_back(again)
        self._unwritten.clear()
        self._refusal = None
        self._failures += 1
        if self._failures > MOST_FAILURES:
            self._give_up(as_ours(error))
            if refused is not None:
                self._reply(Reply(refused, {}, as_ours(error)))
            return
        self._careful = len(again) + CAREFUL_DECISIONS
        self.writer.restart()
        await anyio.sleep(min(FIRST_PAUSE_SECONDS * 2 ** (self._failures - 1), LONGEST_PAUSE_SECONDS))
        while True:
            try:
                await self._make_engine()
                break
            except LedgerError as unread:
                _log.warning("the ledger cannot be read, trying again: %s", unread)
                await anyio.sleep(LONGEST_NAP_SECONDS)
        if refused is not None:
            self._reply(Reply(refused, {}, as_ours(error)))

    @staticmethod
    def _tell_refusal(error: BaseException) -> None:
        if isinstance(error, StaleError):  # another process has taken a task home
            _log.info("the scheduler decides anew: %s", error)
        else:
            _log.warning("the scheduler decides anew what could not be written: %s", error, exc_info=error)

    def _give_up(self, error: Exception) -> None:
        """Decide no more: whatever is decided is refused, as by a ledger whose file is damaged."""
        told = f"ledger {self.ledger.store}: nothing can be decided any more: {error}"
        self._given_up = LedgerError(told, hint="stop the scheduler, and restore the ledger or name another")
        self._given_up.__cause__ = error
        _log.critical("%s", self._given_up)
        self._trouble(StoreAway(at=datetime.now(UTC), reason=told))  # screens show it
        self.executions.abandon()
        self._refuse(self._inbox.clear())
        self._inbox.taken()

    async def _all_written(self) -> None:
        """Wait until what was decided so far is written, or refused."""
        written = anyio.Event()
        future = self.writer.call(lambda connection: None)
        future.add_done_callback(lambda done: self._loop.call(written.set))
        await written.wait()

    # After a commit, on the writer's thread

    def _committed(self, decisions: Sequence[Decision]) -> None:
        events = [event for decision in decisions for event in decision.events]
        self.hear_of_all(events)
        self.written = max([self.written, *(event.seq for event in events)])
        self.bus.publish(events)
        if events:
            self._tell_others()
        for _ in decisions:
            self._carry_out(self._unwritten.popleft())
        self._failures = 0

    def hear_of_all(self, events: Iterable[Event]) -> None:
        """Note whether somebody has paused or resumed all tasks: two may have at once; on any thread."""
        if any(isinstance(event, TaskChanged) and event.row is None for event in events):
            self.told_of_all = True

    @property
    def unwritten(self) -> bool:
        """Whether something that was decided is not written yet."""
        return bool(self._unwritten)

    @property
    def decisions_written(self) -> int:
        """How many of the engine's decisions are in the ledger, with all before them; on our loop."""
        try:
            return self._unwritten[0].number - 1
        except IndexError:
            return self.engine.decided

    def _carry_out(self, made: Unwritten) -> None:
        """Do what a decision has others do, in this order."""
        for reply in made.decision.replies:
            self._reply(reply)
        for execution in made.executions:
            self.executors.start(execution)
        for execution, final in made.timed_out:
            self.executors.tell_timeout(execution, final=final)
        self._forget(made.stimuli)
        self.waiters.settle(made.decision.finished)

    def _refused(self, decision: Decision, error: Exception) -> None:
        if self.writer.ended:  # nobody decides it again
            self._unwritten.popleft()
            self._settled = False
            for reply in decision.replies:
                self._reply(Reply(reply.stimulus, {}, error))
            return
        self._refusal = error
        self._inbox.wake_soon()

    def _reply(self, reply: Reply) -> None:
        stimulus, error = reply.stimulus, reply.error
        if error is not None and isinstance(stimulus, Submit):
            self.waiters.fail(stimulus.run, error)
        if stimulus.token is not None:
            if error is None:
                stimulus.token.settle(reply.answer)
            else:
                stimulus.token.fail(error)
        elif isinstance(stimulus, Declare) and error is not None:
            _log.error("task %r has no schedule: %s", stimulus.task.name, error)

    def _forget(self, stimuli: Iterable[Stimulus]) -> None:
        """Note what is done: commands that are answered, attempts that have ended."""
        self._claimed.difference_update(stimulus.command for stimulus in stimuli)
        if self.executions.forget(stimuli) and self.stopping:
            self._loop.call(self.executions.none_left)

    def _store_away(self, why: str) -> None:
        self._trouble(StoreAway(at=datetime.now(UTC), reason=why))
        self.post(HoldWrites(held=True))

    def _store_back(self, seconds: float) -> None:
        self._trouble(StoreBack(at=datetime.now(UTC), seconds=round(seconds, 3)))
        self.post(HoldWrites(held=False))

    # What else the node asks of it, on our loop

    def wait_for(self, run: str, waiter: Waiter) -> bool:
        """Answer `waiter` when a live run has ended; False: it is not alive."""
        if run not in self.engine.runs:
            return False
        self.waiters.add(run, waiter)
        return True

    def claim_command(self, id: str) -> bool:
        """Tell whether a command of the ledger is yet to be carried out; each is once."""
        if id in self._claimed:
            return False
        self._claimed.add(id)
        return True

    def announce(self, change: str) -> None:
        """Log that this process began or ceased to run tasks."""
        settings = {}
        if change == "started":  # what runs at once is this process's to say: others show it
            settings["limits"] = dump(self.config.at_once)
        told = NodeChanged(at=datetime.now(UTC), change=change, name=self.config.name, life=self.lease.life)
        self.post(Announce(event=told, settings=settings))

    def turn(self) -> None:
        """Note that the loop turns; a process that stands still must not tell that it lives."""
        self._turned = time.monotonic()

    def calm(self, before: float) -> bool:
        """Tell whether nothing is on its way to its start or due `before` then (seconds since 1970)."""
        if self._inbox or self._unwritten:
            return False
        upcoming = self.engine.next_due()
        return upcoming is None or upcoming >= before * SECOND

    def save_progress(self) -> None:
        """Have written what running attempts have told since the last time."""
        if told := self.executions.progress():
            told_so_far = Decision([*told], [], [], [], [], [], False, None)
            self._write(Unwritten(told_so_far, number=self.engine.decided))

    def blocked(self, name: str, seconds: float, where: str, over: bool) -> None:
        """Tell which coroutine keeps the users' loop busy."""
        run_id = name.rpartition("(run ")[2].rstrip(")") if "(run " in name else ""
        task = name.partition(" (run ")[0]
        if not over:
            _log.warning("task %r blocks the users' loop for %.1f s at %s", task, seconds, where)
        blocked = LoopBlocked(
            at=datetime.now(UTC), task=task, run=run_id, seconds=round(seconds, 3), where=where, over=over
        )
        self._trouble(blocked)

    def _trouble(self, event: StoreAway | StoreBack | LoopBlocked) -> None:
        over = isinstance(event, StoreBack) or (isinstance(event, LoopBlocked) and event.over)
        self.trouble = None if over else event
        self._tell(event)

    def _tell(self, event: Event) -> None:
        self.bus.publish((event,))

    # Its end, on our loop

    async def stop(self, patience: float) -> None:
        """Let running attempts end for `patience` seconds; then interrupt and record them."""
        self.stopping = True
        self._rush.end()
        self.post(Drain())
        await self._all_gone(patience)
        self.post(StopAttempts())
        await self._all_gone(min(2.0, max(0.2, patience)))
        self.save_progress()
        self.post(Abandon())
        await self.decided()
        self._settled = True

    @property
    def settled(self) -> bool:
        """Whether it was stopped and all that it decided is written: there is nothing to bury."""
        return self._settled and not self._unwritten

    def hurry(self, patience: float) -> None:
        """Shorten the wait for what runs to `patience` seconds from now, if that is shorter."""
        self.executions.hurry(patience)

    async def _all_gone(self, patience: float) -> None:
        await self.decided()
        await self.executions.all_gone(patience)

    async def decided(self) -> None:
        """Wait until all that was posted so far is decided and with the writer."""
        await self._inbox.emptied()

    def lose(self) -> None:
        """This life was taken for dead: what runs here may end, but is recorded no more."""
        self.stopping = True
        self._rush.end()
        self.executions.abandon()

    def end(self) -> None:
        """Decide no more; who waits for a run asks again."""
        self._ended = True
        self._rush.end()
        self._refuse(self._inbox.clear())
        self._inbox.taken()
        self.waiters.let_go()
