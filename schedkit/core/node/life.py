"""One life of a node, from its birth to its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import anyio

from schedkit.core.engine.decision import Decision
from schedkit.core.engine.engine import Engine
from schedkit.core.engine.stimuli import (
    Abandon,
    Announce,
    DeclareLimits,
    Drain,
    RoomSeen,
    StopAttempts,
    Submit,
)
from schedkit.core.events import Event, LoopBlocked, NodeChanged, StoreAway, StoreBack
from schedkit.core.execution.cluster.home_call import Pulse
from schedkit.core.execution.cluster.placement import Room
from schedkit.core.execution.executors import Executors
from schedkit.core.node.clock import Clock, StoreClock
from schedkit.core.node.config import NodeConfig
from schedkit.core.node.decisions import Decisions
from schedkit.core.node.declarations import Declarations
from schedkit.core.node.event_bus import EventBus
from schedkit.core.node.obstacles import LifeObstacles
from schedkit.core.node.waiters import Waiter
from schedkit.core.promise import Promise
from schedkit.core.store.lives import Lease
from schedkit.core.store.reader import Ledger
from schedkit.core.tasks.registry import Registry
from schedkit.core.text import dump
from schedkit.errors import LedgerError
from schedkit.loop import awaited
from schedkit.values.durations import elapsed_text

__all__ = ["Life"]

T = TypeVar("T")
_log = logging.getLogger("schedkit")

# How often a caller that waits for a write checks whether the ledger takes any.
_LOOK_SECONDS = 0.5


class Life:
    """One life of a node, which runs the tasks that are at home with it.

    Attributes
    ----------
    decisions : Decisions
        What is decided and written.
    post : callable
        Has stimuli decided soon, in their order; from any thread. After its end they are refused.
    executions : Executions
        The attempts whose code has not ended, and those that are about to begin.
    obstacles : LifeObstacles
        What keeps runs from starting.
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
        clock: Clock,
        lost: Callable[[], object],
        told: Callable[[], object],
    ) -> None:
        self.ledger, self.registry, self.bus, self.config = ledger, registry, bus, config
        self.executors, self.declarations, self.lease = executors, declarations, lease
        self._away: StoreAway | None = None
        self._away_since = 0.0
        self._blocked: LoopBlocked | None = None
        self._settled = False
        self._turned = time.monotonic()
        store_clock = StoreClock(clock.wall, lease)
        self.decisions = Decisions(
            ledger,
            bus,
            config,
            declarations,
            lease,
            executors,
            store_clock,
            trouble=self._trouble,
            lost=lost,
            told=told,
            healthy=lambda: time.monotonic() - self._turned < lease.seconds,
        )
        self.post, self.writer = self.decisions.post, self.decisions.writer
        self._effects = self.decisions.effects
        self.executions, self.waiters = self._effects.executions, self._effects.waiters
        self.obstacles = LifeObstacles(
            lambda: self.engine,
            self.executions.hung,
            self.executions.unbegun,
            self.troubles,
            store_clock,
            config.tz,
        )
        expires = not ledger.store.sqlite
        executors.live(Pulse(lease.life, lease.seconds, lease.age, self._see_room, expires))

    @property
    def engine(self) -> Engine:
        """What knows and decides; replaced when it fails."""
        return self.decisions.engine

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._effects.stopping

    def submit(self, wanted: Sequence[Submit]) -> list[Waiter]:
        """Submit runs from any thread; return a promise of the end of each."""
        waiters = [self.waiters.add(submit.run) for submit in wanted]
        self.post(*wanted)
        return waiters

    def _see_room(self, room: Room) -> None:
        self.post(RoomSeen(most=room.most, of_task=room.of_task, why=room.why))

    # What the node asks of it, on our loop

    def wait_for(self, run: str) -> Waiter | None:
        """Return a promise of the end of a live run; None: it is not alive."""
        return self.waiters.add(run) if run in self.engine.runs else None

    def refuse_if_away(self) -> None:
        """Raise if the ledger has taken no writes for longer than a caller is to wait; on any thread.

        Raises
        ------
        LedgerError
            Says since when and why.
        """
        away, seconds = self._away, time.monotonic() - self._away_since
        if away is not None and seconds >= self.config.write_patience:
            told = f"the ledger {self.ledger.store} has taken no writes for {elapsed_text(seconds)}"
            raise LedgerError(
                f"{told}: {away.reason}",
                hint="submitted runs are withdrawn; other commands are carried out when it takes writes",
            )

    async def written(self, answer: Promise[T]) -> T:
        """Await what is answered when it is written.

        Raises
        ------
        LedgerError
            If the ledger takes no writes for too long.
        """
        while True:
            with anyio.move_on_after(_LOOK_SECONDS):
                return await awaited(answer.future())
            if not answer.done():
                self.refuse_if_away()

    async def written_unless_away(self, answer: Promise[T], patience: float) -> None:
        """Await what is answered when written; no longer once no writes were taken for `patience` seconds."""
        while self._away is None or time.monotonic() - self._away_since < patience:
            with anyio.move_on_after(_LOOK_SECONDS):
                await awaited(answer.future())
                return

    def claim_command(self, id: str) -> bool:
        """Tell whether a command of the ledger is yet to be carried out; each is once."""
        return self._effects.claim_command(id)

    def announce(self, change: str, actor: str = "") -> None:
        """Log that this process began or ceased to run tasks, or is to cease on request."""
        settings = {}
        if change == "started":  # what runs at once is this process's to say: others show it
            settings["limits"] = dump(self.config.at_once)
        name, life = self.config.name, self.lease.life
        told = NodeChanged(at=datetime.now(UTC), change=change, name=name, life=life, actor=actor)
        self.post(Announce(event=told, settings=settings))

    def declare_limits(self, alone: bool) -> None:
        """Declare the limits of this process for the whole ledger; `alone`: there is no other process."""
        self.post(DeclareLimits(limits=self.config.shared, alone=alone, actor=self.config.name))

    def turn(self) -> None:
        """Note that the loop turns; a process that stands still must not tell that it lives."""
        self._turned = time.monotonic()

    def calm(self, seconds: float) -> bool:
        """Tell whether nothing is on its way to its start or due within so many seconds."""
        return self.decisions.calm(seconds)

    def save_progress(self) -> None:
        """Have written what running attempts have told since the last time."""
        if told := self.executions.progress():
            self.decisions.write(Decision([*told], [], [], [], [], [], False, None))

    def troubles(self) -> list[StoreAway | LoopBlocked]:
        """Return what a board that is made now would have missed; on any thread."""
        return [event for event in (self._blocked, self._away) if event is not None]

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
        if isinstance(event, LoopBlocked):
            self._blocked = None if event.over else event
        else:
            self._away = event if isinstance(event, StoreAway) else None
            self._away_since = time.monotonic()
        self._tell(event)

    def _tell(self, event: Event) -> None:
        self.bus.publish((event,))

    # Its end, on our loop

    async def stop(self, patience: float) -> None:
        """Let running attempts end for `patience` seconds; then interrupt and record them."""
        self._effects.stopping = True
        self.decisions.end_rush()
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
        return self._settled and self.decisions.all_written

    def hurry(self, patience: float) -> None:
        """Shorten the wait for what runs to `patience` seconds from now, if that is shorter."""
        self.executions.hurry(patience)

    async def _all_gone(self, patience: float) -> None:
        await self.decided()
        await self.executions.all_gone(patience)

    async def decided(self) -> None:
        """Wait until all that was posted so far is decided and with the writer."""
        await self.decisions.decided()

    def lose(self) -> None:
        """This life was taken for dead: what runs here may end, but is recorded no more."""
        self._effects.stopping = True
        self.decisions.end_rush()
        self.executions.abandon()

    def end(self) -> None:
        """Decide no more; who waits for a run asks again."""
        self.decisions.end()
        self.waiters.let_go()
