"""One process at a ledger: its owner, or a viewer of somebody else's work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

from schedkit.core.engine.values import Answer, Finished
from schedkit.core.events import OwnerChanged
from schedkit.core.execution.attempt import Ports
from schedkit.core.execution.process_pool import Children
from schedkit.core.execution.results import Results
from schedkit.core.execution.threads import Threads, UserLoop
from schedkit.core.model import Task
from schedkit.core.node.backfill import Backfills
from schedkit.core.node.commands import carry_out
from schedkit.core.node.config import NodeConfig
from schedkit.core.node.declarations import describe
from schedkit.core.node.event_bus import EventBus
from schedkit.core.node.life import Life
from schedkit.core.node.maintenance import Maintenance, wait_idle
from schedkit.core.node.run_to_completion import whole
from schedkit.core.node.send_command import send_command
from schedkit.core.node.waiters import Waiter
from schedkit.core.node.watching import Watching
from schedkit.core.promise import Promise
from schedkit.core.store.lives import LEASE_SECONDS, Lease
from schedkit.core.store.reader import Ledger
from schedkit.core.tasks.registry import Registry
from schedkit.errors import LedgerError, NotOwnerError
from schedkit.values.forks import register_fork_hook

__all__ = ["Node"]

_log = logging.getLogger("schedkit")

# How often an owner looks for commands, and a viewer for news.
LOOK_SECONDS = 0.2
# A look takes about a millisecond; an owner gives the due times that are near so long to pass.
LOOK_AHEAD_SECONDS, LOOK_PATIENCE_SECONDS = 0.003, 0.05
# How long a declaration waits to be written before it goes on without.
DECLARE_SECONDS = 1.0
# How long one that stands by leaves a ledger it has handed over to whoever asked for it.
HEIR_SECONDS = 10.0


class Node:
    """A process's place at a ledger; its methods run on our loop."""

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
        self.results, self.config = results, config
        self.lease = Lease(ledger.store, config.name, seconds=lease_seconds)
        self.watching = Watching(ledger, self.lease, registry, bus)
        self.owner: Life | None = None
        self.backfills: Backfills  # these are the owner's, as long as there is one
        self.maintenance: Maintenance
        self.state = "stopped"  # stopped, running, viewer
        self.standby = False  # takes the ledger whenever it is free
        self._wanted = False  # takes it once
        self._tasks: list[asyncio.Task[None]] = []
        self._transitions: set[asyncio.Task[None]] = set()
        self._changing = asyncio.Lock()
        self._threads: Threads | None = None
        self._users: UserLoop | None = None
        self._children: Children | None = None
        register_fork_hook(self.forked)

    def forked(self) -> None:
        """In a forked child: what runs stayed with the parent, whom this process may ask like any other."""
        self.ledger.store.forked()
        self.bus.forked()
        self.registry.forked()
        owning = (self.ledger, self.registry, self.bus, self.results, self.config)
        Node.__init__(self, *owning, lease_seconds=self.lease.seconds)

    async def open(self) -> None:
        """Create or upgrade the ledger's tables."""
        await asyncio.to_thread(self.ledger.store.open)

    @whole
    async def start(self, *, standby: bool = False) -> None:
        """Become the owner, or a viewer if there is one."""
        async with self._changing:
            self.standby = standby
            if self.state == "running":
                return
            await self.open()
            if await asyncio.to_thread(self.lease.take):
                try:
                    await self._leave()
                    await self._own()
                except BaseException:
                    await asyncio.to_thread(self.lease.release)
                    raise
            elif self.state == "stopped":
                await self._view()

    @whole
    async def stop(self, patience: float) -> None:
        """End what runs, within `patience` seconds, and give the ledger back."""
        if self.owner is not None:
            self.owner.hurry(patience)  # one that was interrupted goes on, and may have more patience
        async with self._changing:
            self.standby = self._wanted = False
            await self._end(patience)

    async def _end(self, patience: float) -> None:
        owner = self.owner
        if owner is not None:
            await owner.stop(patience)
            owner.announce("stopped")
            await owner.decided()
            await self._leave()
            await asyncio.to_thread(owner.writer.stop, max(patience, 1.0))
            await asyncio.to_thread(self.lease.release)
            self.owner = None
            owner.end()
            await self._close_ports()
        await self._leave()
        self.state = "stopped"

    # Owner

    async def _own(self) -> None:
        await self.watching.catch_up()
        self._users = UserLoop(lambda *what: owner.blocked(*what))
        self._threads, self._children = Threads("schedkit-task"), Children()
        ports = Ports(self._users, self._threads, self._children, self.results)
        owner = Life(self.ledger, self.registry, self.bus, ports, self.config, self.lease, self._lost)
        await owner.begin()
        self.owner, self.state = owner, "running"
        self.backfills, self.maintenance = Backfills(owner), Maintenance(owner)
        self._wanted, self.watching.seen = False, None
        owner.announce("started")
        self._spawn(owner.serve())
        self._spawn(self._serve_commands(owner, self.backfills))
        self._spawn(self.maintenance.turn())
        self._spawn(self.maintenance.keep_log_short())
        self._spawn(self.maintenance.forget())

    async def _serve_commands(self, owner: Life, backfills: Backfills) -> None:
        while True:
            await wait_idle(owner, LOOK_AHEAD_SECONDS, LOOK_PATIENCE_SECONDS)
            try:
                for command in await asyncio.to_thread(self.ledger.commands):
                    if command.kind == "hand_over":
                        self._soon(self._hand_over(command.id, command.who))
                        return
                    await carry_out(owner, backfills, command)
            except LedgerError as error:
                _log.debug("commands could not be read: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def _hand_over(self, command: str, who: str) -> None:
        async with self._changing:  # to the end: who stops this process meanwhile stops a viewer
            owner = self.owner
            if owner is None:
                return
            _log.info("handing the ledger %s over to %s", self.ledger.store, who)
            owner.post(Answer(command=command))
            await self._end(self.config.hand_over_patience)
            self.watching.leave_to_heir(HEIR_SECONDS)
            await self._view(after=owner.written)

    def _lost(self) -> None:
        """Another process owns the ledger: what runs here may end, but is recorded no more."""
        owner = self.owner
        if owner is None:
            return
        _log.error("another process has become the owner of %s; this one is a viewer now", self.ledger.store)
        self.owner, life = None, self.lease.life
        owner.lose()

        async def become_viewer() -> None:
            async with self._changing:
                if self.state != "stopped":  # else it was stopping already; only its last writes were late
                    await self._leave()
                    await asyncio.to_thread(owner.writer.stop, 1.0)
                    await asyncio.to_thread(self.lease.release)
                    await self._close_ports()
                    await self._view(after=owner.written)
                owner.end()
                lost = OwnerChanged(at=datetime.now(UTC), change="lost", owner=self.config.name, life=life)
                self.bus.publish((lost,))

        self._soon(become_viewer())

    # Viewer

    async def _view(self, *, after: int | None = None) -> None:
        """Be a viewer; after owning it, of all that has come since event number `after`."""
        self.state, self.watching.seen = "viewer", after
        looked_in = False
        try:
            await self.watching.sync(self.declare)
            looked_in = True
        except LedgerError as error:
            _log.warning("%s; this process is a viewer and tries again", error)
        self._spawn(self._follow(looked_in=looked_in))

    async def _follow(self, *, looked_in: bool) -> None:
        while True:
            try:
                if not looked_in:
                    await self.watching.sync(self.declare)
                    looked_in = True
                await self.watching.catch_up()
                await self.watching.poll_progress()
                if (self.standby or self._wanted) and await self.watching.free():
                    self._soon(self._promote())
                    return
            except LedgerError as error:
                _log.debug("news could not be read: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def _promote(self) -> None:
        async with self._changing:
            await self._leave()
            if self.state == "stopped":  # while the lease was being taken
                await asyncio.to_thread(self.lease.release)
                return
            try:
                await self._own()
            except LedgerError as error:
                _log.warning("%s; this process stands by and tries again", error)
                await self._close_ports()
                await asyncio.to_thread(self.lease.release)
                await self._view(after=self.watching.seen)
                return
        _log.info("this process owns the ledger %s now", self.ledger.store)

    async def take_over(self, *, now: bool, timeout: float) -> None:
        """Ask the owner to hand the ledger over (`now`), or take it, once, when the owner has ended."""
        if not self.running:
            self._wanted = True
            self.watching.leave_to_heir(0.0)
            await self.start(standby=self.standby)
        holder = await asyncio.to_thread(self.ledger.holder)
        if not now or self.running or holder is None or not holder.alive:
            return
        deadline, asked = asyncio.get_running_loop().time() + timeout, ""
        while self.owner is None:
            if holder is not None and holder.alive and holder.life not in (asked, self.lease.life):
                # The owner, or another that stood by and was quicker when the owner let go.
                await self.ask("hand_over", {}, timeout=timeout)
                asked = holder.life
            if asyncio.get_running_loop().time() > deadline:
                raise NotOwnerError(
                    f"ledger {self.ledger.store} is still owned by {holder}",
                    hint="it lets its runs end first; this process takes over as soon as it is free",
                )
            await asyncio.sleep(0.05)
            holder = await asyncio.to_thread(self.ledger.holder)

    @property
    def running(self) -> bool:
        """Whether this process owns the ledger."""
        return self.state == "running"

    async def ask(self, kind: str, data: Mapping[str, Any], *, timeout: float = 30.0) -> dict[str, Any]:
        """Leave a command for the owner and wait for its answer.

        Raises
        ------
        NotOwnerError
            If there is no owner, or none has answered within `timeout` seconds; no command is left then.
        SchedkitError
            If the owner cannot do it; says why.
        """
        if self.state == "stopped":
            # A viewer may wait for the next owner; what nobody runs must not wait for one unseen.
            await self.open()
            holder = await asyncio.to_thread(self.ledger.holder)
            if holder is None or not holder.alive:
                raise NotOwnerError(
                    f"{kind!r}: no scheduler runs at the ledger {self.ledger.store}",
                    hint="start it first: sched.start()",
                )
        return await send_command(self.ledger, self.config.name, kind, data, timeout=timeout)

    async def declare(self, task: Task) -> None:
        """Have a task that this process has declared known to the ledger."""
        if self.owner is not None:
            durable = Promise[dict[str, Any]]()
            owner = self.owner
            owner.post(await owner.declarations.declare(task, durable))
            # It is known from here on; a store that is away must not hold up the cell that declares it.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.wrap_future(durable.future()), DECLARE_SECONDS)
        elif self.state == "viewer":
            self.watching.declared[task.name] = datetime.now(UTC)
            await asyncio.to_thread(self.ledger.ask, self.config.name, "declare", describe(task))

    # Both

    async def finished(self, run_id: str, waiter: Waiter) -> None:
        """Have `waiter` answered when a run has ended, wherever it runs.

        It is told `OwnerEnded` if the owner that was to answer is one no more.
        """
        if not await self._answers(run_id, waiter):
            self._soon(self._look_for(run_id, weakref.ref(waiter)))

    async def _look_for(self, run_id: str, waiting: weakref.ref[Waiter]) -> None:
        """Look for a run's end, in the ledger or from the next owner here, as long as somebody waits."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            waiter = waiting()
            if waiter is None or waiter.done() or await self._answers(run_id, waiter):
                return
            del waiter

    async def _answers(self, run_id: str, waiter: Waiter) -> bool:
        """Answer `waiter`, or leave it to the owner here if that can; False: neither."""
        if self.owner is not None and self.owner.wait_for(run_id, waiter):
            return True
        try:
            run = await asyncio.to_thread(self.ledger.run, run_id)
        except LedgerError as error:
            _log.debug("run %s could not be read: %s", run_id, error)
            return False
        if run is not None and run.state.final:
            waiter.settle(Finished(run))
            return True
        return self.owner is not None and self.owner.wait_for(run_id, waiter)

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Start what the end of an owner or a viewer does not end."""
        task = asyncio.create_task(work)
        self._transitions.add(task)
        task.add_done_callback(self._transitions.discard)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(_told_if_failed)
        self._tasks.append(task)

    async def _leave(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _close_ports(self) -> None:
        users, threads, children = self._users, self._threads, self._children
        self._users = self._threads = self._children = None
        if threads is not None:
            threads.stop()
        if users is not None:
            await asyncio.to_thread(users.stop)
        if children is not None:
            await asyncio.to_thread(children.stop)


def _told_if_failed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("a part of the scheduler ended: stop it and start it again", exc_info=error)
