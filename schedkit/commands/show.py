"""``schedkit tasks`` and ``schedkit history``: read the ledger, also while processes run at it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from schedkit.app import app
from schedkit.core.api.scheduler import Scheduler
from schedkit.errors import UsageError
from schedkit.values.text import did_you_mean, one_line

__all__ = ["show_history", "show_tasks"]

WIDE = 130  # columns; in a narrower terminal the reasons are printed below the table
LONGEST_REASON = 2000  # characters


def show_tasks(ledger: str | None) -> None:
    """Print a line for each task."""
    with _ledger(ledger).viewing() as scheduler:
        board = scheduler.screens.board()
    table = _table("task", "state", "trigger", "next run", "last", "tags")
    for task in board["tasks"]:
        last = (task["last"] or {}).get("state") or ""
        at = _moment(task["next_run"] and datetime.fromisoformat(task["next_run"]))
        row = [task["name"], task["state"], task["trigger"] or "", at, last, ", ".join(task["tags"])]
        table.add_row(*map(one_line, row))
    _console().print(table)


def show_history(task: str | None, *, limit: int, ledger: str | None) -> None:
    """Print a line for each run, newest first."""
    with _ledger(ledger).viewing() as scheduler:
        if task is not None and task not in scheduler.tasks:
            hint = did_you_mean(task, scheduler.tasks, otherwise="`schedkit tasks` lists the tasks")
            raise UsageError(f"no task is called {task!r}", hint=hint)
        runs = scheduler.runs(task, limit=limit)
    wide = _console().width >= WIDE
    table = _table("run", "task", "state", "due", "seconds", "attempts", *(["reason"] if wide else []))
    for run in runs:
        took = "" if run.seconds is None else f"{run.seconds:.2f}"
        row = [run.id, run.task, str(run.state), _moment(run.due_at), took, str(run.attempt)]
        table.add_row(*map(one_line, row), *([one_line(run.why, LONGEST_REASON)] if wide else []))
    _console().print(table)
    for run in runs:
        if not wide and run.why:
            _console().print(f"{run.id} {one_line(run.why, LONGEST_REASON)}", highlight=False, soft_wrap=True)


def _moment(at: datetime | None) -> str:
    """Return a moment in the time zone of this machine."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}" if at else ""


def _ledger(ledger: str | None) -> Scheduler:
    """Return a scheduler that reads an existing ledger; it does not create one."""
    place = app().ledger(ledger)
    if "://" not in place and not Path(place).exists():
        raise UsageError(f"there is no ledger at {place}", hint="`schedkit run FILE` creates one")
    return app().plain_scheduler(ledger)


def _table(*names: str) -> Table:
    table = Table()
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _console() -> Console:
    # A pipe has no width; 80 columns would break every line of a table. Square brackets in a name or a reason
    # are not markup.
    return Console(width=None if Console().is_terminal else 160, markup=False)
