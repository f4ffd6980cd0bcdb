"""Jobs that are to run at once and wait for the scheduler to start, as APScheduler's pending jobs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from schedkit.core.compat.host import Host
from schedkit.core.events import Event, NodeChanged, TaskChanged
from schedkit.errors import SchedkitError

__all__ = ["PendingJobs"]

_log = logging.getLogger("schedkit")


class PendingJobs:
    """The names of such jobs, and single runs that were requested, in the order in which they were added.

    Parameters
    ----------
    submit : callable
        Submits a run of a task by its name, and does not wait for it.
    """

    def __init__(self, scheduler: Host, submit: Callable[[str], object]) -> None:
        self._scheduler, self._submit = scheduler, submit
        self._names: dict[str, Callable[[], object] | None] = {}
        self._lock = threading.Lock()
        self._unsubscribe: Callable[[], None] | None = None

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def add(self, name: str, submit: Callable[[], object] | None = None) -> None:
        """Let a job run, or have `submit` called, when this scheduler begins to run."""
        with self._lock:
            self._names[name] = submit
            if self._unsubscribe is None:
                self._unsubscribe = self._scheduler.subscribe(self._hear)
        self.submit()  # it may have begun meanwhile

    def discard(self, name: str) -> None:
        """Do not run a job: it was added again."""
        with self._lock:
            self._names.pop(name, None)

    def _hear(self, event: Event) -> None:
        resumed = isinstance(event, TaskChanged) and event.row is None and event.change == "resumed"
        if isinstance(event, NodeChanged) or resumed:
            self.submit()

    def submit(self) -> None:
        """Submit them if this scheduler runs and is not paused."""
        if self._scheduler.state != "running" or self._scheduler.paused:
            return
        with self._lock:
            names, self._names = self._names, {}
            if self._unsubscribe is not None:
                self._unsubscribe()
                self._unsubscribe = None
        for name, submit in names.items():
            try:
                if submit is None:
                    self._submit(name)
                else:
                    submit()
            except SchedkitError as error:
                _log.warning("job %r could not be submitted when the scheduler started: %s", name, error)
