"""``schedkit run``: the same files headless."""

from __future__ import annotations

import runpy
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from schedkit.app import App, app
from schedkit.commands.bars import StageBars
from schedkit.core.discover import Found, Problem, from_entry_points
from schedkit.core.scheduler import Scheduler
from schedkit.core.tasks_block import yaml_tasks
from schedkit.errors import RunError, SchedkitError, SettingsError, UsageError
from schedkit.report.load import read_text, report_of
from schedkit.report.yamlfile import parse_yaml_all

__all__ = ["declare", "run_files", "until_interrupted"]


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
    project = app()
    scheduler = project.scheduler(ledger)
    console = Console(stderr=True)
    problems: list[Problem] = []
    names = declare(project, scheduler, files, scheduled=not once, problems=problems)
    if plugins:
        names += _add(scheduler, from_entry_points(), problems)
    for problem in problems:
        console.print(f"left out: {problem}", highlight=False, markup=False, soft_wrap=True)
    scheduler.start(standby=standby)
    try:
        if once:
            _run_each_once(scheduler, names, console)
            if problems:
                raise SettingsError(f"{len(problems)} could not be declared; the first: {problems[0]}")
            return
        told = f"{len(names)} tasks on schedule, until Ctrl-C; ledger: {scheduler.ledger}"
        console.print(told, highlight=False, soft_wrap=True)
        until_interrupted()
    finally:
        scheduler.stop()


def declare(
    project: App, scheduler: Scheduler, files: list[Path], *, scheduled: bool, problems: list[Problem]
) -> list[str]:
    """Declare the tasks of every file and return their names; tasks that cannot be join `problems`."""
    names: list[str] = []
    for path in files:
        if path.suffix not in _KINDS:
            raise UsageError(
                f"{path} is neither a report nor a task module", hint="name .yaml, .py or .ipynb files"
            )
        if not path.is_file():
            raise UsageError(f"cannot read {path}: no such file", hint="name a report or a task module")
        before = set(scheduler.tasks)
        problems += _KINDS[path.suffix](path, project, scheduler, scheduled)
        names += sorted(set(scheduler.tasks) - before)
    return names


def _add(scheduler: Scheduler, found: Found, problems: list[Problem]) -> list[str]:
    problems += found.problems
    names: list[str] = []
    for task in found.tasks:
        try:
            names.append(scheduler.add(task).name)
        except UsageError as error:
            problems.append(Problem(f"task {task.name!r}", str(error)))
    return names


def _declare_yaml(path: Path, project: App, scheduler: Scheduler, scheduled: bool) -> list[Problem]:
    """Declare reports and ``tasks:`` blocks; task modules beside the file can be imported."""
    problems: list[Problem] = []
    documents = list(parse_yaml_all(read_text(path), str(path)))
    if not documents:
        raise SettingsError(f"{path} holds no report", hint="write name:, extract: and deliver:")
    for document in documents:
        if isinstance(document.value, dict) and "tasks" in document.value:
            sys.path.insert(0, str(path.resolve().parent))
            found = yaml_tasks(
                document.value["tasks"] or {},
                package=document.value.get("package", "tasks"),
                known={name: handle.task for name, handle in scheduler.tasks.items()},
                defaults=project.settings.scheduler.job_defaults.model_dump(),
            )
            _add(scheduler, found, problems)
        else:
            project.add_report(scheduler, report_of(document), scheduled=scheduled)
    return problems


def _execute_module(path: Path, project: App, scheduler: Scheduler, scheduled: bool) -> list[Problem]:
    # Scheduler() inside the module is this very scheduler: one a process and ledger.
    runpy.run_path(str(path), run_name="schedkit_tasks")
    return []


def _execute_notebook(path: Path, project: App, scheduler: Scheduler, scheduled: bool) -> list[Problem]:
    from IPython.core.interactiveshell import InteractiveShell

    shell: Any = InteractiveShell.instance()
    shell.safe_execfile_ipy(str(path), raise_exceptions=True)
    return []


_KINDS: dict[str, Callable[[Path, App, Scheduler, bool], list[Problem]]] = {
    ".yaml": _declare_yaml,
    ".yml": _declare_yaml,
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
