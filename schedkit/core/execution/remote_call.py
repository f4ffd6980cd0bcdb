"""A call of a task's function in another process, and the messages that come back from it.

A message is a kind and its content: "progress", "log", "fact", "artifact" and "delivered" have the arguments
of the method of that name, "ended" has an `Answer`. A call that has "delivered" something waits for `KEPT`.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

import cloudpickle
from msgspec.structs import replace

from schedkit import context
from schedkit.core.execution.execute import call_function
from schedkit.core.execution.failures import Failure, error_facts
from schedkit.core.execution.full_texts import store_file
from schedkit.core.execution.home_lease import HomeLease
from schedkit.core.execution.results import Kept, Results, holds_frame
from schedkit.core.execution.run_context import RunContext
from schedkit.core.execution.storage import Shared, Storage, shared_storage
from schedkit.core.run import TaskResult
from schedkit.core.tasks.params import RUN
from schedkit.core.text import dump, load
from schedkit.errors import SchedkitError, StopRequested, UsageError

__all__ = [
    "Answer",
    "RecordingContext",
    "RemoteContext",
    "answer",
    "facts_of",
    "pack",
    "pack_call",
    "pass_on",
    "value_of",
]

# How a call ended in another process: its value, packed, or what it raised.
Answer = bytes | Failure

_log = logging.getLogger("schedkit")

# What a run is to its task; see `schedkit.core.execution.run_context.RunContext`.
_FACTS = ("id", "task", "params", "scheduled_at", "attempt")
_TOLD = frozenset({"progress", "log", "fact", "artifact", "delivered"})


class RemoteContext(context.ExecutionContext):
    """A running attempt, as its task sees it in another process: the same names as in the scheduler's.

    Parameters
    ----------
    send : callable
        Is given the kind and the content of everything that the task tells of itself.
    depends : callable
        Is called if the call depends on the lease of the home of its task, before it begins.
    """

    id: str
    task: str
    params: dict[str, Any]
    scheduled_at: datetime | None
    attempt: int

    def __init__(
        self,
        send: Callable[[str, tuple[Any, ...]], object],
        depends: Callable[[], object] = lambda: None,
    ) -> None:
        self._send, self._depends = send, depends
        self._earlier: dict[str, str] = {}
        self._delivering = threading.Lock()
        self._kept = threading.Event()
        self._lock = threading.Lock()
        self._stopping = False
        self._on_stop: list[Callable[[], object]] = []
        self._effects: context.Effects | None = None
        self._results: Shared | None = None
        self._storage: Storage | None = None
        self._lease: HomeLease | None = None
        self._heard = -math.inf
        self._lost = False

    def __repr__(self) -> str:
        return f"<run {self.id} of {self.task!r}, attempt {self.attempt}>"

    @property
    def trigger_time(self) -> datetime | None:
        """Alias of `scheduled_at`, APScheduler's word."""
        return self.scheduled_at

    @property
    def lease(self) -> HomeLease | None:
        """The lease of the home of its task, None where the scheduler's process is its parent."""
        return self._lease

    def heard(self, at: float) -> None:
        """Take note that the home gave a sign of life then, on the monotonic clock."""
        self._heard = max(self._heard, at)
        if self._lease is not None:
            self._lease = self._lease.renewed(at)

    @property
    def lost(self) -> bool:
        """Whether its code was told to stop because its home had given no sign of life for too long."""
        return self._lost

    def begin(self, facts: Mapping[str, Any]) -> None:
        """Become the context of the attempt that these facts are of."""
        for name in _FACTS:
            setattr(self, name, facts[name])
        self._earlier = dict(facts.get("deliveries") or {})
        self._effects = context.Effects(self.id)
        self._results = facts.get("results")
        self._storage = None if self._results is None else shared_storage(self._results)
        if (lease := facts.get("lease")) is not None:
            self._lease = HomeLease(*lease)
            # A call that takes long to unpack, since it imports much, is told of its home meanwhile.
            self._lease = self._lease.renewed(self._heard)
            self._depends()

    @property
    def storage(self) -> Storage | None:
        """Where what it returns is kept; None: this process cannot write there."""
        return self._storage

    def shared_results(self) -> Shared | None:
        """Return where another process writes what the run returns."""
        return self._results

    def progress(self, stage: str, done: float, total: float | None = None) -> None:
        """Report that `stage` has done `done` of `total` units (None: unknown)."""
        self._tell("progress", (str(stage), done, total))

    def log(self, level: int | str, message: str | None = None) -> None:
        """Add a line to the run's log: ``run.log("…")``, ``run.log("warning", "…")`` or by number."""
        if message is None:
            level, message = logging.INFO, str(level)
        self._tell("log", (level, str(message)))

    def fact(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Keep JSON-able facts with the run; the last of a kind counts."""
        self._tell("fact", (kind, load(dump(dict(facts)))))  # any object may be in it, which need not travel

    def artifact(self, path: Path | str, label: str = "") -> None:
        """Keep note of a file the run has written."""
        stored = store_file(self._storage, self.id, self.attempt, path)
        self._tell("artifact", (stored or path, label or PurePath(path).name))

    def _tell(self, kind: str, content: tuple[Any, ...]) -> None:
        self._send(kind, content)
        if self.should_stop():
            raise StopRequested("the run was asked to stop")

    def should_stop(self) -> bool:
        """Tell whether someone asked this run to stop, or its home has given no sign of life for too long."""
        # By the clock, not by who watches it: a process that stood still continues with its code first.
        if not self._stopping and self._lease is not None and self._lease.stops(time.monotonic()):
            self._lost = True
            self.stop()
        return self._stopping

    def on_stop(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback` once when a stop is asked for; returns what unsubscribes it."""
        with self._lock:
            if not self._stopping:
                self._on_stop.append(callback)
                return lambda: self._forget(callback)
        callback()
        return lambda: None

    def _forget(self, callback: Callable[[], object]) -> None:
        with self._lock, contextlib.suppress(ValueError):  # it was called
            self._on_stop.remove(callback)

    def stop(self) -> None:
        """Ask the run to stop; its next schedkit call raises `StopRequested`."""
        with self._lock:
            self._stopping = True
            callbacks, self._on_stop = self._on_stop, []
        self._kept.set()
        for callback in callbacks:
            callback()

    def effects(self) -> context.Effects | None:
        """Return the effects that this attempt has had."""
        return self._effects

    def deliveries(self) -> dict[str, str]:
        """Return what earlier attempts of the run have delivered, by step."""
        return dict(self._earlier)

    def delivered(self, step: str, what: str) -> None:
        """Keep with the run that a step is done; it is in the ledger when this returns."""
        with self._delivering:
            self._kept.clear()
            self._tell("delivered", (step, what))
            self._wait_until_kept()
        if self.should_stop():
            raise StopRequested("the run was asked to stop")

    def kept(self) -> None:
        """Take note that what was delivered last is in the ledger."""
        self._kept.set()

    def _wait_until_kept(self) -> None:
        # A stop ends the wait, too: it is asked for when the scheduler's process ends.
        while not (self.should_stop() or self._kept.wait(1.0)):
            pass


class RecordingContext(RemoteContext):
    """Records messages where the scheduler cannot be reached; `told` travels back with the value."""

    def __init__(self) -> None:
        super().__init__(self._record)
        self.told: list[tuple[str, tuple[Any, ...]]] = []

    def _record(self, kind: str, content: tuple[Any, ...]) -> None:
        if kind == "progress":  # only the last of a stage would be seen
            self.told = [one for one in self.told if one[0] != kind or one[1][0] != content[0]]
        self.told.append((kind, content))

    def _wait_until_kept(self) -> None:
        """Go on at once: it is kept when the call has ended."""


def pass_on(run: context.ExecutionContext, kind: str, content: tuple[Any, ...]) -> None:
    """Pass a message from another process on to the context of its run here."""
    if kind in _TOLD:
        try:
            getattr(run, kind)(*content)
        except StopRequested:
            pass  # its code hears of that by itself
        except SchedkitError as error:  # of the ledger; the call continues, its end will be refused too
            _log.warning("what a run has %s is not kept: %s", kind, error)


def facts_of(run: RunContext | RemoteContext) -> dict[str, Any]:
    """Return what another process is told of a run, as plain data."""
    facts = {name: getattr(run, name) for name in _FACTS}
    return facts | {"deliveries": run.deliveries(), "results": run.shared_results()}


def pack(
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    run: RunContext | RemoteContext,
    lease: HomeLease | None = None,
) -> bytes:
    """Return a run's call as bytes; functions of a notebook's cells travel by value."""
    wants_run = RUN in arguments
    plain = {name: value for name, value in arguments.items() if name != RUN}
    told = {} if lease is None else {"lease": (lease.seconds, lease.heard)}
    return pack_call(function, plain, wants_run, {**facts_of(run), **told})


def pack_call(
    function: Callable[..., Any], arguments: Mapping[str, Any], wants_run: bool, facts: Mapping[str, Any]
) -> bytes:
    """Return as bytes the call of a function; `wants_run`: its context is an argument, too."""
    try:
        packed: bytes = cloudpickle.dumps((function, arguments, wants_run, facts))
    except UsageError as error:  # it says itself what to do
        raise UsageError(
            f"task {facts['task']!r} cannot travel to another process: {error.message}", hint=error.hint
        ) from None
    except Exception as error:
        raise UsageError(
            f"task {facts['task']!r} cannot travel to another process: {error}",
            hint="make locks, connections and open files inside the function",
        ) from error
    return packed


def answer(packed: bytes, run: RemoteContext) -> Answer:
    """Make a packed call here and return how it ended, whatever it raised."""
    failure: BaseException
    try:
        value = _call(packed, run)
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


def value_of(ended: Answer) -> Any:
    """Return the value of a call that ended in another process.

    Raises
    ------
    RemoteFailure
        If it failed there.
    """
    if isinstance(ended, Failure):
        raise ended.here()
    return cloudpickle.loads(ended)


def _call(packed: bytes, run: RemoteContext) -> Any:
    """Make a packed call with `run` around it, which becomes that of its attempt."""
    function, arguments, wants_run, facts = cloudpickle.loads(packed)
    run.begin(facts)
    if wants_run:
        arguments[RUN] = run
    with context.use(run):
        return _for_home(call_function(function, arguments), run)


def _for_home(value: Any, run: RemoteContext) -> Any:
    """Return a value as it travels: frames are kept here where they can be, and only named to the home."""
    inner = value.value if isinstance(value, TaskResult) else value
    if run.storage is None or not holds_frame(inner):
        return value
    reference = Results(run.storage).save(run.task, run.id, run.attempt, inner)
    assert reference is not None  # it holds something
    kept = Kept(reference, None if "path" in reference else inner)
    return replace(value, value=kept) if isinstance(value, TaskResult) else kept
