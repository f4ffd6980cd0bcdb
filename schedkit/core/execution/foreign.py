"""Executors of the user: any `concurrent.futures.Executor`.

A pool of threads carries out whole attempts: it shares the memory of this process. Any other executor is
given a call of the function, packed; a thread of ours prepares it, another one concludes it, and none waits
for its value. A worker on this machine sends what its call tells at once, to a thread that listens to it, and
receives a stop. What a call tells on another machine arrives with its value, and a stop only keeps it from
beginning there.

When a call has begun is known of a worker on this machine. In a pool of `concurrent.futures` a timeout counts
from there; in any other executor it counts from the submission until that is known.
"""

from __future__ import annotations

from collections.abc import Awaitable
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from typing import Any

import cloudpickle

from schedkit.core.execution.attempt import Execution, Handle
from schedkit.core.execution.course import RemoteCourse, ended
from schedkit.core.execution.execute import BlockingCaller, perform_here
from schedkit.core.execution.remote_call import pack, pass_on, value_of
from schedkit.core.execution.results import Results
from schedkit.core.execution.threads import Threads
from schedkit.core.execution.worker_channel import Channel, Channels, call_in_worker

__all__ = ["ForeignExecutor"]


class ForeignExecutor:
    """Runs each attempt in the executor that its task names."""

    def __init__(self, threads: Threads, channels: Channels, results: Results) -> None:
        self._threads, self._channels, self._results = threads, channels, results

    def start(self, attempt: Execution) -> Handle:
        """Start an attempt."""
        executor = attempt.task.runs_in
        assert isinstance(executor, Executor)
        # Not here: an executor may let wait who submits to it.
        if isinstance(executor, ThreadPoolExecutor):
            pooled = _InThreadPool(attempt, executor, self._threads, self._results)
            self._threads.submit(pooled.submit)
            return pooled
        called = _InWorker(attempt, executor, self._threads, self._results, self._channels.open())
        self._threads.submit(called.begin)
        return called


class _RaisingCaller(BlockingCaller):
    """Stands for a function that could not be called."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def call(self, attempt: Execution, arguments: dict[str, Any]) -> Any:
        raise self._error


class _InThreadPool:
    """An attempt in a pool of threads."""

    def __init__(
        self, attempt: Execution, pool: ThreadPoolExecutor, threads: Threads, results: Results
    ) -> None:
        self._attempt, self._pool, self._threads, self._results = attempt, pool, threads, results
        self._future: Future[None] | None = None

    def submit(self) -> None:
        """Give the attempt to the pool."""
        caller = BlockingCaller()
        try:
            self._future = self._pool.submit(perform_here, self._attempt, self._results, caller)
        except RuntimeError as error:  # it was shut down
            perform_here(self._attempt, self._results, _RaisingCaller(error))
            return
        self._future.add_done_callback(self._done)
        if self._attempt.why:
            self.stop(self._attempt.why)

    def _done(self, future: Future[None]) -> None:
        if future.cancelled():  # before it began
            caller = _RaisingCaller(CancelledError())
            self._threads.submit(partial(perform_here, self._attempt, self._results, caller))

    def stop(self, reason: str) -> None:
        """Keep it from beginning; once it has begun its context tells it."""
        if self._future is not None:
            self._future.cancel()


class _InWorker:
    """An attempt whose function an executor calls in another process."""

    def __init__(
        self, attempt: Execution, executor: Executor, threads: Threads, results: Results, channel: Channel
    ) -> None:
        self._attempt, self._executor = attempt, executor
        self._channel = channel
        self._course = RemoteCourse(attempt, threads, results, self._call, channel.close)
        self._future: Future[bytes] | None = None

    def begin(self) -> None:
        """Carry the attempt out until its function is called."""
        self._course.advance()

    def _call(self, arguments: dict[str, Any]) -> Awaitable[Any]:
        task = self._attempt.task
        assert task.function is not None
        packed = pack(task.function, arguments, self._attempt.context)
        address = self._channel.listen(self._attempt.context, self._attempt.code_begins)
        if address is not None and isinstance(self._executor, ProcessPoolExecutor):
            self._attempt.code_waits()
        self._future = future = self._executor.submit(call_in_worker, packed, address)
        if self._attempt.why:
            self.stop(self._attempt.why)
        return self._value(future)

    async def _value(self, future: Future[bytes]) -> Any:
        await ended(future)
        answer, told = cloudpickle.loads(future.result())
        if told is None:
            self._channel.wait_for_end()
        else:
            for kind, content in told:
                pass_on(self._attempt.context, kind, content)
        return value_of(answer)

    def stop(self, reason: str) -> None:
        """Tell the worker, or keep the call from beginning."""
        if not self._channel.stop() and self._future is not None:
            self._future.cancel()
