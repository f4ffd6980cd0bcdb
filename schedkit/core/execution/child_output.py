"""What a child process writes to its output: lines of the run's log, whoever wrote them.

A C library or a program that the task starts writes to the file descriptors themselves, past Python. They
lead into a pipe that is read here, in the parent: a reader in the child could not run while such code holds
the interpreter's lock, and would lose the last words of a process that crashes.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import sys
import threading
from typing import IO

from schedkit import context
from schedkit.core.execution.remote_call import pass_on
from schedkit.values.limits import MAX_STORED_CHARS

__all__ = ["ChildOutput", "say_end"]

_log = logging.getLogger("schedkit")

# Written after each call, so that its lines are told from the next one's.
END = b"\x00schedkit: end of call\x00"
# A call's lines beyond these are counted.
MOST_LINES = 1000
# For an end that does not come: the task has led its output elsewhere.
PATIENCE_SECONDS = 1.0


class ChildOutput:
    """Reads what one child writes, on a thread of its own."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._run: context.ExecutionContext | None = None
        self._lines = 0
        self._last = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, name="schedkit-child-output", daemon=True)
        self._thread.start()

    def begin(self, run: context.ExecutionContext) -> None:
        """From here on lines belong to `run`."""
        with self._lock:
            self._run, self._lines, self._last = run, 0, ""
        self._ended.clear()

    def wait_for_end(self) -> None:
        """Wait until everything that the call has written was read."""
        self._ended.wait(PATIENCE_SECONDS)

    def end(self) -> None:
        """From here on lines belong to nobody."""
        with self._lock:
            run, more, self._run = self._run, self._lines - MOST_LINES, None
        if run is not None and more > 0:
            _tell(run, f"and {more} more lines")

    def last_line(self) -> str:
        """Return the last line of a process that has ended."""
        self._thread.join(PATIENCE_SECONDS)
        return self._last

    def close(self) -> None:
        """Forget the pipe; a program that the task has left behind may still hold its other end."""
        self._thread.join(PATIENCE_SECONDS)

    def _read(self) -> None:
        rest = b""
        with self._pipe as pipe:
            while piece := os.read(pipe.fileno(), 1 << 16):
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    self._take(line)
                if len(rest) > MAX_STORED_CHARS:
                    self._take(rest)
                    rest = b""
            self._take(rest)

    def _take(self, line: bytes) -> None:
        said, end, _ = line.partition(END)
        # A progress bar draws over its line: what it shows last counts.
        text = said.decode(errors="replace").rstrip().rpartition("\r")[2][:MAX_STORED_CHARS]
        with self._lock:
            run = self._run
            if text.strip():
                self._lines += 1
                self._last = text
            told = self._lines <= MOST_LINES
        if text.strip() and told:
            if run is None:
                _log.info("a child process wrote: %s", text)
            else:
                _tell(run, text)
        if end:
            self._ended.set()


def _tell(run: context.ExecutionContext, line: str) -> None:
    pass_on(run, "log", (logging.INFO, line))


def say_end() -> None:
    """In the child: have everything written that the call has printed, and say that this is all."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the task's own stream, or a closed one
            stream.flush()
    with contextlib.suppress(Exception):  # what C code has printed waits in buffers of its own
        ctypes.CDLL(None).fflush(None)
    with contextlib.suppress(OSError):
        os.write(2, END + b"\n")
