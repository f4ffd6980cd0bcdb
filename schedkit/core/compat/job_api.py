"""APScheduler's job API over our scheduler: `add_job` and its friends, all ending in one `Task`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, TextIO, TypeVar

from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.task_handle import TaskHandle
from schedkit.core.compat.args import UNSET, Plan, bound, planned, resolved, split_options, trigger_from
from schedkit.core.compat.changed_job import changed, declare_like
from schedkit.core.compat.host import Host, Queries, Screens
from schedkit.core.compat.job import Job
from schedkit.core.compat.job_ids import JobIds, identity
from schedkit.core.compat.pending_jobs import PendingJobs
from schedkit.core.compat.status import status
from schedkit.core.compat.task_snapshot import ONE_TIME, TaskSnapshot
from schedkit.core.model import Requested, Task
from schedkit.core.tasks import origin
from schedkit.core.tasks.declare import declare, declare_data
from schedkit.core.tasks.params import check
from schedkit.core.tasks.registry import Registry
from schedkit.core.tasks.request import requested_task
from schedkit.core.triggers.constructors import Moment, at
from schedkit.errors import DeclarationError, UsageError
from schedkit.values.keywords import check_keywords
from schedkit.values.parsers import flag, text, texts
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["EVENT_ALL", "Job", "JobApi"]

F = TypeVar("F", bound=Callable[..., Any])

# apscheduler.events.EVENT_ALL, without importing it.
EVENT_ALL = 2**17 - 1


@check_keywords
class JobApi:
    """APScheduler 3's methods for jobs, over a scheduler.

    Parameters
    ----------
    registry : Registry
        The tasks that this process has declared.
    handle : callable
        Returns the handle of a task, of which there may be none, by its name.
    tz : tzinfo, optional
        In which wall times are read; the machine's by default.
    cell : callable
        Returns the ids of the running cell and of its execution, each empty where there is none.
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
        tz: tzinfo | None,
        cell: Callable[[], tuple[str, str]],
    ) -> None:
        self._scheduler, self._queries, self._screens = scheduler, queries, screens
        self._registry, self._pending, self.handle = registry, pending, handle
        self._tz, self._cell, self._ids = tz, cell, JobIds(self._has_run)
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
            Its arguments; positional ones are stored by their names, if they have any.
        id : str, optional
            The task's name. Without one each job gets one: the function's name, and then with numbers
            (``tick``, ``tick-2``); the same call again means the same job.
        name : str, optional
            A description for people.
        next_run_time : datetime, str or None, optional
            The first run, before those of the trigger; None adds it paused.
        replace_existing : bool
            Whether a job of this id may be replaced. The same function with the same arguments always
            may, because a cell runs again.
        jobstore : str
            There is one ledger: ``"default"``.
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
        _refuse_other_store(jobstore)
        own, trigger_args = split_options(options)
        if kwargs is not None and not own.keys().isdisjoint(("params", "parameters")):
            raise UsageError("add_job: kwargs and params are the same option", hint="keep kwargs")
        params = own.pop("params", own.pop("parameters", kwargs))
        function, params = bound(resolved(func), args, params)
        plan = planned(trigger_from(trigger, trigger_args), next_run_time, self._tz)
        if id is None:
            id = self._ids.choose(function, plan.trigger, params, taken=self._registry, cell=self._cell())
        given = {"name": id, "params": params, "enabled": next_run_time is not None, **own}
        given["tags"] = (*texts(own.get("tags", ()), "tags"), *((ONE_TIME,) if plan.once else ()))
        if name is not None:
            given["description"] = text(name, "name")
        task = declare_data(function, plan.trigger, given)
        self._refuse_conflict(task, replace_existing)
        self._add(task, plan)
        return Job(self, task.name)

    def _add(self, task: Task, plan: Plan) -> None:
        if plan.soon:
            self._add_and_run(task)
        else:
            self._scheduler.add(task)
            self._pending.discard(task.name)

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
        if flag(replace_existing, "replace_existing") or known is None:
            return
        if identity(known.function) != identity(task.function) or dict(known.params) != dict(task.params):
            from schedkit.core.compat.lookup_errors import ConflictingIdError

            raise ConflictingIdError(
                f"job {task.name!r} already exists with another function or other arguments",
                hint="choose another id, or pass replace_existing=True",
            )

    def snapshot(self, name: str) -> TaskSnapshot | None:
        """Return a job at this moment, None if there is none of that id."""
        return self._queries.task_snapshot(name)

    def _known(self, job_id: str, jobstore: str | None) -> TaskSnapshot:
        _refuse_other_store(jobstore)
        found = self._queries.task_snapshot(job_id)
        if found is None:
            from schedkit.core.compat.lookup_errors import JobLookupError

            raise JobLookupError(
                f"no job has the id {job_id!r}", hint=did_you_mean(job_id, self._queries.task_snapshots())
            )
        return found

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
        """Decorate a function to be a job, or several: a job of the same id is replaced; see `add_job`."""

        def mark(function: F) -> F:
            self.add_job(function, trigger, **{"replace_existing": True, **options})
            return function

        return mark

    def modify_job(self, /, job_id: str, jobstore: str | None = None, **changes: Any) -> Job:
        """Change a job that is declared here.

        Parameters
        ----------
        **changes
            ``func``, ``args``, ``kwargs``, ``name``, ``trigger`` (a trigger), ``next_run_time``, ``executor``
            and every other option of a task; all but the id.

        Raises
        ------
        JobLookupError
            If there is none of that id.
        UsageError
            If it is declared by another process, or a change is none.
        """
        task = self._known(job_id, jobstore).task
        if task is None:
            raise UsageError(
                f"job {job_id!r} is declared by another process", hint="declare it here to change it"
            )
        next_run_time = changes.pop("next_run_time", UNSET)
        wanted = changes.pop("trigger", None)
        trigger = task.trigger if wanted is None else trigger_from(wanted, {})
        plan = planned(trigger, next_run_time, self._tz)
        if trigger is None and next_run_time is UNSET:
            plan = plan._replace(soon=False)  # it has run, or will when it is submitted
        with origin.declared_in(self._registry.origins.get(job_id)):
            self._add(changed(task, changes, plan), plan)
        return self.pause_job(job_id) if next_run_time is None else Job(self, job_id)

    def remove_job(self, job_id: str, jobstore: str | None = None) -> None:
        """Forget a job; its history stays."""
        self._known(job_id, jobstore)
        self._scheduler.remove(job_id)
        self._pending.discard(job_id)

    def remove_all_jobs(self, jobstore: str | None = None) -> None:
        """Forget every job, also those declared as tasks; their history stays."""
        left = {job.id for job in self.get_jobs(jobstore)}
        while left:  # those that come after others first
            parents = {parent.task for name in left for parent in self.handle(name).task.after}
            for name in left - parents or left:
                self.remove_job(name)
                left = left - {name}

    def pause_job(self, job_id: str, jobstore: str | None = None) -> Job:
        """Stop the times of a job."""
        self._known(job_id, jobstore)
        self._scheduler.pause(job_id)
        return Job(self, job_id)

    def resume_job(self, job_id: str, jobstore: str | None = None) -> Job:
        """Let the times of a job happen again."""
        self._known(job_id, jobstore)
        self._scheduler.resume(job_id)
        return Job(self, job_id)

    def reschedule_job(
        self, /, job_id: str, jobstore: str | None = None, trigger: object = None, **trigger_args: Any
    ) -> Job:
        """Give a job another trigger; without one it runs once, now."""
        made = trigger_from(trigger, trigger_args)
        self._known(job_id, jobstore)
        self._scheduler.reschedule(job_id, made)
        if made is None:
            self._scheduler.submit(job_id)
        return Job(self, job_id)

    def get_jobs(self, jobstore: str | None = None, pending: bool | None = None) -> list[Job]:
        """Return the jobs, the next to run first.

        Parameters
        ----------
        pending : bool, optional
            Only those that wait for the scheduler to start, or only the others.
        """
        _refuse_other_store(jobstore)
        never = datetime.max.replace(tzinfo=UTC)
        stopped = self._queries.is_open and self._scheduler.paused
        found = [
            (never if stopped or one.paused else one.next_at or never, one.name)
            for one in self._queries.task_snapshots().values()
            if not self._is_over(one) and pending in (None, one.row is None)
        ]
        return [Job(self, name) for _, name in sorted(found)]

    def print_jobs(self, jobstore: str | None = None, out: TextIO | None = None) -> None:
        """Print the jobs, their triggers and their next times, to `out` or to the screen."""
        jobs, running = self.get_jobs(jobstore), self._scheduler.state == "running"
        nothing = "No scheduled jobs" if running else "No pending jobs"
        print("Jobs in the ledger:" if running else "Pending jobs:", file=out)
        for line in map(str, jobs) if jobs else (nothing,):
            print(f"    {line}", file=out)

    def get_job(self, job_id: str, jobstore: str | None = None) -> Job | None:
        """Return a job; None if there is none, or it was to run once and has."""
        _refuse_other_store(jobstore)
        found = self._queries.task_snapshot(job_id)
        return None if found is None or self._is_over(found) else Job(self, job_id)

    def _is_over(self, one: TaskSnapshot) -> bool:
        return ONE_TIME in one.tags and one.over and one.name not in self._pending

    def _has_run(self, job_id: str) -> bool:
        found = self._queries.task_snapshot(job_id)
        return found is not None and self._is_over(found)

    def add_listener(self, callback: Callable[[Any], object], mask: int = EVENT_ALL) -> None:
        """Call `callback` with APScheduler's events, those whose code is in `mask`.

        Examples
        --------
        >>> from apscheduler.events import EVENT_JOB_ERROR
        >>> sched.add_listener(print, EVENT_JOB_ERROR)             # doctest: +SKIP
        """
        from schedkit.core.compat.events import Translator

        if not callable(callback):
            raise UsageError(f"callback={safe_repr(callback)} cannot be called")
        unsubscribe = self._scheduler.subscribe(
            Translator(callback, mask, self._queries.load, self._queries.is_here)
        )
        self._listeners.setdefault(_key(callback), []).append(unsubscribe)

    def remove_listener(self, callback: Callable[[Any], object]) -> None:
        """Stop calling `callback`."""
        for unsubscribe in self._listeners.pop(_key(callback), ()):
            unsubscribe()

    def get_status(self) -> dict[str, Any]:
        """Return what runs, how much, and every job and task; see `schedkit.core.compat.status.status`."""
        return status(self._screens, self._pending)

    def shutdown(self, wait: bool = True) -> None:
        """Stop; without `wait`, what runs is interrupted and recorded.

        Raises
        ------
        SchedulerNotRunningError
            If it is stopped already; `Scheduler.stop` may be called at any time.
        """
        if self._scheduler.state == "stopped":
            from schedkit.core.compat.lookup_errors import SchedulerNotRunningError

            raise SchedulerNotRunningError(
                "the scheduler is stopped already", hint="sched.stop() may be called at any time"
            )
        self._scheduler.stop("30s" if wait else "0s")


def _key(callback: Callable[[Any], object]) -> object:
    # A bound method is a new object at every access; two of the same object are equal.
    return callback if callback.__hash__ is not None else id(callback)


def _refuse_other_store(jobstore: str | None) -> None:
    if jobstore not in (None, "default"):
        raise UsageError(f"jobstore={jobstore!r}", hint="there is one ledger; leave jobstore out")
