"""A run as users hold it: its state, its output, its result."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from schedkit import context
from schedkit.core.api.front_end import front_end
from schedkit.core.engine.decision import Finished
from schedkit.core.events import Event, RunLogged, RunProgressed
from schedkit.core.node.event_bus import Listener
from schedkit.core.node.waiters import LifeEnded, Waiter
from schedkit.core.run import Attempt, Run
from schedkit.core.states import State
from schedkit.core.store.lives import NodeRow
from schedkit.errors import (
    RunCancelledError,
    RunError,
    RunFailedError,
    RunSkippedError,
    RunTimeoutError,
    StopRequested,
    UsageError,
)
from schedkit.loop import patiently, refuse_in_coroutine
from schedkit.values.durations import Duration, parse_duration
from schedkit.values.keywords import check_keywords
from schedkit.values.scalars import plain_text
from schedkit.values.text import safe_repr

__all__ = ["EVENTS_PATIENCE_SECONDS", "RunHandle", "RunHost", "RunQueries", "run_id"]

# How long a busy listener may delay a caller that waits for a run.
EVENTS_PATIENCE_SECONDS = 1.0

_ERRORS: dict[State, type[RunError]] = {
    State.FAILED: RunFailedError,
    State.TIMEOUT: RunTimeoutError,
    State.CANCELLED: RunCancelledError,
    State.SKIPPED: RunSkippedError,
}


class RunQueries(Protocol):
    """What a run's handle reads; see `schedkit.core.api.queries.Queries`."""

    def home(self, task: str, /) -> NodeRow | None: ...
    def run(self, id: str, /) -> Run: ...
    def details(self, id: str, /) -> dict[str, Any]: ...
    def attempts(self, id: str, /) -> list[Attempt]: ...
    def load(self, reference: Mapping[str, Any] | None, /) -> Any: ...
    def end_of(self, id: str, /) -> Future[Finished]: ...
    def lending(self, id: str, /) -> AbstractContextManager[None]: ...
    def flush_events(self, timeout: float, /) -> bool: ...


class RunHost(Protocol):
    """What a run's handle needs of a scheduler; see `schedkit.core.api.scheduler.Scheduler`."""

    @property
    def queries(self) -> RunQueries: ...
    def cancel(self, run: str) -> bool: ...
    def retry(self, run: str, /, **params: Any) -> RunHandle: ...
    def subscribe(self, listener: Listener) -> Callable[[], None]: ...
    def why(self, about: RunHandle) -> Iterable[object]: ...


