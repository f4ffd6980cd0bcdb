"""Tasks that were requested as data: created where their handler is, or kept until a process has it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from schedkit import context
from schedkit.core.engine.stimuli import KeepRequest, Submit
from schedkit.core.model import Task
from schedkit.core.node.apart import decide_homeless
from schedkit.core.node.commands import RequestTask
from schedkit.core.node.declarations import Declarations
from schedkit.core.node.life import Life
from schedkit.core.promise import Promise
from schedkit.core.store.reader import Ledger
from schedkit.core.tasks.registry import Registry
from schedkit.core.tasks.request import refuse_to_replace, requested_task
from schedkit.core.triggers import data as trigger_data
from schedkit.errors import SchedkitError
from schedkit.loop import awaited

__all__ = ["Requests"]


class Requests:
    """A process's way to take requests; its methods run on our loop.

    Parameters
    ----------
    declare : callable
        Has tasks declared at home here, and written.
    """

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        declarations: Declarations,
        declare: Callable[[Sequence[Task]], Awaitable[None]],
    ) -> None:
        self._ledger, self._registry = ledger, registry
        self._declarations, self._declare = declarations, declare

    def can_make(self, command: RequestTask) -> bool:
        """Tell whether the handler is here."""
        return command.requested.handler in self._registry

    async def make(self, life: Life, command: RequestTask) -> dict[str, Any]:
        """Declare a requested task here, and run it if it is to run now; durable on return.

        Raises
        ------
        DeclarationError
            If the name is of a task that is declared in code.
        """
        base = self._registry[command.requested.handler]
        task = requested_task(command.task, command.requested, _trigger(command), base)
        known = self._registry.get(task.name)
        refuse_to_replace(task.name, known)
        try:
            self._declarations.expect(task.name)
            await self._declarations.add(task)
            with context.acting_as(command.actor):
                await self._declare([task])
        except SchedkitError:
            self._registry.restore(task.name, known)
            raise
        if command.run:
            decided = Promise[dict[str, Any]]()
            life.post(_run(command, token=decided))
            await life.written(decided)
        else:
            await awaited(life.writer.call(lambda connection: None))  # after all that is on its way there
        return {"task": task.name, "run": command.run}

    async def keep(self, life: Life, command: RequestTask) -> dict[str, Any]:
        """Keep a request whose handler no process has: its task waits until one declares it."""
        trigger, requested = _trigger(command), command.requested
        row = self._declarations.row_of(
            requested_task(command.task, requested, trigger, Task(name=requested.handler))
        )
        keep = KeepRequest(row=row, trigger=trigger, actor=command.actor)
        await decide_homeless(life, command.task, keep)
        if command.run:
            await decide_homeless(life, command.task, _run(command, params=dict(requested.parameters)))
        return {"task": command.task, "run": command.run}


def _trigger(command: RequestTask) -> Any:
    return None if command.trigger is None else trigger_data.loads(command.trigger)


def _run(command: RequestTask, **more: Any) -> Submit:
    about: dict[str, Any] = {"run": command.run, "task": command.task, "key": command.key, **more}
    return Submit(cause="request", actor=command.actor, **about)
