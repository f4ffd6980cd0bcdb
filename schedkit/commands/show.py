"""``schedkit tasks`` and ``schedkit history``: what the ledger knows, read beside whoever owns it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from schedkit.app import app

__all__ = ["show_history", "show_tasks"]


def show_tasks(ledger: str | None) -> None:
    """Print a line per task."""
    with app().scheduler(ledger).viewing() as scheduler:
        board = scheduler.board()
    table = Table()
    for name in ("task", "state", "trigger", "next run", "last", "tags"):
        table.add_column(name)
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
    Console().print(table)


def show_history(task: str | None, *, limit: int, ledger: str | None) -> None:
    """Print a line per run, the latest first."""
    with app().scheduler(ledger).viewing() as scheduler:
        runs = scheduler.runs(task, limit=limit)
    table = Table()
    for name in ("run", "task", "state", "due", "seconds", "attempts", "reason"):
        table.add_column(name)
    for run in runs:
        took = "" if run.seconds is None else f"{run.seconds:.2f}"
        table.add_row(
            run.id, run.task, str(run.state), run.due_at.isoformat(), took, str(run.attempt), run.reason
        )
    Console().print(table)
