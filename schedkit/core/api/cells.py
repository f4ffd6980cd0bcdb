"""Which notebook cell declared a task: run again without it, the cell has probably given it another name.

Run again with the same names, a cell replaces its tasks. Under a new name the old one would go on beside it,
every night, with nothing on the screen that says so: the cell is told.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Container
from typing import Any

__all__ = ["note"]

# (cell, the scheduler's ledger, task) -> the cell's latest execution that declared it, and what is there now
_declared: dict[tuple[str, str, str], tuple[str, Callable[[], Container[str]]]] = {}


def note(ledger: str, task: str, present: Callable[[], Container[str]]) -> None:
    """Note that the present cell, if this is one, declares `task`; `present` tells the tasks there are."""
    shell = _shell()
    cell, execution = _cell(shell)
    if not cell or threading.current_thread() is not threading.main_thread():
        return
    for other in [place for place in _declared if place[1:] == (ledger, task)]:
        del _declared[other]  # it has moved to this cell
    _declared[cell, ledger, task] = (execution, present)
    if _look not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _look)


def _shell() -> Any:
    ipython: Any = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def _cell(shell: Any) -> tuple[str, str]:
    """Return the front end's name of the cell that runs, empty where there is none, and its execution's."""
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell = (parent.get("metadata") or {}).get("cellId")
    return str(cell or ""), str((parent.get("header") or {}).get("msg_id") or "")


def _look(result: Any) -> None:
    """Tell the cell that has just run which tasks it declared the last time and not now."""
    cell, now = _cell(_shell())
    if not cell or not result.success:
        return
    for place, (execution, present) in list(_declared.items()):
        _, _, task = place
        if place[0] != cell or execution == now:
            continue
        del _declared[place]
        if task in present():
            sys.stderr.write(
                f"schedkit: this cell declared {task!r} before, and does not now; it stays on the schedule. "
                f"sched.remove({task!r}) ends it.\n"
            )
