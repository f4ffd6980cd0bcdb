"""Takes requests: single runs of declared tasks, and tasks of their own that are written as data."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import anyio.to_thread

from schedkit import context
from schedkit.core.api.declarer import Declarer
from schedkit.core.api.queries import Queries
from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.submitter import Submitter
from schedkit.core.api.task_handle import TaskHandle, TaskHandles
from schedkit.core.compat.pending_jobs import PendingJobs
from schedkit.core.ids import new_id
from schedkit.core.node.commands import RequestTask, SubmitRun
from schedkit.core.node.node import Node
from schedkit.core.tasks.request import TaskRequest, read_request
from schedkit.core.triggers import data as trigger_data

__all__ = ["Requester"]


class Requester:
    """Takes requests; on our loop."""

    def __init__(
        self,
        node: Node,
        queries: Queries,
        submitter: Submitter,
        declarer: Declarer,
        handles: TaskHandles,
        pending: PendingJobs,
    ) -> None:
        self._node, self._queries, self._submitter = node, queries, submitter
        self._declarer, self._handles, self._pending = declarer, handles, pending

    async def take(self, body: Mapping[str, Any]) -> TaskHandle[..., Any] | RunHandle:
        """Take a request; see `AsyncScheduler.add_request`."""
        request = await anyio.to_thread.run_sync(self._read, body)
        return await (self._run_once(request) if request.single else self._make_task(request))

    async def _run_once(self, request: TaskRequest) -> RunHandle:
        """Have a run made of a handler; before the start, once this scheduler runs."""
        command = SubmitRun(
            task=request.requested.handler,
            run=new_id(),
            params=dict(request.task.params),
            request=request.of_run,
            key=context.idempotency_key(),
            actor=request.actor,
        )
        if self._queries.is_open:
            return await self._submitter.carry_out(command)
        self._pending.add(command.run, functools.partial(self._submitter.begin_run, command))
        return self._submitter.handle(command)

    async def _make_task(self, request: TaskRequest) -> TaskHandle[..., Any]:
        """Have a task made of a handler, and run if it is to run now."""
        name, trigger = request.task.name, request.task.trigger
        if self._queries.is_open:
            wanted = RequestTask(
                task=name,
                requested=request.requested,
                trigger=None if trigger is None else trigger_data.dumps(trigger),
                run=new_id() if request.run_now else "",
                key=context.idempotency_key() if request.run_now else "",
                actor=request.actor,
            )
            answer = await self._node.dispatcher.carry_out(wanted)
            self._pending.discard(name)
            return self._handles.get(answer["task"])
        handle = await anyio.to_thread.run_sync(self._declarer.declare, request.task)
        if request.run_now:
            self._pending.add(name)
        else:
            self._pending.discard(name)
        return handle

    def _read(self, body: Mapping[str, Any]) -> TaskRequest:
        """Return what a request means here; other processes may have its handler and its parents."""
        queries, registry = self._queries, self._node.registry
        path = queries.ledger.store.path
        if not queries.is_open and path is not None and not path.exists():
            return read_request(body, registry)
        queries.open()
        return read_request(
            body,
            registry,
            elsewhere=queries.ledger.handler,
            ids=lambda: {row.id: row.name for row in queries.ledger.tasks()},
        )
