"""``schedkit worker``: carry out the runs of homes elsewhere; and the same as a preload of a Dask worker."""

from __future__ import annotations

import asyncio  # Dask's worker is asyncio's
import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from schedkit.app import app
from schedkit.commands.declare import Declared, check_file
from schedkit.commands.log_handlers import log_as_set
from schedkit.commands.output import print_line
from schedkit.core.api.configuration import process_of_kind
from schedkit.core.execution.cluster.home_call import unprotected
from schedkit.core.execution.cluster.worker import WorkerSide
from schedkit.core.model import Task
from schedkit.core.tasks.parsers import parse_resources
from schedkit.errors import SchedkitError, UnavailableError, UsageError
from schedkit.values.extras import check_package
from schedkit.values.files import scratch_folder
from schedkit.values.text import counted, one_line

__all__ = ["WorkerTasks", "dask_setup", "run_worker"]


class WorkerTasks:
    """The tasks that files declare in a worker, which runs none of their schedules and opens no ledger."""

    def __init__(self) -> None:
        project = app()
        with scratch_folder() as folder, process_of_kind("worker"):
            scheduler = project.plain_scheduler(folder / "worker.db")
        project.stand_in = scheduler
        self._declared = Declared(project, scheduler, scheduled=False)
        self._files: set[Path] = set()
        self._lock = threading.Lock()

    def settings(self) -> None:
        """Declare the tasks of the project's settings."""
        self._declared.settings()

    def add(self, path: Path) -> None:
        """Declare the tasks of a file, unless that was done.

        Raises
        ------
        SchedkitError
            The file cannot be read or understood.
        """
        with self._lock:
            if path.resolve() not in self._files:
                self._declared.file(path)
                self._files.add(path.resolve())

    def load(self, path: Path) -> Sequence[str]:
        """Declare the tasks of a file, and return what is wrong with it."""
        known = len(self._declared.problems)
        try:
            self.add(path)
        except SchedkitError as error:
            return [one_line(str(error), 500)]
        return [str(problem) for problem in self._declared.problems[known:]]

    @property
    def problems(self) -> list[str]:
        """What could not be declared."""
        return [str(problem) for problem in self._declared.problems]

    def all(self) -> Mapping[str, Task]:
        """Return the tasks by name."""
        found = {name: handle.task for name, handle in self._declared.scheduler.tasks.items()}
        return {name: task for name, task in found.items() if task.function is not None}

    def side(self, worker: Any) -> WorkerSide:
        """Return what a Dask worker is with these tasks."""
        made = WorkerSide(self.all, self.load, worker)
        made.problems += self.problems
        return made


def run_worker(files: list[Path], *, dask: str, threads: int, resources: list[str], name: str | None) -> None:
    """Carry out runs of the tasks of the files, or else of the settings, until Ctrl-C.

    Raises
    ------
    UsageError
        A file declares nothing, or there is none.
    UnavailableError
        The cluster has ended.
    """
    check_package("distributed", "cluster", "workers")
    if told := unprotected(dask):
        print_line(f"warning: {told}", stderr=True)
    project = app()
    if not (files or project.settings.tasks):
        raise UsageError("nothing to run", hint="name report files or task modules")
    has = _resources(resources)
    for path in files:
        check_file(path)
    with log_as_set(project.settings.log, project.root):
        tasks = WorkerTasks()
        for path in files:
            tasks.add(path)
        if not files:
            tasks.settings()
        for problem in tasks.problems:
            print_line(f"skipped: {problem}", stderr=True)
        if not asyncio.run(_serve(tasks, dask, threads, has, name)):
            raise UnavailableError(f"the Dask cluster at {dask} has ended", hint="start it, then this worker")


def _resources(texts: list[str]) -> dict[str, float]:
    pairs = [text.partition("=") for text in texts]
    if wrong := [name for name, equals, _ in pairs if not (name and equals)]:
        raise UsageError(f"--resource {wrong[0]}: no amount", hint="write --resource memory=8GB")
    return parse_resources({name: amount for name, _, amount in pairs}, "--resource")


async def _serve(
    tasks: WorkerTasks, dask: str, threads: int, resources: Mapping[str, float], name: str | None
) -> bool:
    """Be a Dask worker until a signal or the end of the cluster; tell whether it was a signal."""
    import distributed

    from schedkit.core.execution.cluster.plugin import plugin

    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    worker = distributed.Worker(
        dask,
        nthreads=threads,
        name=name,
        resources=dict(resources),
        plugins=[plugin(tasks.side)],
        dashboard=False,
    )
    async with worker:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        had = counted(len(tasks.all()), "task")
        print_line(f"worker {worker.name} of {dask}: {had}; Ctrl-C ends it", stderr=True)
        ends = [loop.create_task(worker.finished()), loop.create_task(stopped.wait())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
    return stopped.is_set()


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
async def dask_setup(worker: Any, files: tuple[Path, ...]) -> None:
    """Make a Dask worker one of schedkit's: ``dask worker … --preload schedkit.commands.worker FILE…``."""
    from schedkit.core.execution.cluster.plugin import attach

    tasks = WorkerTasks()
    for path in files:
        tasks.add(path)
    await attach(worker, tasks.side)
