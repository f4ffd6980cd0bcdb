"""What a life reads of the others at its ledger: commands, events, and lives that have ended."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
import anyio.to_thread

from schedkit.core.engine.decision import Finished
from schedkit.core.engine.stimuli import EventsReceived, LimitsSeen
from schedkit.core.events import Event, NodeChanged, RunEnded
from schedkit.core.model import Task
from schedkit.core.node.apart import bury
from schedkit.core.node.declarations import Declarations
from schedkit.core.node.dispatcher import Dispatcher
from schedkit.core.node.life import Life
from schedkit.core.node.maintenance import wait_idle
from schedkit.core.node.neighbours import Neighbours
from schedkit.core.node.ticks import seconds_to_tick
from schedkit.core.node.watching import Watching
from schedkit.errors import LedgerError, LifeEndedError

__all__ = ["Listening"]

_log = logging.getLogger("schedkit")

# How often a process looks for commands, for what others did and who they are, without a wake-up …
LOOK_SECONDS = 1.0
# … how often it reads the rows though nothing seems to be new …
WHOLE_LOOK_SECONDS = 5.0
# … and how often at most with wake-ups.
SHORTEST_LOOK_SECONDS = 0.02
# A look takes about a millisecond; due times that are near get so long to pass.
LOOK_AHEAD_SECONDS, LOOK_PATIENCE_SECONDS = 0.003, 0.05


class Listening:
    """Hears of the other processes for a life; on our loop.

    Parameters
    ----------
    declare : callable
        Has tasks at home here whose home has died.
    """

    def __init__(
        self,
        life: Life,
        watching: Watching,
        declarations: Declarations,
        dispatcher: Dispatcher,
        neighbours: Neighbours,
        declare: Callable[[Sequence[Task]], Awaitable[object]],
    ) -> None:
        self._life, self._ledger = life, life.ledger
        self._watching, self._declarations = watching, declarations
        self._dispatcher, self._neighbours, self._declare = dispatcher, neighbours, declare
        self._census_at = 0.0

    async def listen(self) -> None:
        """Read commands and events of others, every second and whenever this process is woken."""
        life = self._life
        seen: tuple[Any, ...] | None = None
        whole_at, woken = anyio.current_time(), True
        while True:
            await wait_idle(life, LOOK_AHEAD_SECONDS, LOOK_PATIENCE_SECONDS)
            mark, now = None if woken else await self._mark(), anyio.current_time()
            if woken or mark is None or mark != seen or now >= whole_at or life.decisions.told_of_all:
                seen, whole_at = mark, now + WHOLE_LOOK_SECONDS
                try:
                    await self._hear_of_others()
                except (LedgerError, LifeEndedError) as error:
                    _log.debug("the ledger could not be looked at: %s", error)
            if woken:
                await anyio.sleep(SHORTEST_LOOK_SECONDS)
            woken = await self._neighbours.wait(seconds_to_tick(LOOK_SECONDS))

    async def _mark(self) -> tuple[Any, ...] | None:
        """Return a value that differs when there is something new; None: unknown."""
        if self._ledger.store.sqlite:
            return self._ledger.store.mark()
        try:
            return await anyio.to_thread.run_sync(self._ledger.mark, self._life.lease.life)
        except LedgerError:
            return None

    async def _hear_of_others(self) -> None:
        life = self._life
        for command in await anyio.to_thread.run_sync(self._ledger.commands, life.lease.life):
            await self._dispatcher.answer(life, command)
        news = await self._watching.catch_up(life.lease.life)
        life.decisions.hear_of_all(news)
        self._hear(news, await self._whether_paused())
        if stand_by := await self._declarations.hear(news, life.lease.life):
            life.post(*stand_by)
        await self._watching.poll_progress({execution.run.id for execution in life.executions.values()})
        if anyio.current_time() >= self._census_at:
            await self.take_census()
        await self._look_at_limits(news)

    async def _whether_paused(self) -> bool | None:
        life = self._life
        if not life.decisions.told_of_all or life.decisions.unwritten:
            return None
        life.decisions.told_of_all = False
        return await anyio.to_thread.run_sync(self._ledger.setting, "paused") == "1"

    async def _look_at_limits(self, news: Sequence[Event] = ()) -> None:
        """Look whether limits have changed, and whether keys for which runs here wait have room."""
        life = self._life
        started = any(isinstance(event, NodeChanged) and event.change == "started" for event in news)
        if started or life.engine.looks_at_limits:
            written, keys = life.decisions.decisions_written, life.engine.shared_keys
            limits, uses = await anyio.to_thread.run_sync(self._ledger.limits_and_uses, keys, life.lease.life)
            life.post(LimitsSeen(limits=limits, uses=uses, written=written))

    def _hear(self, events: Sequence[Event], paused: bool | None = None) -> None:
        """Take in what other processes did."""
        life = self._life
        if not events and paused is None:
            return
        life.post(EventsReceived(events=tuple(events), paused=paused))
        for event in events:
            if isinstance(event, RunEnded):
                life.waiters.settle([Finished(event.after)])

    async def take_census(self) -> None:
        """Bury who has died, and inherit of their tasks what is declared here too."""
        life = self._life
        self._census_at = anyio.current_time() + LOOK_SECONDS
        died = False
        nodes = await anyio.to_thread.run_sync(self._ledger.nodes)
        self._neighbours.know(nodes, life.lease.life)
        for node in nodes:
            if not node.alive and node.life != life.lease.life:
                await bury(life, node)
                died = True
        if died:
            await self._look_at_limits()
        living = {node.life for node in nodes if node.alive}
        left = await self._declarations.inherited(living)
        if left:
            await self._declare(left)

    async def see_deaths(self) -> None:
        """Take a census, if the ledger can be read."""
        try:
            await self.take_census()
        except (LedgerError, LifeEndedError) as error:
            _log.debug("the living processes could not be read: %s", error)
