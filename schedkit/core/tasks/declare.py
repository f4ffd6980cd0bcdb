"""Declares tasks: every spelling becomes one checked `Task`."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, Unpack, overload

from schedkit.core.model import Task
from schedkit.core.tasks.options import TASK_OPTIONS, TaskOptions, option_values, task_fields
from schedkit.core.tasks.params import check, parameters
from schedkit.core.tasks.parsers import MARK, own_name
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import TriggerLike
from schedkit.errors import DeclarationError, UsageError
from schedkit.values.text import safe_repr

__all__ = ["checked", "declare", "declare_data", "marked", "replaced", "task"]

F = TypeVar("F", bound=Callable[..., Any])


@TASK_OPTIONS.document
def declare(function: Callable[..., Any], trigger: object = None, **options: Unpack[TaskOptions]) -> Task:
    """Return the task that these options describe, every spelling normalised and checked.

    Parameters
    ----------
    function : callable
        A function or coroutine function with a name of its own, or anything callable with `name`.
    trigger : Trigger, APScheduler trigger, str, timedelta or datetime, optional
        When it runs; None: when submitted, or after its parents.

    Raises
    ------
    DeclarationError
        If it cannot be a task; the message names the task and what to change.
    TriggerError, ParameterError
        If the trigger or `params` do not fit.
    """
    return declare_data(function, trigger, options)


def declare_data(
    function: Callable[..., Any],
    trigger: object,
    options: Mapping[str, Any],
    *,
    error: type[UsageError] = DeclarationError,
) -> Task:
    """Return the task of options that come as data; other spellings of their names are accepted.

    Parameters
    ----------
    error : type of UsageError
        What is raised for an unknown option or an invalid value.
    """
    if not callable(function):
        raise DeclarationError(f"{safe_repr(function)} is not callable", hint="a task is a function")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DeclarationError(
            f"{function.__name__} is a generator; a task must return its result",
            hint="return a list or a frame instead",
        )
    name = options.get("name") or own_name(function)
    given = TASK_OPTIONS.read({**options, "name": name}, _what(name), error=error)
    given["description"] = given.get("description") or _first_line(function)
    left_open = {each for each, option in TASK_OPTIONS.items() if option.scheduler_default}
    return _checked(
        Task(
            function=function,
            trigger=None if trigger is None else trigger_data.of(trigger),
            left_open=frozenset(left_open - given.keys()),
            **task_fields({**TASK_OPTIONS.defaults, **given}),
        )
    )


def checked(declared: Task) -> Task:
    """Return a task made by hand after reading its fields as options."""
    values = TASK_OPTIONS.read(option_values(declared), _what(declared.name), error=DeclarationError)
    made = dataclasses.replace(declared, **task_fields(values))
    return made if made.function is None else _checked(made)


def replaced(declared: Task, **changes: Any) -> Task:
    """Return a task with some of its fields changed, checked again."""
    left_open = declared.left_open - frozenset(changes)
    return checked(dataclasses.replace(declared, **{"left_open": left_open, **changes}))


def _what(name: object) -> str:
    return f"task {safe_repr(name, 60)}"


def _checked(made: Task) -> Task:
    assert made.function is not None
    if any(parent.task == made.name for parent in made.after):
        raise DeclarationError(f"task {made.name!r} depends on itself", hint="take it out of its own after=")
    if made.asynchronous and made.runs_in != "auto":
        raise DeclarationError(
            f"task {made.name!r}: runs_in={made.runs_in!r} with async def",
            hint="a coroutine runs on the users' loop: leave runs_in out, or write a plain def",
        )
    if made.runs_on and made.runs_in != "dask":
        raise DeclarationError(
            f"task {made.name!r}: runs_on={dict(made.runs_on)!r} with runs_in={made.runs_in!r}",
            hint="only workers have resources: add runs_in='dask', or leave runs_on out",
        )
    parameters(made.function)
    # A submission can give what is missing; a schedule or a parent cannot.
    check(made, {}, complete=made.trigger is not None or bool(made.after))
    return made


def _first_line(function: Callable[..., Any]) -> str:
    # A callable object or a partial would answer with the documentation of its class.
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        return ""
    return inspect.cleandoc(function.__doc__ or "").partition("\n")[0]


@overload
def task(trigger: F, /) -> F: ...
@overload
def task(trigger: TriggerLike | None = None, **options: Unpack[TaskOptions]) -> Callable[[F], F]: ...
@TASK_OPTIONS.document
def task(trigger: object = None, **options: Any) -> Any:
    """Mark a function of a task module; it stays the plain function it was.

    A scheduler that discovers the module declares it with these options. Without any, the parentheses may be
    left out.

    Examples
    --------
    >>> @task("0 7 * * mon-fri", retry=3)
    ... def open_bugs(project: str = "KAFKA") -> str:
    ...     return project
    >>> open_bugs()
    'KAFKA'
    """
    TASK_OPTIONS.refuse_unknown(options, error=DeclarationError)

    def mark(function: F) -> F:
        declare_data(function, trigger, options)  # so that a mistake is raised here
        setattr(function, MARK, (trigger, options))
        return function

    if inspect.isroutine(trigger):  # @task without parentheses
        function, trigger = trigger, None
        return mark(function)
    return mark


def marked(function: Any) -> Task | None:
    """Return the task that a function was marked to be, None for any other object."""
    mark = getattr(function, "__dict__", {}).get(MARK)
    return None if mark is None else declare_data(function, mark[0], mark[1])
