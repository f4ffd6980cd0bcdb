"""Threads in which tasks run."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from functools import partial

from schedkit.core.execution.attempt import Execution, Handle
from schedkit.core.execution.execute import BlockingCaller, perform_here
from schedkit.core.execution.results import Results

__all__ = ["ThreadExecutor", "Threads"]

_log = logging.getLogger("schedkit")


class Threads:
    """Daemon threads that are made when needed and reused."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._made = 0

    def submit(self, work: Callable[[], object]) -> None:
        """Have `work` called on a thread; it must not raise."""
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                name = f"{self._name}-{self._made + 1}"
                threading.Thread(target=self._run, name=name, daemon=True).start()
                self._made += 1
        self._queue.put(work)

    def stop(self) -> None:
        """Let idle threads end; those at work end with it."""
        with self._lock:
            for _ in range(self._made):
                self._queue.put(None)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                work()
            except BaseException:
                _log.exception("a worker thread's wrapper failed")
            del work  # an idle thread must not keep the last run's frame alive
            with self._lock:
                self._idle += 1


class _AskedOnly:
    """The handle of code in a thread, which nothing can end: its context tells it to stop."""

    def stop(self, reason: str) -> None:
        pass


class ThreadExecutor:
    """Runs each attempt in a thread of this process."""

    def __init__(self, threads: Threads, results: Results) -> None:
        self._threads, self._results = threads, results
        self._caller, self._handle = BlockingCaller(), _AskedOnly()

    def start(self, attempt: Execution) -> Handle:
        """Start an attempt."""
        self._threads.submit(partial(perform_here, attempt, self._results, self._caller))
        return self._handle
