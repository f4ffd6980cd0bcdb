"""What people hold: a run, and a task."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import CancelledError, Future
from datetime import datetime
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from schedkit import context
from schedkit.core.api.front_end import front_end
from schedkit.core.engine.decision import Finished
from schedkit.core.events import Event, RunLogged, RunProgressed
from schedkit.core.model import Task
from schedkit.core.node.event_bus import Listener
from schedkit.core.node.waiters import LifeEnded, Waiter
from schedkit.core.run import Attempt, Run
from schedkit.core.states import State
from schedkit.core.store.lives import NodeRow
from schedkit.core.tasks.params import arguments_by_name
from schedkit.core.triggers.constructors import Moment
from schedkit.errors import (
    DeclarationError,
    RunCancelledError,
    RunError,
    RunFailedError,
    RunSkippedError,
    RunTimeoutError,
    StopRequested,
)
from schedkit.loop import patiently, refuse_in_coroutine
from schedkit.values.durations import Duration, parse_duration
from schedkit.values.keywords import check_keywords

__all__ = ["Host", "Reads", "RunHandle", "TaskHandle"]

# How long a busy listener may delay whoever waits for a run.
EVENTS_PATIENCE_SECONDS = 1.0
P = ParamSpec("P")
R = TypeVar("R")

_ERRORS: dict[State, type[RunError]] = {
    State.FAILED: RunFailedError,
    State.TIMEOUT: RunTimeoutError,
    State.CANCELLED: RunCancelledError,
    State.SKIPPED: RunSkippedError,
}


class Reads(Protocol):
    """What handles read; see `schedkit.core.api.queries.Queries`."""

    def task(self, name: str, /) -> Task: ...
    def task_state(self, name: str, /) -> str: ...
    def next_run(self, name: str, /) -> datetime | None: ...
    def is_paused(self, name: str, /) -> bool: ...
    def latest(self, name: str, /) -> Any: ...
    def home(self, task: str, /) -> NodeRow | None: ...
    def run(self, id: str, /) -> Run: ...
    def details(self, id: str, /) -> dict[str, Any]: ...
    def attempts(self, id: str, /) -> list[Attempt]: ...
    def load(self, reference: Mapping[str, Any] | None, /) -> Any: ...
    def end_of(self, id: str, /) -> Future[Finished]: ...
    def flush_events(self, timeout: float, /) -> bool: ...


class AsyncHost(Protocol):
    """What handles ask a scheduler to do, awaited."""

    async def submit(self, name: str, /, **params: Any) -> RunHandle: ...


class Host(Protocol):
    """What handles need of a scheduler; see `schedkit.core.api.scheduler.Scheduler`."""

    @property
    def queries(self) -> Reads: ...
    @property
    def aio(self) -> AsyncHost: ...
    def submit(self, name: str, /, **params: Any) -> RunHandle: ...
    def cancel(self, run: str) -> bool: ...
    def pause(self, name: str) -> None: ...
    def resume(self, name: str) -> None: ...
    def backfill(self, name: str, start: Moment, end: Moment) -> list[RunHandle]: ...
    def runs(self, task: str, limit: int) -> list[Run]: ...
    def history(self, task: str, limit: int) -> Any: ...
    def due_times(self, task: str, *, ran: bool | None, limit: int) -> Any: ...
    def subscribe(self, listener: Listener) -> Callable[[], None]: ...


@check_keywords
class RunHandle:
    """One run: ask how it goes, wait for its result, cancel it; awaitable in async code.

    Attributes
    ----------
    id : str
        Its key in the ledger.
    task : str
    """

    def __init__(self, scheduler: Host, id: str, task: str, waiter: Waiter | None = None) -> None:
        self.scheduler = scheduler
        self.id = id
        self.task = task
        self._waiter: Waiter | Future[Finished] | None = waiter
        self._finished: Finished | None = None

    def __repr__(self) -> str:
        return f"<run {self.id} of {self.task!r}: {self.state}>"

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
        """The run as it stands now."""
        ended = self._ended()
        return ended.run if ended is not None else self.scheduler.queries.run(self.id)

    @property
    def state(self) -> State:
        """Where it stands."""
        return self.run.state

    @property
    def error(self) -> dict[str, Any] | None:
        """Type, message, hint and traceback of its last failure."""
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
            weakref.finalize(self, self._waiter.cancel)  # nobody waits any more
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
            If it has not ended by then; it goes on.
        """
        refuse_in_coroutine("RunHandle.wait", "await run")
        with context.surrounded() as listener:
            unsubscribe = self._forward(listener)
            try:
                return self._waited(timeout).run
            finally:
                unsubscribe()

    def _waited(self, timeout: Duration | None) -> Finished:
        ended = self._ended()
        if ended is not None:
            return ended
        deadline = None if timeout is None else time.monotonic() + parse_duration(timeout, "timeout")
        surroundings = context.current()
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
                    message = (
                        f"run {self.id} of {self.task!r} has not ended within {timeout}: it is {self.state}"
                    )
                    home = self.scheduler.queries.home(self.task)
                    if home is None:
                        message += ", and no running process has its task"
                    elif not home.here:
                        message += f", and its task is run by {home}"
                    raise TimeoutError(message) from None
                if surroundings.should_stop():
                    raise StopRequested("the run was asked to stop") from None
            except CancelledError:
                raise RunCancelledError(f"waiting for run {self.id} was cancelled") from None

    def result(self, timeout: Duration | None = None) -> Any:
        """Wait for its end and return what its function returned.

        Raises
        ------
        RunFailedError, RunTimeoutError, RunCancelledError, RunSkippedError
            If it did not end as DONE; says why.
        ResultGoneError
            If it comes from the ledger, and was not kept there or has been pruned.
        TimeoutError
            If it has not ended within `timeout`; it goes on.
        """
        refuse_in_coroutine("RunHandle.result", "await run")
        with context.surrounded() as listener:
            unsubscribe = self._forward(listener)
            try:
                finished = self._waited(timeout)
            finally:
                unsubscribe()
        return self.value_of(finished)

    def value_of(self, finished: Finished) -> Any:
        """Return the value of an ended run, or raise what says why it has none."""
        run = finished.run
        if run.state is State.DONE:
            return finished.value if finished.has_value else self.scheduler.queries.load(run.result)
        what = f"run {run.id} of task {run.task!r} ended as {run.state}"
        hint = (run.error or {}).get("hint", "")
        raise _ERRORS[run.state](f"{what}: {run.why}" if run.why else what, hint=hint)

    def _forward(self, listener: context.ExecutionContext) -> Callable[[], None]:
        """Let whoever surrounds this call see the run's progress and log."""

        def hear(event: Event) -> None:
            if event.run == self.id:
                if isinstance(event, RunProgressed):
                    listener.progress(event.stage, event.done, event.total)
                elif isinstance(event, RunLogged):
                    listener.log(event.level, event.message)

        if isinstance(listener, context.NoListener):
            return lambda: None
        unsubscribe = self.scheduler.subscribe(hear)

        def end() -> None:
            # The result may be here before the event thread has delivered the run's last words.
            self.scheduler.queries.flush_events(EVENTS_PATIENCE_SECONDS)
            unsubscribe()

        return end

    def __await__(self) -> Generator[Any, None, Any]:
        return self._awaited().__await__()

    async def _awaited(self) -> Any:
        with context.surrounded() as listener:
            unsubscribe = self._forward(listener)
            try:
                while (finished := self._ended()) is None:
                    promise = self._promise()
                    try:
                        self._finished = await patiently(
                            promise.future() if isinstance(promise, Waiter) else promise
                        )
                    except LifeEnded:
                        self.ask_again(promise)
            finally:
                unsubscribe()
        return self.value_of(finished)

    def cancel(self) -> bool:
        """Cancel it; False if it had ended."""
        return self.scheduler.cancel(self.id)


