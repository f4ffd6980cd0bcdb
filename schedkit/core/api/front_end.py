"""What a notebook adds to a scheduler: displays, panels, warnings in cells.

Core calls it without knowing IPython. `schedkit.notebook` sets the front end when it is imported;
without one, objects have their ``repr`` only.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any, Protocol

from schedkit.errors import UsageError
from schedkit.loop import process_singleton

__all__ = ["FrontEnd", "NoFrontEnd", "front_end", "set_front_end"]


class FrontEnd(Protocol):
    """What a notebook provides."""

    @property
    def kind(self) -> str:
        """The kind of this process: kernel, or script."""
        ...

    def display(self, thing: Any) -> None:
        """Show a scheduler, a task or a run in the current cell."""
        ...

    def panel(self, thing: Any, kind: str) -> Any:
        """Return a widget that shows `thing`; `kind` names the tab to open with."""
        ...

    def task_declared(
        self, ledger: str, task: str, present: Callable[[], Container[str]], changed: bool
    ) -> None:
        """Note that `task` was declared on `ledger`; `present` returns the tasks that exist.

        Parameters
        ----------
        changed : bool
            Whether it replaces one that was declared here with other code or options.
        """
        ...

    def scheduler_started(self, scheduler: Any) -> None:
        """Note that a scheduler of this process has started: its threads may print from now on."""
        ...

    def cell(self) -> tuple[str, str]:
        """Return the ids of the running cell and of its execution, each empty where there is none."""
        ...


class NoFrontEnd:
    """What stands where no notebook does."""

    kind = "script"

    def display(self, thing: Any) -> None:
        """Let the caller fall back to the ``repr``.

        Raises
        ------
        NotImplementedError
            Always: it tells IPython to show the ``repr``.
        """
        raise NotImplementedError

    def panel(self, thing: Any, kind: str) -> Any:
        """Refuse.

        Raises
        ------
        UsageError
            Always.
        """
        raise UsageError("panels need IPython", hint="open a notebook; pip install 'schedkit[notebook]'")

    def task_declared(
        self, ledger: str, task: str, present: Callable[[], Container[str]], changed: bool
    ) -> None:
        """Do nothing."""

    def scheduler_started(self, scheduler: Any) -> None:
        """Do nothing."""

    def cell(self) -> tuple[str, str]:
        """Return that there is none."""
        return "", ""


class _Current:
    def __init__(self) -> None:
        self.front_end: FrontEnd = NoFrontEnd()


def _current() -> _Current:
    return process_singleton("front end", _Current)


def front_end() -> FrontEnd:
    """Return the front end of this process."""
    return _current().front_end


def set_front_end(made: FrontEnd) -> FrontEnd:
    """Set the front end of this process, and return the one before."""
    before, _current().front_end = front_end(), made
    return before
