"""Where users' code runs: worker threads, and a loop of its own for coroutines."""

from __future__ import annotations

import asyncio  # the loop that users' coroutines share is one of its own
import itertools
import logging
import queue
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["Threads", "UserLoop"]

_log = logging.getLogger("schedkit")

# How long the users' loop may be busy before the coroutine that keeps it so is named.
BLOCKED_SECONDS = 1.0


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


class _Started:
    """A coroutine on the users' loop, from the order to start it."""

    __slots__ = ("_loop", "_make", "_name", "_task")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, make: Callable[[], Coroutine[Any, Any, None]], name: str
    ) -> None:
        self._loop, self._make, self._name = loop, make, name
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._task = self._loop.create_task(self._make(), name=self._name)

    def cancel(self) -> None:
        # Calls reach the loop in order: it has begun. Its first step goes before, since a task that is
        # cancelled before that never runs at all, and nobody would hear of its end.
        if self._task is not None:
            self._loop.call_soon(self._task.cancel)


class UserLoop:
    """The loop that users' coroutines share, in a thread of its own, watched.

    Parameters
    ----------
    blocked : callable
        Called from `watch` with the name of the asyncio task, the seconds so far, where it stands, and
        whether it is over.
    """

    def __init__(self, blocked: Callable[[str, float, str, bool], object]) -> None:
        self._blocked = blocked
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._beat_asked = 0.0
        self._beat_seen = True
        self._named = ""
        self._calls: deque[Callable[[], object]] = deque()
        self._awake = False

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop, starting its thread at first use."""
        with self._lock:
            if self._loop is None:
                ready = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(ready,), name="schedkit-users", daemon=True
                )
                self._thread.start()
                ready.wait()
            assert self._loop is not None
            return self._loop

    def _run(self, ready: threading.Event) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        self._loop = loop
        loop.call_soon(ready.set)
        # Only `stop` ends it: asyncio lets SystemExit of any task through, and users can stop their loop.
        while self._loop is loop:
            self._turn(loop.run_forever)
        cleared = loop.create_task(_cleared(asyncio.all_tasks(loop)))
        while not cleared.done():
            self._turn(lambda: loop.run_until_complete(cleared))
        loop.close()

    @staticmethod
    def _turn(run: Callable[[], object]) -> None:
        try:
            run()
        except BaseException:
            _log.exception("the users' loop goes on after what tried to end it")

    def start(self, make: Callable[[], Coroutine[Any, Any, None]], name: str) -> Callable[[], None]:
        """Run a coroutine, which must not raise; returns what cancels it."""
        loop = self.loop()
        started = _Started(loop, make, name)
        self._call(started.begin)
        return lambda: self._call(started.cancel)

    def _call(self, call: Callable[[], object]) -> None:
        """Have `call` run on the loop; many calls cost one wake-up."""
        loop = self._loop
        self._calls.append(call)
        if not self._awake and loop is not None and not loop.is_closed():
            self._awake = True
            loop.call_soon_threadsafe(self._serve)

    def _serve(self) -> None:
        self._awake = False
        while self._calls:
            self._calls.popleft()()

    def watch(self) -> None:
        """Look whether the loop still turns; called now and then from another thread."""
        if self._loop is None or self._thread is None:
            return
        if self._beat_seen:
            if self._named:
                self._blocked(self._named, time.monotonic() - self._beat_asked, "", True)
                self._named = ""
            self._beat_asked, self._beat_seen = time.monotonic(), False
            self._loop.call_soon_threadsafe(self._beat)
        elif (spent := time.monotonic() - self._beat_asked) > BLOCKED_SECONDS and not self._named:
            task = asyncio.current_task(self._loop)
            self._named = task.get_name() if task is not None else "a callback"
            frame = sys._current_frames().get(self._thread.ident or 0)
            stack = traceback.extract_stack(frame) if frame is not None else []
            where = f"{stack[-1].filename}:{stack[-1].lineno}" if stack else ""
            self._blocked(self._named, spent, where, False)

    def _beat(self) -> None:
        self._beat_seen = True

    def stop(self, timeout: float = 2.0) -> None:
        """Cancel what runs and end the thread, waiting at most `timeout` seconds."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(timeout)


async def _cleared(left: set[asyncio.Task[Any]]) -> None:
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=1.0)
    await asyncio.get_running_loop().shutdown_asyncgens()
