"""The changes that requests ask for, carried out by a `Scheduler`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schedkit import context
from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.api.screen_commands import ACTS, carry_out
from schedkit.server.ports import Requested

__all__ = ["SchedulerVerbs"]


class SchedulerVerbs:
    """Carries out changes on one scheduler.

    Parameters
    ----------
    scheduler : Scheduler
        One that runs or watches.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    async def submit(
        self, task: str, params: Mapping[str, Any], *, actor: str, key: str | None = None
    ) -> str:
        """Ask for a run; return its id."""
        with context.acting_as(actor, key=_of_actor(key, actor)):
            return (await self._scheduler.aio.submit(task, **params)).id

    async def request(self, body: Mapping[str, Any], *, actor: str, key: str | None = None) -> Requested:
        """Declare a task that is written as data, or run it at once."""
        with context.acting_as(actor, key=_of_actor(key, actor)):
            made = await self._scheduler.aio.add_request(body)
        if isinstance(made, RunHandle):
            return Requested(made.task, made.id)
        return Requested(made.name)

    async def retry(self, run: str, changed: Mapping[str, Any], *, actor: str, key: str | None = None) -> str:
        """Run an ended run again, with some parameters changed; return the new run's id."""
        with context.acting_as(actor, key=_of_actor(key, actor)):
            return (await self._scheduler.aio.retry(run, **changed)).id

    async def cancel(self, run: str, *, actor: str) -> bool:
        """Cancel a run; False if it had ended."""
        with context.acting_as(actor):
            return await self._scheduler.aio.cancel(run)

    async def pause(self, task: str | None, *, actor: str) -> None:
        """Stop the due times of a task, or of all."""
        with context.acting_as(actor):
            await self._scheduler.aio.pause(task)

    async def resume(self, task: str | None, *, actor: str) -> None:
        """Resume the due times of a task, or of all."""
        with context.acting_as(actor):
            await self._scheduler.aio.resume(task)

    async def command(self, command: Mapping[str, Any], *, actor: str) -> tuple[str, str | None]:
        """Carry out a button of a screen; return what was done in words, and the id of a new run."""
        with context.acting_as(actor):
            answer = await carry_out(self._scheduler, command, ACTS)
        return answer.words, (answer.data or {}).get("run")

    async def backfill(self, task: str, start: str, end: str, *, actor: str) -> Sequence[str]:
        """Run the past due times of a task that have no run; return the runs' ids."""
        with context.acting_as(actor):
            return [run.id for run in await self._scheduler.aio.backfill(task, start, end)]

    async def end_node(self, node: str, deadline: float | str, *, actor: str) -> str:
        """Have a process stop running tasks; return its name."""
        with context.acting_as(actor):
            return (await self._scheduler.aio.end_node(node, deadline)).name


def _of_actor(key: str | None, actor: str) -> str:
    """Return a key with its actor, since two clients may choose the same key."""
    return f"{actor}: {key}" if key else ""
