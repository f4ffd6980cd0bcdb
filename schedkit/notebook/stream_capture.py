"""In a kernel, what runs print, or log without a handler, goes to the logs of the runs and not into cells.

A kernel shows what a thread prints below whichever cell ran last; warnings, and log lines without a
handler, come the same way. The two streams are wrapped in ones that recognise the library's threads, which
serves all of these: a handler on the root logger would make the user's ``logging.basicConfig`` do nothing.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from typing import Any
from weakref import WeakKeyDictionary

from schedkit import context
from schedkit.core.execution.log_capture import streams_are_captured
from schedkit.errors import StopRequested
from schedkit.loop import process_singleton
from schedkit.notebook.shell import in_kernel

__all__ = ["CapturedStream", "capture_streams"]


class CapturedStream:
    """A standard stream; lines that our own threads write to it go to the log of their run.

    Parameters
    ----------
    stream : file
        What all other threads write to.
    level : int
        The level of the lines, as in `logging`.
    """

    def __init__(self, stream: Any, level: int) -> None:
        self._stream = stream
        self._level = level
        self._begun: WeakKeyDictionary[context.ExecutionContext, str] = WeakKeyDictionary()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text`, or keep it until its line ends."""
        if not threading.current_thread().name.startswith("schedkit"):
            return int(self._stream.write(text))
        run = context.current()
        if isinstance(run, context.NoListener):
            # There is no log to take it; a listener of that kind would print it here again.
            return len(text)
        *lines, rest = (self._begun.get(run, "") + text).split("\n")
        # A progress bar draws over its line: what it shows last counts.
        self._begun[run] = _last_drawn(rest)
        # A run that was asked to stop hears of it at its next checkpoint, not in the middle of a library.
        with contextlib.suppress(StopRequested):
            for line in filter(str.strip, map(_last_drawn, lines)):
                run.log(self._level, line)
        return len(text)


def _last_drawn(line: str) -> str:
    return line.rpartition("\r")[2]


def capture_streams() -> None:
    """Keep what our threads print and log out of the cells of this kernel; without a kernel, do nothing."""
    if in_kernel():
        process_singleton("captured streams", _replace_streams)


def _replace_streams() -> tuple[CapturedStream, CapturedStream]:
    # Not a `write` put on the streams themselves: IPython puts its own there for each cell and takes it back.
    made = CapturedStream(sys.stdout, logging.INFO), CapturedStream(sys.stderr, logging.WARNING)
    sys.stdout, sys.stderr = made
    streams_are_captured()
    return made
