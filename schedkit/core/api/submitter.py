"""Submits runs: made at once where their task is at home here, asked for elsewhere otherwise."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from schedkit import context
from schedkit.core.api.queries import Queries
from schedkit.core.api.run_handle import RunHandle, RunHost
from schedkit.core.api.task_handle import named
from schedkit.core.engine.stimuli import Cancel
from schedkit.core.ids import new_id
from schedkit.core.node.commands import SubmitRun
from schedkit.core.node.node import Node
from schedkit.core.node.waiters import Waiter
from schedkit.core.tasks.params import check, check_data
from schedkit.errors import LedgerError, ParameterError, SchedkitError, UsageError
from schedkit.loop import service, wait
from schedkit.values.text import safe_repr

__all__ = ["Submitter"]

_log = logging.getLogger("schedkit")


class Submitter:
    """Submits runs of one scheduler, from any thread."""

    def __init__(self, host: RunHost, node: Node, queries: Queries) -> None:
        self._host, self._node, self._queries = host, node, queries

    def commands(self, task: object, batch: Iterable[Mapping[str, Any]], **origin: Any) -> list[SubmitRun]:
        """Return the commands that request runs of a task, with checked parameters."""
        name = named(task)
        batch = [_mapping(name, params) for params in batch]
        declared = self._node.registry.get(name)
        if declared is None:
            self._queries.known(name)
            checked = [check_data(name, params) for params in batch]
        else:
            checked = [check(declared, params) for params in batch]
        commands = [SubmitRun(run=new_id(), task=name, params=params, **origin) for params in checked]
        key = context.idempotency_key()
        if key and len(commands) > 1:
            return [replace(command, key=f"{key}/{place}") for place, command in enumerate(commands)]
        return [replace(command, key=key) for command in commands] if key else commands

    def submit(self, task: object, batch: Iterable[Mapping[str, Any]]) -> list[RunHandle]:
        """Submit runs, all durable when it returns; not on our loop."""
        commands = self.commands(task, batch)
        made = self._node.dispatcher.submit(commands)
        if made is None:  # their task is not at home here
            handles = [self.handle(command) for command in commands]
        else:
            waiters, durable = made
            handles = list(map(self.handle, commands, waiters))
            life = self._node.life
            try:
                wait(durable, bool if life is None else life.refuse_if_away)
            except LedgerError:  # it takes no writes for too long: the runs are withdrawn
                if life is not None and not durable.done():
                    actor = self._node.config.name
                    life.post(*(Cancel(run=command.run, actor=actor) for command in commands))
                raise
            except UsageError:
                if not self._queries.has_moved(commands[0].task):
                    raise
            else:
                return handles
        service().call(self._carry_out_all, handles, commands)
        return handles

    async def carry_out(self, command: SubmitRun) -> RunHandle:
        """Submit a run wherever its task is at home; durable when it returns. On our loop."""
        waiters: dict[str, Waiter] = {}
        run = (await self._node.dispatcher.carry_out(command, waiters))["run"]
        return RunHandle(self._host, run, command.task, waiters.get(run))

    def handle(self, command: SubmitRun, waiter: Waiter | None = None) -> RunHandle:
        """Return the handle of a run that is requested."""
        return RunHandle(self._host, command.run, command.task, waiter)

    def begin(self, task: str) -> None:
        """Submit a run without parameters, from any thread, and do not wait until it is durable."""
        self.begin_run(self.commands(task, [{}])[0])

    def begin_run(self, command: SubmitRun) -> None:
        """Submit a run, from any thread, and do not wait until it is durable."""
        if self._node.dispatcher.submit([command]) is None:  # its task is at home elsewhere
            threading.Thread(target=self._begin_elsewhere, args=(command,), daemon=True).start()

    def _begin_elsewhere(self, command: SubmitRun) -> None:
        try:
            service().call(self._node.dispatcher.carry_out, command)
        except SchedkitError as error:
            _log.warning("a run of %r could not be submitted: %s", command.task, error)

    async def _carry_out_all(self, handles: list[RunHandle], commands: list[SubmitRun]) -> None:
        for handle, command in zip(handles, commands, strict=True):
            handle.ask_again()
            handle.id = (await self._node.dispatcher.carry_out(command))["run"]


def _mapping(task: str, params: Any) -> Mapping[str, Any]:
    if isinstance(params, Mapping):
        return params
    if not hasattr(params, "keys"):  # a row of a frame has them
        raise ParameterError(
            f"task {task!r}: {safe_repr(params, 80)} is not a mapping of parameters",
            hint="give a mapping for each run; of a frame: df.to_dict('records')",
        )
    return dict(params)
