"""Declaring tasks: every spelling ends in one checked `Task`; the registry knows them by name and tag."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any, TypeVar, overload

from schedkit.core import trigger_data
from schedkit.core.durations import Duration, seconds
from schedkit.core.job_defaults import JOB_DEFAULT, JobDefault, said
from schedkit.core.model import After, Hooks, Rate, Retry, RunsIn, Task
from schedkit.core.params import check, parameters
from schedkit.core.states import Overlap, Priority
from schedkit.errors import DeclarationError, UsageError

__all__ = ["Registry", "declare", "marked", "task"]

F = TypeVar("F", bound=Callable[..., Any])
MARK = "__schedkit_task__"

Parent = str | After | Callable[..., Any]


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
        The tasks that must end first.
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
            tags=_tags(tags, what),
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
    return None if value is None else seconds(value, what, error=DeclarationError)


def _retry(value: Retry | int | None, what: str) -> Retry:
    if value is None:
        return Retry()
    if isinstance(value, Retry):
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise DeclarationError(f"{what}: retry={value!r}", hint="write retry=Retry(attempts=3), or 3")
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
        length = seconds(period if period.strip()[:1].isdecimal() else f"1{period.strip()}")
    except (ValueError, UsageError):
        raise DeclarationError(f"{what}: rate={text!r}", hint="write it like '5/min' or '3/10s'") from None
    return Rate(number, length)


def _tags(value: str | Iterable[str], what: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Iterable):
        raise DeclarationError(f"{what}: tags={value!r}", hint="tags='one', or tags=['one', 'two']")
    return tuple(dict.fromkeys(value))


def _parents(value: Parent | Iterable[Parent], what: str) -> tuple[After, ...]:
    if isinstance(value, str | After) or callable(value):
        value = (value,)
    hint = "name a task, or give its handle: after='parent', or after=['one', 'two']"
    if not isinstance(value, Iterable):
        raise DeclarationError(f"{what}: after={value!r}", hint=hint)
    found: dict[str, After] = {}
    for parent in value:
        if not (isinstance(parent, str | After) or callable(parent)):
            raise DeclarationError(f"{what}: after={parent!r} names no task", hint=hint)
        if isinstance(parent, After):
            made = parent
        elif isinstance(parent, str):
            made = After(parent)
        else:
            made = After(getattr(parent, "name", None) or _own_name(parent))
        found[made.task] = made
    return tuple(found.values())


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


class Registry(Mapping[str, Task]):
    """The tasks of one scheduler, by name and by tag. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._tasks: dict[str, Task] = {}
        # What `origin.here` said of each, and how often any of this has changed.
        self.origins: dict[str, str | None] = {}
        self.version = 0

    def __getitem__(self, name: str) -> Task:
        return self._tasks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._tasks))

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, added: Task, *, known: Container[str] = (), origin: str | None = None) -> Task | None:
        """Add a task, or replace the one of its name; return the replaced one.

        Parameters
        ----------
        origin : str, optional
            The file that declares it.
        known : container of str
            Names beyond the registry's that may be parents: those the ledger remembers.

        Raises
        ------
        DeclarationError
            If a parent is unknown, or it would come after itself.
        """
        with self._lock:
            for parent in added.after:
                if parent.task not in self._tasks and parent.task not in known:
                    names = ", ".join(map(repr, self._tasks)) or "none"
                    raise DeclarationError(
                        f"task {added.name!r} comes after {parent.task!r}, which is not a task here",
                        hint=f"declare the parent first; there are: {names}",
                    )
            if circle := self._circle(added):
                raise DeclarationError(
                    f"task {added.name!r} would wait for itself: {' after '.join(circle)}",
                    hint="take one of them out of after=",
                )
            replaced = self._tasks.get(added.name)
            self._tasks[added.name] = added
            self.origins[added.name] = origin
            self.version += 1
            return replaced

    def remove(self, name: str) -> Task | None:
        """Forget a task and return it, None if it was not there.

        Raises
        ------
        DeclarationError
            If another task comes after it.
        """
        with self._lock:
            children = [t.name for t in self._tasks.values() if any(p.task == name for p in t.after)]
            if children:
                raise DeclarationError(
                    f"task {name!r} cannot be removed: {children[0]!r} comes after it",
                    hint="remove that one first, or declare it again without after=",
                )
            self.version += 1
            self.origins.pop(name, None)
            return self._tasks.pop(name, None)

    def tagged(self, tag: str) -> tuple[Task, ...]:
        """Return the tasks that carry a tag, in the order of their declaration."""
        with self._lock:
            return tuple(t for t in self._tasks.values() if tag in t.tags)

    def handler(self, tag_or_name: str, *, also: Iterable[str] = ()) -> Task:
        """Return the one task that a request means, which names a task or a tag but never code.

        Raises
        ------
        DeclarationError
            If no task has that name or tag, or several carry the tag.
        """
        with self._lock:
            for wanted in (tag_or_name, *also):
                if wanted in self._tasks:
                    return self._tasks[wanted]
                found = self.tagged(wanted)
                # Tasks made from a handler by request carry its tag and its function.
                if len({task.function for task in found}) == 1:
                    return found[0]
                if found:
                    names = ", ".join(repr(t.name) for t in found)
                    raise DeclarationError(
                        f"several tasks carry the tag {wanted!r}: {names}", hint="name the task instead"
                    )
            tags = sorted({tag for t in self._tasks.values() for tag in t.tags})
            raise DeclarationError(
                f"no task is named or tagged {tag_or_name!r}",
                hint=f"tasks: {', '.join(self._tasks) or 'none'}; tags: {', '.join(tags) or 'none'}",
            )

    def _circle(self, added: Task) -> list[str] | None:
        """Return the names along a cycle through `added`, None if there is none."""
        trail: list[str] = []
        seen: set[str] = set()

        def visit(name: str) -> bool:
            if name in seen:
                return False
            seen.add(name)
            trail.append(name)
            task = added if name == added.name else self._tasks.get(name)
            for parent in task.after if task is not None else ():
                if parent.task == added.name or visit(parent.task):
                    return True
            trail.pop()
            return False

        return [*trail, added.name] if visit(added.name) else None


def replaced(declared: Task, **changes: Any) -> Task:
    """Return a task with some of its fields changed, checked again."""
    left_open = declared.left_open - frozenset(changes)
    return _checked(dataclasses.replace(declared, **{"left_open": left_open, **changes}))
