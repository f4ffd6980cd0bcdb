"""``schedkit serve``: the REST interface, beside the tasks of files or as a watcher of others."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from schedkit.app import app
from schedkit.commands.declare import Declared, check_file
from schedkit.commands.log_handlers import log_as_set
from schedkit.commands.output import print_line
from schedkit.commands.process_names import process_name
from schedkit.commands.server_process import ServerProcess
from schedkit.commands.signals import end_in_order, until_interrupted
from schedkit.core.api.configuration import process_of_kind
from schedkit.core.api.scheduler import Scheduler
from schedkit.server import Server, ServerOptions, asgi
from schedkit.settings import unmatched_tasks

__all__ = ["serve_files"]

# Windows passes no sockets to a new process by their numbers: there one process does both.
TWO_PROCESSES = sys.platform != "win32"


def serve_files(files: list[Path], options: ServerOptions, *, ledger: str | None) -> None:
    """Run the tasks that the files declare and serve them, until SIGINT, SIGTERM or ``schedkit nodes --end``.

    The server is then a process beside this one, except on Windows, so that requests do not delay schedules.
    Without files nothing runs here: the server shows what others run, and passes on what it is asked.
    The first signal lets requests and runs under way end; a second one does not wait for them.
    """
    for path in files:
        check_file(path)
    project = app()
    with log_as_set(project.settings.log, project.root):
        with process_of_kind("server", process_name("serve", files)):
            scheduler = project.scheduler(ledger)
        try:
            if files and TWO_PROCESSES:
                _run_beside(scheduler, files, options, ledger)
            else:
                _run_here(scheduler, files, options)
        finally:
            scheduler.stop()


def _run_here(scheduler: Scheduler, files: list[Path], options: ServerOptions) -> None:
    """Serve from this process, which runs the files, or only watches where there are none."""
    if files:
        _declare(Declared(app(), scheduler, scheduled=True), files)
        scheduler.start()
    else:
        scheduler.watch()
    _warn_of_unmatched(scheduler)
    with Server(asgi(scheduler, options), options) as server:
        _say_where(server.url)
        until_interrupted(lambda: scheduler.state != "stopped")
        server.drain()
        end_in_order(scheduler.stop, lambda: scheduler.stop("0s"))


def _run_beside(scheduler: Scheduler, files: list[Path], options: ServerOptions, ledger: str | None) -> None:
    server = ServerProcess(options, ledger)  # it imports what it needs while the files are read
    try:
        _declare(Declared(app(), scheduler, scheduled=True), files)
        scheduler.start()
        _warn_of_unmatched(scheduler)
        server.ready(scheduler)
        _say_where(server.url)

        def goes_on() -> bool:
            server.look(scheduler)
            return scheduler.state != "stopped"

        until_interrupted(goes_on)
        server.drain()
        end_in_order(scheduler.stop, lambda: scheduler.stop("0s"))
    finally:
        server.stop()


def _declare(declared: Declared, files: list[Path]) -> None:
    for path in files:
        declared.file(path)
    for problem in declared.problems:
        _say(f"skipped: {problem}")
    for warning in declared.warnings:
        _say(f"warning: {warning}")


def _warn_of_unmatched(scheduler: Scheduler) -> None:
    for warning in unmatched_tasks(app().settings.notify, scheduler.tasks):
        _say(f"warning: {warning}")


def _say_where(url: str) -> None:
    _say(f"serving {url} (documentation: {url}/docs); Ctrl-C ends it")


_say = functools.partial(print_line, stderr=True)
