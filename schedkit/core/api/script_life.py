"""For scripts that run a scheduler: stay alive, and warn if the script ends before anything has run."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from schedkit.core.api.front_end import NoFrontEnd, front_end
from schedkit.core.api.queries import Queries
from schedkit.values.durations import Duration

__all__ = ["run_forever", "tell_what_has_not_run"]

_log = logging.getLogger("schedkit")

# How often it is looked whether the scheduler was stopped: an unbounded wait ignores signals on Windows.
LOOK_SECONDS = 0.5


class Runnable(Protocol):
    """A scheduler, as far as this file needs it."""

    @property
    def state(self) -> str: ...
    def start(self) -> None: ...
    def stop(self, deadline: Duration, /) -> None: ...


def run_forever(scheduler: Runnable, deadline: Duration) -> None:
    """Start a scheduler, and stop it on SIGINT or SIGTERM; return once it is stopped, by whomever."""
    with _ending_signals() as told:
        scheduler.start()
        while scheduler.state == "running" and not told.wait(LOOK_SECONDS):
            pass
    scheduler.stop(deadline)


@contextmanager
def _ending_signals() -> Iterator[threading.Event]:
    """Have SIGINT and SIGTERM set an event; they reach the main thread only."""
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    before = {
        number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tell_what_has_not_run(queries: Queries) -> None:
    """Warn that a script ends right after it has started its scheduler: none of its due times has come."""
    if hasattr(sys, "ps1") or sys.flags.interactive or not isinstance(front_end(), NoFrontEnd):
        return  # another caller ends it
    rows = [row for row in map(queries.row, queries.at_home()) if row is not None and not row.paused]
    coming = sorted((row.next_at, row.name) for row in rows if row.next_at is not None)
    if not coming or queries.paused() or _has_run(queries):
        return
    at, name = coming[0]
    tasks = "1 scheduled task has" if len(coming) == 1 else f"{len(coming)} scheduled tasks have"
    _log.warning(
        "the script ends, and its scheduler with it: %s not run (next: %r, at %s). End the script with "
        "sched.run_forever(), or run it with `schedkit run FILE`",
        tasks,
        name,
        f"{at.astimezone():%Y-%m-%d %H:%M:%S}",
    )


def _has_run(queries: Queries) -> bool:
    """Tell whether a due time has come since this process has been running tasks."""
    since = max((node.since for node in queries.nodes() if node.here), default=None)
    runs = queries.ledger.runs(limit=100)
    return since is None or any(run.cause == "schedule" and run.queued_at >= since for run in runs)
