"""What the code of a run says through `logging` goes into the run's log, too.

It is taken where records are made: a handler on the root logger would make the user's ``logging.basicConfig``
do nothing, and keep warnings without a handler from being printed.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from schedkit import context
from schedkit.core.execution.remote_call import RemoteContext
from schedkit.core.execution.run_context import RunContext
from schedkit.errors import StopRequested
from schedkit.loop import process_singleton

__all__ = ["capture_logging", "streams_are_captured"]

# What libraries tell of themselves below this level would fill the log of a run.
_LEAST_LEVEL = logging.INFO


class _Capture:
    """Makes log records as `made` does, and tells the run in whose context each is made."""

    def __init__(self, made: Callable[..., logging.LogRecord]) -> None:
        self.streams = False
        self._made = made
        self._formatter = logging.Formatter()

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._made(*args, **kwargs)
        run = context.current()
        if isinstance(run, RunContext | RemoteContext):
            # A wrong format is told by logging itself; a run that was asked to stop hears of it elsewhere.
            with suppress(Exception, StopRequested):
                self._tell(run, record)
        return record

    def _tell(self, run: RunContext | RemoteContext, record: logging.LogRecord) -> None:
        ours = record.name.partition(".")[0] == "schedkit"
        if record.levelno < _LEAST_LEVEL or ours or (self.streams and _is_printed(record)):
            return
        run.log(record.levelno, self._formatter.format(record))


def _installed() -> _Capture:
    def install() -> _Capture:
        made = logging.getLogRecordFactory()
        if not isinstance(made, _Capture):  # else this process was forked from one that has it
            logging.setLogRecordFactory(made := _Capture(made))
        return made

    return process_singleton("captured logging", install)


def capture_logging() -> None:
    """Have what runs in this process say through `logging` go into their logs."""
    _installed()


def streams_are_captured() -> None:
    """Take note that what is printed in this process goes into the logs of runs by another way."""
    _installed().streams = True


def _is_printed(record: logging.LogRecord) -> bool:
    """Tell whether a handler prints a record to a standard stream."""
    logger: logging.Logger | None = logging.getLogger(record.name)
    handlers: list[logging.Handler] = []
    while logger is not None:
        handlers += logger.handlers
        logger = logger.parent if logger.propagate else None
    if not handlers and logging.lastResort is not None:
        handlers = [logging.lastResort]
    return any(
        record.levelno >= handler.level and getattr(handler, "stream", None) in (sys.stdout, sys.stderr)
        for handler in handlers
    )
