"""The loop that users' coroutines share, in a thread of its own."""

from __future__ import annotations

import asyncio  # the loop that users' coroutines share is one of its own
import logging
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from schedkit.core.execution.attempt import Execution, Handle
from schedkit.core.execution.execute import perform
from schedkit.core.execution.results import Results

__all__ = ["LoopCaller", "LoopExecutor", "UserLoop"]

_log = logging.getLogger("schedkit")

# How long the users' loop may be busy before the coroutine that keeps it so is named.
BLOCKED_SECONDS = 1.0


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
        self._tasks: set[asyncio.Task[None]] = set()
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
            _log.exception("the users' loop keeps running after something tried to end it")

    def start(self, make: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        """Run a coroutine, which must not raise, as a task of this name."""
        loop = self.loop()

        def begin() -> None:
            task = loop.create_task(make(), name=name)
            self._tasks.add(task)  # the loop itself does not keep it alive
            task.add_done_callback(self._tasks.discard)

        self.call(begin)

    def call(self, call: Callable[[], object]) -> None:
        """Have `call` run on the loop, if it has been started; many calls cost one wake-up."""
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


class LoopCaller:
    """Calls on the users' loop."""

    may_block: bool = False
    suspends: bool = True

    def call(self, attempt: Execution, arguments: dict[str, Any]) -> Any:
        assert attempt.task.function is not None
        return attempt.task.function(**arguments)


class LoopExecutor:
    """Runs each attempt as a task of the users' loop."""

    def __init__(self, users: UserLoop, results: Results) -> None:
        self._users, self._results = users, results
        self._caller = LoopCaller()

    def start(self, attempt: Execution) -> Handle:
        """Start an attempt."""
        started = _Started(attempt, self._users)
        name = f"{attempt.task.name} (run {attempt.run.id})"
        self._users.start(partial(started.run, self._results, self._caller), name)
        return started


class _Started:
    """The handle of an attempt on the users' loop."""

    __slots__ = ("_attempt", "_task", "_users")

    def __init__(self, attempt: Execution, users: UserLoop) -> None:
        self._attempt, self._users = attempt, users
        self._task: asyncio.Task[Any] | None = None

    async def run(self, results: Results, caller: LoopCaller) -> None:
        # An attempt that was asked to stop before this ends by itself. It must not be cancelled: a task
        # that is cancelled before its first step never runs, so its end would not be told.
        if not self._attempt.why:
            self._task = asyncio.current_task()
        self._attempt.end(await perform(self._attempt, results, caller))
        self._task = None

    def stop(self, reason: str) -> None:
        """Cancel the coroutine."""
        self._users.call(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
