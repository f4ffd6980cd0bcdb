"""``schedkit serve``: the REST interface, beside the tasks of files or as a watcher of others."""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from schedkit.app import app
from schedkit.commands.declare import Declared, check_file
from schedkit.commands.log_handlers import log_as_set
from schedkit.commands.output import print_line
from schedkit.core.api.configuration import process_of_kind
from schedkit.core.api.scheduler import Scheduler
from schedkit.server import Server, ServerOptions, asgi
from schedkit.settings import unmatched_tasks

__all__ = ["serve_files"]


def serve_files(files: list[Path], options: ServerOptions, *, ledger: str | None) -> None:
    """Run the tasks that the files declare and serve them, until SIGINT, SIGTERM or ``schedkit nodes --end``.

    Without files nothing runs here: the server shows what others run, and passes on what it is asked.
    The first signal lets requests and runs under way end; a second one does not wait for them.
    """
    for path in files:
        check_file(path)
    project = app()
    with log_as_set(project.settings.log, project.root):
        with process_of_kind("server"):
            scheduler = project.scheduler(ledger)
        _begin(Declared(project, scheduler, scheduled=True), scheduler, files)
        try:
            with Server(asgi(scheduler, options), options) as server:
                _say(f"serving {server.url} (documentation: {server.url}/docs); Ctrl-C ends it")
                signals = Signals(lambda: scheduler.state == "stopped")
                signals.wait(server.drain, lambda: scheduler.stop(), lambda: scheduler.stop("0s"))
        finally:
            scheduler.stop()


def _begin(declared: Declared, scheduler: Scheduler, files: list[Path]) -> None:
    for path in files:
        declared.file(path)
    for problem in declared.problems:
        _say(f"skipped: {problem}")
    for warning in declared.warnings:
        _say(f"warning: {warning}")
    if files:
        scheduler.start()
    else:
        scheduler.watch()
    for warning in unmatched_tasks(app().settings.notify, scheduler.tasks):
        _say(f"warning: {warning}")


class Signals:
    """SIGINT and SIGTERM, counted.

    Parameters
    ----------
    ended : callable
        Tells whether there is nothing left to end.
    """

    def __init__(self, ended: Callable[[], bool] = lambda: False) -> None:
        self._ended = ended
        self._changed = threading.Condition()
        self._count = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, *_: object) -> None:
        self._count += 1

    def wait(self, drain: Callable[[], None], end: Callable[[], None], hurry: Callable[[], None]) -> None:
        """Wait for a signal, then `drain` and `end`; at another signal before that is over, `hurry`."""
        self._until(lambda: self._count > 0 or self._ended())
        drain()
        ending = threading.Thread(target=end, name="schedkit-end", daemon=True)
        ending.start()
        self._until(lambda: self._count > 1 or not ending.is_alive())
        if ending.is_alive():
            hurry()
            ending.join()

    def _until(self, reached: Callable[[], bool]) -> None:
        with self._changed:
            # Bounded waits: a handler runs only between them on Windows.
            while not reached():
                self._changed.wait(0.1)


_say = functools.partial(print_line, stderr=True)
