"""Everything that runs attempts in this process's name, and which of it runs a task."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from schedkit.core.execution.attempt import Execution, TaskExecutor
from schedkit.core.execution.cluster.executor import ClusterExecutor, needs_of
from schedkit.core.execution.cluster.home import Cluster
from schedkit.core.execution.cluster.home_call import Pulse
from schedkit.core.execution.execute import call_hook, call_hook_here, failed, failure_hooks
from schedkit.core.execution.foreign import ForeignExecutor
from schedkit.core.execution.log_capture import capture_logging
from schedkit.core.execution.process_pool import ChildPool, ProcessExecutor
from schedkit.core.execution.results import Results
from schedkit.core.execution.threads import ThreadExecutor, Threads
from schedkit.core.execution.user_loop import LoopCaller, LoopExecutor, UserLoop
from schedkit.core.execution.worker_channel import Channels
from schedkit.core.model import Task, is_async, timeout_error
from schedkit.core.worker_facts import WorkerFacts

__all__ = ["Executors"]


class Executors:
    """The executors by their kinds, as `Task.executor_kind` names them.

    Parameters
    ----------
    results : Results
        Where values are kept.
    blocked : callable
        See `UserLoop`.
    kill_after : float
        How many seconds after it was asked to stop a child process is ended by force.
    dask : str, optional
        The address of the Dask cluster; without one this process makes a cluster when it needs one.
    places : int
        How many calls the worker of such a cluster carries out at once.
    """

    def __init__(
        self,
        results: Results,
        blocked: Callable[[str, float, str, bool], object],
        kill_after: float,
        dask: str | None = None,
        places: int = 1,
    ) -> None:
        capture_logging()
        self.results = results
        self.users = UserLoop(blocked)
        self._threads = Threads("schedkit-task")
        self._children = ChildPool(kill_after)
        self._processes = ProcessExecutor(self._threads, self._children, results)
        self._channels = Channels(self._threads)
        self._cluster = Cluster(dask, places, self._threads)
        self._by_kind: dict[str, TaskExecutor] = {
            "loop": LoopExecutor(self.users, results),
            "thread": ThreadExecutor(self._threads, results),
            "process": self._processes,
            "executor": ForeignExecutor(self._threads, self._channels, results),
            "dask": ClusterExecutor(self._threads, self._cluster, results, kill_after),
        }

    def live(self, pulse: Pulse) -> None:
        """Let child processes and workers elsewhere know of this life, and it of them."""
        self._processes.live(pulse)
        self._cluster.live(pulse)

    def pass_on_beat(self) -> None:
        """Tell child processes when this life gave its last sign of life."""
        self._processes.pass_on_beat()

    def expect(self, task: Task, file: str) -> None:
        """Prepare for the runs of a task, which this file declares."""
        if task.executor_kind == "dask":
            self._cluster.expect(needs_of(task), file)

    @property
    def workers(self) -> list[WorkerFacts]:
        """The workers elsewhere that are heard."""
        return [row.facts for row in self._cluster.rows()]

    def start(self, attempt: Execution) -> None:
        """Start an attempt; what keeps it from being started is how it ends."""
        try:
            handle = self._by_kind[attempt.task.executor_kind].start(attempt)
        except Exception as error:
            attempt.end(failed(attempt, error))
        else:
            attempt.take(handle)

    def tell_timeout(self, attempt: Execution, *, final: bool) -> None:
        """Call the hook of an attempt that timed out; its own code may still be running."""
        for call in failure_hooks(attempt, timeout_error(attempt.task), final=final):
            if is_async(call[0]):
                name = f"{attempt.task.name} (run {attempt.run.id})"
                self.users.start(partial(call_hook, attempt, call, LoopCaller()), name)
            else:
                self._threads.submit(partial(call_hook_here, attempt, call))

    def stop(self) -> None:
        """End child processes and the users' loop, and let threads end that do nothing; this may take 2 s."""
        self._cluster.stop()  # first: threads tell the ends of the calls that it loses
        self._threads.stop()
        self._channels.stop()
        self.users.stop()
        self._children.stop()
