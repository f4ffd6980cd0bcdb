"""Which file declared a task: another process runs that file to declare it too."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any

from schedkit.core.model import Task
from schedkit.core.triggers import data as trigger_data

__all__ = ["EVERYWHERE", "TYPED", "declared_in", "file_of", "here", "notebook_file"]

# Declared by the project's settings in whichever process opens the scheduler.
EVERYWHERE = "everywhere"
# Typed into a cell or a prompt: a notebook's, if there is one.
TYPED = ""

_declared_in: ContextVar[str | None] = ContextVar("schedkit_declared_in", default=None)


@contextmanager
def declared_in(file: str | Path | None) -> Iterator[None]:
    """Set the file of the tasks that are declared inside the block; None: as `here` finds it."""
    token = _declared_in.set(None if file is None else str(file))
    try:
        yield
    finally:
        _declared_in.reset(token)


def here() -> str | None:
    """Return the file whose execution made the present declaration, `TYPED`, or None: not known.

    It is the innermost code at the top level of a module or a cell: what calls helpers that declare.
    """
    file = _declared_in.get()
    if file is not None:
        return file
    frame = inspect.currentframe()
    while frame is not None:
        name = frame.f_code.co_name
        # IPython names the code of a cell after its first line.
        if name == "<module>" or name.startswith("<cell line"):
            return _file(frame.f_globals)
        frame = frame.f_back
    return None


def _file(names: Mapping[str, Any]) -> str | None:
    file = str(names.get("__file__") or "")
    if file.endswith(".py") and os.path.isfile(file):
        main = sys.modules.get("__main__")
        # A kernel's launcher is not what the user wrote, and is no longer the main module either.
        launcher = names.get("__name__") == "__main__" and names is not vars(main)
        return None if launcher else os.path.abspath(file)
    return TYPED if names.get("__name__") == "__main__" else None


def notebook_file() -> Path | None:
    """Return the notebook whose cells this kernel executes, None if there is none or nobody has named it.

    Jupyter Server names it in the environment, though a session may be called otherwise (a console, or a
    notebook whose session was opened under an id); VS Code in a variable of the cells, before it did so too.
    """
    told = (os.environ.get("JPY_SESSION_NAME"), getattr(sys.modules["__main__"], "__vsc_ipynb_file__", None))
    named = (Path(each) for each in told if isinstance(each, str) and each.endswith(".ipynb"))
    return next(named, None)


def file_of(task: Task, origin: str | None, typed_in: Path | None) -> Path | None:
    """Return the file that declares a task, None if there is none.

    Parameters
    ----------
    origin : str or None
        What `here` said when it was declared.
    typed_in : Path or None
        The notebook into which cells are typed.
    """
    if origin:
        return Path(origin)
    function: Any = task.function
    own = getattr(function, "declared_in", None)
    main = getattr(function, "__module__", "") == "__main__"
    if typed_in is not None and (origin == TYPED or main):
        return typed_in
    return Path(own) if own else _offered_by(task)


def _offered_by(task: Task) -> Path | None:
    """Return the file of a task's module if running that file declares the very task."""
    module = sys.modules.get(getattr(task.function, "__module__", None) or "")
    if not isinstance(module, ModuleType) or module.__name__ == "__main__":
        return None
    file = getattr(module, "__file__", None)
    if file is None or not file.endswith(".py"):
        return None
    from schedkit.core.tasks.discover import module_tasks

    same = (other for other in module_tasks(module) if other.name == task.name)
    return Path(file) if any(_when(other) == _when(task) for other in same) else None


def _when(task: Task) -> str | None:
    return None if task.trigger is None else trigger_data.dumps(task.trigger)
