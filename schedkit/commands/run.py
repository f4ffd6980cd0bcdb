"""``schedkit run``: run the tasks of files without a notebook."""

from __future__ import annotations

import functools
import signal
import threading
from pathlib import Path

from rich.console import Console

from schedkit.app import app
from schedkit.commands.bars import StageBars
from schedkit.commands.declare import Declared, check_file
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import Event, RunEnded
from schedkit.core.states import State
from schedkit.core.tasks.discover import from_entry_points, said_later
from schedkit.errors import RunError, SchedkitError, SettingsError, UsageError
from schedkit.values.text import one_line

__all__ = ["run_files", "until_interrupted"]

LONGEST_LINE = 2000  # characters


def run_files(files: list[Path], *, once: bool, plugins: bool, standby: bool, ledger: str | None) -> None:
    """Declare the tasks of the files; run each once, or all on their schedules until Ctrl-C.

    Raises
    ------
    RunError
        With `once`: a run did not end as DONE; the other runs are not affected.
    SettingsError
        With `once`: a task could not be declared; the other runs are not affected.
    """
    if not files and not plugins:
        raise UsageError("nothing to run", hint="name report files or task modules, or use --plugins")
    for path in files:
        check_file(path)
    project = app()
    scheduler = project.scheduler(ledger)
    console = Console(stderr=True)
    declared = Declared(project, scheduler, scheduled=not once)
    for path in files:
        declared.file(path)
    if plugins:
        found = from_entry_points(tell=said_later)
        declared.problems += found.problems
        declared.tasks(found.tasks, "plug-in")
    names, problems = list(declared.names), declared.problems
    for problem in problems:
        _say(console, f"skipped: {problem}")
    scheduler.start(standby=standby)
    try:
        if once:
            _run_each_once(scheduler, names, console)
            if problems:
                raise SettingsError(
                    f"{_tasks(len(problems))} could not be declared; the first: {problems[0]}"
                )
            return
        _say(console, f"running {_tasks(len(names))} on schedule until Ctrl-C; ledger: {scheduler.ledger}")
        scheduler.subscribe(functools.partial(_print_failure, console))
        until_interrupted()
    finally:
        scheduler.stop()


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
    for other in failed[1:]:
        _say(console, str(other))
    if failed:
        raise failed[0]


def _print_failure(console: Console, event: Event) -> None:
    """Print a line for a run that failed or timed out."""
    if isinstance(event, RunEnded) and event.after.state in (State.FAILED, State.TIMEOUT):
        at = f"{event.at.astimezone():%Y-%m-%d %H:%M:%S}"
        run = event.after
        hint = f" ({run.error['hint']})" if run.error and run.error.get("hint") else ""
        _say(console, f"{at} {run.task} {run.state}: {run.why}{hint}")


def _tasks(number: int) -> str:
    return "1 task" if number == 1 else f"{number} tasks"


def _say(console: Console, text: str) -> None:
    console.print(one_line(text, LONGEST_LINE), highlight=False, markup=False, soft_wrap=True)


def until_interrupted() -> None:
    """Wait for SIGINT or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(1):  # a bounded wait, because an unbounded one ignores signals on Windows
        pass
