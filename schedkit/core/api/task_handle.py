"""A task as users hold it, and the handles of all tasks of a scheduler."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from schedkit.core.api.front_end import front_end
from schedkit.core.api.run_handle import RunHandle
from schedkit.core.model import Task
from schedkit.core.run import Run
from schedkit.core.states import State
from schedkit.core.store.lives import NodeRow
from schedkit.core.tasks.params import arguments_by_name
from schedkit.core.triggers.constructors import Moment
from schedkit.errors import DeclarationError, UsageError
from schedkit.values.keywords import check_keywords
from schedkit.values.scalars import plain_text
from schedkit.values.text import safe_repr

__all__ = ["TaskHandle", "TaskHandles", "TaskHost", "TaskQueries", "named"]

P = ParamSpec("P")
R = TypeVar("R")


class TaskQueries(Protocol):
    """What a task's handle reads; see `schedkit.core.api.queries.Queries`."""

    def task(self, name: str, /) -> Task: ...
    def task_state(self, name: str, /) -> str: ...
    def next_run(self, name: str, /) -> datetime | None: ...
    def is_paused(self, name: str, /) -> bool: ...
    def latest(self, name: str, /) -> Any: ...
    def home(self, name: str, /) -> NodeRow | None: ...


class AsyncTaskHost(Protocol):
    """What a task's handle asks a scheduler to do, awaited."""

    async def submit(self, name: str, /, **params: Any) -> RunHandle: ...


class TaskHost(Protocol):
    """What a task's handle needs of a scheduler; see `schedkit.core.api.scheduler.Scheduler`."""

    @property
    def queries(self) -> TaskQueries: ...
    @property
    def aio(self) -> AsyncTaskHost: ...
    def submit(self, name: str, /, **params: Any) -> RunHandle: ...
    def pause(self, name: str) -> None: ...
    def resume(self, name: str) -> None: ...
    def backfill(self, name: str, start: Moment, end: Moment) -> list[RunHandle]: ...
    def runs(self, task: str, limit: int, *, states: Collection[State | str]) -> list[Run]: ...
    def history(self, task: str, limit: int) -> Any: ...
    def due_times(self, task: str, *, ran: bool | None, limit: int) -> Any: ...


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
        if args:  # a ledger stores names
            params = arguments_by_name(self._handle.task.function, args, params)
        return await self._handle.scheduler.aio.submit(self._handle.name, **params)


@check_keywords
class TaskHandle(Generic[P, R]):
    """A declared task: callable as the plain function, with its runs in the ledger."""

    def __init__(self, scheduler: TaskHost, name: str) -> None:
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
        # Only the handle may have come here from another process.
        function = self.task.function or getattr(self, "__wrapped__", None)
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
        if args:  # a ledger stores names
            params = arguments_by_name(self.task.function, args, params)
        return self.scheduler.submit(self.name, **params)

    def history(self, limit: int = 100) -> Any:
        """Return its runs as a DataFrame, newest first."""
        return self.scheduler.history(self.name, limit)

    def runs(self, limit: int = 100, *, states: Collection[State | str] = ()) -> list[Run]:
        """Return its runs, newest first: see `Scheduler.runs`."""
        return self.scheduler.runs(self.name, limit, states=states)

    def due_times(self, *, ran: bool | None = None, limit: int = 1000) -> Any:
        """Return its due times as a DataFrame, newest first: see `Scheduler.due_times`."""
        return self.scheduler.due_times(self.name, ran=ran, limit=limit)

    def latest(self) -> Any:
        """Return what its last DONE run returned, also after a restart; None before the first.

        It comes back as it was, with its types: frames and series, numbers, text, times, sets, arrays, and
        lists and mappings of all these. What would come back as something else, such as an object of a class
        of your own, is not kept, which the run's log says.

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
    def home(self) -> NodeRow | None:
        """The process that runs it, None if none does."""
        return self.scheduler.queries.home(self.name)

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


class TaskHandles:
    """Makes the handle of each task once."""

    def __init__(self, host: TaskHost) -> None:
        self._host = host
        self._made: dict[str, TaskHandle[..., Any]] = {}

    def get(self, name: str) -> TaskHandle[..., Any]:
        """Return the handle of a task."""
        if name not in self._made:
            self._made[name] = TaskHandle(self._host, name)
        return self._made[name]

    def new(self, name: str) -> TaskHandle[..., Any]:
        """Return a new handle of a task, which has been declared again."""
        self._made[name] = TaskHandle(self._host, name)
        return self._made[name]

    def of(self, names: list[str]) -> Mapping[str, TaskHandle[..., Any]]:
        """Return the handles of tasks by their names."""
        return _NamedHandles(names, self.get)


class _NamedHandles(Mapping[str, TaskHandle[..., Any]]):
    """A handle is made when it is asked for: there may be thousands of tasks."""

    def __init__(self, names: list[str], handle: Callable[[str], TaskHandle[..., Any]]) -> None:
        self._names = dict.fromkeys(names)
        self._handle = handle

    def __getitem__(self, name: str) -> TaskHandle[..., Any]:
        if name not in self._names:
            raise KeyError(name)
        return self._handle(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<tasks: {', '.join(self._names) or 'none'}>"


def named(task: object) -> str:
    """Return the name of a task that is given by its name, its handle or its declaration."""
    name = task.name if isinstance(task, TaskHandle | Task) else task
    if not isinstance(name, str):
        raise UsageError(
            f"expected a task name or TaskHandle, got {safe_repr(name)}",
            hint="sched.tasks lists the tasks by name",
        )
    return plain_text(name)
