"""``schedkit serve``: the REST interface, beside the tasks of files or as a watcher of others."""

from __future__ import annotations

import functools
from pathlib import Path

from schedkit.app import app
from schedkit.commands.declare import Declared, check_file
from schedkit.commands.log_handlers import log_as_set
from schedkit.commands.output import print_line
from schedkit.commands.process_names import process_name
from schedkit.commands.signals import end_in_order, until_interrupted
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
        with process_of_kind("server", process_name("serve", files)):
            scheduler = project.scheduler(ledger)
        _begin(Declared(project, scheduler, scheduled=True), scheduler, files)
        try:
            with Server(asgi(scheduler, options), options) as server:
                _say(f"serving {server.url} (documentation: {server.url}/docs); Ctrl-C ends it")
                until_interrupted(lambda: scheduler.state != "stopped")
                server.drain()
                end_in_order(scheduler.stop, lambda: scheduler.stop("0s"))
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


_say = functools.partial(print_line, stderr=True)
