"""Threads in which tasks run."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
from collections import deque
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
        # One mark for each idle thread. A deque, not a count under a lock: a thread that loses the
        # interpreter while it holds the lock would keep the others, and the writer, waiting.
        self._idle: deque[None] = deque()
        self._made = itertools.count(1)

    def submit(self, work: Callable[[], object]) -> None:
        """Have `work` called on a thread; it must not raise."""
        try:
            self._idle.pop()
        except IndexError:
            name = f"{self._name}-{next(self._made)}"
            threading.Thread(target=self._run, name=name, daemon=True).start()
        self._queue.put(work)

    def stop(self) -> None:
        """Let idle threads end; those at work end with it."""
        for _ in range(next(self._made)):
            self._queue.put(None)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                work()
            except BaseException:
                _log.exception("a worker thread's wrapper failed")
            del work  # an idle thread must not keep the last run's frame alive
            self._idle.append(None)


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
