"""The facade: declare tasks, start, stop, submit, pause, and see what happened."""

from __future__ import annotations

import inspect
import logging
import os
import sys
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, Unpack, overload

from msgspec.structs import replace

from schedkit import context
from schedkit.core.api.aio import AsyncScheduler
from schedkit.core.api.at_exit import stop_at_exit
from schedkit.core.api.front_end import front_end
from schedkit.core.api.handles import RunHandle, TaskHandle
from schedkit.core.api.options import SCHEDULER_OPTIONS, SchedulerOptions
from schedkit.core.api.process_spec import ProcessSpec
from schedkit.core.api.views import Views
from schedkit.core.board.board import Board
from schedkit.core.compat.job_api import JobApi
from schedkit.core.engine.decision import Finished
from schedkit.core.execution.results import Results
from schedkit.core.ids import new_id
from schedkit.core.model import Task
from schedkit.core.node.commands import SubmitRun
from schedkit.core.node.config import NodeConfig
from schedkit.core.node.event_bus import EventBus
from schedkit.core.node.node import Node
from schedkit.core.promise import Promise
from schedkit.core.store.database import Store
from schedkit.core.store.reader import Ledger
from schedkit.core.store.retention import Retention
from schedkit.core.tasks import origin
from schedkit.core.tasks.base import as_task
from schedkit.core.tasks.declare import declare_data
from schedkit.core.tasks.defaults import fill
from schedkit.core.tasks.options import TASK_OPTIONS, TaskOptions
from schedkit.core.tasks.params import check, check_data
from schedkit.core.tasks.registry import Registry
from schedkit.core.tasks.request import TaskRequest, read_request
from schedkit.core.triggers.base import TriggerLike
from schedkit.errors import DeclarationError, NotRunningError, SettingsError, UsageError
from schedkit.loop import blocking, refuse_in_coroutine, service, wait
from schedkit.values.keywords import check_keywords

__all__ = ["AsyncScheduler", "Scheduler"]

_log = logging.getLogger("schedkit")

P = ParamSpec("P")
R = TypeVar("R")


