"""Declaring tasks: every spelling ends in one checked `Task`."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar, overload, runtime_checkable

from schedkit.core.model import After, Hooks, Rate, Retry, RunsIn, Task
from schedkit.core.states import Overlap, Priority
from schedkit.core.tasks.defaults import JOB_DEFAULT, JobDefault, said
from schedkit.core.tasks.params import check, parameters
from schedkit.core.when import data as trigger_data
from schedkit.errors import DeclarationError, UsageError
from schedkit.values.durations import Duration, parse_duration

__all__ = ["declare", "marked", "task"]

F = TypeVar("F", bound=Callable[..., Any])
MARK = "__schedkit_task__"


@runtime_checkable
class Named(Protocol):
    """An object that declares a task, such as a `BaseTask`."""

    @property
    def task_name(self) -> str: ...


Parent = str | After | Named | Callable[..., Any]


def declare(
    function: Callable[..., Any],
    trigger: object = None,
    *,
    name: str | None = None,
    retry: Retry | int | None = None,
    timeout: Duration | None = "1h",
    priority: str | int = "medium",
    after: Parent | Iterable[Parent] = (),
    overlap: str = "skip",
    tags: str | Iterable[str] = (),
    rate: str | Rate | None = None,
    runs_in: RunsIn | None = None,
    max_instances: int | JobDefault = JOB_DEFAULT,
    misfire_grace: Duration | JobDefault | None = JOB_DEFAULT,
    coalesce: bool | JobDefault = JOB_DEFAULT,
    catch_up: int = 100,
    jitter: Duration | None = None,
    params: Mapping[str, Any] | None = None,
    description: str = "",
    enabled: bool = True,
    on_success: Callable[..., object] | None = None,
    on_failure: Callable[..., object] | None = None,
    on_retry: Callable[..., object] | None = None,
    cleanup: Callable[..., object] | None = None,
    validate_params: Callable[..., object] | None = None,
) -> Task:
    """Return the task that these options describe, every spelling normalised and checked.

    Parameters
    ----------
    function : callable
        A function or coroutine function with a name of its own, or anything callable with `name`.
    trigger : Trigger, APScheduler trigger, str, timedelta or datetime, optional
        When it runs; None: when submitted, or after its parents.
    retry : Retry or int, optional
        A number is the tries in all.
    timeout, misfire_grace, jitter : str, float or timedelta
        Durations; a timeout of None never ends an attempt, a grace of None runs however late.
    coalesce, max_instances, misfire_grace
        By default as the scheduler's ``job_defaults`` say: True, 1 and None unless set there.
    priority : {"low", "medium", "high"} or int
    after : str, After, task or several of them
        The tasks that must end first; ``After("parent", on="any")`` whichever way that ends.
    overlap : {"skip", "queue", "cancel", "allow"}
    rate : str
        ``"5/min"``, ``"100/h"``, ``"3/10s"``: starts in so much time.
    enabled : bool
        Whether its times happen from the first declaration on; False: they wait for `resume`.

    Raises
    ------
    DeclarationError
        If it cannot be a task; the message names the task and what to change.
    TriggerError, ParameterError
        If the trigger or `params` do not fit.
    """
    if not callable(function):
        raise DeclarationError(f"{function!r} is not callable", hint="a task is a function")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DeclarationError(
            f"{function.__name__} yields; a task runs and returns", hint="return a list or a frame instead"
        )
    named = name or _own_name(function)
    what = f"task {named!r}"
    if params is not None and not isinstance(params, Mapping):
        raise DeclarationError(f"{what}: params={params!r}", hint="a mapping: params={'project': 'KAFKA'}")
    if misfire_grace is not JOB_DEFAULT:
        misfire_grace = _optional_seconds(misfire_grace, f"{what}: misfire_grace")
    chosen, left_open = said(coalesce=coalesce, max_instances=max_instances, misfire_grace=misfire_grace)
    return _checked(
        Task(
            name=named,
            function=function,
            trigger=None if trigger is None else trigger_data.of(trigger),
            description=str(description) or _first_line(function),
            params=dict(params or {}),
            retry=_retry(retry, what),
            timeout=_optional_seconds(timeout, f"{what}: timeout"),
            priority=priority_of(priority, what),
            after=_parents(after, what),
            overlap=_overlap(overlap, what),
            tags=tags_of(tags, what),
            rate=rate if rate is None or isinstance(rate, Rate) else _rate(str(rate), what),
            runs_in=runs_in or "auto",
            **chosen,
            left_open=left_open,
            catch_up=catch_up,
            jitter=_optional_seconds(jitter, f"{what}: jitter") or 0.0,
            enabled=enabled,
            hooks=Hooks(
                on_success=on_success,
                on_failure=on_failure,
                on_retry=on_retry,
                cleanup=cleanup,
                validate_params=validate_params,
            ),
        )
    )


def known(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options of a declaration, or refuse one that `declare` does not have."""
    names = list(inspect.signature(declare).parameters)[2:]
    for name in options:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}=?" if near else f"there are: {', '.join(names)}"
            raise DeclarationError(f"a task has no option {name!r}", hint=hint)
    return options


