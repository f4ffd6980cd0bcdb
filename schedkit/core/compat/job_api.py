"""APScheduler's job API over our scheduler: `add_job` and its friends, all ending in one `Task`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.task_handle import TaskHandle
from schedkit.core.compat.args import first_at, identity, past, resolved, split_options, trigger_from
from schedkit.core.compat.host import Host, Queries, Screens
from schedkit.core.compat.pending_jobs import PendingJobs
from schedkit.core.compat.status import status
from schedkit.core.compat.task_snapshot import ONE_TIME, TaskSnapshot
from schedkit.core.model import Requested, Task
from schedkit.core.tasks.declare import declare, declare_data, replaced
from schedkit.core.tasks.params import arguments_by_name, check
from schedkit.core.tasks.registry import Registry
from schedkit.core.tasks.request import requested_task
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.constructors import Moment, at, moment_of
from schedkit.core.triggers.kinds import At
from schedkit.errors import DeclarationError, UsageError
from schedkit.values.keywords import check_keywords
from schedkit.values.parsers import text, texts

__all__ = ["EVENT_ALL", "Job", "JobApi"]

F = TypeVar("F", bound=Callable[..., Any])

# apscheduler.events.EVENT_ALL, without importing it.
EVENT_ALL = 2**17 - 1
UNSET: Any = object()


@check_keywords
class Job:
    """A task, seen the way APScheduler shows a job.

    Attributes
    ----------
    id : str
        The task's name.
    """

    def __init__(self, jobs: JobApi, id: str) -> None:
        self._jobs = jobs
        self.id = id

    @property
    def _handle(self) -> TaskHandle[..., Any]:
        return self._jobs.handle(self.id)

    @property
    def name(self) -> str:
        """The description, else the task's name."""
        return self._handle.task.description or self.id

    @property
    def func(self) -> Callable[..., Any] | None:
        """The function it calls."""
        return self._handle.task.function

    @property
    def kwargs(self) -> dict[str, Any]:
        """Its parameters."""
        return dict(self._handle.task.params)

    @property
    def trigger(self) -> Trigger | None:
        """When it runs."""
        return self._handle.task.trigger

    @property
    def next_run_time(self) -> datetime | None:
        """Its next time, None while it is paused or has none."""
        return self._handle.next_run

    @property
    def coalesce(self) -> bool:
        """Whether overdue times become one run."""
        return self._handle.task.coalesce

    @property
    def max_instances(self) -> int:
        """How many runs may be alive at once."""
        return self._handle.task.max_instances

    @property
    def misfire_grace_time(self) -> float | None:
        """How many seconds late it may start; None: however late."""
        return self._handle.task.misfire_grace

    def pause(self) -> Job:
        """Stop its times."""
        return self._jobs.pause_job(self.id)

    def resume(self) -> Job:
        """Let its times happen again."""
        return self._jobs.resume_job(self.id)

    def reschedule(self, trigger: object, **trigger_args: Any) -> Job:
        """Give it another trigger."""
        return self._jobs.reschedule_job(self.id, trigger=trigger, **trigger_args)

    def remove(self) -> None:
        """Forget it."""
        self._jobs.remove_job(self.id)

    def __repr__(self) -> str:
        trigger = self.trigger
        return f"<Job {self.id!r}: {'on demand' if trigger is None else trigger.text()}>"


