"""Child processes for heavy tasks: each carries out one call at a time and is used again.

A child is a plain interpreter talking over its pipes, not `multiprocessing`: nothing of the user's main
module is run a second time, and a call that does not stop is ended with its process.
"""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from schedkit.core.execution.child_output import Words, say_end
from schedkit.core.execution.remote import Answer, RunElsewhere, answer, heard, pack
from schedkit.core.execution.run_context import RunContext
from schedkit.errors import RetryableError, StopRequested

__all__ = ["ChildDiedError", "Children", "serve"]

_HEADER = struct.Struct("!Q")
# How long a child that was asked to stop may take before its process is ended.
GRACE_SECONDS = 5.0


class ChildDiedError(RetryableError):
    """The process of a task ended in the middle of a call."""


def _send(stream: IO[bytes], payload: bytes) -> None:
    stream.write(_HEADER.pack(len(payload)))
    stream.write(payload)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise EOFError
    (size,) = _HEADER.unpack(header)
    payload = stream.read(size)
    if len(payload) < size:
        raise EOFError
    return payload


class _Child:
    """One process."""

    def __init__(self) -> None:
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from schedkit.core.execution.process_pool import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        self._words = Words(self._process.stderr)
        self._lock = threading.Lock()

    def call(self, packed: bytes, run: RunContext) -> Any:
        """Carry out a call; the child's progress and log reach `run` while it runs."""
        killer: list[threading.Timer] = []

        def stop() -> None:
            with contextlib.suppress(OSError), self._lock:
                _send(self._to, b"stop")
            killer.append(threading.Timer(GRACE_SECONDS, self.kill))
            killer[0].daemon = True
            killer[0].start()

        self._words.begin(run)
        try:
            with self._lock:
                _send(self._to, packed)
            unsubscribe = run.on_stop(stop)
            try:
                ended = self._listen(run)
            finally:
                unsubscribe()
        except (EOFError, OSError) as error:
            self.kill()
            if run.should_stop():
                raise StopRequested("the run was asked to stop") from None
            last = self._words.last()
            raise ChildDiedError(
                f"its process ended with exit code {self._process.wait()}",
                hint=f"its last words: {last}" if last else "killed for memory, or did the task exit?",
            ) from error
        finally:
            self._words.end()
            for timer in killer:
                timer.cancel()
        # Not above, where an OSError of the task would pass for one of the pipe.
        return heard(ended)

    def _listen(self, run: RunContext) -> Answer:
        """Pass on what the child tells until its call has ended, and return how."""
        import cloudpickle

        while True:
            kind, content = cloudpickle.loads(_receive(self._from))
            if kind == "ended":
                self._words.heard_all()
                ended: Answer = content
                return ended
            with contextlib.suppress(StopRequested):  # the child hears of it by itself
                getattr(run, kind)(*content)

    @property
    def usable(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def close(self) -> None:
        """End the process and its pipes."""
        self.kill()
        self._process.wait()
        for pipe in (self._to, self._from):
            with contextlib.suppress(OSError):
                pipe.close()
        self._words.close()


class Children:
    """Child processes that are made when needed and reused."""

    def __init__(self) -> None:
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._lock = threading.Lock()

    def caller(self, function: Callable[..., Any], run: RunContext) -> Callable[[dict[str, Any]], Any]:
        """Return what calls `function` in a child, given its arguments."""

        def call(arguments: dict[str, Any]) -> Any:
            packed = pack(function, arguments, run)
            child = self._take()
            try:
                return child.call(packed, run)
            finally:
                self._give_back(child, reuse=not run.should_stop())

        return call

    def _take(self) -> _Child:
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

    def _give_back(self, child: _Child, reuse: bool) -> None:
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


class _Reporter(RunElsewhere):
    """In the child: what surrounds the call, and how it is told to stop."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._callbacks: list[Callable[[], object]] = []

    def say(self, kind: str, content: Any) -> None:
        import cloudpickle

        payload = cloudpickle.dumps((kind, content))
        with self._lock:
            _send(self._stream, payload)

    def ask_to_stop(self) -> None:
        self._stop.set()
        for callback in self._callbacks:
            callback()

    def _raise_if_stopping(self) -> None:
        if self._stop.is_set():
            raise StopRequested("the run was asked to stop")

    def progress(self, stage: str, done: float, total: float | None = None) -> None:
        self.say("progress", (stage, done, total))
        self._raise_if_stopping()

    def log(self, level: int | str, message: str | None = None) -> None:
        self.say("log", (level, message))
        self._raise_if_stopping()

    def fact(self, kind: str, facts: Mapping[str, Any]) -> None:
        self.say("fact", (kind, dict(facts)))
        self._raise_if_stopping()

    def artifact(self, path: Path, label: str = "") -> None:
        self.say("artifact", (path, label))
        self._raise_if_stopping()

    def should_stop(self) -> bool:
        return self._stop.is_set()

    def on_stop(self, callback: Callable[[], object]) -> Callable[[], None]:
        if self._stop.is_set():
            callback()
            return lambda: None
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)


def serve() -> None:
    """Be a child: carry out calls from standard input until it is closed."""
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What a task prints must not run into the answers, nor what it reads take away calls.
    os.dup2(2, 1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # these are text files
    incoming: list[bytes] = []
    arrived = threading.Condition()
    current: list[_Reporter] = []

    def listen() -> None:
        while True:
            try:
                message = _receive(calls)
            except EOFError:
                os._exit(0)
            if message == b"stop":
                for reporter in current:
                    reporter.ask_to_stop()
                continue
            with arrived:
                current[:] = [_Reporter(answers)]
                incoming.append(message)
                arrived.notify()

    threading.Thread(target=listen, daemon=True).start()
    while True:
        with arrived:
            while not incoming:
                arrived.wait()
            packed, reporter = incoming.pop(), current[0]
        ended = answer(packed, reporter)
        say_end()
        reporter.say("ended", ended)
