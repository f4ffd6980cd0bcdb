"""Runs attempts on the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from schedkit.core.execution.attempt import Execution, Handle
from schedkit.core.execution.cluster.home import Cluster
from schedkit.core.execution.cluster.home_call import HomeCall
from schedkit.core.execution.cluster.messages import pickled
from schedkit.core.execution.cluster.placement import Needs
from schedkit.core.execution.course import RemoteCourse, ended
from schedkit.core.execution.remote_call import facts_of, value_of
from schedkit.core.execution.results import Results
from schedkit.core.execution.threads import Threads
from schedkit.core.model import Task
from schedkit.core.tasks.code import function_code
from schedkit.core.tasks.params import RUN

__all__ = ["ClusterExecutor", "needs_of"]


def needs_of(task: Task) -> Needs:
    """Return what a worker must have to carry a task out."""
    handler = task.name if task.requested is None else task.requested.handler
    code = function_code(task.function)
    return Needs(task=task.name, handler=handler, code=code, resources=dict(task.runs_on))


class ClusterExecutor:
    """Runs each attempt on a worker that has its task; no thread here waits for it.

    Parameters
    ----------
    grace : float
        How many seconds after it was asked to stop the process of a call is ended by force.
    """

    def __init__(self, threads: Threads, cluster: Cluster, results: Results, grace: float) -> None:
        self._threads, self._cluster, self._results, self._grace = threads, cluster, results, grace

    def start(self, attempt: Execution) -> Handle:
        """Start an attempt."""
        given = _OnWorker(attempt, self._threads, self._cluster, self._results, self._grace)
        self._threads.submit(given.begin)
        return given


class _OnWorker:
    """An attempt whose function a worker calls."""

    def __init__(
        self, attempt: Execution, threads: Threads, cluster: Cluster, results: Results, grace: float
    ) -> None:
        self._attempt, self._cluster, self._grace = attempt, cluster, grace
        self._course = RemoteCourse(attempt, threads, results, self._call)
        self._given: HomeCall | None = None

    def begin(self) -> None:
        """Carry the attempt out until its function is called."""
        self._course.advance()

    def _call(self, arguments: dict[str, Any]) -> Awaitable[Any]:
        attempt = self._attempt
        plain = {name: value for name, value in arguments.items() if name != RUN}
        data = pickled((plain, RUN in arguments, facts_of(attempt.context)))
        id = f"{attempt.run.id}-{attempt.run.attempt}"
        needs = needs_of(attempt.task)
        self._given = call = HomeCall(id, needs, data, attempt.context, self._grace, attempt.code_begins)
        attempt.code_waits()
        self._cluster.begin(call)
        if attempt.why:
            self.stop(attempt.why)
        return self._value(call)

    async def _value(self, call: HomeCall) -> Any:
        await ended(call.future)
        if call.worker is not None:
            self._attempt.worker = f"{call.worker.name} on {call.worker.host}"
        return value_of(call.future.result())

    def stop(self, reason: str) -> None:
        """Have the worker stop it."""
        if self._given is not None:
            self._cluster.stop_call(self._given)