@check_keywords
class JobApi:
    """APScheduler 3's methods for jobs, over a scheduler.

    Parameters
    ----------
    registry : Registry
        The tasks that this process has declared.
    handle : callable
        Returns the handle of a task, of which there may be none, by its name.
    """

    def __init__(
        self,
        scheduler: Host,
        *,
        queries: Queries,
        screens: Screens,
        registry: Registry,
        pending: PendingJobs,
        handle: Callable[[str], TaskHandle[..., Any]],
    ) -> None:
        self._scheduler, self._queries, self._screens = scheduler, queries, screens
        self._registry, self._pending, self.handle = registry, pending, handle
        self._listeners: dict[object, list[Callable[[], None]]] = {}

    def add_job(
        self,
        /,
        func: Callable[..., Any] | str,
        trigger: object = None,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        id: str | None = None,
        name: str | None = None,
        next_run_time: Moment | None = UNSET,
        jobstore: str = "default",
        replace_existing: bool = False,
        **options: Any,
    ) -> Job:
        """Add a job as APScheduler does.

        Parameters
        ----------
        func : callable or str
            ``"package.module:function"`` is imported.
        trigger : {"cron", "interval", "date", "calendarinterval"} or trigger, optional
            None runs it once, now; before `start`, as soon as the scheduler runs.
        args, kwargs
            Its arguments; positional ones are stored by their names.
        id : str, optional
            The task's name; the function's own by default.
        name : str, optional
            A description for people.
        next_run_time : datetime, str or None, optional
            The first run, before those of the trigger; None adds it paused.
        replace_existing : bool
            Whether a job of this id may be replaced. The same function with the same arguments always
            may, because a cell runs again.
        **options
            Options of a task, such as ``misfire_grace_time``, ``coalesce``, ``max_instances`` and
            ``executor``, and ``hour=7``, ``seconds=30``, ``run_date=…`` of a trigger given by name.
            ``jitter`` is the trigger's. Weekdays go by name: APScheduler's numbers count from
            Monday = 0, a crontab's from Sunday.

        Raises
        ------
        DeclarationError, TriggerError, ParameterError
            If it cannot be added; says what to change.
        """
        function = resolved(func)
        if jobstore != "default":
            raise UsageError(f"jobstore={jobstore!r}", hint="there is one ledger; leave jobstore out")
        own, trigger_args = split_options(options)
        if kwargs is not None and not own.keys().isdisjoint(("params", "parameters")):
            raise UsageError("add_job: kwargs and params are the same option", hint="keep kwargs")
        params = arguments_by_name(function, args, own.pop("params", own.pop("parameters", kwargs)))
        made = trigger_from(trigger, trigger_args)
        now = datetime.now(UTC)
        first = None
        if next_run_time is not UNSET and next_run_time is not None:
            first = moment_of(next_run_time, "next_run_time")
        soon = first is not None and past(first, now)
        once = made is None
        if first is not None and not soon:
            made = at(first) if made is None else first_at(first, made)
            once = once or isinstance(made, At)
        tags = (ONE_TIME,) if once or isinstance(made, At) else ()
        given = {"name": id, "params": params, "enabled": next_run_time is not None, **own}
        given["tags"] = (*texts(own.get("tags", ()), "tags"), *tags)
        if name is not None:
            given["description"] = text(name, "name")
        task = declare_data(function, made, given)
        self._refuse_conflict(task, replace_existing)
        if soon or made is None:
            self._add_and_run(task)
        else:
            self._scheduler.add(task)
            self._pending.discard(task.name)
        return Job(self, task.name)

    def _add_and_run(self, task: Task) -> RunHandle | None:
        """Add a task and run it now; None: once the scheduler runs."""
        check(task, {})  # before anything is declared
        handle = self._scheduler.add(task)
        if self._queries.is_open:
            return handle.submit()
        self._pending.add(task.name)
        return None

    def _refuse_to_replace(self, job_id: str) -> None:
        """Refuse a one-time job that would take the name of what is none."""
        known = self._queries.task_snapshot(job_id)
        if known is not None and ONE_TIME not in known.tags:
            raise DeclarationError(
                f"task {job_id!r} is declared already, and a one-time job cannot replace it",
                hint="give the job another id",
            )

    def _refuse_conflict(self, task: Task, replace_existing: bool) -> None:
        known = self._registry.get(task.name)
        if known is None or replace_existing:
            return
        if identity(known.function) != identity(task.function) or dict(known.params) != dict(task.params):
            raise DeclarationError(
                f"job {task.name!r} already exists with another function or other arguments",
                hint="choose another id, or pass replace_existing=True",
            )

    def add_one_time_job(
        self,
        job_id: str,
        handler: str | Callable[..., Any] | None = None,
        job_data: Mapping[str, Any] | None = None,
        *,
        handler_class_name: str | None = None,
        run_date: datetime | str | None = None,
    ) -> RunHandle | Job:
        """Run a known task once, under an id of the caller's.

        Parameters
        ----------
        job_id : str
            The name of this job; `get_job` knows it until it has run.
        handler : str or callable
            The name or tag of a declared task, or a function. `handler_class_name` is the same.
        job_data : mapping, optional
            Its parameters.
        run_date : datetime or str, optional
            When; now by default.
        """
        wanted = handler if handler is not None else handler_class_name
        if wanted is None:
            raise DeclarationError(
                f"one-time job {job_id!r} has no handler", hint="pass handler=, a declared task"
            )
        trigger = None if run_date is None else at(run_date)
        if callable(wanted):
            task = declare_like(declare(wanted, name=job_id), job_id, trigger, job_data)
        else:
            base = self._registry.handler(wanted)
            requested = Requested(
                handler=base.name, parameters=dict(job_data or {}), options={"tags": [ONE_TIME]}, once=True
            )
            task = requested_task(job_id, requested, trigger, base)
        self._refuse_to_replace(job_id)
        if trigger is None:
            return self._add_and_run(task) or Job(self, job_id)
        self._scheduler.add(task)
        self._pending.discard(job_id)
        return Job(self, job_id)

    def scheduled_job(self, /, trigger: object, **options: Any) -> Callable[[F], F]:
        """Decorate a function to be a job; see `add_job`."""

        def mark(function: F) -> F:
            self.add_job(function, trigger, **options)
            return function

        return mark

    def remove_job(self, job_id: str, jobstore: str | None = None) -> None:
        """Forget a job; its history stays."""
        self._scheduler.remove(job_id)

    def pause_job(self, job_id: str, jobstore: str | None = None) -> Job:
        """Stop the times of a job."""
        self._scheduler.pause(job_id)
        return Job(self, job_id)

    def resume_job(self, job_id: str, jobstore: str | None = None) -> Job:
        """Let the times of a job happen again."""
        self._scheduler.resume(job_id)
        return Job(self, job_id)

    def reschedule_job(
        self, /, job_id: str, jobstore: str | None = None, trigger: object = None, **trigger_args: Any
    ) -> Job:
        """Give a job another trigger; without one it runs once, now."""
        made = trigger_from(trigger, trigger_args)
        self._scheduler.reschedule(job_id, made)
        if made is None:
            self._scheduler.submit(job_id)
        return Job(self, job_id)

    def get_jobs(self, jobstore: str | None = None) -> list[Job]:
        """Return the jobs, the next to run first."""
        never = datetime.max.replace(tzinfo=UTC)
        stopped = self._queries.is_open and self._scheduler.paused
        found = [
            (never if stopped or one.paused else one.next_at or never, one.name)
            for one in self._queries.task_snapshots().values()
            if not self._is_over(one)
        ]
        return [Job(self, name) for _, name in sorted(found)]

    def get_job(self, job_id: str, jobstore: str | None = None) -> Job | None:
        """Return a job; None if there is none, or it was to run once and has."""
        found = self._queries.task_snapshot(job_id)
        return None if found is None or self._is_over(found) else Job(self, job_id)

    def _is_over(self, one: TaskSnapshot) -> bool:
        return ONE_TIME in one.tags and one.over and one.name not in self._pending

    def add_listener(self, callback: Callable[[Any], object], mask: int = EVENT_ALL) -> None:
        """Call `callback` with APScheduler's events, those whose code is in `mask`.

        Examples
        --------
        >>> from apscheduler.events import EVENT_JOB_ERROR
        >>> sched.add_listener(print, EVENT_JOB_ERROR)             # doctest: +SKIP
        """
        from schedkit.core.compat.events import Translator

        unsubscribe = self._scheduler.subscribe(
            Translator(callback, mask, self._queries.load, self._queries.is_here)
        )
        self._listeners.setdefault(_key(callback), []).append(unsubscribe)

    def remove_listener(self, callback: Callable[[Any], object]) -> None:
        """Call `callback` no more."""
        for unsubscribe in self._listeners.pop(_key(callback), ()):
            unsubscribe()

    def get_status(self) -> dict[str, Any]:
        """Return what runs, how much, and every job and task; see `schedkit.core.compat.status.status`."""
        return status(self._screens, self._pending)

    def shutdown(self, wait: bool = True) -> None:
        """Stop; without `wait`, what runs is interrupted and recorded."""
        self._scheduler.stop("30s" if wait else "0s")


def _key(callback: Callable[[Any], object]) -> object:
    # A bound method is made anew at every access; two of the same object are equal.
    return callback if callback.__hash__ is not None else id(callback)


def declare_like(
    base: Task, name: str, trigger: Trigger | None, params: Mapping[str, Any] | None, **changes: Any
) -> Task:
    """Return a task of another name with the function and rules of `base`."""
    tags = tuple(dict.fromkeys((*base.tags, ONE_TIME)))
    return replaced(
        base,
        name=name,
        trigger=trigger,
        params={**base.params, **(params or {})},
        after=(),
        **{"tags": tags, **changes},
    )
