"""The async face of a scheduler."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from schedkit.core.api.handles import RunHandle, TaskHandle
from schedkit.core.api.views import named
from schedkit.core.engine.values import Cancel, Pause, Resume, Stimulus
from schedkit.core.node.backfill import asked
from schedkit.core.node.node import Node
from schedkit.core.node.waiters import OwnerEnded, Waiter
from schedkit.core.promise import Promise
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.constructors import Moment, between
from schedkit.errors import UsageError
from schedkit.loop import bridged
from schedkit.values.durations import Duration, parse_duration

if TYPE_CHECKING:
    from schedkit.core.api.scheduler import Scheduler

__all__ = ["AsyncScheduler"]

T = TypeVar("T")
_STIMULI: dict[str, Callable[..., Stimulus]] = {"pause": Pause, "resume": Resume}


class AsyncScheduler:
    """The async face of a scheduler: the same methods, awaited, from any loop."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    @property
    def _node(self) -> Node:
        return self._scheduler._node

    @bridged
    async def start(self, *, standby: bool = False) -> None:
        """Own the ledger and begin; a viewer if another process owns it.

        Parameters
        ----------
        standby : bool
            As a viewer, take the ledger whenever nobody owns it, until `stop`: also after it was handed over
            to another process or lost to one.
        """
        await self._node.start(standby=standby)
        self._scheduler._started()

    @bridged
    async def stop(self, deadline: Duration = "30s") -> None:
        """Let running attempts end until `deadline`, interrupt and record the rest, give the ledger back."""
        await self._node.stop(parse_duration(deadline, "deadline"))

    @bridged
    async def take_over(self, *, now: bool = True, timeout: Duration = "60s") -> None:
        """Become the owner once: ask the present one to hand over, or (`now=False`) take over when it ends.

        Afterwards this process is what it was started as: only ``start(standby=True)`` stands by for good.

        Raises
        ------
        NotOwnerError
            If the present owner has not let go within `timeout`; this process takes over as soon as it does.
        """
        await self._node.take_over(now=now, timeout=parse_duration(timeout, "timeout"))

    @bridged
    async def submit(self, name: str, /, **params: Any) -> RunHandle:
        """Ask for a run now; durable when it returns."""
        handles, durable = self._scheduler._submit(name, [params])
        await _awaited(durable)
        return handles[0]

    @bridged
    async def backfill(self, name: TaskHandle[..., Any] | str, start: Moment, end: Moment) -> list[RunHandle]:
        """Run the past due times of a task that have no run, each once, oldest first.

        Parameters
        ----------
        start, end : datetime, date or str
            The window, both included; aware, or wall times of this machine. A day counts to its end.

        Raises
        ------
        NotOwnerError
            If nobody owns the ledger: neither this scheduler nor another process runs.
        UsageError
            If the task has no schedule, or the window holds more than 10,000 due times.
        """
        scheduler, node = self._scheduler, self._node
        name = named(name)
        first, last = between(start, end)
        if first > last:
            raise UsageError(f"task {name!r}: {start} is after {end}", hint="backfill from the earlier time")
        if node.owner is not None:
            scheduler._known(name)
            ids, waiters, _ = await node.backfills.make(name, first, last, node.config.name)
            return [RunHandle(scheduler, id, name, ends) for id, ends in zip(ids, waiters, strict=True)]
        answer = await node.ask("backfill", asked(name, first, last))
        return [RunHandle(scheduler, id, name) for id in answer["runs"]]

    @bridged
    async def cancel(self, run: str) -> bool:
        """Cancel a run, durable when it returns; False if it had ended."""
        node = self._node
        if node.owner is not None:
            durable = Promise[dict[str, Any]]()
            node.owner.post(Cancel(run=run, actor=node.config.name, token=durable))
            return bool((await _awaited(durable))["cancelled"])
        answer = await node.ask("cancel", {"run": run})
        return bool(answer["cancelled"])

    @bridged
    async def pause(self, name: TaskHandle[..., Any] | str | None = None) -> None:
        """Stop the due times of a task, or of all; submitted runs go on."""
        await self._act("pause", name)

    @bridged
    async def resume(self, name: TaskHandle[..., Any] | str | None = None) -> None:
        """Let due times happen again; those passed over are recorded as missed."""
        await self._act("resume", name)

    @bridged
    async def remove(self, name: TaskHandle[..., Any] | str) -> None:
        """Forget a task, here and wherever it is declared now; its history stays."""
        name, node = self._scheduler._known(name), self._node
        if node.owner is not None:
            durable = Promise[dict[str, Any]]()
            node.owner.post(node.owner.removing(name, node.config.name, token=durable))
            await _awaited(durable)
        else:
            await node.ask("remove", {"task": name})
        node.watching.forget(name)

    async def _act(self, word: str, name: TaskHandle[..., Any] | str | None) -> None:
        node = self._node
        if name is not None:
            name = self._scheduler._known(name)
        if node.owner is not None:
            durable = Promise[dict[str, Any]]()
            node.owner.post(_STIMULI[word](task=name, actor=node.config.name, token=durable))
            await _awaited(durable)
        else:
            await node.ask(word, {"task": name})

    @bridged
    async def reschedule(self, name: TaskHandle[..., Any] | str, trigger: object) -> None:
        """Give a task another trigger; None: it runs only when submitted."""
        node = self._node
        name = self._scheduler._known(name)
        made = None if trigger is None else trigger_data.of(trigger)
        if node.owner is not None:
            durable = Promise[dict[str, Any]]()
            node.owner.post(node.owner.rescheduling(name, made, node.config.name, token=durable))
            await _awaited(durable)
        else:
            text = None if made is None else trigger_data.dumps(made)
            await node.ask("reschedule", {"task": name, "trigger": text})

    @bridged
    async def result(self, run: str) -> Any:
        """Return what a run returned, waiting for its end."""
        handle = await asyncio.to_thread(self._scheduler.run, run)
        finished = None
        while finished is None:
            waiter = Waiter()
            await self._node.finished(run, waiter)
            with contextlib.suppress(OwnerEnded):
                finished = await asyncio.wrap_future(waiter.future())
        return await asyncio.to_thread(handle.value_of, finished)


async def _awaited(durable: Promise[T] | Future[T]) -> T:
    return await asyncio.wrap_future(durable.future() if isinstance(durable, Promise) else durable)
