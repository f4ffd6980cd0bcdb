"""The facade: declare tasks, start, stop, submit, pause, and see what happened."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, overload

from schedkit.core.api.aio import AsyncScheduler
from schedkit.core.api.at_exit import stop_at_exit
from schedkit.core.api.delegated import delegated
from schedkit.core.api.frames import due_times_frame, runs_frame
from schedkit.core.api.front_end import front_end
from schedkit.core.api.options import SCHEDULER_OPTIONS, SchedulerOptions
from schedkit.core.api.parts import assemble
from schedkit.core.api.run_handle import RunHandle, run_id
from schedkit.core.api.script_life import run_forever
from schedkit.core.api.task_handle import TaskHandle, named
from schedkit.core.compat.job_api import JobApi
from schedkit.core.compat.not_here import METHODS_ELSEWHERE, refuse_options
from schedkit.core.engine.obstacles import Obstacles
from schedkit.core.node.event_bus import Listener
from schedkit.core.run import Run
from schedkit.core.states import State
from schedkit.core.store.lives import NodeRow
from schedkit.core.tasks.base import as_task
from schedkit.core.tasks.declare import declare_data
from schedkit.core.tasks.options import TASK_OPTIONS, TaskOptions, refuse_schedule_by_name
from schedkit.core.triggers.base import TriggerLike
from schedkit.errors import DeclarationError, NotRunningError, StopRequested
from schedkit.loop import blocking, refuse_in_coroutine, service
from schedkit.values.durations import Duration
from schedkit.values.keywords import check_keywords
from schedkit.values.text import counted

__all__ = ["AsyncScheduler", "Scheduler"]

P = ParamSpec("P")
R = TypeVar("R")


def _jobs(scheduler: Scheduler) -> JobApi:
    return scheduler._parts.jobs


@check_keywords
class Scheduler:
    """Runs tasks on time and remembers what happened.

    Parameters
    ----------
    ledger : str or Path
        A file (SQLite) or an SQLAlchemy URL of a PostgreSQL database.

    Attributes
    ----------
    aio : AsyncScheduler
        The same methods, awaited.
    queries : Queries
        What is known of single tasks and runs.
    screens : Screens
        What screens show: the board, one run in full, a window of history.
    process : ProcessSpec
        What another process needs to continue the work of this one: address, options, results, code.

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
        refuse_options(ledger, options)
        parts = self._parts = assemble(self, ledger, options, self._started)
        self.aio, self.queries = parts.aio, parts.queries
        self.screens, self.process = parts.screens, parts.process

    def __repr__(self) -> str:
        return f"<Scheduler {self.state}, ledger {self.ledger}, {counted(len(self.tasks), 'task')}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return self.process.reduced(Scheduler, self.name)

    if not TYPE_CHECKING:  # to a type checker every name would exist

        def __getattr__(self, name):
            instead = METHODS_ELSEWHERE.get(name)
            told = f"Scheduler has no {name}" + (f": {instead}" if instead else "")
            raise AttributeError(told, name=name, obj=self)

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

    def run_forever(self, deadline: Duration = "30s") -> None:
        """Start, and return once it is stopped: by Ctrl-C (SIGINT), SIGTERM, or `stop` on another thread.

        Parameters
        ----------
        deadline : str, float or timedelta
            How long running attempts may take to end then.
        """
        refuse_in_coroutine("Scheduler.run_forever")
        run_forever(self, deadline)

    def __enter__(self) -> Scheduler:
        try:
            self.start()
        except (KeyboardInterrupt, StopRequested):  # a start that is interrupted continues
            self.stop()
            raise
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def _started(self) -> None:
        stop_at_exit(self)
        front_end().scheduler_started(self)
        self._parts.pending.submit()
        self._parts.declarer.warn_of_standing_by()

    @contextmanager
    def viewing(self) -> Iterator[Scheduler]:
        """Open the ledger to look and to leave commands, without starting anything."""
        with self.queries.viewing():
            yield self

    @property
    def state(self) -> str:
        """stopped, running or watching."""
        return self._parts.node.state

    @property
    def running(self) -> bool:
        """Whether this process runs tasks."""
        return self._parts.node.running

    @property
    def name(self) -> str:
        """The name of this process, as other processes see it."""
        return self._parts.node.config.name

    @property
    def ledger(self) -> str:
        """Where the ledger is, without secrets."""
        return str(self.queries.ledger.store)

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
        refuse_schedule_by_name(options)
        TASK_OPTIONS.refuse_unknown(options, error=DeclarationError)
        if inspect.isroutine(trigger):
            return self._parts.declarer.declare(declare_data(trigger, None, options))

        def decorate(function: Callable[..., Any]) -> TaskHandle[..., Any]:
            return self._parts.declarer.declare(declare_data(function, trigger, options), replace)

        return decorate

    def add(self, task: object, *, replace: bool = False) -> TaskHandle[..., Any]:
        """Declare a task: a `Task`, a `BaseTask` class or instance, or a function marked with ``@task``.

        Parameters
        ----------
        replace : bool
            As for `task`.
        """
        return self._parts.declarer.declare(as_task(task), replace)

    pause = blocking(AsyncScheduler.pause)
    resume = blocking(AsyncScheduler.resume)
    enable, disable = resume, pause
    remove = blocking(AsyncScheduler.remove)
    reschedule = blocking(AsyncScheduler.reschedule)
    cancel = blocking(AsyncScheduler.cancel)
    retry = blocking(AsyncScheduler.retry)

    # Running

    def submit(self, name: TaskHandle[..., Any] | str, /, **params: Any) -> RunHandle:
        """Ask for a run now; durable when it returns.

        Parameters
        ----------
        name : TaskHandle or str
            The task, or its name.
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
        refuse_in_coroutine("Scheduler.submit")
        return self._parts.submitter.submit(name, [params])[0]

    def submit_many(
        self, name: TaskHandle[..., Any] | str, batch: Iterable[Mapping[str, Any]]
    ) -> list[RunHandle]:
        """Ask for a run for each set of parameters, all durable when it returns."""
        refuse_in_coroutine("Scheduler.submit_many")
        return self._parts.submitter.submit(name, batch)

    add_request = blocking(AsyncScheduler.add_request)
    backfill = blocking(AsyncScheduler.backfill)

    def run(self, id: Run | RunHandle | str) -> RunHandle:
        """Return the handle of a run by its id, or of one of `runs`."""
        found = self.queries.run(run_id(id))
        return RunHandle(self, found.id, found.task)

    def prune(self) -> int:
        """Delete now what the retention policy allows; return how many rows and files."""
        if self._parts.node.life is None:
            raise NotRunningError(f"no scheduler of {self.ledger} runs here", hint="start it: sched.start()")
        return service().call(self._parts.node.maintenance.prune)

    # What there is, and what happened

    @property
    def tasks(self) -> Mapping[str, TaskHandle[..., Any]]:
        """Every task by name: those declared here, and those the ledger knows."""
        return self._parts.handles.of(self.queries.names())

    @property
    def nodes(self) -> list[NodeRow]:
        """The processes that run tasks of this ledger, the oldest first: name, kind, pid, host, since."""
        return self.queries.nodes()

    end_node = blocking(AsyncScheduler.end_node)

    @property
    def at_home(self) -> list[str]:
        """The tasks that this process runs, by name."""
        return self.queries.at_home()

    @property
    def standing_by(self) -> list[str]:
        """The tasks that are declared here and run by other processes; this one takes over when those end."""
        return self.queries.standing_by()

    @property
    def paused(self) -> bool:
        """Whether the due times of all tasks are stopped."""
        return self.queries.paused()

    def why(self, about: TaskHandle[..., Any] | RunHandle | str | None = None) -> Obstacles:
        """Say why nothing starts: a line for each thing that keeps runs from starting, the worst first.

        Parameters
        ----------
        about : str, TaskHandle or RunHandle, optional
            A task, or a run by its id, for which it is asked; else for all.

        Returns
        -------
        Obstacles
            A tuple, shown as text: code that does not end and keeps its place, full limits and rates, a
            ledger that takes no writes, a clock that was set back, tasks whose process has ended.
        """
        return self._parts.why.of(about)

    def runs(
        self,
        task: TaskHandle[..., Any] | str | None = None,
        limit: int = 100,
        *,
        states: Collection[State | str] = (),
    ) -> list[Run]:
        """Return runs, newest first.

        Parameters
        ----------
        task : TaskHandle or str, optional
            Only of this task.
        limit : int
            How many at most.
        states : collection of State or str
            Only in one of these states, e.g. ``["FAILED", "TIMEOUT"]``; empty: in any.

        Raises
        ------
        UsageError
            If a name is not the name of a state, or of a task that is known or has runs.
        """
        return self.queries.runs(None if task is None else named(task), limit, states)

    def history(self, task: TaskHandle[..., Any] | str | None = None, limit: int = 100) -> Any:
        """Return runs as a DataFrame, newest first."""
        return runs_frame(self.runs(task, limit))

    def due_times(
        self, task: TaskHandle[..., Any] | str, *, ran: bool | None = None, limit: int = 1000
    ) -> Any:
        """Return the due times of a task as a DataFrame, newest first, each with its outcome.

        Parameters
        ----------
        ran : bool, optional
            Only those that made a run, or only those that made none.
        limit : int
            How many rows at most.

        Returns
        -------
        DataFrame
            ``scheduled`` and ``until``, the first and the last time of a row; ``count``, how many there are
            (none: more than are worth counting); ``outcome``, missed, coalesced or overlapped, or how the run
            stands; ``run``, its id; ``reason``.
        """
        self.queries.open()
        name, ledger = self.queries.known(named(task)), self.queries.ledger
        fires = [] if ran else ledger.fires(name, limit)
        runs = [] if ran is False else ledger.scheduled_runs(name, limit)
        return due_times_frame(fires, runs, limit)

    def subscribe(self, listener: Listener, *, own: bool = False) -> Callable[[], None]:
        """Have `listener(event)` called for every fact, in order, on a thread of ours.

        Parameters
        ----------
        own : bool
            Only for what this process decides, not for what it hears of others.

        Returns
        -------
        callable
            Ends the subscription.
        """
        return self._parts.node.bus.subscribe(listener, own=own)

    # APScheduler's job API, and what the designs before this one add to it

    add_job = delegated(_jobs, JobApi.add_job)
    add_one_time_job = delegated(_jobs, JobApi.add_one_time_job)
    scheduled_job = delegated(_jobs, JobApi.scheduled_job)
    remove_job = delegated(_jobs, JobApi.remove_job)
    pause_job = delegated(_jobs, JobApi.pause_job)
    resume_job = delegated(_jobs, JobApi.resume_job)
    modify_job = delegated(_jobs, JobApi.modify_job)
    reschedule_job = delegated(_jobs, JobApi.reschedule_job)
    remove_all_jobs = delegated(_jobs, JobApi.remove_all_jobs)
    print_jobs = delegated(_jobs, JobApi.print_jobs)
    get_jobs = delegated(_jobs, JobApi.get_jobs)
    get_job = delegated(_jobs, JobApi.get_job)
    add_listener = delegated(_jobs, JobApi.add_listener)
    remove_listener = delegated(_jobs, JobApi.remove_listener)
    get_status = delegated(_jobs, JobApi.get_status)
    shutdown = delegated(_jobs, JobApi.shutdown)


SCHEDULER_OPTIONS.document(Scheduler)
