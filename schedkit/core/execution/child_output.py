"""The output of a child process, as lines of the log of its run.

A C library, or a program that the task starts, writes to the file descriptors themselves, past Python. They
lead into a pipe that is read here, in the parent: a reader in the child could not run while such code holds
the interpreter's lock, and would lose the last lines of a process that crashes.
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
from schedkit.values.text import clip

__all__ = ["ChildOutput", "say_end"]

_log = logging.getLogger("schedkit")

# Written after each call, so that its lines are told from the next one's.
END = b"\x00schedkit: end of call\x00"
# A call's lines beyond these are counted.
MOST_LINES = 1000
# A line longer than this becomes several. The run keeps the whole of each of them as a file.
MOST_LINE_BYTES = 1 << 20
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
        """Add the lines from here on to the log of `run`."""
        with self._lock:
            self._run, self._lines, self._last = run, 0, ""
        self._ended.clear()

    def wait_for_end(self) -> None:
        """Wait until everything that the call has written was read."""
        self._ended.wait(PATIENCE_SECONDS)

    def end(self) -> None:
        """Add the lines from here on to no run."""
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
                # A progress bar that draws over its line is shown now and then while it grows.
                if len(rest) >= (MAX_STORED_CHARS if b"\r" in rest else MOST_LINE_BYTES):
                    self._take(rest)
                    rest = b""
            self._take(rest)

    def _take(self, line: bytes) -> None:
        said, end, _ = line.partition(END)
        # A progress bar draws over its line: what it shows last counts.
        text = said.decode(errors="replace").rstrip().rpartition("\r")[2]
        with self._lock:
            run = self._run
            if text.strip():
                self._lines += 1
                self._last = clip(text, MAX_STORED_CHARS)
            told = self._lines <= MOST_LINES
        if text.strip() and told:
            if run is None:
                _log.info("a child process wrote: %s", clip(text, MAX_STORED_CHARS))
            else:
                _tell(run, text)
        if end:
            self._ended.set()


def _tell(run: context.ExecutionContext, line: str) -> None:
    pass_on(run, "log", (logging.INFO, line))


def say_end() -> None:
    """In the child: flush everything that the call has printed, and mark its end."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the task's own stream, or a closed one
            stream.flush()
    with contextlib.suppress(Exception):  # what C code has printed waits in buffers of its own
        ctypes.CDLL(None).fflush(None)
    with contextlib.suppress(OSError):
        os.write(2, END + b"\n")
