"""A task's function, carried to another process and called there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import cloudpickle

from schedkit import context
from schedkit.core.execution.execute import called, error_facts
from schedkit.core.execution.failures import Failure
from schedkit.core.execution.run_context import RunContext
from schedkit.core.tasks.params import RUN
from schedkit.errors import UsageError

__all__ = ["Answer", "Notes", "RunElsewhere", "answer", "call_in_executor", "call_packed", "heard", "pack"]

# How a call ended elsewhere: its value, packed, or what it raised.
Answer = bytes | Failure

# What a run is to its task; see `schedkit.core.execution.run_context.RunContext`.
_FACTS = ("id", "task", "params", "scheduled_at", "attempt")


class RunElsewhere(context.Surroundings):
    """A running attempt, as its task sees it in another process: the same names as here."""

    id: str
    task: str
    params: dict[str, Any]
    scheduled_at: datetime | None
    attempt: int
    _effects: context.Effects | None = None

    def __repr__(self) -> str:
        return f"<run {self.id} of {self.task!r}, attempt {self.attempt}>"

    @property
    def trigger_time(self) -> datetime | None:
        """Alias of `scheduled_at`, APScheduler's word."""
        return self.scheduled_at

    def begin(self, facts: Mapping[str, Any]) -> None:
        """Become the surroundings of the attempt that these facts tell of."""
        for name, fact in facts.items():
            setattr(self, name, fact)
        self._effects = context.Effects(self.id)

    def effects(self) -> context.Effects | None:
        """Return the effects that this attempt has had."""
        return self._effects


class Notes(RunElsewhere):
    """Takes notes where the run itself cannot be reached; they travel back with the value."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, tuple[Any, ...]]] = []

    def progress(self, stage: str, done: float, total: float | None = None) -> None:
        """Note progress; only the last of a stage would be seen."""
        self.notes = [note for note in self.notes if note[:1] != ("progress",) or note[1][0] != stage]
        self.notes.append(("progress", (stage, done, total)))

    def log(self, level: int | str, message: str | None = None) -> None:
        """Note a line."""
        self.notes.append(("log", (level, message)))

    def fact(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Note facts."""
        self.notes.append(("fact", (kind, dict(facts))))

    def artifact(self, path: Path, label: str = "") -> None:
        """Note a file."""
        self.notes.append(("artifact", (path, label)))


def pack(function: Callable[..., Any], arguments: Mapping[str, Any], run: RunContext) -> bytes:
    """Return a run's call as bytes; functions of a notebook's cells travel by value."""
    wants_run = RUN in arguments
    plain = {name: value for name, value in arguments.items() if name != RUN}
    facts = {name: getattr(run, name) for name in _FACTS}
    try:
        packed: bytes = cloudpickle.dumps((function, plain, wants_run, facts))
    except Exception as error:
        raise UsageError(
            f"task {run.task!r} cannot travel to another process: {error}",
            hint="make locks, connections and open files inside the function",
        ) from error
    return packed


def call_packed(packed: bytes) -> bytes:
    """Make a packed call here; return how it ended and the notes, packed too.

    It raises nothing: an exception that cannot be made again would break the executor it goes through.
    """
    notes = Notes()
    ended = answer(packed, notes)
    try:
        returned: bytes = cloudpickle.dumps((ended, notes.notes))
    except Exception as error:
        failure = TypeError(f"what it told about itself cannot leave its process: {error}")
        returned = cloudpickle.dumps((Failure.of(failure, error_facts(failure)), []))
    return returned


def answer(packed: bytes, surroundings: RunElsewhere) -> Answer:
    """Make a packed call here and return how it ended, whatever it raised."""
    failure: BaseException
    try:
        value = called(lambda: _call(packed, surroundings))
    except BaseException as error:
        failure = error
    else:
        try:
            returned: bytes = cloudpickle.dumps(value)
        except BaseException as error:
            kind = type(value).__name__
            failure = TypeError(f"what it returned, of type {kind}, cannot leave its process: {error}")
        else:
            return returned
    return Failure.of(failure, error_facts(failure))


def heard(ended: Answer) -> Any:
    """Return the value of a call that ended elsewhere, or raise what stands for its failure."""
    if isinstance(ended, Failure):
        raise ended.here()
    return cloudpickle.loads(ended)


def _call(packed: bytes, surroundings: RunElsewhere) -> Any:
    """Make a packed call with `surroundings` around it, which become those of its run."""
    function, arguments, wants_run, facts = cloudpickle.loads(packed)
    surroundings.begin(facts)
    if wants_run:
        arguments[RUN] = surroundings
    with context.use(surroundings):
        return function(**arguments)


def call_in_executor(
    executor: Executor, function: Callable[..., Any], run: RunContext
) -> Callable[[dict[str, Any]], Any]:
    """Return what calls `function` through an executor and waits for it."""
    if isinstance(executor, ThreadPoolExecutor):
        return _call_in_thread(executor, function, run)

    def call(arguments: dict[str, Any]) -> Any:
        future = executor.submit(call_packed, pack(function, arguments, run))
        unsubscribe = run.on_stop(future.cancel)
        try:
            ended, notes = cloudpickle.loads(future.result())
        finally:
            unsubscribe()
        for kind, note in notes:
            getattr(run, kind)(*note)
        return heard(ended)

    return call


def _call_in_thread(
    executor: ThreadPoolExecutor, function: Callable[..., Any], run: RunContext
) -> Callable[[dict[str, Any]], Any]:
    """As `call_in_executor`, for threads of this process: what they are given is no copy."""

    def call(arguments: dict[str, Any]) -> Any:
        def here() -> Any:
            with context.use(run):
                return called(lambda: function(**arguments))

        future = executor.submit(here)
        unsubscribe = run.on_stop(future.cancel)
        try:
            return future.result()
        finally:
            unsubscribe()

    return call
