"""``schedkit tasks`` and ``schedkit history``: what the ledger knows, read beside whoever owns it."""

from __future__ import annotations

import difflib
from pathlib import Path

from rich.console import Console
from rich.table import Table

from schedkit.app import app
from schedkit.core.scheduler.facade import Scheduler
from schedkit.errors import UsageError

__all__ = ["show_history", "show_tasks"]


def show_tasks(ledger: str | None) -> None:
    """Print a line per task."""
    with _ledger(ledger).viewing() as scheduler:
        board = scheduler.board()
    table = _table("task", "state", "trigger", "next run", "last", "tags")
    for task in board["tasks"]:
        last = (task["last"] or {}).get("state") or ""
        table.add_row(
            task["name"],
            task["state"],
            task["trigger"] or "",
            task["next_run"] or "",
            last,
            ", ".join(task["tags"]),
        )
    _print(table)


def show_history(task: str | None, *, limit: int, ledger: str | None) -> None:
    """Print a line per run, the latest first."""
    with _ledger(ledger).viewing() as scheduler:
        if task is not None and task not in scheduler.tasks:
            near = difflib.get_close_matches(task, list(scheduler.tasks), n=1)
            raise UsageError(
                f"no task is called {task!r}",
                hint=f"did you mean {near[0]!r}?" if near else "`schedkit tasks` lists them",
            )
        runs = scheduler.runs(task, limit=limit)
    table = _table("run", "task", "state", "due", "seconds", "attempts", "reason")
    for run in runs:
        took = "" if run.seconds is None else f"{run.seconds:.2f}"
        table.add_row(
            run.id,
            run.task,
            str(run.state),
            run.due_at.isoformat(timespec="seconds"),
            took,
            str(run.attempt),
            run.reason,
        )
    _print(table)


def _ledger(ledger: str | None) -> Scheduler:
    """Return the scheduler on a ledger that exists: looking must not make one."""
    place = app().ledger(ledger)
    if "://" not in place and not Path(place).exists():
        raise UsageError(f"there is no ledger at {place}", hint="`schedkit run FILE` makes one")
    return app().plain_scheduler(ledger)


def _table(*names: str) -> Table:
    table = Table()
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _print(table: Table) -> None:
    console = Console()
    # A pipe has no width of its own; 80 columns would break every line of it.
    Console(width=None if console.is_terminal else 160).print(table)
