"""Child processes for heavy tasks: each carries out one call at a time and is used again.

A child is a plain interpreter talking over its pipes, not `multiprocessing`: nothing of the user's main
module is run a second time, and a call that does not stop is ended with its process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import cloudpickle

from schedkit import context
from schedkit.core.execution.attempt import Execution, Handle
from schedkit.core.execution.child_output import ChildOutput
from schedkit.core.execution.child_process import HOME_LOST, READY
from schedkit.core.execution.cluster.home_call import Pulse
from schedkit.core.execution.execute import AttemptLostError, BlockingCaller, perform_here
from schedkit.core.execution.home_lease import HomeLease
from schedkit.core.execution.messages import KEPT, STOP, beat, receive, send
from schedkit.core.execution.remote_call import Answer, pack, pass_on, value_of
from schedkit.core.execution.results import Results
from schedkit.core.execution.threads import Threads
from schedkit.errors import RetryableError, StopRequested

__all__ = ["ChildCall", "ChildDiedError", "ChildPool", "ProcessExecutor"]


class ChildDiedError(RetryableError):
    """The process of a task ended in the middle of a call.

    Attributes
    ----------
    code : int
        Its exit code.
    """

    code = 0


class ProcessExecutor:
    """Runs each attempt in a child process; a thread here waits for it meanwhile."""

    def __init__(self, threads: Threads, children: ChildPool, results: Results) -> None:
        self._threads, self._children, self._results = threads, children, results
        self._calls: set[ChildCall] = set()
        self._pulse: Pulse | None = None
        self._passing = False

    def live(self, pulse: Pulse) -> None:
        """Have calls heed the lease of this life from now on."""
        self._pulse = pulse

    def pass_on_beat(self) -> None:
        """Tell the calls that depend on the lease when it was renewed last; from one thread."""
        if self._calls and not self._passing and self._pulse is not None and self._pulse.lease is not None:
            self._passing = True
            # On a thread: the pipe of a process that stands still may be full.
            self._threads.submit(partial(self._pass_on, self._pulse.lease))

    def _pass_on(self, lease: HomeLease) -> None:
        for call in tuple(self._calls):
            call.heard(lease.heard)
        self._passing = False

    def start(self, attempt: Execution) -> Handle:
        """Start an attempt."""
        call = ChildCall(self._children, attempt.context, begins=attempt.code_begins)
        self._threads.submit(partial(self._perform, attempt, call))
        return call

    def _perform(self, attempt: Execution, call: ChildCall) -> None:
        self._calls.add(call)
        try:
            perform_here(attempt, self._results, _ChildCaller(call, self._pulse))
        finally:
            self._calls.discard(call)


class _ChildCaller(BlockingCaller):
    """Calls the function in a child process, and hooks here."""

    def __init__(self, call: ChildCall, pulse: Pulse | None) -> None:
        self._call, self._pulse = call, pulse

    def call(self, attempt: Execution, arguments: dict[str, Any]) -> Any:
        assert attempt.task.function is not None
        lease = self._pulse.lease if self._pulse is not None else None
        attempt.code_waits()
        try:
            return self._call.result(pack(attempt.task.function, arguments, attempt.context, lease))
        except ChildDiedError as error:
            if error.code == HOME_LOST:
                raise AttemptLostError("this process had not renewed its lease for too long") from None
            raise


class ChildPool:
    """Child processes that are made when needed and reused.

    Parameters
    ----------
    grace : float
        How many seconds after it was asked to stop the process of a call is ended by force.
    """

    def __init__(self, grace: float) -> None:
        self.grace = grace
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._lock = threading.Lock()

    def take(self) -> _Child:
        """Return a child that does nothing."""
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.usable:
                    return child
                self._all.discard(child)
                child.close()
        child = _Child()
        with self._lock:
            self._all.add(child)
        return child

    def give_back(self, child: _Child, reuse: bool) -> None:
        """Keep a child for the next call, or end it."""
        with self._lock:
            if reuse and child.usable and child in self._all:
                self._idle.append(child)
                return
            self._all.discard(child)
        child.close()

    def stop(self) -> None:
        """End every child."""
        with self._lock:
            children, self._all, self._idle = self._all, set(), []
        for child in children:
            child.close()


class ChildCall:
    """One call in a child process, and the handle that stops it.

    Parameters
    ----------
    run : ExecutionContext
        Takes in what the child tells while it runs.
    grace : float, optional
        As for the pool, for this call.
    given : callable
        Is called with the pid of the child before it is given the call.
    begins : callable
        Is called when the child begins with the call, which it has to be started for first.
    """

    def __init__(
        self,
        children: ChildPool,
        run: context.ExecutionContext,
        grace: float | None = None,
        given: Callable[[int], object] = lambda pid: None,
        begins: Callable[[], object] = lambda: None,
    ) -> None:
        self._children, self._run, self._given, self._begins = children, run, given, begins
        self._grace = children.grace if grace is None else grace
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._sent = self._stopping = self._killed = False
        self._killer: threading.Timer | None = None

    def result(self, packed: bytes) -> Any:
        """Carry out a packed call and return its value.

        Raises
        ------
        RemoteFailure
            If it failed in the child.
        ChildDiedError, StopRequested
            As `answer` does.
        """
        return value_of(self.answer(packed))

    def answer(self, packed: bytes) -> Answer:
        """Carry out a packed call and return how it ended, as it came from the child.

        Raises
        ------
        ChildDiedError
            If the process ended before the call did.
        StopRequested
            If it was stopped.
        """
        child = self._children.take()
        child.output.begin(self._run)
        try:
            return self._ended(child, packed)
        except (EOFError, OSError) as error:
            child.kill()
            if self._stopping:
                raise StopRequested("the run was asked to stop") from None
            raise child.death() from error
        finally:
            child.output.end()
            self._leave()
            self._children.give_back(child, reuse=not self._stopping)

    def _ended(self, child: _Child, packed: bytes) -> Answer:
        with self._lock:
            self._child = child  # from here on it may be killed
            if self._killed:
                raise EOFError
        self._given(child.pid)
        child.send(packed)
        with self._lock:
            self._sent = True
            if self._stopping:
                child.send(STOP)
        return child.listen(self._run, self._begins)

    def _leave(self) -> None:
        """Have nothing reach the child any more that is meant for this call."""
        with self._lock:
            self._child = None
            if self._killer is not None:
                self._killer.cancel()

    def stop(self, reason: str) -> None:
        """Ask the child to stop, and end its process if it continues for longer than the grace."""
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
            self._killer = threading.Timer(self._grace, self.kill)
            self._killer.daemon = True
            self._killer.start()
            if self._child is not None and self._sent:
                with contextlib.suppress(OSError):
                    self._child.send(STOP)

    def kill(self) -> None:
        """End its process at once."""
        with self._lock:
            self._stopping = self._killed = True
            if self._child is not None:
                self._child.kill()

    def heard(self, at: float) -> None:
        """Pass on that the home of its task gave a sign of life then, on the monotonic clock."""
        with self._lock:
            if self._child is not None and self._sent:
                with contextlib.suppress(OSError):
                    self._child.send(beat(at))


class _Child:
    """One process."""

    def __init__(self) -> None:
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from schedkit.core.execution.child_process import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            # What its code starts can be ended with it, and Ctrl-C in a terminal is for its parent.
            process_group=0 if os.name == "posix" else None,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        self._sending = threading.Lock()
        self._ready = False
        self.output = ChildOutput(self._process.stderr)

    def send(self, message: bytes) -> None:
        """Send a call, or a word about it."""
        with self._sending:
            send(self._to, message)

    def listen(self, run: context.ExecutionContext, begins: Callable[[], object]) -> Answer:
        """Pass on what the child tells until its call has ended, and return how."""
        if self._ready:
            begins()
        while True:
            kind, content = cloudpickle.loads(receive(self._from))
            if kind == READY:
                self._ready = True
                begins()
                continue
            if kind == "ended":
                self.output.wait_for_end()
                ended: Answer = content
                return ended
            pass_on(run, kind, content)
            if kind == "delivered":
                self.send(KEPT)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process at once, and those that its code has started."""
        # Once it is waited for, its number may be another's.
        if os.name == "posix" and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()

    def death(self) -> ChildDiedError:
        """Return what is known of how the process, which has been killed, ended."""
        last, code = self.output.last_line(), self._process.wait()
        died = ChildDiedError(
            f"its process ended with exit code {code}",
            hint=f"its last words: {last}" if last else "killed for memory, or did the task exit?",
        )
        died.code = code
        return died

    def close(self) -> None:
        """End the process and its pipes; what a task has left running on purpose goes on."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._to, self._from):
            with contextlib.suppress(OSError):
                pipe.close()
        self.output.close()