@check_keywords
class RunHandle:
    """One run: its state, log and result; awaitable in async code.

    Attributes
    ----------
    id : str
        Its key in the ledger.
    task : str
    """

    def __init__(self, scheduler: RunHost, id: str, task: str, waiter: Waiter | None = None) -> None:
        self.scheduler = scheduler
        self.id = id
        self.task = task
        self._waiter: Waiter | Future[Finished] | None = waiter
        self._finished: Finished | None = None

    def __repr__(self) -> str:
        return f"<run {self.id} of {self.task!r}: {self.state}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return RunHandle, (self.scheduler, self.id, self.task)

    def _ipython_display_(self) -> None:
        front_end().display(self)

    def _ended(self) -> Finished | None:
        if self._finished is None and self._waiter is not None and self._waiter.done():
            try:
                self._finished = self._waiter.result()
            except LifeEnded:
                self._waiter = None
        return self._finished

    @property
    def run(self) -> Run:
        """The run with its current values."""
        ended = self._ended()
        return ended.run if ended is not None else self.scheduler.queries.run(self.id)

    @property
    def state(self) -> State:
        """Its state, such as RUNNING or DONE."""
        return self.run.state

    @property
    def error(self) -> dict[str, Any] | None:
        """Type, message, hint, own lines and traceback of its last failure."""
        return self.run.error

    def _details(self) -> dict[str, Any]:
        return self.scheduler.queries.details(self.id)

    @property
    def log(self) -> list[str]:
        """Its log lines."""
        return [line["message"] for line in self._details()["log"]]

    @property
    def progress(self) -> dict[str, tuple[float, float | None]]:
        """Stage → (done, total), in the order in which the stages began."""
        return {stage["stage"]: (stage["done"], stage["total"]) for stage in self._details()["stages"]}

    @property
    def facts(self) -> dict[str, Any]:
        """Kind → facts the run has told, e.g. ``facts["workbook"]``."""
        return dict(self._details()["facts"])

    @property
    def artifacts(self) -> list[dict[str, str]]:
        """The files it has written: path and label."""
        return list(self._details()["artifacts"])

    @property
    def attempts(self) -> list[Attempt]:
        """Its ended attempts."""
        return self.scheduler.queries.attempts(self.id)

    def _promise(self) -> Waiter | Future[Finished]:
        if self._waiter is None:
            self._waiter = self.scheduler.queries.end_of(self.id)
            weakref.finalize(self, self._waiter.cancel)  # no caller waits any more
        return self._waiter

    def ask_again(self, promise: Waiter | Future[Finished] | None = None) -> None:
        """Ask who answers now for its end, unless another thread has done so since this promise."""
        if promise is None or self._waiter is promise:
            self._waiter = None

    def wait(self, timeout: Duration | None = None) -> Run:
        """Wait for its end, however it ends, and return the run.

        Parameters
        ----------
        timeout : str, float or timedelta, optional
            How long to wait at most.

        Raises
        ------
        TimeoutError
            If it has not ended by then; it continues.
        """
        refuse_in_coroutine("RunHandle.wait", "await run")
        with context.surrounded() as listener, self._told_to(listener):
            return self._waited(timeout, listener).run

    def _waited(self, timeout: Duration | None, listener: context.ExecutionContext) -> Finished:
        deadline = None if timeout is None else time.monotonic() + parse_duration(timeout, "timeout")
        ended = self._ended()
        if ended is not None:
            return ended
        with self.scheduler.queries.lending(self.id):
            while True:
                left = 0.5 if deadline is None else min(0.5, deadline - time.monotonic())
                promise = self._promise()
                try:
                    self._finished = promise.result(max(left, 0.0))
                    return self._finished
                except LifeEnded:
                    self.ask_again(promise)
                except TimeoutError:
                    if deadline is not None and time.monotonic() >= deadline:
                        raise TimeoutError(self._not_ended(timeout)) from None
                    if listener.should_stop():
                        raise StopRequested("the run was asked to stop") from None
                except CancelledError:
                    raise RunCancelledError(f"waiting for run {self.id} was cancelled") from None

    def _not_ended(self, timeout: Duration | None) -> str:
        """Return that it has not ended in time, and why."""
        message = f"run {self.id} of {self.task!r} has not ended within {timeout}: it is {self.state}"
        home = self.scheduler.queries.home(self.task)
        if home is None:
            return f"{message}, and no running process has its task"
        if not home.here:
            return f"{message}, and its task is run by {home}"
        return f"{message} and {why}" if (why := self._why()) else message

    def _why(self) -> str:
        """Return what it waits for, in short; empty if it does not."""
        which = f"run {self.id} of task {self.task!r} "
        if self.state in (State.QUEUED, State.PENDING, State.RETRY):
            return "; ".join(str(each).removeprefix(which) for each in self.scheduler.why(self))
        return ""

    def result(self, timeout: Duration | None = None) -> Any:
        """Wait for its end and return what its function returned.

        Raises
        ------
        RunFailedError, RunTimeoutError, RunCancelledError, RunSkippedError
            If it did not end as DONE; says why.
        ResultGoneError
            If it comes from the ledger, and was not kept there or has been pruned.
        TimeoutError
            If it has not ended within `timeout`; it continues.
        """
        refuse_in_coroutine("RunHandle.result", "await run")
        with context.surrounded() as listener, self._told_to(listener):
            finished = self._waited(timeout, listener)
        return self.value_of(finished)

    def value_of(self, finished: Finished) -> Any:
        """Return the value of an ended run, or raise what says why it has none."""
        run = finished.run
        if run.state is State.DONE:
            return finished.value if finished.has_value else self.scheduler.queries.load(run.result)
        what = f"run {run.id} of task {run.task!r} ended as {run.state}"
        error = run.error or {}
        raise _ERRORS[run.state](
            f"{what}: {run.why}" if run.why else what,
            hint=error.get("hint", ""),
            lines=error.get("lines", ()),
        )

    @contextmanager
    def _told_to(self, listener: context.ExecutionContext) -> Iterator[None]:
        """Pass the run's progress and log to the context of this call."""

        def hear(event: Event) -> None:
            if event.run == self.id:
                if isinstance(event, RunProgressed):
                    listener.progress(event.stage, event.done, event.total)
                elif isinstance(event, RunLogged):
                    listener.log(event.level, event.message)

        if isinstance(listener, context.NoListener):
            yield
            return
        unsubscribe = self.scheduler.subscribe(hear)
        try:
            yield
        finally:
            # The result may be here before the event thread has delivered the run's last words.
            self.scheduler.queries.flush_events(EVENTS_PATIENCE_SECONDS)
            unsubscribe()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._awaited().__await__()

    async def _awaited(self) -> Any:
        with context.surrounded() as listener, self._told_to(listener):
            finished = self._ended() or await self._end()
        return self.value_of(finished)

    async def _end(self) -> Finished:
        with self.scheduler.queries.lending(self.id):
            while (finished := self._ended()) is None:
                promise = self._promise()
                try:
                    self._finished = await patiently(
                        promise.future() if isinstance(promise, Waiter) else promise
                    )
                except LifeEnded:
                    self.ask_again(promise)
        return finished

    def cancel(self) -> bool:
        """Cancel it; False if it had ended."""
        return self.scheduler.cancel(self.id)

    def retry(self, **params: Any) -> RunHandle:
        """Run it again after its end, with its parameters or these instead: see `Scheduler.retry`."""
        return self.scheduler.retry(self.id, **params)


def run_id(run: object) -> str:
    """Return the id of a run that is given by its id, its handle or its record.

    Raises
    ------
    UsageError
        If it is none of them.
    """
    id = run.id if isinstance(run, RunHandle | Run) else run
    if not isinstance(id, str):
        raise UsageError(
            f"expected the id of a run or a RunHandle, got {safe_repr(id)}",
            hint="sched.runs() lists the runs",
        )
    return plain_text(id)
