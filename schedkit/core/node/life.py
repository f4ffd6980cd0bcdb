"""One life of a node, from its birth to its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from schedkit.core.engine.decision import Decision
from schedkit.core.engine.engine import Engine
from schedkit.core.engine.stimuli import (
    Abandon,
    Announce,
    DeclareLimits,
    Drain,
    Stimulus,
    StopAttempts,
)
from schedkit.core.events import Event, LoopBlocked, NodeChanged, StoreAway, StoreBack
from schedkit.core.execution.executors import Executors
from schedkit.core.node.clock import Clock, StoreClock
from schedkit.core.node.config import NodeConfig
from schedkit.core.node.decisions import Decisions
from schedkit.core.node.declarations import Declarations
from schedkit.core.node.effects import Effects
from schedkit.core.node.event_bus import EventBus
from schedkit.core.node.waiters import Waiter
from schedkit.core.store.lives import Lease
from schedkit.core.store.reader import Ledger
from schedkit.core.tasks.registry import Registry
from schedkit.core.text import dump

__all__ = ["Life"]

_log = logging.getLogger("schedkit")


class Life:
    """One life of a node, which runs the tasks that are at home with it.

    Attributes
    ----------
    decisions : Decisions
        What is decided and written.
    executions : Executions
        The attempts whose code has not ended, and those that are about to begin.
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
        clock: Clock,
        lost: Callable[[], object],
        told: Callable[[], object],
    ) -> None:
        self.ledger, self.registry, self.bus, self.config = ledger, registry, bus, config
        self.executors, self.declarations, self.lease = executors, declarations, lease
        self.trouble: Event | None = None
        self._settled = False
        self._turned = time.monotonic()
        self._effects = Effects(executors, self.post, self._tell)
        self.executions, self.waiters = self._effects.executions, self._effects.waiters
        self.decisions = Decisions(
            ledger,
            bus,
            config,
            declarations,
            lease,
            self._effects,
            StoreClock(clock, lambda: lease.offset),
            trouble=self._trouble,
            lost=lost,
            told=told,
            healthy=lambda: time.monotonic() - self._turned < lease.seconds,
        )
        self.writer = self.decisions.writer

    @property
    def engine(self) -> Engine:
        """What knows and decides; replaced when it fails."""
        return self.decisions.engine

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._effects.stopping

    def post(self, *stimuli: Stimulus) -> None:
        """Have stimuli decided soon, in their order; from any thread. After its end they are refused."""
        self.decisions.post(*stimuli)

    # What the node asks of it, on our loop

    def wait_for(self, run: str, waiter: Waiter) -> bool:
        """Answer `waiter` when a live run has ended; False: it is not alive."""
        if run not in self.engine.runs:
            return False
        self.waiters.add(run, waiter)
        return True

    def claim_command(self, id: str) -> bool:
        """Tell whether a command of the ledger is yet to be carried out; each is once."""
        return self._effects.claim_command(id)

    def announce(self, change: str) -> None:
        """Log that this process began or ceased to run tasks."""
        settings = {}
        if change == "started":  # what runs at once is this process's to say: others show it
            settings["limits"] = dump(self.config.at_once)
        told = NodeChanged(at=datetime.now(UTC), change=change, name=self.config.name, life=self.lease.life)
        self.post(Announce(event=told, settings=settings))

    def declare_limits(self, alone: bool) -> None:
        """Declare the limits of this process for the whole ledger; `alone`: nobody else lives there."""
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
