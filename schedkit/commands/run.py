"""``schedkit run``: the same files headless."""

from __future__ import annotations

import runpy
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from schedkit.app import App, app
from schedkit.commands.bars import StageBars
from schedkit.core.scheduler import Scheduler
from schedkit.errors import RunError, SchedkitError, UsageError
from schedkit.report import load_reports

__all__ = ["declare", "run_files", "until_interrupted"]


def run_files(files: list[Path], *, once: bool, ledger: str | None) -> None:
    """Declare what the files hold; run each task once, or all on their schedules until Ctrl-C.

    Raises
    ------
    RunError
        With `once`: a run did not end as DONE; the others ran all the same.
    """
    project = app()
    scheduler = project.scheduler(ledger)
    names = declare(project, scheduler, files, scheduled=not once)
    console = Console(stderr=True)
    with scheduler:
        if once:
            _run_each_once(scheduler, names, console)
            return
        console.print(
            f"{len(names)} tasks on schedule, until Ctrl-C; ledger: {scheduler.ledger}", highlight=False
        )
        until_interrupted()


def declare(project: App, scheduler: Scheduler, files: list[Path], *, scheduled: bool) -> list[str]:
    """Declare the tasks of every file and return their names."""
    names: list[str] = []
    for path in files:
        if path.suffix not in _KINDS:
            raise UsageError(
                f"{path} is neither a report nor a task module", hint="name .yaml, .py or .ipynb files"
            )
        if not path.is_file():
            raise UsageError(f"cannot read {path}: no such file", hint="name a report or a task module")
        before = set(scheduler.tasks)
        _KINDS[path.suffix](path, project, scheduler, scheduled)
        names += sorted(set(scheduler.tasks) - before)
    return names


def _declare_reports(path: Path, project: App, scheduler: Scheduler, scheduled: bool) -> None:
    for report in load_reports(path):
        project.add_report(scheduler, report, scheduled=scheduled)


def _execute_module(path: Path, project: App, scheduler: Scheduler, scheduled: bool) -> None:
    # Scheduler() inside the module is this very scheduler: one a process and ledger.
    runpy.run_path(str(path), run_name="schedkit_tasks")


def _execute_notebook(path: Path, project: App, scheduler: Scheduler, scheduled: bool) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell: Any = InteractiveShell.instance()
    shell.safe_execfile_ipy(str(path), raise_exceptions=True)


_KINDS: dict[str, Callable[[Path, App, Scheduler, bool], None]] = {
    ".yaml": _declare_reports,
    ".yml": _declare_reports,
    ".py": _execute_module,
    ".ipynb": _execute_notebook,
}


def _run_each_once(scheduler: Scheduler, names: list[str], console: Console) -> None:
    failed: list[SchedkitError] = []
    with StageBars(console) as bars:
        unsubscribe = scheduler.subscribe(bars)
        try:
            for handle in [scheduler.submit(name) for name in names]:
                try:
                    handle.result()
                except RunError as error:
                    failed.append(error)
        finally:
            unsubscribe()
    if failed:
        raise failed[0]


def until_interrupted() -> None:
    """Wait for SIGINT or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(1):  # a bounded wait, because an unbounded one ignores signals on Windows
        pass
