"""How a scheduler, a task and a run show themselves in a cell."""

from __future__ import annotations

from typing import Any

from schedkit.app import app
from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.task_handle import TaskHandle
from schedkit.errors import UsageError
from schedkit.notebook.builder import Builder
from schedkit.notebook.live_panel import KINDS, Panel

__all__ = ["display", "panel"]


def panel(thing: Any, kind: str = "tasks") -> Panel | Builder:
    """Return a live panel of a scheduler, or the form that composes a report for it.

    Parameters
    ----------
    thing : Scheduler
        What to show.
    kind : {"tasks", "failing", "runs", "queue", "calendar", "history", "audit", "builder"}
        The tab to open with, or the builder.

    Raises
    ------
    UsageError
        If there is no such panel.
    """
    if kind == "builder":
        return Builder(app(), thing)
    if kind not in KINDS:
        raise UsageError(f"there is no panel {kind!r}", hint=f"choose one of {', '.join(KINDS)}, builder")
    return Panel(thing, kind)


def display(thing: Any) -> None:
    """Show a scheduler, a task or a run in the present cell."""
    match thing:
        case RunHandle():
            Panel(thing.scheduler, "runs", run=thing.id).show()
        case TaskHandle():
            Panel(thing.scheduler, task=thing.name).show()
        case _:
            Panel(thing).show()