def _checked(made: Task) -> Task:
    assert made.function is not None
    if made.asynchronous and made.runs_in != "auto":
        raise DeclarationError(
            f"task {made.name!r}: runs_in={made.runs_in!r} with async def",
            hint="a coroutine runs on the users' loop: leave runs_in out, or write a plain def",
        )
    parameters(made.function)
    # Whoever submits can give what is missing; a schedule or a parent cannot.
    check(made, {}, complete=made.trigger is not None or bool(made.after))
    return made


def _own_name(function: Callable[..., Any]) -> str:
    own = getattr(function, "__name__", "")
    if not own or own == "<lambda>":
        kind = type(function).__name__
        kind = "a lambda" if own else f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"
        raise DeclarationError(
            f"{kind} has no name of its own, and a task is known by its name",
            hint="write a def, or give name='…'",
        )
    return str(own)


def _first_line(function: Callable[..., Any]) -> str:
    # A callable object or a partial would answer with the documentation of its class.
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        return ""
    return inspect.cleandoc(function.__doc__ or "").partition("\n")[0]


def _optional_seconds(value: Duration | None, what: str) -> float | None:
    return None if value is None else parse_duration(value, what)


def _retry(value: Retry | int | None, what: str) -> Retry:
    if value is None:
        return Retry()
    if isinstance(value, Retry):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise DeclarationError(
            f"{what}: retry={value!r}", hint="all tries, 1 or more: write retry=Retry(attempts=3), or 3"
        )
    return Retry(attempts=value)


def priority_of(value: object, what: str) -> int:
    """Return a priority given by name or number."""
    if isinstance(value, str) and value.upper() in Priority.__members__:
        return Priority[value.upper()]
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    raise DeclarationError(f"{what}: priority={value!r}", hint="'low', 'medium', 'high' or a whole number")


def _overlap(value: str, what: str) -> Overlap:
    try:
        return Overlap(str(value).lower())
    except ValueError:
        words = ", ".join(repr(str(word)) for word in Overlap)
        raise DeclarationError(f"{what}: overlap={value!r}", hint=f"it is one of {words}") from None


def _rate(text: str, what: str) -> Rate:
    count, slash, period = text.partition("/")
    try:
        number = int(count)
        if not slash:
            raise ValueError
        period = period.strip()
        return Rate(number, parse_duration(period if period[:1].isdecimal() else f"1{period}"))
    except (ValueError, UsageError):
        raise DeclarationError(f"{what}: rate={text!r}", hint="write it like '5/min' or '3/10s'") from None


def tags_of(value: str | Iterable[str], what: str) -> tuple[str, ...]:
    """Return one tag, or several, as several."""
    hint = "tags='one', or tags=['one', 'two']"
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Iterable):
        raise DeclarationError(f"{what}: tags={value!r}", hint=hint)
    found = tuple(value)
    for tag in found:
        if not isinstance(tag, str):
            raise DeclarationError(f"{what}: tag {tag!r} is no text", hint=hint)
    return tuple(dict.fromkeys(found))


def _parents(value: Parent | Iterable[Parent], what: str) -> tuple[After, ...]:
    if isinstance(value, str | After | Named) or callable(value):
        value = (value,)
    hint = "name a task, or give its handle: after='parent', or after=['one', 'two']"
    if not isinstance(value, Iterable):
        raise DeclarationError(f"{what}: after={value!r}", hint=hint)
    found: dict[str, After] = {}
    for parent in value:
        if not (isinstance(parent, str | After | Named) or callable(parent)):
            raise DeclarationError(f"{what}: after={parent!r} names no task", hint=hint)
        if isinstance(parent, After):
            made = parent
        elif isinstance(parent, str):
            made = After(parent)
        else:
            made = After(_name_of(parent))
        found[made.task] = made
    return tuple(found.values())


def _name_of(parent: Any) -> str:
    """Return the name of a task that is given as a handle, a `BaseTask` or its class, or its function."""
    _, options = getattr(parent, "__dict__", {}).get(MARK, (None, {}))
    for name in (options.get("name"), getattr(parent, "task_name", None), getattr(parent, "name", None)):
        if isinstance(name, str) and name:
            return name
    return _own_name(parent)


@overload
def task(trigger: F, **options: Any) -> F: ...
@overload
def task(trigger: object = None, **options: Any) -> Callable[[F], F]: ...
def task(trigger: object = None, **options: Any) -> Any:
    """Mark a function of a task module; it stays the plain function it was.

    A scheduler that discovers the module declares it with these options, those of `declare`.

    Examples
    --------
    >>> @task("0 7 * * mon-fri", retry=3)
    ... def open_bugs(project: str = "KAFKA") -> str:
    ...     return project
    >>> open_bugs()
    'KAFKA'
    """

    def mark(function: F) -> F:
        declare(function, trigger, **known(options))  # a mistake is told here, not where it is discovered
        setattr(function, MARK, (trigger, options))
        return function

    if inspect.isroutine(trigger):  # @task without parentheses
        function, trigger = trigger, None
        return mark(function)
    return mark


def marked(function: Any) -> Task | None:
    """Return the task that a function was marked to be, None for any other object."""
    mark = getattr(function, "__dict__", {}).get(MARK)
    return None if mark is None else declare(function, mark[0], **mark[1])


def replaced(declared: Task, **changes: Any) -> Task:
    """Return a task with some of its fields changed, checked again."""
    left_open = declared.left_open - frozenset(changes)
    return _checked(dataclasses.replace(declared, **{"left_open": left_open, **changes}))
