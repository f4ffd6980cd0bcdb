"""Declares tasks in this process: registered, given a handle, and at home here or standing by."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from typing import Any

from schedkit.core.api.front_end import front_end
from schedkit.core.api.queries import Queries
from schedkit.core.api.task_handle import TaskHandle, TaskHandles
from schedkit.core.model import Task
from schedkit.core.node.node import Node
from schedkit.core.tasks import origin
from schedkit.core.tasks.code import code_of
from schedkit.core.tasks.defaults import fill
from schedkit.errors import DeclarationError
from schedkit.loop import service
from schedkit.values.parsers import flag

__all__ = ["Declarer"]

_log = logging.getLogger("schedkit")


class Declarer:
    """Declares tasks, from any thread.

    Parameters
    ----------
    defaults : mapping
        Options for tasks that do not set them.
    """

    def __init__(
        self, node: Node, queries: Queries, handles: TaskHandles, defaults: Mapping[str, Any]
    ) -> None:
        self._node, self._queries, self._handles = node, queries, handles
        self._defaults = dict(defaults)

    def declare(self, task: Task, replace: bool = False) -> TaskHandle[..., Any]:
        """Declare a task, and return its handle once it is known where it is at home."""
        node, queries = self._node, self._queries
        task = fill(task, self._defaults)
        is_late = self._is_late(task)  # before anybody knows of the task: a trigger that fails is refused
        _refuse_cells_elsewhere(task)
        node.declarations.check(task)
        known = self._known_parents(task)
        node.declarations.expect(task.name, flag(replace, "replace"))
        replaced = node.registry.add(task, known=known, origin=origin.here())
        handle = self._handles.new(task.name)
        if node.state == "running":
            service().submit(node.declare, [task]).result()
            if task.name in queries.standing_by():
                self._warn([task.name])
        elif node.state == "watching":
            _log.warning("task %r: this scheduler only watches and runs nothing; sched.start()", task.name)
        if is_late:
            _log.warning("task %r: its moment (%s) is past: it runs once, late", task.name, task.trigger)
        changed = replaced is not None and code_of(replaced) != code_of(task)
        front_end().task_declared(str(queries.ledger.store), task.name, queries.names, changed)
        return handle

    def _is_late(self, task: Task) -> bool:
        """Tell whether a task that is new here will run at once, because its one moment is past."""
        if task.trigger is None:
            return False
        now = datetime.now(UTC)
        first = task.trigger.begins(now, self._node.config.tz)
        if (
            first is None
            or first >= now
            or task.misfire_grace is not None
            or task.name in self._node.registry
        ):
            return False
        return task.name not in self._recorded()

    def _known_parents(self, task: Task) -> Container[str]:
        """Return the tasks that only the ledger knows, if one of them may be a parent of this task."""
        if all(parent.task in self._node.registry for parent in task.after):
            return ()
        return self._recorded()

    def _recorded(self) -> Container[str]:
        """Return the tasks that the ledger knows, none if there is no such file yet."""
        path = self._queries.ledger.store.path
        return () if path and not path.exists() else self._queries.recorded_names()

    def warn_of_standing_by(self) -> None:
        """Log which tasks that this process declares run elsewhere, but for those that every process has."""
        origins = self._node.registry.origins
        self._warn([name for name in self._queries.standing_by() if origins.get(name) != origin.EVERYWHERE])

    def _warn(self, names: list[str]) -> None:
        """Log which of the tasks run elsewhere, a line for each process that runs some."""
        elsewhere = defaultdict[str, list[str]](list)
        for name in names:
            elsewhere[str(self._queries.home(name) or "no process")].append(name)
        for home, tasks in elsewhere.items():
            _log.warning(
                "%s: run by %s with the same code; this process takes over when that one ends. "
                "sched.bring_home() has it run here",
                ", ".join(map(repr, tasks)),
                home,
            )


def _refuse_cells_elsewhere(task: Task) -> None:
    """Refuse a function of a cell that is to run on workers, which have files only.

    Raises
    ------
    DeclarationError
        Says so.
    """
    if task.executor_kind != "dask" or getattr(task.function, "__module__", "") != "__main__":
        return
    file = origin.file_of(task, origin.here(), None)
    if file is None or file.suffix == ".ipynb":
        raise DeclarationError(
            f"task {task.name!r}: the function of a cell runs in its own process, not on workers",
            hint="write it into a module (.py), import it here, and start: schedkit worker MODULE.py",
        )
