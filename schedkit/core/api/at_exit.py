"""Stop running schedulers when their process ends."""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401 - for the order of callbacks, see below
import contextlib
import functools
import logging
import os
import sys
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
# How often it is looked whether other threads keep the process alive.
_LOOK_SECONDS = 0.2
# Where the threads of thread and process pools are listed; their own callbacks, which come next, end them.
_POOLS = {"concurrent.futures.thread": "_threads_queues", "concurrent.futures.process": "_threads_wakeups"}


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
    # callbacks run. These run before, the last registered first: before those of concurrent.futures, which
    # are registered when it is imported.
    register = getattr(threading, "_register_atexit", atexit.register)
    register(functools.partial(_stop_at_exit, running, os.getpid()))
    return running


def _stop_at_exit(running: Iterable[Stoppable], pid: int) -> None:
    if os.getpid() == pid:  # a forked process ends too, and must leave its parent's ledgers alone
        with contextlib.suppress(KeyboardInterrupt):
            _wait_for_threads(running)
        stop_all(running)


def _wait_for_threads(running: Iterable[Stoppable]) -> None:
    """Wait until the threads have ended for which Python waits too, e.g. a web server's; schedulers continue.

    Python waits for them after this, when no thread pool takes work any more.
    """
    told = False
    while any(scheduler.state != "stopped" for scheduler in list(running)):
        threads = [thread for thread in threading.enumerate() if _keeps_alive(thread)]
        if not threads:
            return
        if not told:
            told = True
            names = ", ".join(thread.name for thread in threads)
            _log.info("the main thread has ended; the scheduler keeps running until these end: %s", names)
        threads[0].join(_LOOK_SECONDS)  # bounded, so that Interrupt is heard


def _keeps_alive(thread: threading.Thread) -> bool:
    if thread.daemon or thread in (threading.current_thread(), threading.main_thread()):
        return False
    if any(thread in getattr(sys.modules.get(module), name, ()) for module, name in _POOLS.items()):
        return False
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:  # one that waits for the end of the main thread would wait for ever
        if frame.f_code is threading.Thread.join.__code__:
            return frame.f_locals.get("self") is not threading.main_thread()
        frame = frame.f_back
    return True


def stop_all(running: Iterable[Stoppable]) -> None:
    """Stop what runs; one that fails harms no other."""
    for scheduler in list(running):
        if scheduler.state != "stopped":
            try:
                tell_what_has_not_run(scheduler.queries)
                scheduler.stop(PATIENCE)
            except (Exception, StopRequested):
                _log.exception("the scheduler could not be stopped at exit")
