"""Which cell declared a task, and a warning when that cell runs again without declaring it.

A cell that runs again replaces its tasks by name. After a rename the old task stays scheduled beside the new
one (the ledger cannot know that it was renamed), so the cell prints a warning.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Container
from typing import Any

from schedkit.notebook.shell import running_shell

__all__ = ["current_cell", "track_declaration"]

# (cell, the scheduler's ledger, task) -> the cell's latest execution that declared it, and what is there now
_declared: dict[tuple[str, str, str], tuple[str, Callable[[], Container[str]]]] = {}


def track_declaration(ledger: str, task: str, present: Callable[[], Container[str]]) -> None:
    """Note that the current cell, if there is one, declares `task`.

    Parameters
    ----------
    ledger, task : str
        What is declared, and where.
    present : callable
        Returns the tasks that exist.
    """
    shell = running_shell()
    cell, execution = current_cell()
    if not cell:
        return
    for other in [place for place in _declared if place[1:] == (ledger, task)]:
        del _declared[other]  # it has moved to this cell
    _declared[cell, ledger, task] = (execution, present)
    if _warn not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _warn)


def current_cell() -> tuple[str, str]:
    """Return the ids of the running cell and of its execution, each empty where there is none."""
    if threading.current_thread() is not threading.main_thread():
        return "", ""
    shell = running_shell()
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell = (parent.get("metadata") or {}).get("cellId")
    return str(cell or ""), str((parent.get("header") or {}).get("msg_id") or "")


def _warn(result: Any) -> None:
    """Warn in the cell that has just run of tasks that it declared the last time and not now."""
    cell, now = current_cell()
    if not cell or not result.success:
        return
    for place, (execution, present) in list(_declared.items()):
        _, _, task = place
        if place[0] != cell or execution == now:
            continue
        del _declared[place]
        if task in present():
            sys.stderr.write(
                f"schedkit: this cell no longer declares the task {task!r}, which stays scheduled. "
                f"sched.remove({task!r}) removes it.\n"
            )
