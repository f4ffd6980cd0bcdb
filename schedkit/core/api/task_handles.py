"""The task handles of a scheduler, one for each task, and the name of a task that is given in any way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from schedkit.core.api.handles import Host, TaskHandle
from schedkit.core.model import Task
from schedkit.errors import UsageError
from schedkit.values.text import safe_repr

__all__ = ["TaskHandles", "named"]


class TaskHandles:
    """Makes the handle of each task once."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._made: dict[str, TaskHandle[..., Any]] = {}

    def get(self, name: str) -> TaskHandle[..., Any]:
        """Return the handle of a task."""
        if name not in self._made:
            self._made[name] = TaskHandle(self._host, name)
        return self._made[name]

    def new(self, name: str) -> TaskHandle[..., Any]:
        """Return a new handle of a task, which has been declared anew."""
        self._made[name] = TaskHandle(self._host, name)
        return self._made[name]

    def of(self, names: list[str]) -> Mapping[str, TaskHandle[..., Any]]:
        """Return the handles of tasks by their names."""
        return _NamedHandles(names, self.get)


class _NamedHandles(Mapping[str, TaskHandle[..., Any]]):
    """A handle is made when it is asked for: there may be thousands of tasks."""

    def __init__(self, names: list[str], handle: Callable[[str], TaskHandle[..., Any]]) -> None:
        self._names = dict.fromkeys(names)
        self._handle = handle

    def __getitem__(self, name: str) -> TaskHandle[..., Any]:
        if name not in self._names:
            raise KeyError(name)
        return self._handle(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<tasks: {', '.join(self._names) or 'none'}>"


def named(task: object) -> str:
    """Return the name of a task that is given by its name, its handle or its declaration."""
    name = task.name if isinstance(task, TaskHandle | Task) else task
    if not isinstance(name, str):
        raise UsageError(
            f"expected a task name or TaskHandle, got {safe_repr(name)}",
            hint="sched.tasks lists the tasks by name",
        )
    return name
