"""What a task is, and by which rules it runs."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from schedkit.core.states import Overlap, Priority
from schedkit.errors import (
    DeclarationError,
    FatalError,
    RateLimitedError,
    RetryableError,
    UnavailableError,
)
from schedkit.values.durations import duration_text, parse_duration
from schedkit.values.instants import from_micros
from schedkit.values.keywords import check_keywords
from schedkit.values.scalars import number_of, whole_number_of
from schedkit.values.text import safe_repr

if TYPE_CHECKING:
    from schedkit.core.triggers.constructors import Trigger

__all__ = [
    "After",
    "Hooks",
    "Rate",
    "Requested",
    "Retry",
    "RunsIn",
    "Task",
    "TaskRow",
    "is_async",
    "timeout_error",
]


# Network errors, timeouts, and errors that a task or a site declares as temporary.
WORTH_RETRYING: tuple[type[BaseException], ...] = (
    RetryableError,
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    UnavailableError,
    RateLimitedError,
)


@check_keywords
@dataclass(frozen=True, slots=True)
class Retry:
    """When a failed attempt is followed by another.

    Parameters
    ----------
    attempts : int
        Tries in all, the first included.
    delay, max_delay : float
        Seconds before the second try; it grows by `backoff` each time, up to `max_delay`.
    jitter : float
        Share of the delay that is random, 0 to 1.
    on, give_up_on : exception type, or several of them
        What is worth a further try, and what never is (stronger). Timeouts of an attempt are retried
        where `on` holds TimeoutError.

    Examples
    --------
    >>> Retry(attempts=4, delay=10, backoff=2).delay_before(3)
    20.0
    """

    attempts: int = 1
    delay: float = 1.0
    backoff: float = 2.0
    max_delay: float = 60.0
    jitter: float = 0.0
    on: tuple[type[BaseException], ...] = WORTH_RETRYING
    give_up_on: tuple[type[BaseException], ...] = (FatalError,)

    EVERYTHING: ClassVar[tuple[type[BaseException], ...]] = (Exception,)

    def __post_init__(self) -> None:
        attempts = whole_number_of(self.attempts)
        if attempts is None or attempts < 1:
            raise DeclarationError(
                f"retry: attempts={self.attempts!r}", hint="attempts counts all tries: 1 or more"
            )
        object.__setattr__(self, "attempts", attempts)
        for name in ("on", "give_up_on"):
            object.__setattr__(self, name, _exception_types(getattr(self, name), name))
        for name in ("delay", "max_delay"):
            object.__setattr__(self, name, parse_duration(getattr(self, name), f"retry {name}"))
        for name in ("backoff", "jitter"):
            value = number_of(getattr(self, name))
            if value is None:
                raise DeclarationError(f"retry: {name}={getattr(self, name)!r}", hint="it is a number")
            object.__setattr__(self, name, value)
        if self.delay < 0 or self.max_delay < 0 or self.backoff < 1 or not 0 <= self.jitter <= 1:
            raise DeclarationError(
                f"retry: delay={self.delay:g}, max_delay={self.max_delay:g}, backoff={self.backoff:g}, "
                f"jitter={self.jitter:g}",
                hint="delays are 0 or more, backoff 1 or more, jitter between 0 and 1",
            )

    def delay_before(self, attempt: int, random: float = 0.0) -> float:
        """Return the seconds to wait before try number `attempt` (2 is the first retry).

        Parameters
        ----------
        random : float
            A number in [0, 1) that spreads the share `jitter` of the delay.
        """
        try:
            grown = self.delay * self.backoff ** max(0, attempt - 2)
        except OverflowError:
            grown = self.max_delay
        capped = min(grown, self.max_delay)
        return capped * (1 - self.jitter * random)

    def allows(self, error: BaseException) -> bool:
        """Tell whether `error` is retried."""
        return isinstance(error, self.on) and not isinstance(error, self.give_up_on)


def _exception_types(given: object, name: str) -> tuple[type[BaseException], ...]:
    """Return exception types as a tuple for `isinstance`, so that a mistake is found at the declaration."""
    several = tuple(given) if isinstance(given, Iterable) else (given,)
    for one in several:
        if not (isinstance(one, type) and issubclass(one, BaseException)):
            raise DeclarationError(
                f"retry: {name}={given!r}: {safe_repr(one)} is not an exception type",
                hint=f"write e.g. {name}=(ValueError, KeyError)",
            )
    return several


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` starts in any `seconds` seconds."""

    count: int
    seconds: float

    def __post_init__(self) -> None:
        if self.count < 1 or self.seconds <= 0:
            raise DeclarationError(
                f"rate: {self.count} per {self.seconds:g} s", hint='write e.g. rate="5/min"'
            )

    def __str__(self) -> str:
        return f"{self.count} in {duration_text(self.seconds)}"


@check_keywords
@dataclass(frozen=True, slots=True)
class After:
    """A task that must end first.

    Parameters
    ----------
    task : str
        Name of the parent.
    on : {"success", "any"}
        Whether only DONE lets the child start, or any end.
    """

    task: str
    on: str = "success"

    def __post_init__(self) -> None:
        if self.on not in ("success", "any"):
            raise DeclarationError(f"after {self.task!r}: on={self.on!r}", hint='on is "success" or "any"')


