"""``schedkit run``: the same files headless."""

from __future__ import annotations

import functools
import signal
import threading
from pathlib import Path

from rich.console import Console

from schedkit.app import app
from schedkit.commands.bars import StageBars
from schedkit.commands.declare import Declared, check_file
from schedkit.commands.words import one_line
from schedkit.core.api.facade import Scheduler
from schedkit.core.events import Event, RunEnded
from schedkit.core.states import State
from schedkit.core.tasks.discover import from_entry_points, said_later
from schedkit.errors import RunError, SchedkitError, SettingsError, UsageError

__all__ = ["run_files", "until_interrupted"]


def run_files(files: list[Path], *, once: bool, plugins: bool, standby: bool, ledger: str | None) -> None:
    """Declare what the files hold; run each task once, or all on their schedules until Ctrl-C.

    Raises
    ------
    RunError
        With `once`: a run did not end as DONE; the others ran all the same.
    SettingsError
        With `once`: a task could not be declared; the others ran all the same.
    """
    if not files and not plugins:
        raise UsageError("nothing to run", hint="name report files or task modules, or say --plugins")
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
        _say(console, f"left out: {problem}")
    scheduler.start(standby=standby)
    try:
        if once:
            _run_each_once(scheduler, names, console)
            if problems:
                raise SettingsError(f"{len(problems)} could not be declared; the first: {problems[0]}")
            return
        tasks = "1 task" if len(names) == 1 else f"{len(names)} tasks"
        _say(console, f"{tasks} on schedule, until Ctrl-C; ledger: {scheduler.ledger}")
        scheduler.subscribe(functools.partial(_tell_failure, console))
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


def _tell_failure(console: Console, event: Event) -> None:
    """Print a line for a run that ended badly: nobody should have to ask the ledger for that."""
    if isinstance(event, RunEnded) and event.state in (State.FAILED, State.TIMEOUT):
        at = f"{event.at.astimezone():%Y-%m-%d %H:%M:%S}"
        error = event.error or {}
        why = ": ".join(filter(None, (error.get("type"), error.get("message") or event.reason)))
        hint = f" ({error['hint']})" if error.get("hint") else ""
        _say(console, f"{at} {event.task} {event.state}: {why}{hint}")


def _say(console: Console, text: str) -> None:
    console.print(one_line(text), highlight=False, markup=False, soft_wrap=True)


def until_interrupted() -> None:
    """Wait for SIGINT or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(1):  # a bounded wait, because an unbounded one ignores signals on Windows
        pass
