"""What surrounds a call: progress, log, facts, artifacts, whether to stop, which run it belongs to, who asks.

Jira, Excel and Confluence report here independently of the listener: a run of the
scheduler, a bar in a cell or a terminal, or none. The listener travels in a context variable, so it
follows a call into worker threads and onto the library's loop. Python gives a thread that the call starts
itself an empty context; ``threading.Thread(target=contextvars.copy_context().run, args=(work,))`` gives it
this one.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from schedkit.errors import StopRequested
from schedkit.values.keywords import check_keywords

__all__ = [
    "Effects",
    "ExecutionContext",
    "NoListener",
    "acting_as",
    "actor",
    "artifact",
    "checkpoint",
    "current",
    "fact",
    "idempotency_key",
    "log",
    "progress",
    "run_id",
    "set_default",
    "should_stop",
    "surrounded",
    "use",
]


class Effects:
    """The effects that one attempt of a run has had, counted by name.

    An attempt that begins again repeats the effects of the one before in the same order: the third of a name
    is the third in each attempt. Not safe for use by several threads at once for one name.

    Attributes
    ----------
    run : str
        The id of the run.
    """

    __slots__ = ("_counts", "run")

    def __init__(self, run: str) -> None:
        self.run = run
        self._counts: Counter[str] = Counter()

    def count(self, name: str) -> int:
        """Return how many effects of this name the attempt has had."""
        return self._counts[name]

    def add(self, name: str, times: int = 1) -> None:
        """Count `times` more effects of this name."""
        self._counts[name] += times


class ExecutionContext:
    """The listener of a call. This base class ignores everything and never stops."""

    def progress(self, stage: str, done: float, total: float | None) -> None:
        """Take note that `stage` has done `done` of `total` (None: unknown) units."""

    def log(self, level: int, message: str) -> None:
        """Take a log line; `level` is one of the `logging` module's."""

    def fact(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Take JSON-able facts worth keeping with the run, e.g. ``("extraction", {"rows": 42})``."""

    def artifact(self, path: Path, label: str) -> None:
        """Take note of a file the call has written."""

    def should_stop(self) -> bool:
        """Tell whether someone asked this call to stop."""
        return False

    def on_stop(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback` once when a stop is asked for; returns what unsubscribes it."""
        return lambda: None

    def effects(self) -> Effects | None:
        """Return what the attempt of a run has done so far; None outside of runs."""
        return None

    def deliveries(self) -> dict[str, str]:
        """Return what earlier attempts of the run have delivered, by step."""
        return {}

    def delivered(self, step: str, what: str) -> None:
        """Keep with the run that a step is done, and what came of it; kept when this returns."""


class NoListener(ExecutionContext):
    """Surrounds a call that nothing listens to: warnings go to the ``schedkit`` logger."""

    def log(self, level: int, message: str) -> None:
        if level >= logging.WARNING:
            _log.log(level, message)


_log = logging.getLogger("schedkit")
_NO_LISTENER = NoListener()
# IPython's autoreload runs this file again in the same namespace: calls under way keep their listener.
_current: ContextVar[ExecutionContext | None] = globals().get("_current") or ContextVar(
    "schedkit_context", default=None
)
_default: Callable[[], AbstractContextManager[ExecutionContext]] | None = globals().get("_default")
_asked: ContextVar[tuple[str, str]] = globals().get("_asked") or ContextVar(
    "schedkit_asked", default=("", "")
)


def current() -> ExecutionContext:
    """Return who listens to the present call."""
    return _current.get() or _NO_LISTENER


class use:  # noqa: N801  # reads as a verb: with use(listener)
    """Let `listener` surround the calls of a ``with`` block."""

    __slots__ = ("_listener", "_token")

    def __init__(self, listener: ExecutionContext) -> None:
        self._listener = listener

    def __enter__(self) -> ExecutionContext:
        self._token = _current.set(self._listener)
        return self._listener

    def __exit__(self, *failure: object) -> None:
        _current.reset(self._token)


@check_keywords
@contextmanager
def acting_as(actor: str, *, key: str = "") -> Iterator[None]:
    """Have what is asked of a scheduler in the block recorded as asked by `actor`, a person or a token.

    Parameters
    ----------
    key : str
        An idempotency key: a run that was asked for with it before is returned, and not made again.
    """
    token = _asked.set((actor, key))
    try:
        yield
    finally:
        _asked.reset(token)


def actor() -> str:
    """Return on whose behalf the present call acts; empty: on that of the process."""
    return _asked.get()[0]


def idempotency_key() -> str:
    """Return the key under which the present call asks for a run; empty: none."""
    return _asked.get()[1]


def set_default(factory: Callable[[], AbstractContextManager[ExecutionContext]] | None) -> None:
    """Set the default surroundings of a blocking call, e.g. a progress bar in a cell."""
    global _default
    _default = factory


@contextmanager
def surrounded() -> Iterator[ExecutionContext]:
    """Give a blocking call its surroundings: those already there, else the default, else none."""
    if _current.get() is not None:
        yield current()
        return
    with _default() if _default else nullcontext(_NO_LISTENER) as listener, use(listener):
        yield listener


@check_keywords
def progress(stage: str, done: float, total: float | None = None) -> None:
    """Report that `stage` has done `done` of `total` units (None: unknown)."""
    current().progress(stage, done, total)


@check_keywords
def log(message: str, level: int = logging.INFO) -> None:
    """Report a line for the run's log."""
    current().log(level, message)


@check_keywords
def fact(kind: str, facts: Mapping[str, Any]) -> None:
    """Report JSON-able facts to keep with the run."""
    current().fact(kind, facts)


@check_keywords
def artifact(path: str | Path, label: str = "") -> None:
    """Report a file that was written."""
    current().artifact(Path(path), label or Path(path).name)


def run_id() -> str | None:
    """Return the id of the run that the present call belongs to; None outside of runs."""
    effects = current().effects()
    return None if effects is None else effects.run


def should_stop() -> bool:
    """Tell whether someone asked the present call to stop."""
    return current().should_stop()


def checkpoint() -> None:
    """Raise `StopRequested` if someone asked the present call to stop."""
    if should_stop():
        raise StopRequested("the run was asked to stop")
