"""``schedkit serve``: the REST interface, beside the tasks of files or as a watcher of others."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from schedkit.app import app
from schedkit.commands.declare import Declared, check_file
from schedkit.core.api.scheduler import Scheduler
from schedkit.server import Server, ServerOptions, asgi
from schedkit.values.text import one_line

__all__ = ["serve_files"]

LONGEST_LINE = 2000  # characters


def serve_files(files: list[Path], options: ServerOptions, *, ledger: str | None) -> None:
    """Run the tasks that the files declare and serve them, until SIGINT or SIGTERM.

    Without files nothing runs here: the server shows what others run, and passes on what it is asked.
    The first signal lets requests and runs under way end; a second one does not wait for them.
    """
    for path in files:
        check_file(path)
    project = app()
    scheduler = project.scheduler(ledger)
    console = Console(stderr=True)
    _begin(Declared(project, scheduler, scheduled=True), scheduler, files, console)
    try:
        with Server(asgi(scheduler, options), options) as server:
            _say(console, f"serving {server.url} (documentation: {server.url}/docs); Ctrl-C ends it")
            Signals().wait(server.drain, lambda: scheduler.stop(), lambda: scheduler.stop("0s"))
    finally:
        scheduler.stop()


def _begin(declared: Declared, scheduler: Scheduler, files: list[Path], console: Console) -> None:
    for path in files:
        declared.file(path)
    for problem in declared.problems:
        _say(console, f"skipped: {problem}")
    if files:
        scheduler.start()
    else:
        scheduler.watch()


class Signals:
    """SIGINT and SIGTERM, counted."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, *_: object) -> None:
        self._count += 1

    def wait(self, drain: Callable[[], None], end: Callable[[], None], hurry: Callable[[], None]) -> None:
        """Wait for a signal, then `drain` and `end`; at another signal before that is over, `hurry`."""
        self._until(lambda: self._count > 0)
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


def _say(console: Console, text: str) -> None:
    console.print(one_line(text, LONGEST_LINE), highlight=False, markup=False, soft_wrap=True)
