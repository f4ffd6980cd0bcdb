"""How a scheduler, a task and a run show themselves in a cell."""

from __future__ import annotations

from typing import Any

from schedkit.errors import UsageError
from schedkit.widgets.panel import KINDS, Panel

__all__ = ["display", "panel"]


def panel(thing: Any, kind: str = "tasks") -> Panel:
    """Return a live panel of a scheduler.

    Parameters
    ----------
    thing : Scheduler
        What to show.
    kind : {"tasks", "runs", "queue", "history"}
        The tab to open with.

    Raises
    ------
    UsageError
        If there is no such panel.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no panel {kind!r}", hint=f"choose one of {', '.join(KINDS)}")
    return Panel(thing, kind)


def display(thing: Any) -> None:
    """Show a scheduler, or a run of one, in the present cell."""
    owner = getattr(thing, "scheduler", None)
    if owner is None:
        Panel(thing).show()
    else:
        Panel(owner, "runs", run=thing.id).show()
