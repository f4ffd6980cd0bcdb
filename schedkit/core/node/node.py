"""One process at a ledger: it runs the tasks that are at home with it, or only watches."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import anyio
import anyio.abc
import anyio.to_thread

from schedkit.core.engine.decision import Finished
from schedkit.core.engine.stimuli import Pause
from schedkit.core.events import NodeChanged
from schedkit.core.execution.executors import Executors
from schedkit.core.execution.results import Results
from schedkit.core.model import Task
from schedkit.core.node.clock import Clock
from schedkit.core.node.config import NodeConfig
from schedkit.core.node.declarations import Declarations
from schedkit.core.node.declaring import declare_all
from schedkit.core.node.dispatcher import Dispatcher
from schedkit.core.node.event_bus import EventBus
from schedkit.core.node.life import Life
from schedkit.core.node.listening import Listening
from schedkit.core.node.maintenance import Maintenance
from schedkit.core.node.neighbours import Neighbours
from schedkit.core.node.requests import Requests
from schedkit.core.node.run_log import log_run, worth_logging
from schedkit.core.node.waiters import LifeEnded
from schedkit.core.node.watching import Watching
from schedkit.core.promise import Promise
from schedkit.core.store.lives import LEASE_SECONDS, Lease
from schedkit.core.store.reader import Ledger
from schedkit.core.tasks.registry import Registry
from schedkit.errors import LedgerError, LifeEndedError, NotRunningError
from schedkit.loop import awaited, service, task_group
from schedkit.values.forks import register_fork_hook

__all__ = ["Node"]

_log = logging.getLogger("schedkit")

# How often a process looks that only watches: it gets no wake-ups.
WATCH_SECONDS = 0.2
# Between two attempts to begin another life.
BIRTH_SECONDS = 1.0
# How long a stop prunes at most; the next one continues.
PRUNE_PATIENCE_SECONDS = 2.0


class Node:
    """A process's place at a ledger; its methods run on our loop.

    Attributes
    ----------
    state : str
        "stopped", "running" or "watching".
    life : Life or None
        What runs the tasks at home here; None unless it runs.
    lives : set of str
        The lives that this process has had here.
    clock : Clock
        The clocks of this machine.
    """

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        bus: EventBus,
        results: Results,
        config: NodeConfig,
        *,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self.ledger, self.registry, self.bus = ledger, registry, bus
        self.results, self.config, self._lease_seconds = results, config, lease_seconds
        self.lives: set[str] = set()
        self.declarations = Declarations(ledger, registry, config, self.lives)
        self.watching = Watching(ledger, bus)
        self._neighbours = Neighbours(ledger.store)
        self.life: Life | None = None
        requests = Requests(ledger, registry, self.declarations, self.declare)
        self.dispatcher = Dispatcher(ledger, registry, self.declarations, requests, config, self._stop_soon)
        self.maintenance: Maintenance  # the life's, as long as there is one
        self.state = "stopped"
        self.clock = Clock()
        self._changing = anyio.Lock()
        self._scope: anyio.CancelScope | None = None  # of what continues until it is stopped
        self._ended = anyio.Event()
        self._lost = self._stopping = self._pauses = False
        self._serves: tuple[Life, anyio.abc.TaskGroup] | None = None  # until it is lost
        self._patience = 1.0
        register_fork_hook(self.forked)

    def forked(self) -> None:
        """In a forked child: what runs stayed with the parent, whom this process may ask like any other."""
        self.ledger.store.forked()
        self.bus.forked()
        self.registry.forked()
        owning = (self.ledger, self.registry, self.bus, self.results, self.config)
        Node.__init__(self, *owning, lease_seconds=self._lease_seconds)

    async def open(self) -> None:
        """Create the ledger's tables, unless they are there."""
        await anyio.to_thread.run_sync(self.ledger.store.open)

    @property
    def running(self) -> bool:
        """Whether this process runs tasks."""
        return self.state == "running"

    # Its course, which continues after the call that begins it

    async def start(self, paused: bool = False) -> None:
        """Run the tasks that are declared here; one that is interrupted continues.

        Parameters
        ----------
        paused : bool
            Whether all tasks are paused before anything becomes due.
        """
        with anyio.CancelScope(shield=True):
            async with self._changing:
                if self.state == "running":
                    return
                self._pauses = paused
                await self._leave()
                await self.open()
                await self._begin(self._live, "running")

    async def watch(self) -> None:
        """Read what others do, and run nothing; a process that runs tasks continues."""
        with anyio.CancelScope(shield=True):
            async with self._changing:
                if self.state == "stopped":
                    await self.open()
                    await self._begin(self._watch, "watching")

    async def stop(self, patience: float) -> None:
        """End what runs, within `patience` seconds; one that is interrupted continues."""
        if self.life is not None:
            self.life.hurry(patience)  # one that was interrupted may have more patience
        with anyio.CancelScope(shield=True):
            async with self._changing:
                self._stopping, life = True, self.life
                if life is not None:
                    await life.stop(patience)
                    life.announce("stopped")
                    await life.decided()
                    # A process that lives shortly, as one from cron, prunes too.
                    await self.maintenance.prune_if_due(min(patience, PRUNE_PATIENCE_SECONDS))
                await self._leave(patience)

    async def _stop_soon(self, patience: float) -> None:
        # As a course of its own: this one is a part of what it ends.
        await anyio.to_thread.run_sync(service().submit, self.stop, patience)

    async def until_stopped(self) -> None:
        """Return once nothing runs."""
        while self.state != "stopped":
            await self._ended.wait()

    async def _begin(self, course: Callable[[Promise[None]], Awaitable[None]], state: str) -> None:
        begun = Promise[None]()
        self._ended, self._stopping = anyio.Event(), False
        # From a thread, which is how a task group of our loop is reached: the course outlives this call.
        await anyio.to_thread.run_sync(service().submit, self._go, course, begun)
        await awaited(begun.future())
        if not self._ended.is_set():
            self.state = state

    async def _go(self, course: Callable[[Promise[None]], Awaitable[None]], begun: Promise[None]) -> None:
        try:
            with anyio.CancelScope() as self._scope:
                await course(begun)
        except Exception as error:
            if begun.done():
                self.state = "stopped"
                _log.critical("the scheduler failed; restart it: %s", error, exc_info=error)
            begun.fail(error)
        finally:
            self._ended.set()

    async def _leave(self, patience: float = 1.0) -> None:
        """End the present course."""
        self._patience = patience
        if self.state != "stopped" and self._scope is not None:
            self._scope.cancel()
            await self._ended.wait()
        self.state = "stopped"

    # Running

    async def _live(self, begun: Promise[None]) -> None:
        """Live, and live again under another id when this process was taken for dead."""
        await self._neighbours.open()
        unsubscribe = self.bus.subscribe(log_run, own=True, wants=worth_logging)
        config = self.config
        executors = Executors(self.results, self._blocked, config.kill_after, config.dask, config.processes)
        try:
            while not self._stopping:
                life = await self._born(executors, begun)
                try:
                    if not self._lost:
                        await self._serve(life, begun)
                except LifeEndedError:  # told to what it was doing, before its writer told it here
                    self._lose()
                finally:
                    with anyio.CancelScope(shield=True):
                        await self._end(life)
        finally:
            with anyio.CancelScope(shield=True):
                await self._neighbours.close()
                await anyio.to_thread.run_sync(executors.stop)
                unsubscribe()

    def _blocked(self, name: str, seconds: float, where: str, over: bool) -> None:
        if self.life is not None:
            self.life.blocked(name, seconds, where, over)

    async def _born(self, executors: Executors, begun: Promise[None]) -> Life:
        """Begin a life; the first one at once or not at all, another one as soon as the ledger can be had."""
        while True:
            lease = Lease(
                self.ledger.store,
                self.config.name,
                kind=self.config.kind,
                address=self._neighbours.address,
                seconds=self._lease_seconds,
                wall=self.clock.wall,
            )
            self._lost, self._serves = False, None
            try:
                if self.watching.seen is not None:
                    await self.watching.catch_up()
                await anyio.to_thread.run_sync(lease.begin)
                self.lives.add(lease.life)
                life = Life(
                    self.ledger,
                    self.registry,
                    self.bus,
                    executors,
                    self.config,
                    self.declarations,
                    lease,
                    self.clock,
                    self._lose,
                    self._neighbours.note_written,
                )
                try:
                    await self.watching.begin()  # first: what happens meanwhile is heard, if twice
                    await life.decisions.begin()
                except BaseException:
                    with anyio.CancelScope(shield=True):
                        await anyio.to_thread.run_sync(lease.end)
                    raise
                return life
            except LedgerError as error:
                if not begun.done():
                    raise
                _log.warning("%s; this process tries again", error)
                await anyio.sleep(BIRTH_SECONDS)

    async def _serve(self, life: Life, begun: Promise[None]) -> None:
        """Run what is at home here, until this is cancelled or the life is lost."""
        async with task_group() as group:
            self._serves = life, group
            self.maintenance = Maintenance(life)
            if self._pauses:
                life.post(Pause(task=None, actor=self.dispatcher.actor))
                self._pauses = False
            group.start_soon(life.decisions.serve)
            listening = Listening(
                life, self.watching, self.declarations, self.dispatcher, self._neighbours, self._inherit
            )
            await listening.take_census()
            life.declare_limits(self._neighbours.alone)
            self.life = self.dispatcher.life = life
            # Born again, it does not take back what others have inherited: its file was not run again.
            known = await self.declarations.known_tasks()
            await self.declare(known, alone=False, inherits=begun.done())
            life.announce("started")
            begun.settle(None)
            group.start_soon(listening.listen)
            group.start_soon(self._neighbours.wake_others)
            group.start_soon(self._neighbours.watch_lives, self._lease_seconds, listening.see_deaths)
            group.start_soon(self.maintenance.turn)
            group.start_soon(self.maintenance.keep_workers)
            group.start_soon(self.maintenance.keep_obstacles)
            group.start_soon(self.maintenance.keep_log_short)
            group.start_soon(self.maintenance.forget)

    def _lose(self) -> None:
        """Others have taken this life for dead: what runs here may end, but is recorded no more."""
        if self._lost:
            return
        self._lost = True
        _log.error(
            "%s took this process for dead, as after a long stop; it continues under a new id, and what ran "
            "here runs again",
            self.ledger.store,
        )
        if self._serves is not None:
            life, group = self._serves
            life.lose()
            group.cancel_scope.cancel()

    async def _end(self, life: Life) -> None:
        """End a life, stopped or lost."""
        self.life = self.dispatcher.life = None
        await anyio.to_thread.run_sync(life.writer.stop, 1.0 if self._lost else max(self._patience, 1.0))
        await anyio.to_thread.run_sync(life.lease.end if life.settled else life.lease.leave)
        life.end()
        with contextlib.suppress(LedgerError):  # else what it wrote itself is told again
            await self.watching.catch_up(life.lease.life)
        if self._lost:
            lost = NodeChanged(
                at=datetime.now(UTC), seq=0, change="lost", name=self.config.name, life=life.lease.life
            )
            self.bus.publish((lost,))

    # Watching

    async def _watch(self, begun: Promise[None]) -> None:
        await self.watching.begin()
        begun.settle(None)
        while True:
            try:
                await self.declarations.hear(await self.watching.catch_up())
                await self.watching.poll_progress()
            except LedgerError as error:
                _log.debug("news could not be read: %s", error)
            await anyio.sleep(WATCH_SECONDS)

    # What is asked of it

    async def declare(self, tasks: Sequence[Task], *, alone: bool = True, inherits: bool = False) -> None:
        """Have tasks that this process has declared at home here, or stand by for them.

        Parameters
        ----------
        alone : bool
            Whether a refusal is raised, or logged so that the other tasks continue.
        inherits : bool
            Whether they are inherited, not declared: their home has died, or this process seemed dead.

        Raises
        ------
        DeclarationError
            If another process has other code under a name.
        """
        for task in tasks:
            if self.life is not None:
                self.life.executors.expect(task, self.declarations.place(task))
        if not tasks:
            return
        left = await declare_all(
            lambda: self.life, lambda: self._stopping, tasks, alone=alone, inherits=inherits
        )
        if left is None:
            return
        if left and self._serves is not None:  # who waits is not kept, and no task is left without a home
            self._serves[1].start_soon(self._declare_later, left, inherits)
        if again := await self.declarations.requested(tasks):
            await self.declare(again, alone=False)

    async def _declare_later(self, tasks: Sequence[Task], inherits: bool) -> None:
        with contextlib.suppress(LifeEndedError, NotRunningError):  # by then it is stopped
            await self.declare(tasks, alone=False, inherits=inherits)

    async def _inherit(self, tasks: Sequence[Task]) -> None:
        await self.declare(tasks, alone=False, inherits=True)

    async def end_of(self, run: str) -> Finished:
        """Return how a run has ended, wherever it runs, once it has."""
        while True:
            waiter = None if self.life is None else self.life.wait_for(run)
            if waiter is not None:
                try:
                    return await awaited(waiter.future())
                except LifeEnded:
                    continue  # another process may run it now
            try:
                found = await anyio.to_thread.run_sync(self.ledger.run, run)
                if found is not None and found.state.final:
                    return Finished(found)
            except LedgerError as error:
                _log.debug("run %s could not be read: %s", run, error)
            await anyio.sleep(WATCH_SECONDS)
