"""``schedkit tasks`` and ``schedkit history``: what the ledger knows, read beside whoever owns it."""

from __future__ import annotations

import difflib
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from schedkit.app import app
from schedkit.commands.words import one_line
from schedkit.core.api.facade import Scheduler
from schedkit.errors import UsageError

__all__ = ["show_history", "show_tasks"]

WIDE = 130  # columns; in fewer there is no room for a reason beside the rest


def show_tasks(ledger: str | None) -> None:
    """Print a line per task."""
    with _ledger(ledger).viewing() as scheduler:
        board = scheduler.board()
    table = _table("task", "state", "trigger", "next run", "last", "tags")
    for task in board["tasks"]:
        last = (task["last"] or {}).get("state") or ""
        at = _moment(task["next_run"] and datetime.fromisoformat(task["next_run"]))
        row = [task["name"], task["state"], task["trigger"] or "", at, last, ", ".join(task["tags"])]
        table.add_row(*map(one_line, row))
    _console().print(table)


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
    wide = _console().width >= WIDE
    table = _table("run", "task", "state", "due", "seconds", "attempts", *(["reason"] if wide else []))
    for run in runs:
        took = "" if run.seconds is None else f"{run.seconds:.2f}"
        row = [run.id, run.task, str(run.state), _moment(run.due_at), took, str(run.attempt)]
        table.add_row(*map(one_line, row), *([one_line(run.why)] if wide else []))
    _console().print(table)
    for run in runs:
        if not wide and run.why:
            _console().print(f"{run.id} {one_line(run.why)}", highlight=False, soft_wrap=True)


def _moment(at: datetime | None) -> str:
    """Return a moment as the clock on this machine's wall shows it."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}" if at else ""


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


def _console() -> Console:
    # A pipe has no width of its own; 80 columns would break every line of a table. Square brackets in a name
    # or a reason are text, and no markup.
    return Console(width=None if Console().is_terminal else 160, markup=False)