class _AsyncTask(Generic[P]):
    """The async face of a task."""

    def __init__(self, handle: TaskHandle[P, Any]) -> None:
        self._handle = handle

    @overload
    async def submit(self, /) -> RunHandle: ...
    @overload
    async def submit(self, /, *args: P.args, **params: P.kwargs) -> RunHandle: ...
    async def submit(self, /, *args: Any, **params: Any) -> RunHandle:
        """Ask for a run; durable when it returns."""
        by_name = arguments_by_name(self._handle.task.function, args, params)
        return await self._handle.scheduler.aio.submit(self._handle.name, **by_name)


@check_keywords
class TaskHandle(Generic[P, R]):
    """A declared task: still the plain function it was, and a name in the ledger."""

    def __init__(self, scheduler: Host, name: str) -> None:
        self.scheduler = scheduler
        self.name = name
        self.aio: _AsyncTask[P] = _AsyncTask(self)
        function = self.task.function
        if function is not None:
            self.__doc__ = function.__doc__
            self.__name__ = getattr(function, "__name__", name)
            self.__wrapped__ = function

    def __repr__(self) -> str:
        upcoming = self.next_run
        when = f", next {upcoming.isoformat(timespec='seconds')}" if upcoming is not None else ""
        return f"<task {self.name!r}: {self.state}{when}>"

    def _ipython_display_(self) -> None:
        front_end().display(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the plain function, here and now, unrecorded."""
        function = self.task.function
        if function is None:
            raise DeclarationError(
                f"task {self.name!r} is known from the ledger only",
                hint="run the cell or module that declares it",
            )
        result: R = function(*args, **kwargs)
        return result

    @property
    def task(self) -> Task:
        """Its declaration; without a function if this process has not declared it."""
        return self.scheduler.queries.task(self.name)

    # Parameters may also be given where the task is declared, with params=: none may be missing here.
    @overload
    def submit(self, /) -> RunHandle: ...
    @overload
    def submit(self, /, *args: P.args, **params: P.kwargs) -> RunHandle: ...
    def submit(self, /, *args: Any, **params: Any) -> RunHandle:
        """Ask for a run now, with the function's parameters; durable when it returns."""
        by_name = arguments_by_name(self.task.function, args, params)
        return self.scheduler.submit(self.name, **by_name)

    def history(self, limit: int = 100) -> Any:
        """Return its runs as a DataFrame, newest first."""
        return self.scheduler.history(self.name, limit)

    def runs(self, limit: int = 100) -> list[Run]:
        """Return its runs, newest first."""
        return self.scheduler.runs(self.name, limit)

    def due_times(self, *, ran: bool | None = None, limit: int = 1000) -> Any:
        """Return its due times as a DataFrame, newest first: see `Scheduler.due_times`."""
        return self.scheduler.due_times(self.name, ran=ran, limit=limit)

    def latest(self) -> Any:
        """Return what its last DONE run returned, also after a restart; None before the first.

        It comes back from a file: frames from Parquet, all else from JSON. So keys of mappings are text,
        tuples and sets are lists, times are ISO 8601 text, and cells of mixed kinds in one column of a frame
        are text too; a second column of one name is called `name.1`. What neither can hold is not kept, which
        the run's log says.

        Raises
        ------
        ResultGoneError
            If it was not kept, or its file is gone.
        """
        return self.scheduler.queries.latest(self.name)

    @property
    def state(self) -> str:
        """One of running, queued, paused, waiting, idle."""
        return self.scheduler.queries.task_state(self.name)

    @property
    def next_run(self) -> datetime | None:
        """Its next due time (aware), None without one."""
        return self.scheduler.queries.next_run(self.name)

    @property
    def paused(self) -> bool:
        """Whether its due times are stopped."""
        return self.scheduler.queries.is_paused(self.name)

    def pause(self) -> None:
        """Stop its due times."""
        self.scheduler.pause(self.name)

    def resume(self) -> None:
        """Let its due times happen again."""
        self.scheduler.resume(self.name)

    def backfill(self, start: Moment, end: Moment) -> list[RunHandle]:
        """Run the due times between `start` and `end` that have no run, each once."""
        return self.scheduler.backfill(self.name, start, end)