@dataclass(frozen=True, slots=True)
class Hooks:
    """Callables around a run; the run's context is found through `schedkit.context`.

    ``on_success(result)``, ``on_failure(error)`` when the run ends, ``on_retry(attempt, attempts)``
    before a further try, ``cleanup()`` after every attempt, ``validate_params(**params)`` before it, with
    every parameter as the function would get it: it refuses by raising or returning False, and what it
    refuses is tried again only if it raised `RetryableError`. Each may be a coroutine function.
    """

    on_success: Callable[..., object] | None = None
    on_failure: Callable[..., object] | None = None
    on_retry: Callable[..., object] | None = None
    cleanup: Callable[..., object] | None = None
    validate_params: Callable[..., object] | None = None


class Requested(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request made of data: a handler to run with these parameters.

    Attributes
    ----------
    handler : str
        The declared task whose code runs.
    owner : str
        Who asked; recorded, never impersonated.
    metadata : dict
        What else the requester notes.
    options : dict
        The options of a task that the request gives, as it writes them.
    once : bool
        Whether it is over when it has run.
    """

    handler: str
    parameters: dict[str, Any] = {}
    owner: str = ""
    metadata: dict[str, Any] = {}
    options: dict[str, Any] = {}
    once: bool = False


# "auto" (async: users' loop; sync: a thread), "thread", "process", "dask", an executor
RunsIn = str | Executor


@dataclass(frozen=True, kw_only=True)
class Task:
    """A declared task: what runs, when, and under which rules. Durations are seconds.

    A plain value, checked where it is declared: see `schedkit.core.tasks.options`.

    Parameters
    ----------
    name : str
        Its key in the ledger.
    function : callable or None
        None: known from the ledger only; it waits until it is declared.
    trigger : Trigger or None
        None: runs when submitted, or after its parents.
    misfire_grace : float or None
        How late a fire may still start, in seconds; None: any lateness.
    runs_on : mapping
        What each run takes of the resources of a worker, by name.
    coalesce : bool
        Whether overdue times become one run.
    catch_up : int
        Most runs that one wake-up starts for overdue times where `coalesce` is False; older ones are
        missed.
    jitter : float
        Most seconds by which a fire is put off at random.
    enabled : bool
        False: paused when it is first declared.
    details : mapping
        Options that nothing but screens reads, by name.
    left_open : frozenset of str
        Options without a value of their own, which take the job defaults of the scheduler that takes the
        task in.
    """

    name: str
    function: Callable[..., Any] | None = None
    trigger: Trigger | None = None
    description: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    retry: Retry = field(default_factory=Retry)
    timeout: float | None = 3600.0
    priority: int = Priority.MEDIUM
    after: tuple[After, ...] = ()
    overlap: Overlap = Overlap.SKIP
    tags: tuple[str, ...] = ()
    rate: Rate | None = None
    runs_in: RunsIn = "auto"
    runs_on: Mapping[str, float] = field(default_factory=dict)
    max_instances: int = 1
    misfire_grace: float | None = None
    coalesce: bool = True
    catch_up: int = 100
    jitter: float = 0.0
    hooks: Hooks = field(default_factory=Hooks)
    enabled: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)
    left_open: frozenset[str] = frozenset()
    requested: Requested | None = None

    @cached_property
    def asynchronous(self) -> bool:
        """Whether calling its function gives a coroutine."""
        return self.function is not None and is_async(self.function)

    @cached_property
    def executor_kind(self) -> str:
        """Where it runs: "loop", "thread", "process", "dask", or "executor" (one of the user's)."""
        if isinstance(self.runs_in, Executor):
            return "executor"
        if self.runs_in == "auto":
            return "loop" if self.asynchronous else "thread"
        return self.runs_in


class TaskRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task as the ledger knows it.

    Attributes
    ----------
    trigger : str or None
        JSON; None without a schedule.
    schedule_text : str
        When it runs, for people: its trigger or its parents.
    anchored, next, created, declared : int
        When its schedule was first declared, its earliest time without an outcome, and when it was
        declared first and last; microseconds since 1970. `anchor` and so on are the same as aware times.
    home : str
        The life that watches its due times and runs it; empty: none.
    home_by : str
        How it came to its home: "declared", "inherited" or "moved".
    place : str
        The notebook or file that declares it.
    followed_seq : int
        The event of the log up to which it has a run for each of its parents' runs.
    facts : dict
        What screens show of it: description, tags, priority, …
    """

    name: str
    id: str = ""
    trigger: str | None = None
    schedule_text: str = ""
    anchored: int
    next: int | None = None
    paused: bool = False
    facts: dict[str, Any] = {}
    home: str = ""
    home_by: str = "declared"
    place: str = ""
    followed_seq: int = 0
    created: int = 0
    declared: int
    actor: str = ""
    requested: Requested | None = None

    @property
    def anchor(self) -> datetime:
        """When its schedule was first declared: what an interval counts from."""
        return from_micros(self.anchored)

    @property
    def next_at(self) -> datetime | None:
        """Its next due time, None if it has none left."""
        return from_micros(self.next)

    @property
    def declared_at(self) -> datetime:
        """When it was declared."""
        return from_micros(self.declared)

    @property
    def limit(self) -> int | None:
        """How many of its runs may be alive at once, None for any number."""
        limit: int | None = self.facts.get("max_instances")
        return None if self.facts.get("overlap") == Overlap.ALLOW else limit


def timeout_error(task: Task) -> TimeoutError:
    """Return the error of an attempt that exceeded its timeout."""
    return TimeoutError(f"{task.name} took longer than its timeout of {task.timeout or 0.0:g} s")


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether calling `function` gives a coroutine."""
    call = getattr(function, "__call__", None)  # noqa: B004  # wanted: the method, to look inside
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
