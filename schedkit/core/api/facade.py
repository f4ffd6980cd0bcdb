"""The facade: declare tasks, start, stop, submit, pause, and see what happened."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from types import FunctionType
from typing import Any, overload

from schedkit.core.api.aio import AsyncScheduler
from schedkit.core.api.at_exit import stop_at_exit
from schedkit.core.api.elsewhere import Elsewhere
from schedkit.core.api.front_end import front_end
from schedkit.core.api.handles import RunHandle, TaskHandle
from schedkit.core.api.views import Views
from schedkit.core.board.board import Board
from schedkit.core.jobs.compat import JobApi
from schedkit.core.ledger.lease import LEASE_SECONDS
from schedkit.core.ledger.reader import Ledger
from schedkit.core.ledger.rows import new_id
from schedkit.core.ledger.store import Store
from schedkit.core.model import Task
from schedkit.core.node.node import Node
from schedkit.core.node.submissions import post_runs
from schedkit.core.owner.bus import Bus
from schedkit.core.owner.known import CANCEL_GRACE_SECONDS, Config, Waiter
from schedkit.core.owner.retention import Retention
from schedkit.core.promise import Promise
from schedkit.core.runner.results import Results
from schedkit.core.tasks import origin
from schedkit.core.tasks.base import as_task
from schedkit.core.tasks.declare import declare, known
from schedkit.core.tasks.defaults import JobDefaults
from schedkit.core.tasks.params import check, check_data
from schedkit.core.tasks.registry import Registry
from schedkit.errors import NotOwnerError, SettingsError
from schedkit.loop import blocking, refuse_in_coroutine, service, wait
from schedkit.values.durations import Duration, parse_duration
from schedkit.values.timezones import parse_timezone

__all__ = ["AsyncScheduler", "Scheduler"]

_log = logging.getLogger("schedkit")

DURABILITIES = ("normal", "full")


class Scheduler(Views, Elsewhere, JobApi):
    """Runs tasks on time and remembers what happened.

    Parameters
    ----------
    ledger : str or Path
        A file (SQLite) or an SQLAlchemy URL of a PostgreSQL database.
    concurrency : int
        Runs at once.
    threads, processes : int
        Of these, at most so many in threads (sync functions) and in child processes.
    limits : mapping of str to int
        Tag → runs at once of all tasks that carry it.
    results : str or Path, optional
        The folder of results; beside the ledger by default.
    name : str, optional
        Who this process is, as others see it.
    tz : str or tzinfo, optional
        The zone of wall times; the machine's by default.
    interruptions : int
        How many attempts of a run may be lost with their process before it fails.
    durability : {"normal", "full"}
        On SQLite, what a commit survives: the death of the process, or a power cut too.
    lease : str, float or timedelta
        On PostgreSQL, how long after its owner's death a ledger is free.
    cancel_grace : str, float or timedelta
        How long a cancelled run may go on before it is recorded; its place stays taken until it ends.
    keep_runs : str, float, timedelta or None
        Ended runs older than this are forgotten, with their log, events and files; None: never.
    keep_results : int or None
        Of each task, this many latest results are kept, however old; None: all, as long as their runs.
    job_defaults : mapping, optional
        ``coalesce``, ``max_instances`` and ``misfire_grace_time`` of tasks that do not say themselves.

    Raises
    ------
    SettingsError
        If one of these is out of its range; says which and what it may be.

    Examples
    --------
    >>> sched = Scheduler("example.db")                          # doctest: +SKIP
    >>> @sched.task("0 7 * * mon-fri")
    ... def open_bugs(): ...                                     # doctest: +SKIP
    >>> sched.start()                                            # doctest: +SKIP
    """

    def __init__(
        self,
        ledger: str | Path = "schedkit.db",
        *,
        concurrency: int = 5,
        threads: int = 20,
        processes: int | None = None,
        limits: Mapping[str, int] | None = None,
        results: str | Path | None = None,
        name: str | None = None,
        tz: str | tzinfo | None = None,
        interruptions: int = 3,
        durability: str = "normal",
        lease: Duration = LEASE_SECONDS,
        cancel_grace: Duration = CANCEL_GRACE_SECONDS,
        keep_runs: Duration | None = "90 days",
        keep_results: int | None = 10,
        job_defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self._options = {name: value for name, value in locals().items() if name in _OPTIONS}
        processes = min(5, os.cpu_count() or 1) if processes is None else processes
        if limits is not None and not isinstance(limits, Mapping):
            raise SettingsError(f"limits={limits!r}", hint="a mapping, tag to runs at once: {'jira': 2}")
        for what, text in {"name": name, **{f"limits, tag {tag!r}": tag for tag in limits or ()}}.items():
            if text is not None and not (isinstance(text, str) and text.strip()):
                raise SettingsError(f"{what}={text!r}", hint="it is a text")
        for what, value in {
            "concurrency": concurrency,
            "threads": threads,
            "processes": processes,
            **{f"limits[{tag!r}]": most for tag, most in (limits or {}).items()},
        }.items():
            _at_least(1, value, what)
        _at_least(0, interruptions, "interruptions")
        if durability not in DURABILITIES:
            raise SettingsError(
                f"durability={durability!r}", hint=f"one of {', '.join(map(repr, DURABILITIES))}"
            )
        lease_seconds = parse_duration(lease, "lease")
        if lease_seconds <= 0:
            raise SettingsError(f"lease={lease!r}", hint="longer than 0 seconds")
        patience = parse_duration(cancel_grace, "cancel_grace")
        if patience < 0:
            raise SettingsError(f"cancel_grace={cancel_grace!r}", hint="0 seconds or longer")
        self._job_defaults = JobDefaults.of(job_defaults or {})
        store = Store(ledger, durable=durability)
        self._ledger = Ledger(store)
        self._registry = Registry()
        self._bus = Bus()
        self._results = Results(Path(results) if results is not None else _results_beside(store))
        self._config = Config(
            name=name or _own_name(),
            concurrency=concurrency,
            threads=threads,
            processes=processes,
            tag_limits=dict(limits or {}),
            tz=None if tz is None else parse_timezone(tz),
            most_interruptions=interruptions,
            cancel_grace=patience,
            retention=_retention(keep_runs, keep_results),
        )
        self._node = Node(
            self._ledger,
            self._registry,
            self._bus,
            self._results,
            self._config,
            lease_seconds=lease_seconds,
        )
        self._handles: dict[str, TaskHandle] = {}
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
    take_over = blocking(AsyncScheduler.take_over)

    def __enter__(self) -> Scheduler:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    @contextmanager
    def viewing(self) -> Iterator[Scheduler]:
        """Open the ledger to look and to leave commands, without owning it or starting anything."""
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
        owner = self.owner
        if self.state == "viewer" and owner is not None:
            _log.warning(
                "%s is owned by %s; this process is a viewer: what is declared here waits. "
                "take_over() makes it the owner; Scheduler('other.db') is a ledger of its own",
                self.ledger,
                owner,
            )

    # Declaring

    @overload
    def task(self, trigger: FunctionType, **options: Any) -> TaskHandle: ...
    @overload
    def task(self, trigger: object = None, **options: Any) -> Callable[[Callable[..., Any]], TaskHandle]: ...
    def task(self, trigger: object = None, **options: Any) -> Any:
        """Declare the decorated function as a task; it stays callable.

        Parameters are those of `schedkit.core.tasks.declare`. Without any, the parentheses may be left out.
        """
        known(options)
        if inspect.isroutine(trigger):
            return self._declared(declare(trigger, **options))

        def decorate(function: Callable[..., Any]) -> TaskHandle:
            return self._declared(declare(function, trigger, **options))

        return decorate

    def add(self, task: object) -> TaskHandle:
        """Declare a task: a `Task`, a `BaseTask` class or instance, or a function marked with ``@task``."""
        return self._declared(as_task(task))

    def _declared(self, task: Task) -> TaskHandle:
        task = self._job_defaults.fill(task)
        if task.trigger is not None:  # before anybody knows of the task: what it cannot tell is refused
            task.trigger.begins(datetime.now(UTC), self._node.config.tz)
        owner = self._node.owner
        known = owner.rows if owner is not None else self._names() if self._open else ()
        self._registry.add(task, known=known, origin=origin.here())
        handle = self._handles[task.name] = TaskHandle(self, task.name)
        if self._node.state != "stopped":
            service().submit(self._node.declare, task).result()
        front_end().task_declared(self.ledger, task.name, lambda: self.tasks)
        return handle

    pause = blocking(AsyncScheduler.pause)
    resume = blocking(AsyncScheduler.resume)
    enable, disable = resume, pause
    remove = blocking(AsyncScheduler.remove)
    reschedule = blocking(AsyncScheduler.reschedule)
    cancel = blocking(AsyncScheduler.cancel)

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
        NotOwnerError
            If nobody owns the ledger: neither this scheduler nor another process runs.
        UsageError
            If no task is called so, or the parameters do not fit.
        """
        return self.submit_many(name, [params])[0]

    def submit_many(self, name: str, batch: Iterable[Mapping[str, Any]]) -> list[RunHandle]:
        """Ask for a run for each set of parameters, all durable when it returns."""
        refuse_in_coroutine("Scheduler.submit")
        handles, durable = self._submit(name, batch)
        wait(durable)
        return handles

    def _submit(
        self, name: str, batch: Iterable[Mapping[str, Any]]
    ) -> tuple[list[RunHandle], Promise[None] | Future[None]]:
        name = getattr(name, "name", name)
        node = self._node
        task = self._registry.get(name)
        if task is None:
            self._known(name)
        if task is not None:
            checked = [check(task, params) for params in batch]
        else:
            checked = [check_data(name, params) for params in batch]
        owner = node.owner
        if owner is None:
            handles = [RunHandle(self, new_id(), name) for _ in checked]
            asked = [
                {"run": handle.id, "task": name, "params": params}
                for handle, params in zip(handles, checked, strict=True)
            ]
            if service().here():
                return handles, asyncio.run_coroutine_threadsafe(
                    self._ask_all(asked), asyncio.get_running_loop()
                )
            return handles, service().submit(self._ask_all, asked)
        runs = [owner.new_run(name, "submit", node.config.name, params=params) for params in checked]
        waiters, durable = post_runs(owner, runs)
        handles = [
            RunHandle(self, run.id, run.task, waiter) for run, waiter in zip(runs, waiters, strict=True)
        ]
        return handles, durable

    async def _ask_all(self, asked: list[dict[str, Any]]) -> None:
        for data in asked:
            await self._node.ask("submit", data)

    backfill = blocking(AsyncScheduler.backfill)

    def run(self, id: str) -> RunHandle:
        """Return the handle of a run by its id."""
        return RunHandle(self, id, self._run(id).task)

    def prune(self) -> int:
        """Forget now what the retention policy lets go; return how many rows and files."""
        if self._node.owner is None:
            raise NotOwnerError(f"ledger {self.ledger} is not owned here", hint="its owner prunes it")
        return service().call(self._node.house.prune)

    # Seeing

    # For the handles

    def _wait_for(self, id: str) -> Waiter:
        waiter = Waiter()
        service().submit(self._node.finished, id, waiter)
        return waiter


_OPTIONS = frozenset(inspect.signature(Scheduler.__init__).parameters) - {"self", "ledger"}


def _at_least(least: int, value: object, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SettingsError(f"{what}={value!r}", hint=f"a whole number, at least {least}")


def _retention(runs: Duration | None, results: int | None) -> Retention:
    kept = None if runs is None else timedelta(seconds=parse_duration(runs, "keep_runs"))
    if results is not None:
        _at_least(1, results, "keep_results")
    if kept is not None and kept <= timedelta(0):
        raise SettingsError(f"keep_runs={runs!r}", hint="more than 0; None: keep all")
    return Retention(kept, results)


def _own_name() -> str:
    notebook = os.environ.get("JPY_SESSION_NAME")
    return Path(notebook or sys.argv[0] or "python").name or "python"


def _results_beside(store: Store) -> Path:
    return (
        store.path.with_suffix(".results") if store.path is not None else Path("schedkit-results").absolute()
    )
