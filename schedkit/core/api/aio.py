"""The async API of a scheduler: its verbs become commands, which the node's dispatcher carries out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio
import anyio.to_thread

from schedkit.core.api.queries import Queries
from schedkit.core.api.requester import Requester
from schedkit.core.api.run_handle import RunHandle, RunHost, run_id
from schedkit.core.api.submitter import Submitter
from schedkit.core.api.task_handle import TaskHandle, named
from schedkit.core.node.commands import (
    BackfillTask,
    CancelRun,
    Command,
    EndNode,
    PauseTask,
    RemoveTask,
    RescheduleTask,
    ResumeTask,
)
from schedkit.core.node.node import Node
from schedkit.core.node.waiters import Waiter
from schedkit.core.run import Run
from schedkit.core.store.lives import NodeRow
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.constructors import Moment, between
from schedkit.errors import NotRunningError, UsageError
from schedkit.loop import on_own_loop
from schedkit.values.durations import Duration, parse_duration
from schedkit.values.instants import to_micros
from schedkit.values.keywords import check_keywords
from schedkit.values.timezones import local_timezone

__all__ = ["AsyncScheduler"]


class AsyncScheduler:
    """The async API of a scheduler: the same methods, awaited, from any loop."""

    def __init__(
        self,
        host: RunHost,
        node: Node,
        queries: Queries,
        submitter: Submitter,
        requester: Requester,
        started: Callable[[], None],
    ) -> None:
        self._host, self._node, self._queries = host, node, queries
        self._submitter, self._requester, self._started = submitter, requester, started

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._host, "aio")

    async def _carry_out(self, command: Command, waiters: dict[str, Waiter] | None = None) -> dict[str, Any]:
        return await self._node.dispatcher.carry_out(command, waiters)

    @on_own_loop
    async def start(self, paused: bool = False) -> None:
        """Run the tasks that are declared here, beside other processes at the same ledger.

        Parameters
        ----------
        paused : bool
            Whether to stop the due times of all tasks before the first one, as `pause` does: until `resume`.
        """
        if self._node.config.kind == "worker":  # it runs the files of a home, which start a scheduler there
            return
        await self._node.start(paused)
        if paused and not self._queries.paused():  # it ran already
            await self._carry_out(PauseTask(task=None))
        self._started()

    @on_own_loop
    async def watch(self) -> None:
        """Follow other processes and send them commands, and run nothing."""
        await self._node.watch()

    @on_own_loop
    async def stop(self, deadline: Duration = "30s") -> None:
        """Wait for running attempts until `deadline`, then interrupt and record the rest."""
        await self._node.stop(parse_duration(deadline, "deadline"))

    @check_keywords
    async def run_forever(self, deadline: Duration = "30s") -> None:
        """Start, and return once it is stopped; when the awaiting task is cancelled it is stopped first.

        Parameters
        ----------
        deadline : str, float or timedelta
            How long running attempts may take to end then.
        """
        try:
            await self.start()  # which continues if it is interrupted
            await self._until_stopped()
        finally:
            with anyio.CancelScope(shield=True):
                await self.stop(deadline)

    @on_own_loop
    async def _until_stopped(self) -> None:
        await self._node.until_stopped()

    @on_own_loop
    async def bring_home(self) -> None:
        """Have this process run all that is declared here, now and later, wherever it is at home."""
        self._node.declarations.bring_home = True
        await self._node.declare(list(self._node.registry.values()))

    @on_own_loop
    async def submit(self, name: TaskHandle[..., Any] | str, /, **params: Any) -> RunHandle:
        """Submit a run; durable when it returns."""
        (command,) = self._submitter.commands(name, [params])
        return await self._submitter.carry_out(command)

    @on_own_loop
    async def retry(self, run: RunHandle | Run | str, /, **params: Any) -> RunHandle:
        """Run an ended run again, with its parameters; durable when it returns.

        Parameters
        ----------
        run : RunHandle, Run or str
            A run, or its id.
        **params
            Parameters that are to be others.

        Returns
        -------
        RunHandle
            A run of its own, whose `Run.retry_of` is the other one's id.

        Raises
        ------
        UsageError
            If the run has not ended, or its task is gone.
        """
        id = run_id(run)
        found = await anyio.to_thread.run_sync(self._queries.run, id)
        if not found.state.final:
            raise UsageError(
                f"run {id} of {found.task!r} has not ended: it is {found.state}",
                hint="cancel it first, or submit another run",
            )
        origin = {"retry_of": id, "request": found.request}
        (command,) = self._submitter.commands(found.task, [{**found.params, **params}], **origin)
        return await self._submitter.carry_out(command)

    @on_own_loop
    async def add_request(self, body: Mapping[str, Any]) -> TaskHandle[..., Any] | RunHandle:
        """Take what is asked for as data: a run of a declared task, or a task of its own.

        It is durable when it returns, unless no process runs: then it is, once this scheduler starts.

        Parameters
        ----------
        body : mapping
            See `schedkit.core.tasks.request.read_request`; it names a declared task or a tag. With a cron
            expression or with dependencies it is a task of its own; else a single run.

        Returns
        -------
        TaskHandle or RunHandle
            The task, or the single run.

        Raises
        ------
        DeclarationError, TriggerError, ParameterError
            Naming the field; also if the name is of a task that is declared in code.
        """
        return await self._requester.take(body)

    @on_own_loop
    async def backfill(self, name: TaskHandle[..., Any] | str, start: Moment, end: Moment) -> list[RunHandle]:
        """Run the past due times of a task that have no run, each once, oldest first.

        Parameters
        ----------
        start, end : datetime, date or str
            The window, both included; aware, or wall times of the scheduler's zone. A day counts to
            its end.

        Raises
        ------
        NotRunningError
            If no running process has the task.
        UsageError
            If the task has no schedule, or the window holds more than 10,000 due times.
        """
        name = named(name)
        first, last = between(start, end, self._node.config.tz or local_timezone())
        if first > last:
            raise UsageError(f"task {name!r}: {start} is after {end}", hint="backfill from the earlier time")
        name, waiters = self._queries.known(name), dict[str, Waiter]()
        command = BackfillTask(task=name, start=to_micros(first), end=to_micros(last))
        answer = await self._carry_out(command, waiters)
        return [RunHandle(self._host, id, name, waiters.get(id)) for id in answer["runs"]]

    @on_own_loop
    async def cancel(self, run: RunHandle | Run | str) -> bool:
        """Cancel a run, durable when it returns; False if it had ended."""
        id = run_id(run)
        found = await anyio.to_thread.run_sync(self._queries.run, id)
        if found.state.final:
            return False
        answer = await self._carry_out(CancelRun(run=id, task=found.task))
        return bool(answer["cancelled"])

    @on_own_loop
    async def pause(self, name: TaskHandle[..., Any] | str | None = None) -> None:
        """Stop the due times of a task, or of all tasks; submitted runs still happen."""
        await self._carry_out(PauseTask(task=None if name is None else self._queries.known(named(name))))

    @on_own_loop
    async def resume(self, name: TaskHandle[..., Any] | str | None = None) -> None:
        """Continue the due times; those that passed meanwhile are recorded as missed."""
        await self._carry_out(ResumeTask(task=None if name is None else self._queries.known(named(name))))

    @on_own_loop
    async def remove(self, name: TaskHandle[..., Any] | str) -> None:
        """Remove a task, here and wherever it is declared now; its history stays."""
        name = self._queries.known(named(name))
        await self._carry_out(RemoveTask(task=name))
        self._node.declarations.forget(name)

    @on_own_loop
    async def reschedule(self, name: TaskHandle[..., Any] | str, trigger: object) -> None:
        """Give a task another trigger; None: it runs only when submitted."""
        made = None if trigger is None else trigger_data.dumps(trigger_data.of(trigger))
        await self._carry_out(RescheduleTask(task=self._queries.known(named(name)), trigger=made))

    @on_own_loop
    async def end_node(self, node: NodeRow | str | int, deadline: Duration = "30s") -> NodeRow:
        """Have a process stop running tasks; its heirs take them over.

        A kernel or a script continues without its scheduler; ``schedkit run`` and a background process end.

        Parameters
        ----------
        node : NodeRow, str or int
            One of `Scheduler.nodes`, or its name or pid.
        deadline : duration
            How long its runs may continue.

        Returns
        -------
        NodeRow
            The process, which has agreed; it may take until `deadline`.

        Raises
        ------
        NotRunningError
            If it does not answer.
        UsageError
            If no process, or more than one, matches.
        """
        patience = parse_duration(deadline, "deadline")
        wanted = node.life if isinstance(node, NodeRow) else node
        found = await anyio.to_thread.run_sync(self._queries.node, wanted)
        try:
            await self._carry_out(EndNode(life=found.life, patience=patience))
        except NotRunningError as error:
            hint = f"end it on {found.host}: kill {found.pid}"
            raise NotRunningError(f"{found} does not answer", hint=hint) from error
        return found

    @on_own_loop
    async def result(self, run: RunHandle | Run | str) -> Any:
        """Return what a run returned, waiting for its end."""
        found = await anyio.to_thread.run_sync(self._queries.run, run_id(run))
        finished = await self._node.end_of(found.id)
        handle = RunHandle(self._host, found.id, found.task)
        return await anyio.to_thread.run_sync(handle.value_of, finished)
