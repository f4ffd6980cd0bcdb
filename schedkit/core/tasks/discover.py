"""Finds tasks in modules: plug-ins by entry point, task modules by package.

A module that cannot be imported, or declares something that cannot be, is reported and left out; the
others load.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import inspect
import logging
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from schedkit.core.model import Task
from schedkit.core.tasks.base import BaseTask, as_task
from schedkit.core.tasks.declare import declare, marked
from schedkit.errors import SchedkitError

__all__ = [
    "GROUP",
    "Found",
    "Problem",
    "from_entry_points",
    "from_modules",
    "module_tasks",
    "said_later",
    "warn",
]

_log = logging.getLogger("schedkit")

# The group under which a distribution offers its tasks.
GROUP = "schedkit.tasks"


@dataclass(frozen=True)
class Problem:
    """Something that offers tasks and could not be loaded: where, and why."""

    where: str
    error: str

    def __str__(self) -> str:
        # An error that names its task needs no second mention of where it is.
        return self.error if self.error.startswith(self.where) else f"{self.where}: {self.error}"


def warn(problem: Problem) -> None:
    """Log a problem at once."""
    _log.warning("no tasks from %s", problem)


def said_later(problem: Problem) -> None:
    """Do nothing: the caller reports all problems together."""


@dataclass
class Found:
    """Tasks that were found, in their order, and problems, each passed to `tell` at once."""

    tasks: list[Task] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    tell: Callable[[Problem], object] = warn

    def attempt(self, where: str, load: Callable[[], Iterable[Task]]) -> None:
        """Add the tasks that `load` returns; an error that it raises becomes a problem."""
        try:
            self.tasks += list(load())
        except (Exception, SystemExit) as error:
            # A foreign module may raise anything while it is imported.
            self.fail(where, error)

    def parents_first(self) -> Found:
        """Order the tasks so that each comes after its parents, as declaring them needs; return it."""
        waiting: dict[str, Task] = {}
        for task in self.tasks:
            if waiting.setdefault(task.name, task).function != task.function:
                self.fail(f"task {task.name!r}", "another function has this name already; the first counts")
        ordered: list[Task] = []
        for first in self.tasks:
            # A task is taken out before its parents are looked at: a cycle ends, and is refused later.
            taken = waiting.pop(first.name, None)
            path = [] if taken is None else [(first, iter(first.after))]
            while path:
                task, parents = path[-1]
                parent = next((waiting.pop(each.task) for each in parents if each.task in waiting), None)
                if parent is None:
                    ordered.append(task)
                    path.pop()
                else:
                    path.append((parent, iter(parent.after)))
        self.tasks = ordered
        return self

    def fail(self, where: str, error: BaseException | str) -> None:
        """Record and report a problem."""
        self.problems.append(Problem(where, error if isinstance(error, str) else _text_of(error)))
        self.tell(self.problems[-1])


def _text_of(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text if isinstance(error, SchedkitError) else f"{type(error).__name__}: {text}"


def from_entry_points(group: str = GROUP, *, tell: Callable[[Problem], object] = warn) -> Found:
    """Return the tasks that installed distributions offer.

    An entry point names a module, a function, a `BaseTask` class or an iterable of these.

    Parameters
    ----------
    tell : callable, optional
        Called with each `Problem` as it is found, which is also among the result's; by default it is logged.
    """
    found = Found(tell=tell)
    for point in sorted(importlib.metadata.entry_points(group=group), key=lambda p: p.name):
        found.attempt(f"plug-in {point.name!r} ({point.value})", functools.partial(_offered, point))
    return found.parents_first()


def from_modules(*names: str) -> Found:
    """Return the tasks of modules, and of every module of a package.

    Parameters
    ----------
    *names : str
        ``"myproject.tasks"``; of a package every module that does not begin with an underscore.
    """
    found = Found()
    for name in names:
        try:
            module = importlib.import_module(name)
        except (Exception, SystemExit) as error:
            found.fail(f"module {name}", error)
            continue
        found.attempt(f"module {name}", functools.partial(module_tasks, module))
        for part in pkgutil.iter_modules(getattr(module, "__path__", ())):
            if not part.name.startswith("_"):
                found.tasks += (inner := from_modules(f"{name}.{part.name}")).tasks
                found.problems += inner.problems
    return found.parents_first()


def module_tasks(module: ModuleType) -> Iterator[Task]:
    """Yield the tasks that a module itself declares: marked functions, `BaseTask` classes, else ``run``.

    A function ``run`` without a mark is the task of a module that marks nothing; it takes the module's
    own name.
    """
    marks = 0
    for value in list(vars(module).values()):
        if getattr(value, "__module__", None) != module.__name__:
            continue
        task = marked(value) if inspect.isfunction(value) else None
        if isinstance(value, type) and issubclass(value, BaseTask) and value.has_work():
            task = as_task(value)
        if task is not None:
            marks += 1
            yield task
    entry = getattr(module, "run", None)
    if not marks and inspect.isfunction(entry):
        yield declare(entry, name=module.__name__.rpartition(".")[2])


def _offered(point: importlib.metadata.EntryPoint) -> Iterator[Task]:
    return _tasks(point.load())


def _tasks(value: Any) -> Iterator[Task]:
    if isinstance(value, ModuleType):
        yield from module_tasks(value)
    elif isinstance(value, Iterable) and not isinstance(value, str | type):
        for item in value:
            yield as_task(item)
    else:
        yield as_task(value)
