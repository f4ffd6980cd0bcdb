"""In a notebook, what runs print or log without a handler goes to their own logs, not into cells.

A kernel shows what a thread prints below whichever cell ran last; warnings, and the log lines that nobody
handles, come the same way. The two streams stand behind ones that know our threads, which
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
from schedkit.errors import StopRequested
from schedkit.loop import live

__all__ = ["Diverted", "keep_cells_quiet"]


class Diverted:
    """A standard stream that takes the lines of our own threads for the log of the run they belong to.

    Parameters
    ----------
    stream : file
        The stream of everybody else.
    level : int
        The level of the lines, as in `logging`.
    """

    def __init__(self, stream: Any, level: int) -> None:
        self._stream = stream
        self._level = level
        self._begun: WeakKeyDictionary[context.Surroundings, str] = WeakKeyDictionary()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text`, or keep it until its line ends."""
        if not threading.current_thread().name.startswith("schedkit"):
            return int(self._stream.write(text))
        run = context.current()
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


def keep_cells_quiet() -> None:
    """Keep what our threads print and log out of the cells of this kernel; elsewhere it does nothing."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None:
        live("quiet cells", _divert)


def _divert() -> tuple[Diverted, Diverted]:
    # Not a `write` put on the streams themselves: IPython puts its own there for each cell and takes it back.
    made = Diverted(sys.stdout, logging.INFO), Diverted(sys.stderr, logging.WARNING)
    sys.stdout, sys.stderr = made
    return made
