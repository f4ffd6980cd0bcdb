"""Stop running schedulers when their process ends."""

from __future__ import annotations

import atexit
import functools
import importlib
import logging
import os
import threading
import weakref
from collections.abc import Iterable
from typing import Protocol

from schedkit.core.api.queries import Queries
from schedkit.core.api.script_life import tell_what_has_not_run
from schedkit.errors import StopRequested
from schedkit.loop import process_singleton

__all__ = ["stop_all", "stop_at_exit"]

_log = logging.getLogger("schedkit")

# How long a stop at the end of the process waits for running attempts.
PATIENCE = "2s"


class Stoppable(Protocol):
    """A scheduler, as far as this file needs it."""

    @property
    def state(self) -> str:
        """``"stopped"``, or another word while it runs."""
        ...

    @property
    def queries(self) -> Queries:
        """What is known of its tasks and runs."""
        ...

    def stop(self, patience: str, /) -> None:
        """Stop within `patience`."""
        ...


def stop_at_exit(scheduler: Stoppable) -> None:
    """Stop a scheduler when the process ends, if it still runs then."""
    process_singleton("running schedulers", _watch_the_exit).add(scheduler)


def _watch_the_exit() -> weakref.WeakSet[Stoppable]:
    running: weakref.WeakSet[Stoppable] = weakref.WeakSet()
    # A graceful stop needs worker threads, which are gone (and on newer Pythons cannot be made) when atexit's
    # callbacks run. These run before, the last registered first; concurrent.futures must have had its turn.
    importlib.import_module("concurrent.futures.thread")
    register = getattr(threading, "_register_atexit", atexit.register)
    register(functools.partial(_stop_at_exit, running, os.getpid()))
    return running


def _stop_at_exit(running: Iterable[Stoppable], pid: int) -> None:
    if os.getpid() == pid:  # a forked process ends too, and must leave its parent's ledgers alone
        stop_all(running)


def stop_all(running: Iterable[Stoppable]) -> None:
    """Stop what runs; one that fails harms no other."""
    for scheduler in list(running):
        if scheduler.state != "stopped":
            try:
                tell_what_has_not_run(scheduler.queries)
                scheduler.stop(PATIENCE)
            except (Exception, StopRequested):
                _log.exception("the scheduler could not be stopped at exit")
