"""A node's life as the owner of a ledger: stimuli become decisions, decisions are written and carried out.

Stimuli come in from any thread. The engine decides on our loop, the writer commits on a thread of its own,
and what a decision has others do begins there, after its commit. What the ledger refuses, and what fails in
the engine, ends the engine: it is made anew from the ledger, and what was not written is decided again.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread

from schedkit.core.engine.engine import Engine
from schedkit.core.engine.values import (
    Abandon,
    Adopted,
    Announce,
    Decision,
    Declare,
    DetailsTold,
    Drain,
    Ended,
    HoldWrites,
    Recover,
    Remove,
    Reply,
    Reschedule,
    RunChanged,
    Stimulus,
    Stop,
    StopAttempts,
    Submit,
    TaskAdvanced,
)
from schedkit.core.events import Event, LoopBlocked, OwnerChanged, StoreAway, StoreBack
from schedkit.core.execution.attempt import Execution, Ports
from schedkit.core.execution.execute import Ending
from schedkit.core.execution.run_context import RunContext
from schedkit.core.ids import new_id
from schedkit.core.model import Task, timeout_error
from schedkit.core.node.clock import Clock
from schedkit.core.node.config import NodeConfig
from schedkit.core.node.declarations import declaration
from schedkit.core.node.event_bus import EventBus
from schedkit.core.node.rush import Rush
from schedkit.core.node.waiters import Waiter, Waiters
from schedkit.core.store.lease import Lease
from schedkit.core.store.reader import Ledger
from schedkit.core.store.writer import Writer
from schedkit.core.tasks.declare import replaced
from schedkit.core.tasks.registry import Registry
from schedkit.core.text import dump
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.errors import LedgerError, NotOwnerError, SchedkitError
from schedkit.values.instants import SECOND

__all__ = ["AT_ONCE", "Life"]

_log = logging.getLogger("schedkit")

# Stimuli of one decision: as many as runs start at once, so that a run is written once, as started.
AT_ONCE = 50
# The longest sleep: a jump of the wall clock, or a laptop that slept, is noticed within it.
LONGEST_NAP_SECONDS = 1.0
# After a failure, decisions about one thing each: enough for all that may start or be due at once.
CAREFUL_DECISIONS = 200
# Between two engines, if what was decided is refused or fails again and again.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 5.0


class _Unwritten:
    """A decision on its way to the ledger.

    Attributes
    ----------
    stimuli : sequence of Stimulus
        What it was made from: decided again if it is refused.
    executions : sequence of Execution
        The attempts that it starts.
    timed_out : sequence of tuple of Execution and bool
        Those that it ends, and whether their run ends with them.
    careful : bool
        It is about one thing, because a decision about several had failed.
    """

    __slots__ = ("careful", "decision", "executions", "stimuli", "timed_out")

    def __init__(
        self,
        decision: Decision,
        stimuli: Sequence[Stimulus] = (),
        executions: Sequence[Execution] = (),
        timed_out: Sequence[tuple[Execution, bool]] = (),
        careful: bool = False,
    ) -> None:
        self.decision, self.stimuli, self.executions = decision, stimuli, executions
        self.timed_out, self.careful = timed_out, careful


class _EngineEndedError(Exception):
    """The ledger does not agree with the engine, or the engine has failed on `stimuli`."""

    def __init__(self, stimuli: Sequence[Stimulus] = (), careful: bool = False) -> None:
        super().__init__("the engine has to be made anew")
        self.stimuli, self.careful = stimuli, careful


class Life:
    """One life of a node that owns its ledger.

    Attributes
    ----------
    engine : Engine
        What it knows and decides; replaced when it fails.
    executions : dict
        By run and number, the attempts whose code has not ended, and those that are about to begin.
    written : int
        The number of the last event that is in the ledger.
    trouble : Event or None
        What a board that is made now would have missed.
    """

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        bus: EventBus,
        ports: Ports,
        config: NodeConfig,
        lease: Lease,
        lost: Callable[[], object],
    ) -> None:
        self.ledger, self.registry, self.bus, self.ports, self.config = ledger, registry, bus, ports, config
        self.lease = lease
        self.engine = Engine(config.engine)
        self.executions: dict[tuple[str, int], Execution] = {}
        self.waiters = Waiters()
        self.written = 0
        self.trouble: Event | None = None
        self.clock = Clock()
        self.stopping = False
        self._ended = False
        self._loop = asyncio.get_running_loop()  # what another thread may wake
        self._rush = Rush(self._loop)
        self._inbox: deque[Stimulus] = deque()
        self._again: deque[Stimulus] = deque()  # to be decided again
        self._careful = 0  # for so many decisions: one of what they are about has failed
        self._runs_aside: set[str] = set()
        self._tasks_aside: set[str] = set()
        self._unwritten: deque[_Unwritten] = deque()
        self._refusal: BaseException | None = None  # of the first that is unwritten
        self._failures = 0
        self._awake = False
        self._wake, self._idle, self._all_decided = anyio.Event(), anyio.Event(), anyio.Event()
        self._patience: anyio.CancelScope | None = None  # of who waits for all to be gone
        self._turned = time.monotonic()
        self._claimed: set[str] = set()
        # When tasks were removed, as ids, which sort by time: a declaration from before is void.
        self.removed: dict[str, str] = {}
        self.writer = Writer(
            ledger.store,
            lease,
            committed=self._committed,
            refused=self._refused,
            lost=lambda: self._loop.call_soon_threadsafe(lost),
            away=self._store_away,
            back=self._store_back,
            healthy=lambda: time.monotonic() - self._turned < lease.seconds,
        )

    # The way in, from any thread

    def post(self, *stimuli: Stimulus) -> None:
        """Have stimuli decided soon, in their order; after the end of this life they are refused."""
        self._inbox.extend(stimuli)
        if self._ended:
            self._refuse_inbox()
        # A wake-up too many is harmless, one too few is not: the flag falls before the inbox is read.
        elif not self._awake:
            self._awake = True
            self._loop.call_soon_threadsafe(self._wake_up)

    def _wake_up(self) -> None:
        self._wake.set()

    def _refuse_inbox(self) -> None:
        error = NotOwnerError(
            f"ledger {self.ledger.store}: the scheduler here was stopped", hint="start it again"
        )
        while self._inbox:
            self._reply(Reply(self._inbox.popleft(), {}, error))

    async def declaration(self, task: Task, token: Any = None) -> Declare:
        """Return the declaration of a task in this process."""
        starts: list[int] = []
        if task.rate is not None:
            runs = await anyio.to_thread.run_sync(
                functools.partial(self.ledger.runs, task.name, limit=task.rate.count)
            )
            starts = [run.started for run in runs if run.started is not None]
        return declaration(task, self.config, self.lease.epoch, starts, token)

    # Its course, on our loop

    async def begin(self) -> None:
        """Take the ledger in, with what its last owner left behind."""
        holder = await anyio.to_thread.run_sync(self.ledger.holder)
        took_over = "" if holder is None else f" before {self.config.name} took over"
        await self._make_engine(f"its process ended{took_over}")
        self.writer.start()

    async def serve(self) -> None:
        """Decide, and decide again, until it is cancelled."""
        failure: _EngineEndedError | None = None
        while True:
            try:
                if failure is not None:
                    await self._start_over(failure)
                    failure = None
                await self._decide_forever()
            except _EngineEndedError as error:
                failure = error
            except LedgerError as error:
                _log.warning("the ledger cannot be read, trying again: %s", error)

    async def _decide_forever(self) -> None:
        nap = 0.0
        while True:
            if nap > 0 and not (self._inbox or self._again or self._refusal):
                with anyio.move_on_after(nap):
                    await self._wake.wait()
            else:
                await anyio.lowlevel.checkpoint()
            self._wake = anyio.Event()
            self._awake = False
            if self._refusal is not None:
                raise _EngineEndedError
            careful = self._careful > 0
            self._careful -= careful
            inbox = self._again or self._inbox
            stimuli = [inbox.popleft() for _ in range(min(len(inbox), 1 if careful else AT_ONCE))]
            nap = self._decide(stimuli, again=stimuli, careful=careful)
            if not (self._inbox or self._again):
                self._all_decided.set()

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
        executions = [
            Execution(
                start.run,
                start.task,
                RunContext(start.run, self._tell, self.ports.results.folder),
                started=steady,
            )
            for start in decision.starts
        ]
        self.executions.update((execution.key, execution) for execution in executions)
        timed_out: list[tuple[Execution, bool]] = []
        for stop in decision.stops:
            stopped = self._ask_to_stop(stop, decision)
            if stopped is not None and stop.why == "timeout":
                timed_out.append((stopped, stop.final))
        made = _Unwritten(decision, again, executions, timed_out, careful)
        if decision.writes or self._unwritten:
            self._write(made)
        else:
            self.bus.publish(decision.events)
            self._carry_out(made)
        for stimulus in again:
            if isinstance(stimulus, Declare):
                self._tasks_aside.discard(stimulus.task.name)
        if decision.more:
            if not careful:
                self._rush.begin()
            return 0.0
        if decision.wake_at is None:
            return LONGEST_NAP_SECONDS
        return min(max(decision.wake_at - now, 0) / SECOND, LONGEST_NAP_SECONDS)

    def _write(self, unwritten: _Unwritten) -> None:
        self._unwritten.append(unwritten)
        self.writer.post(unwritten.decision)

    def _ask_to_stop(self, stop: Stop, decision: Decision) -> Execution | None:
        execution = self.executions.get((stop.run, stop.attempt))
        if execution is None:
            return None
        if stop.recorded:
            execution.recorded = True
            if (told := execution.context.told()) is not None:
                decision.changes.append(DetailsTold(stop.run, told))
        execution.stop(stop.why, stop.actor)
        return execution

    # The engine made anew

    async def _make_engine(self, lost: str) -> None:
        """Make the engine from the ledger; runs that nobody runs any more are lost for the reason given."""
        snapshot = await anyio.to_thread.run_sync(self.ledger.snapshot)
        self.engine = Engine(self.config.engine, snapshot)
        self.written = max(self.written, snapshot.seq)
        adopted = tuple(
            Adopted(
                run=execution.run.id,
                task=execution.task,
                attempt=execution.run.attempt,
                started=execution.started,
                why=execution.why,
                actor=execution.who,
            )
            for execution in self.executions.values()
        )
        declared = [await self.declaration(task) for task in self.registry.values()]
        recover = Recover(
            adopted=adopted,
            reason=lost,
            runs_aside=frozenset(self._runs_aside),
            tasks_aside=frozenset(self._tasks_aside),
        )
        self._decide([*declared, recover], making=not lost)

    async def _start_over(self, failure: _EngineEndedError) -> None:
        """Make the engine anew, and have decided again, one by one, what was not written."""
        if self._refusal is None:
            await self._all_written()
        error = self._refusal or failure.__cause__
        assert error is not None
        left = list(self._unwritten)
        again = [stimulus for unwritten in left for stimulus in unwritten.stimuli] + list(failure.stimuli)
        for unwritten in left:
            for execution in unwritten.executions:
                self.executions.pop(execution.key, None)
        refused: Stimulus | None = None
        if not (left[0].careful if left else failure.careful):
            _log.warning("the scheduler decides anew what could not be written: %s", error, exc_info=error)
        elif (left[0].stimuli if left else failure.stimuli) and again:
            refused = again.pop(0)
            if isinstance(refused, Ended):
                self._forget([refused])
                self._leave_run(refused.run, _told(error))
        elif left:
            self._set_aside(left[0].decision, _told(error))
        self._again.extendleft(reversed(again))
        self._unwritten.clear()
        self._refusal = None
        self._failures += 1
        self._careful = len(self._again) + CAREFUL_DECISIONS
        self.writer.restart()
        await anyio.sleep(min(FIRST_PAUSE_SECONDS * 2 ** (self._failures - 1), LONGEST_PAUSE_SECONDS))
        while True:
            try:
                await self._make_engine("")
                break
            except LedgerError as unread:
                _log.warning("the ledger cannot be read, trying again: %s", unread)
                await anyio.sleep(LONGEST_NAP_SECONDS)
        if refused is not None:
            self._reply(Reply(refused, {}, _told(error)))

    def _set_aside(self, decision: Decision, error: Exception) -> None:
        """Leave as it stands what the ledger refuses and nobody asked for: it must not stop the rest."""
        advanced = [change.task for change in decision.changes if isinstance(change, TaskAdvanced)]
        for task in advanced:
            self._tasks_aside.add(task)
            _log.error("task %r has no due times until it is declared again: %s", task, error)
        if not advanced:
            for change in decision.changes:
                if isinstance(change, RunChanged):
                    self._leave_run(change.after.id, error)

    def _leave_run(self, run: str, error: Exception) -> None:
        self._runs_aside.add(run)
        _log.error("run %s is left as it stands until the scheduler is started again: %s", run, error)
        self.waiters.fail(run, error)

    async def _all_written(self) -> None:
        """Wait until what was decided so far is written, or refused."""
        written = anyio.Event()
        future = self.writer.call(lambda connection: None)
        future.add_done_callback(lambda done: self._loop.call_soon_threadsafe(written.set))
        await written.wait()

    # After a commit, on the writer's thread

    def _committed(self, decisions: Sequence[Decision]) -> None:
        events = [event for decision in decisions for event in decision.events]
        self.written = max([self.written, *(event.seq for event in events)])
        self.bus.publish(events)
        for _ in decisions:
            self._carry_out(self._unwritten.popleft())
        self._failures = 0

    def _carry_out(self, made: _Unwritten) -> None:
        """Do what a decision has others do, in this order."""
        for reply in made.decision.replies:
            self._reply(reply)
        for execution in made.executions:
            self._launch(execution)
        for execution, final in made.timed_out:
            self.ports.tell_hooks(execution, timeout_error(execution.task), final=final)
        self._forget(made.stimuli)
        self.waiters.settle(made.decision.finished)

    def _refused(self, decision: Decision, error: Exception) -> None:
        if self.writer.ended:  # nobody decides it again
            self._unwritten.popleft()
            for reply in decision.replies:
                self._reply(Reply(reply.stimulus, {}, error))
            return
        self._refusal = error
        self._loop.call_soon_threadsafe(self._wake_up)

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

    def _launch(self, execution: Execution) -> None:
        self.ports.launch(execution, self._ended_anywhere)
        if execution.why:
            execution.stop(execution.why)  # asked for between the claim and here
        if execution.ended:
            execution.cancel = None

    def _ended_anywhere(self, execution: Execution, ending: Ending) -> None:
        # What cancels it leads back to it: a circle for each run, which the collector would have to find.
        execution.ended = True
        execution.cancel = None
        self.post(
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
            )
        )

    def _forget(self, stimuli: Iterable[Stimulus]) -> None:
        """Note what is done: commands that are answered, attempts that have ended."""
        for stimulus in stimuli:
            if stimulus.command:
                self._claimed.discard(stimulus.command)
            if type(stimulus) is Ended:
                self.executions.pop((stimulus.run, stimulus.attempt), None)
        if self.stopping and not self.executions:
            self._loop.call_soon_threadsafe(self._idle.set)

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

    def execution_of(self, run: str) -> Execution | None:
        """Return the attempt of a run whose code has not ended; on any thread."""
        found = [each for each in list(self.executions.values()) if each.run.id == run]
        return max(found, key=lambda each: each.run.attempt, default=None)

    def removing(self, name: str, actor: str, *, token: Any = None, command: str = "") -> Remove:
        """Return what has a task forgotten; this process does not declare it any more.

        Raises
        ------
        DeclarationError
            If another task comes after it.
        """
        if name in self.engine.rows:
            self.registry.remove(name)
            self.removed[name] = new_id()
        return Remove(task=name, actor=actor, token=token, command=command)

    def rescheduling(
        self, name: str, trigger: Trigger | None, actor: str, *, token: Any = None, command: str = ""
    ) -> Reschedule:
        """Return what gives a task another trigger; this process knows it by that from now on.

        Raises
        ------
        DeclarationError, TriggerError
            If the task cannot have it.
        """
        if trigger is not None:
            trigger.begins(datetime.now(UTC), self.config.tz)
        task = self.registry.get(name)
        if task is not None:
            self.registry.add(replaced(task, trigger=trigger), known=self.engine.rows)
        return Reschedule(
            task=name,
            trigger=trigger,
            text=None if trigger is None else trigger_data.dumps(trigger),
            words="" if trigger is None else trigger.text(self.config.tz),
            actor=actor,
            token=token,
            command=command,
        )

    def claim_command(self, id: str) -> bool:
        """Tell whether a command of the ledger is yet to be carried out; each is once."""
        if id in self._claimed:
            return False
        self._claimed.add(id)
        return True

    def announce(self, change: str) -> None:
        """Log that this process began or ceased to own the ledger."""
        settings = {}
        if change == "started":  # what runs at once is this process's to say: a viewer shows it
            settings["limits"] = dump(self.config.at_once)
        told = OwnerChanged(
            at=datetime.now(UTC), change=change, owner=self.config.name, epoch=self.lease.epoch
        )
        self.post(Announce(event=told, settings=settings))

    def turn(self) -> None:
        """Note that the loop turns; an owner that stands still must not renew its lease."""
        self._turned = time.monotonic()

    def calm(self, before: float) -> bool:
        """Tell whether nothing is on its way to its start or due `before` then (seconds since 1970)."""
        if self._inbox or self._again or self._unwritten:
            return False
        upcoming = self.engine.next_due()
        return upcoming is None or upcoming >= before * SECOND

    def save_progress(self) -> None:
        """Have written what running attempts have told since the last time."""
        told: list[DetailsTold] = []
        for execution in list(self.executions.values()):
            if execution.context.changed and not execution.recorded:
                details = execution.context.told()
                if details is not None:
                    told.append(DetailsTold(execution.run.id, details))
        if told:
            self._write(_Unwritten(Decision([*told], [], [], [], [], [], False, None)))

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

    def hurry(self, patience: float) -> None:
        """Shorten the wait for what runs to `patience` seconds from now, if that is shorter."""
        if self._patience is not None:
            self._patience.deadline = min(self._patience.deadline, anyio.current_time() + patience)

    async def _all_gone(self, patience: float) -> None:
        """Wait until no attempt runs any more, `patience` seconds at most."""
        await self.decided()
        with anyio.move_on_after(patience) as self._patience:
            while self.executions:
                self._idle = anyio.Event()
                if self.executions:
                    await self._idle.wait()
        self._patience = None

    async def decided(self) -> None:
        """Wait until all that was posted so far is decided and with the writer."""
        while self._inbox or self._again:
            if self._all_decided.is_set():  # else somebody waits for it already
                self._all_decided = anyio.Event()
            await self._all_decided.wait()

    def lose(self) -> None:
        """Another process owns the ledger: what runs here may end, but is recorded no more."""
        self.stopping = True
        self._rush.end()
        for execution in list(self.executions.values()):
            execution.recorded = True
            execution.stop("stop")

    def end(self) -> None:
        """Decide no more; who waits for a run asks again."""
        self._ended = True
        self._rush.end()
        self._again.clear()
        self._refuse_inbox()
        self._all_decided.set()
        self.waiters.let_go()


def _told(error: BaseException) -> Exception:
    """Return what refused a stimulus as an error of ours."""
    if isinstance(error, SchedkitError):
        return error
    told = SchedkitError(f"the scheduler failed on it: {type(error).__name__}: {error}")
    told.__cause__ = error
    return told
