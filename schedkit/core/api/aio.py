"""The async face of a scheduler: its verbs become commands, which the node's dispatcher carries out."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from schedkit import context
from schedkit.core.api.handles import RunHandle, TaskHandle
from schedkit.core.api.task_handles import named
from schedkit.core.ids import new_id
from schedkit.core.node.commands import (
    BackfillTask,
    CancelRun,
    Command,
    PauseTask,
    RemoveTask,
    RequestTask,
    RescheduleTask,
    ResumeTask,
    SubmitRun,
)
from schedkit.core.node.node import Node
from schedkit.core.node.waiters import Waiter
from schedkit.core.tasks.request import TaskRequest
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.constructors import Moment, between
from schedkit.errors import SchedkitError, UsageError
from schedkit.loop import bridged, service
from schedkit.values.durations import Duration, parse_duration
from schedkit.values.instants import to_micros

if TYPE_CHECKING:
    from schedkit.core.api.scheduler import Scheduler

__all__ = ["AsyncScheduler"]

_log = logging.getLogger("schedkit")


class AsyncScheduler:
    """The async face of a scheduler: the same methods, awaited, from any loop."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    @property
    def _node(self) -> Node:
        return self._scheduler._node

    async def _carry_out(self, command: Command, waiters: dict[str, Waiter] | None = None) -> dict[str, Any]:
        return await self._node.dispatcher.carry_out(command, waiters)

    @bridged
    async def start(self) -> None:
        """Run the tasks that are declared here, beside other processes at the same ledger."""
        await self._node.start()
        self._scheduler._started()

    @bridged
    async def watch(self) -> None:
        """Follow what others do and ask them, and run nothing; a scheduler that runs goes on."""
        await self._node.watch()

    @bridged
    async def stop(self, deadline: Duration = "30s") -> None:
        """Let running attempts end until `deadline`, interrupt and record the rest."""
        await self._node.stop(parse_duration(deadline, "deadline"))

    @bridged
    async def bring_home(self) -> None:
        """Have this process run all that is declared here, now and later, wherever it is at home."""
        self._node.declarations.bring_home = True
        await self._node.declare(list(self._scheduler._registry.values()))

    @bridged
    async def submit(self, name: str, /, **params: Any) -> RunHandle:
        """Ask for a run now; durable when it returns."""
        (command,) = self._scheduler._commands(name, [params])
        return await self._submitted(command)

    @bridged
    async def retry(self, run: RunHandle | str, /, **params: Any) -> RunHandle:
        """Run an ended run again, with its parameters; durable when it returns.

        Parameters
        ----------
        run : RunHandle or str
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
        id = run.id if isinstance(run, RunHandle) else run
        found = await anyio.to_thread.run_sync(self._scheduler._run, id)
        if not found.state.final:
            raise UsageError(
                f"run {id} of {found.task!r} has not ended: it is {found.state}",
                hint="cancel it first, or submit another run",
            )
        origin = {"retry_of": id, "request": found.request}
        (command,) = self._scheduler._commands(found.task, [{**found.params, **params}], **origin)
        return await self._submitted(command)

    @bridged
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
        request = await anyio.to_thread.run_sync(self._scheduler._read_request, body)
        return await (self._request_run(request) if request.single else self._request_task(request))

    async def _request_run(self, request: TaskRequest) -> RunHandle:
        """Have a run made of a handler; before the start, once this scheduler runs."""
        scheduler = self._scheduler
        command = SubmitRun(
            task=request.requested.handler,
            run=new_id(),
            params=dict(request.task.params),
            request=request.of_run,
            key=context.idempotency_key(),
            actor=request.actor,
        )
        if scheduler._open:
            return await self._submitted(command)
        scheduler._to_run.add(command.run, functools.partial(self._carry_out_later, command))
        return RunHandle(scheduler, command.run, command.task)

    def _carry_out_later(self, command: SubmitRun) -> None:
        """Have a run made that nobody waits for; from any thread, our loop's too."""
        if self._node.dispatcher.submit([command]) is None:  # its task is at home elsewhere
            threading.Thread(target=self._carry_out_there, args=(command,), daemon=True).start()

    def _carry_out_there(self, command: SubmitRun) -> None:
        try:
            service().call(self._node.dispatcher.carry_out, command)
        except SchedkitError as error:
            _log.warning("the run of %r that was requested is not made: %s", command.task, error)

    async def _request_task(self, request: TaskRequest) -> TaskHandle[..., Any]:
        """Have a task made of a handler, and run if it is to run now."""
        scheduler, name, trigger = self._scheduler, request.task.name, request.task.trigger
        if scheduler._open:
            wanted = RequestTask(
                task=name,
                requested=request.requested,
                trigger=None if trigger is None else trigger_data.dumps(trigger),
                run=new_id() if request.run_now else "",
                key=context.idempotency_key() if request.run_now else "",
                actor=request.actor,
            )
            answer = await self._carry_out(wanted)
            scheduler._to_run.discard(name)
            return scheduler._handle(answer["task"])
        handle = await anyio.to_thread.run_sync(scheduler.add, request.task)
        if request.run_now:
            scheduler._to_run.add(name)
        else:
            scheduler._to_run.discard(name)
        return handle

    async def _submitted(self, command: SubmitRun) -> RunHandle:
        waiters: dict[str, Waiter] = {}
        run = (await self._carry_out(command, waiters))["run"]
        return RunHandle(self._scheduler, run, command.task, waiters.get(run))

    @bridged
    async def backfill(self, name: TaskHandle[..., Any] | str, start: Moment, end: Moment) -> list[RunHandle]:
        """Run the past due times of a task that have no run, each once, oldest first.

        Parameters
        ----------
        start, end : datetime, date or str
            The window, both included; aware, or wall times of this machine. A day counts to its end.

        Raises
        ------
        NotRunningError
            If no running process has the task.
        UsageError
            If the task has no schedule, or the window holds more than 10,000 due times.
        """
        name = named(name)
        first, last = between(start, end)
        if first > last:
            raise UsageError(f"task {name!r}: {start} is after {end}", hint="backfill from the earlier time")
        name, waiters = self._scheduler._known(name), dict[str, Waiter]()
        command = BackfillTask(task=name, start=to_micros(first), end=to_micros(last))
        answer = await self._carry_out(command, waiters)
        return [RunHandle(self._scheduler, id, name, waiters.get(id)) for id in answer["runs"]]

    @bridged
    async def cancel(self, run: str) -> bool:
        """Cancel a run, durable when it returns; False if it had ended."""
        found = await anyio.to_thread.run_sync(self._scheduler._run, run)
        if found.state.final:
            return False
        answer = await self._carry_out(CancelRun(run=run, task=found.task))
        return bool(answer["cancelled"])

    @bridged
    async def pause(self, name: TaskHandle[..., Any] | str | None = None) -> None:
        """Stop the due times of a task, or of all; submitted runs go on."""
        await self._carry_out(PauseTask(task=None if name is None else self._scheduler._known(name)))

    @bridged
    async def resume(self, name: TaskHandle[..., Any] | str | None = None) -> None:
        """Let due times happen again; those passed over are recorded as missed."""
        await self._carry_out(ResumeTask(task=None if name is None else self._scheduler._known(name)))

    @bridged
    async def remove(self, name: TaskHandle[..., Any] | str) -> None:
        """Forget a task, here and wherever it is declared now; its history stays."""
        name = self._scheduler._known(name)
        await self._carry_out(RemoveTask(task=name))
        self._node.declarations.forget(name)

    @bridged
    async def reschedule(self, name: TaskHandle[..., Any] | str, trigger: object) -> None:
        """Give a task another trigger; None: it runs only when submitted."""
        made = None if trigger is None else trigger_data.dumps(trigger_data.of(trigger))
        await self._carry_out(RescheduleTask(task=self._scheduler._known(name), trigger=made))

    @bridged
    async def result(self, run: str) -> Any:
        """Return what a run returned, waiting for its end."""
        handle = await anyio.to_thread.run_sync(self._scheduler.run, run)
        finished = await self._node.end_of(run)
        return await anyio.to_thread.run_sync(handle.value_of, finished)
