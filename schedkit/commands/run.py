"""``schedkit run``: run the tasks of files without a notebook."""

from __future__ import annotations

import functools
from pathlib import Path

from schedkit.app import app
from schedkit.commands.bars import StageBars
from schedkit.commands.declare import Declared, check_file
from schedkit.commands.log_handlers import log_as_set, logs_to_terminal
from schedkit.commands.output import console, print_line
from schedkit.commands.parameters import read_parameters
from schedkit.commands.process_names import process_name
from schedkit.commands.signals import end_in_order, sigterm_as_interrupt, until_interrupted
from schedkit.commands.watch import WatchedFiles, take_up
from schedkit.core.api.configuration import process_of_kind
from schedkit.core.events import Event, RunEnded
from schedkit.core.states import State
from schedkit.core.tasks.discover import from_entry_points, said_later
from schedkit.errors import RunError, SchedkitError, SettingsError, UsageError
from schedkit.settings import unmatched_tasks
from schedkit.values.text import counted

__all__ = ["run_files"]


def run_files(
    files: list[Path], *, once: bool, watch: bool, plugins: bool, given: list[str], ledger: str | None
) -> None:
    """Declare the tasks of the files; run each once, or all on their schedules until Ctrl-C or SIGTERM.

    Without files they are those of the settings' ``tasks:``. The first signal lets runs under way end; a
    second one does not wait for them.

    Raises
    ------
    RunError
        With `once`: a run did not end as DONE; the other runs are not affected.
    SettingsError
        With `once`: a task could not be declared; the other runs are not affected.
    """
    project = app()
    if not (files or plugins or project.settings.tasks):
        raise UsageError("nothing to run", hint="name report files or task modules, or use --plugins")
    if once and watch:
        raise UsageError("--once and --watch exclude each other", hint="give one of them")
    params = read_parameters(given)
    for path in files:
        check_file(path)
    with log_as_set(project.settings.log, project.root):
        with process_of_kind("headless", process_name("run", files)):
            scheduler = project.scheduler(ledger)
        declared = Declared(project, scheduler, scheduled=not once, given=params)
        _declare(declared, files, plugins=plugins)
        for problem in declared.problems:
            _say(f"skipped: {problem}")
        for warning in declared.warnings:
            _say(f"warning: {warning}")
        scheduler.start()
        for warning in unmatched_tasks(project.settings.notify, scheduler.tasks):
            _say(f"warning: {warning}")
        try:
            if once:
                with sigterm_as_interrupt():
                    _run_each_once(declared)
            else:
                _run_until_interrupted(declared, files if watch else [])
        finally:
            scheduler.stop()


def _declare(declared: Declared, files: list[Path], *, plugins: bool) -> None:
    for path in files:
        declared.file(path)
    if not (files or plugins):
        declared.settings()
    if plugins:
        found = from_entry_points(tell=said_later)
        declared.problems += found.problems
        declared.tasks(found.tasks, "plug-in")
    declared.refuse_unused_parameters()


def _run_each_once(declared: Declared) -> None:
    scheduler, failed, other = declared.scheduler, list[SchedkitError](), _other_code(declared)
    with StageBars(console(stderr=True)) as bars:
        unsubscribe = scheduler.subscribe(bars)
        try:
            for handle in [scheduler.submit(name) for name in declared.names if name not in other]:
                try:
                    handle.result()
                except RunError as error:
                    failed.append(error)
        finally:
            unsubscribe()
    for later in failed[1:]:
        _say(str(later))
    if failed:
        raise failed[0]
    if other:
        names = ", ".join(map(repr, other))
        raise SettingsError(
            f"{counted(len(other), 'task')} did not run: another process runs other code as {names}",
            hint="give it another name, end that process, or declare it with replace=True",
        )
    if declared.problems:
        raise SettingsError(
            f"{counted(len(declared.problems), 'task')} could not be declared; "
            f"the first: {declared.problems[0]}"
        )


def _other_code(declared: Declared) -> list[str]:
    """Return the tasks that another process runs with other code; the scheduler has told of each."""
    ours = {*declared.scheduler.at_home, *declared.scheduler.standing_by}
    return [name for name in declared.names if name not in ours]


def _run_until_interrupted(declared: Declared, watched: list[Path]) -> None:
    scheduler, number = declared.scheduler, len(declared.names) - len(_other_code(declared))
    _say(f"running {counted(number, 'task')} on schedule until Ctrl-C; ledger: {scheduler.ledger}")
    if not logs_to_terminal(app().settings.log):  # else it is in the log
        scheduler.subscribe(_print_failure)
    files = WatchedFiles(watched)
    declared.problems = []

    def go_on() -> bool:
        if watched:
            take_up(declared, files.changed(), _say)
        return scheduler.running

    until_interrupted(go_on)
    if not scheduler.running:
        _say("the scheduler was stopped: this process ends")
    end_in_order(scheduler.stop, lambda: scheduler.stop("0s"))


def _print_failure(event: Event) -> None:
    """Print a line for a run that failed or timed out."""
    if isinstance(event, RunEnded) and event.after.state in (State.FAILED, State.TIMEOUT):
        at = f"{event.at.astimezone(app().tz):%Y-%m-%d %H:%M:%S}"
        run = event.after
        hint = f" ({run.error['hint']})" if run.error and run.error.get("hint") else ""
        _say(f"{at} {run.task} {run.state}: {run.why}{hint}")


_say = functools.partial(print_line, stderr=True)
