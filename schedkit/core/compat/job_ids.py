"""Ids of jobs that are added without one: the function's name, then with numbers: ``tick``, ``tick-2``.

APScheduler gives each such job a random id, so that a script that starts again, or a cell that runs again,
adds it once more. Here the same calls in the same order give the same ids.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger

__all__ = ["BoundFunction", "JobIds", "identity", "name_of", "same_function"]

_VALUES = (str, bytes, int, float, bool, type(None), CodeType)


class BoundFunction(functools.partial[Any]):
    """A function with those arguments of `add_job` that can be given by position only."""


def name_of(function: Callable[..., Any]) -> str:
    """Return the name from which the id of a job is made."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", "") or type(function).__name__
    return "lambda" if name == "<lambda>" else str(name)


def identity(function: Callable[..., Any] | None) -> tuple[object, ...]:
    """Return where a function was defined, the same when its cell runs again, and what is bound to it."""
    fixed: list[object] = []
    while isinstance(function, functools.partial):
        fixed += map(_value, function.args)
        function = function.func
    qualified = getattr(function, "__qualname__", "") or type(function).__qualname__
    return getattr(function, "__module__", ""), qualified, *fixed


def same_function(function: Callable[..., Any] | None) -> object:
    """Return what two functions have in common that are one, as when a cell defines it again.

    A function of a module is known by its name; one that is made inside another, or a lambda, by its code and
    what it has closed over; a method by its object too.
    """
    if isinstance(function, functools.partial):
        fixed = [*function.args, *itertools.chain.from_iterable(sorted(function.keywords.items()))]
        return "partial", same_function(function.func), *map(_value, fixed)
    where = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if inspect.ismethod(function) and not inspect.isclass(function.__self__):
        return *where, id(function.__self__)
    if not where[1]:
        return id(function)
    if inspect.isfunction(function) and ("<lambda>" in where[1] or "<locals>" in where[1]):
        code = function.__code__
        closed = inspect.getclosurevars(function).nonlocals.values()
        fixed = [*closed, *(function.__defaults__ or ()), *code.co_consts]
        return *where, code.co_code, code.co_names, *map(_value, fixed)
    return where


def _value(value: object) -> object:
    return (type(value), value) if isinstance(value, _VALUES) else id(value)


@dataclass(frozen=True)
class _Added:
    """What a job without an id was when it was added, and in which execution of which cell."""

    function: Callable[..., Any]  # kept, so that no other object gets its id()
    same: object
    trigger: str
    params: Mapping[str, Any]
    cell: str
    execution: str

    def is_like(self, other: _Added) -> bool:
        mine, others = (self.same, self.trigger), (other.same, other.trigger)
        return mine == others and repr(self.params) == repr(other.params)


class JobIds:
    """Chooses them.

    Parameters
    ----------
    is_over : callable
        Tells whether a job was to run once, and has: its id is free.
    """

    def __init__(self, is_over: Callable[[str], bool]) -> None:
        self._is_over = is_over
        self._added: dict[str, dict[str, _Added]] = {}  # the name of the function → id → what was added

    def choose(
        self,
        function: Callable[..., Any],
        trigger: Trigger | None,
        params: Mapping[str, Any],
        *,
        taken: Container[str],
        cell: tuple[str, str],
    ) -> str:
        """Return the id of a job: that of the same job if there is one, else a new one.

        Parameters
        ----------
        taken : container of str
            The names of tasks that are declared here.
        cell : tuple of str
            The cell that adds it and its execution: when a cell runs again, the ids of its jobs are free.
        """
        base = name_of(function)
        when = "" if trigger is None else trigger_data.dumps(trigger)
        new = _Added(function, same_function(function), when, params, *cell)
        added = self._added.setdefault(base, {})
        for id in [id for id in added if id not in taken]:
            del added[id]  # it was removed
        found = self._like(added, new) or self._of_this_cell(added, new) or self._oldest_over(added)
        if found is None:
            numbered = (base if n == 1 else f"{base}-{n}" for n in itertools.count(1))
            found = next(id for id in numbered if id not in added and id not in taken)
        added.pop(found, None)  # the oldest comes first
        added[found] = new
        return found

    def _like(self, added: Mapping[str, _Added], new: _Added) -> str | None:
        return next((id for id, known in added.items() if known.is_like(new)), None)

    def _of_this_cell(self, added: Mapping[str, _Added], new: _Added) -> str | None:
        if not new.cell:
            return None
        return next(
            (
                id
                for id, known in added.items()
                if known.cell == new.cell and known.execution != new.execution
            ),
            None,
        )

    def _oldest_over(self, added: Mapping[str, _Added]) -> str | None:
        oldest = next(iter(added), None)
        return oldest if oldest is not None and self._is_over(oldest) else None