@check_keywords
class Scheduler(Views, ProcessSpec, JobApi):
    """Runs tasks on time and remembers what happened.

    Parameters
    ----------
    ledger : str or Path
        A file (SQLite) or an SQLAlchemy URL of a PostgreSQL database.

    Raises
    ------
    SettingsError
        If an option is unknown or out of its range; says which and what it may be.

    Examples
    --------
    >>> sched = Scheduler("example.db")                          # doctest: +SKIP
    >>> @sched.task("0 7 * * mon-fri")
    ... def open_bugs(): ...                                     # doctest: +SKIP
    >>> sched.start()                                            # doctest: +SKIP
    """

    def __init__(self, ledger: str | Path = "schedkit.db", **options: Unpack[SchedulerOptions]) -> None:
        chosen = self._options = {
            **SCHEDULER_OPTIONS.defaults,
            **SCHEDULER_OPTIONS.read(options, error=SettingsError),
        }
        self._job_defaults: dict[str, Any] = chosen["job_defaults"]
        store = Store(ledger, durable=chosen["durability"])
        self._ledger = Ledger(store)
        self._registry = Registry()
        self._bus = EventBus()
        self._results = Results(chosen["results"] or _results_beside(store))
        self._config = _config(chosen)
        self._node = Node(
            self._ledger,
            self._registry,
            self._bus,
            self._results,
            self._config,
            lease_seconds=chosen["lease"],
        )
        self._handles: dict[str, TaskHandle[..., Any]] = {}
        self._viewing = False
        self._board: Board | None = None
        self._board_lock = threading.Lock()
        self.aio = AsyncScheduler(self)

    def __repr__(self) -> str:
        return f"<Scheduler {self.state}, ledger {self.ledger}, {len(self.tasks)} tasks>"

    def _ipython_display_(self) -> None:
        front_end().display(self)

    def panel(self, kind: str = "tasks") -> Any:
        """Return a live widget."""
        return front_end().panel(self, kind)

    # Life

    start = blocking(AsyncScheduler.start)
    stop = blocking(AsyncScheduler.stop)
    watch = blocking(AsyncScheduler.watch)
    bring_home = blocking(AsyncScheduler.bring_home)

    def __enter__(self) -> Scheduler:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    @contextmanager
    def viewing(self) -> Iterator[Scheduler]:
        """Open the ledger to look and to leave commands, without starting anything."""
        service().call(self._node.open)
        self._viewing = True
        try:
            yield self
        finally:
            self._viewing = False

    def _started(self) -> None:
        stop_at_exit(self)
        front_end().scheduler_started()
        self._to_run.submit()
        everywhere = {name for name, told in self._registry.origins.items() if told == origin.EVERYWHERE}
        self._tell_standing_by([name for name in self.standing_by if name not in everywhere])

    def _known_parents(self, task: Task) -> Container[str]:
        """Return the tasks that only the ledger knows, if one of them may be a parent of this task."""
        path = self._ledger.store.path
        if all(parent.task in self._registry for parent in task.after) or (path and not path.exists()):
            return ()
        self._must_be_open()
        return self._names()

    def _tell_standing_by(self, names: list[str]) -> None:
        if names:
            _log.warning(
                "%s: run by %s with the same code; this process goes on with it when that one ends. "
                "sched.bring_home() has it run here",
                ", ".join(map(repr, names)),
                self.home(names[0]),
            )

    # Declaring

    @overload
    def task(self, trigger: Callable[P, R], /) -> TaskHandle[P, R]: ...
    @overload
    def task(
        self, trigger: TriggerLike | None = None, *, replace: bool = False, **options: Unpack[TaskOptions]
    ) -> Callable[[Callable[P, R]], TaskHandle[P, R]]: ...
    @TASK_OPTIONS.document
    def task(self, trigger: object = None, *, replace: bool = False, **options: Any) -> Any:
        """Declare the decorated function as a task; it stays callable.

        Without any options, the parentheses may be left out.

        Parameters
        ----------
        trigger : Trigger, APScheduler trigger, str, timedelta or datetime, optional
            When it runs; None: when submitted, or after its parents.
        replace : bool
            Whether it moves here if another process runs a task of this name with other code; else that is
            refused.
        """
        TASK_OPTIONS.refuse_unknown(options, error=DeclarationError)
        if inspect.isroutine(trigger):
            return self._declared(declare_data(trigger, None, options))

        def decorate(function: Callable[..., Any]) -> TaskHandle[..., Any]:
            return self._declared(declare_data(function, trigger, options), replace)

        return decorate

    def add(self, task: object, *, replace: bool = False) -> TaskHandle[..., Any]:
        """Declare a task: a `Task`, a `BaseTask` class or instance, or a function marked with ``@task``.

        Parameters
        ----------
        replace : bool
            As for `task`.
        """
        return self._declared(as_task(task), replace)

    def _declared(self, task: Task, replace: bool = False) -> TaskHandle[..., Any]:
        task = fill(task, self._job_defaults)
        if task.trigger is not None:  # before anybody knows of the task: what it cannot tell is refused
            task.trigger.begins(datetime.now(UTC), self._node.config.tz)
        known = self._known_parents(task)
        self._node.declarations.expect(task.name, replace)
        self._registry.add(task, known=known, origin=origin.here())
        handle: TaskHandle[..., Any] = TaskHandle(self, task.name)
        self._handles[task.name] = handle
        if self._node.state == "running":
            service().submit(self._node.declare, [task]).result()
            self._tell_standing_by([task.name] if task.name in self.standing_by else [])
        elif self._node.state == "watching":
            _log.warning("task %r: this scheduler only watches and runs nothing; sched.start()", task.name)
        front_end().task_declared(self.ledger, task.name, lambda: self.tasks)
        return handle

    pause = blocking(AsyncScheduler.pause)
    resume = blocking(AsyncScheduler.resume)
    enable, disable = resume, pause
    remove = blocking(AsyncScheduler.remove)
    reschedule = blocking(AsyncScheduler.reschedule)
    cancel = blocking(AsyncScheduler.cancel)
    retry = blocking(AsyncScheduler.retry)

    # Running

    def submit(self, name: str, /, **params: Any) -> RunHandle:
        """Ask for a run now; durable when it returns.

        Parameters
        ----------
        name : str
            The task's.
        **params
            Its parameters, checked against its type hints. They are data: what would not come back from the
            ledger is refused.

        Raises
        ------
        NotRunningError
            If neither this scheduler nor another process runs the task.
        UsageError
            If no task is called so, or the parameters do not fit.
        """
        return self.submit_many(name, [params])[0]

    def submit_many(self, name: str, batch: Iterable[Mapping[str, Any]]) -> list[RunHandle]:
        """Ask for a run for each set of parameters, all durable when it returns."""
        refuse_in_coroutine("Scheduler.submit")
        handles, durable, commands = self._submit(name, batch)
        if durable is not None:
            try:
                wait(durable)
            except UsageError:
                if not self._has_moved(handles[0].task):
                    raise
            else:
                return handles
        service().call(self._submit_elsewhere, handles, commands)
        return handles

    def _submit(
        self, name: str, batch: Iterable[Mapping[str, Any]]
    ) -> tuple[list[RunHandle], Promise[None] | None, list[SubmitRun]]:
        """Return handles, a promise that the runs are durable (None: not made here), and the commands."""
        commands = self._commands(name, batch)
        made = self._node.dispatcher.submit(commands)
        if made is None:
            return [RunHandle(self, command.run, command.task) for command in commands], None, commands
        ends = zip(commands, made[0], strict=True)
        return [RunHandle(self, command.run, command.task, end) for command, end in ends], made[1], commands

    def _commands(self, name: str, batch: Iterable[Mapping[str, Any]], **origin: Any) -> list[SubmitRun]:
        """Return the commands that ask for runs, after trying that the parameters fit."""
        name = getattr(name, "name", name)
        task = self._registry.get(name)
        if task is None:
            self._known(name)
        checked = [check_data(name, params) if task is None else check(task, params) for params in batch]
        commands = [SubmitRun(run=new_id(), task=name, params=params, **origin) for params in checked]
        key = context.idempotency_key()
        if key and len(commands) > 1:
            return [replace(command, key=f"{key}/{place}") for place, command in enumerate(commands)]
        return [replace(command, key=key) for command in commands] if key else commands

    add_request = blocking(AsyncScheduler.add_request)

    def _read_request(self, body: Mapping[str, Any]) -> TaskRequest:
        """Return what a request means here, where others may have its handler and its parents."""
        if not self._open and self._ledger.store.path is not None and not self._ledger.store.path.exists():
            return read_request(body, self._registry)
        self._must_be_open()
        return read_request(
            body,
            self._registry,
            elsewhere=self._ledger.handler,
            ids=lambda: {row.id: row.name for row in self._ledger.tasks()},
        )

    async def _submit_elsewhere(self, handles: list[RunHandle], commands: list[SubmitRun]) -> None:
        for handle, command in zip(handles, commands, strict=True):
            handle.ask_again()
            handle.id = (await self._node.dispatcher.carry_out(command))["run"]

    backfill = blocking(AsyncScheduler.backfill)

    def run(self, id: str) -> RunHandle:
        """Return the handle of a run by its id."""
        return RunHandle(self, id, self._run(id).task)

    def prune(self) -> int:
        """Forget now what the retention policy lets go; return how many rows and files."""
        if self._node.life is None:
            raise NotRunningError(f"no scheduler of {self.ledger} runs here", hint="start it: sched.start()")
        return service().call(self._node.maintenance.prune)

    # Seeing

    # For the handles

    def _wait_for(self, id: str) -> Future[Finished]:
        return service().submit(self._node.end_of, id)


SCHEDULER_OPTIONS.document(Scheduler)


def _config(chosen: Mapping[str, Any]) -> NodeConfig:
    keep_runs: float | None = chosen["keep_runs"]
    return NodeConfig(
        name=chosen["name"] or _own_name(),
        concurrency=chosen["concurrency"],
        threads=chosen["threads"],
        processes=chosen["processes"],
        tag_limits=chosen["limits"],
        tz=chosen["tz"],
        most_interruptions=chosen["interruptions"],
        cancel_grace=chosen["cancel_grace"],
        retention=Retention(
            None if keep_runs is None else timedelta(seconds=keep_runs), chosen["keep_results"]
        ),
    )


def _own_name() -> str:
    notebook = os.environ.get("JPY_SESSION_NAME")
    return Path(notebook or sys.argv[0] or "python").name or "python"


def _results_beside(store: Store) -> Path:
    return (
        store.path.with_suffix(".results") if store.path is not None else Path("schedkit-results").absolute()
    )
