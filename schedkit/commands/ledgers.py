"""How commands reach a ledger: to look, or to ask the processes that run there."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schedkit.app import app
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.run import Run
from schedkit.errors import UsageError
from schedkit.values.text import did_you_mean

__all__ = ["asking", "existing_ledger", "known_task", "latest_run", "looking"]


def existing_ledger(ledger: str | None) -> str:
    """Return where a ledger is, which exists if it is a file.

    Raises
    ------
    UsageError
        There is no such file.
    """
    place = app().ledger(ledger)
    if "://" not in place and not Path(place).exists():
        raise UsageError(f"there is no ledger at {place}", hint="`schedkit run FILE` creates one")
    return place


@contextmanager
def looking(ledger: str | None) -> Iterator[Scheduler]:
    """Open an existing ledger to look."""
    existing_ledger(ledger)
    with app().plain_scheduler(ledger).viewing() as scheduler:
        yield scheduler


def _person() -> str:
    """Return who types: what is done through the command line is recorded as done by this person."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return "schedkit"


@contextmanager
def asking(ledger: str | None) -> Iterator[Scheduler]:
    """Follow the processes at an existing ledger and send them commands; runs nothing."""
    existing_ledger(ledger)
    scheduler = app().plain_scheduler(ledger, name=_person())
    scheduler.watch()
    try:
        yield scheduler
    finally:
        scheduler.stop()


def known_task(scheduler: Scheduler, name: str) -> str:
    """Return the name of a task of the ledger.

    Raises
    ------
    UsageError
        No task is called so; near matches are named.
    """
    if name not in scheduler.tasks:
        hint = did_you_mean(name, scheduler.tasks, otherwise="`schedkit tasks` lists the tasks")
        raise UsageError(f"no task is called {name!r}", hint=hint)
    return name


def latest_run(scheduler: Scheduler, name: str) -> Run:
    """Return a run by its id, or the latest run of a task.

    Raises
    ------
    UsageError
        There is neither.
    """
    if name in scheduler.tasks:
        runs = scheduler.runs(name, limit=1)
        if not runs:
            raise UsageError(f"task {name!r} has no runs yet", hint=f"schedkit trigger {name}")
        return runs[0]
    try:
        return scheduler.run(name).run
    except UsageError:
        raise UsageError(
            f"no run or task is called {name!r}",
            hint=did_you_mean(
                name, scheduler.tasks, otherwise="`schedkit runs` lists the runs with their ids"
            ),
        ) from None
