"""Which cell declared a task; warnings of a cell that runs again without declaring it, or replaces another's.

A cell that runs again replaces its tasks by name. After a rename the old task stays scheduled beside the new
one (the ledger cannot know that it was renamed), so the cell prints a warning. Another cell that declares a
task of the same name with other code or another schedule, as after copying a cell, prints a warning too.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Container
from typing import Any, NamedTuple

from schedkit.notebook.shell import running_shell

__all__ = ["current_cell", "track_declaration"]


class _Declared(NamedTuple):
    """A task as its cell declared it last: in which execution, and as which ``In[number]``."""

    execution: str
    number: int
    present: Callable[[], Container[str]]


# (cell, the scheduler's ledger, task) -> how the cell declared it last
_declared: dict[tuple[str, str, str], _Declared] = {}


def track_declaration(ledger: str, task: str, present: Callable[[], Container[str]], changed: bool) -> None:
    """Note that the current cell, if there is one, declares `task`.

    Parameters
    ----------
    ledger, task : str
        What is declared, and where.
    present : callable
        Returns the tasks that exist.
    changed : bool
        Whether it replaces one that was declared here with other code or options.
    """
    shell = running_shell()
    cell, execution = current_cell()
    if not cell:
        return
    for other in [place for place in _declared if place[1:] == (ledger, task)]:
        known = _declared.pop(other)  # it has moved to this cell
        if other[0] != cell and changed:
            sys.stderr.write(
                f"schedkit: task {task!r} was declared in another cell, In[{known.number}], with other code "
                "or options; this cell replaces it. For two tasks give one of them another name.\n"
            )
    _declared[cell, ledger, task] = _Declared(execution, shell.execution_count, present)
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
    for place, known in list(_declared.items()):
        task = place[2]
        if place[0] != cell or known.execution == now:
            continue
        del _declared[place]
        if task in known.present():
            sys.stderr.write(
                f"schedkit: this cell no longer declares the task {task!r}, which stays scheduled. "
                f"sched.remove({task!r}) removes it.\n"
            )
