"""A task, seen the way APScheduler shows a job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from schedkit.core.api.task_handle import TaskHandle
from schedkit.core.compat.job_ids import BoundFunction
from schedkit.core.compat.task_snapshot import TaskSnapshot
from schedkit.core.triggers.base import Trigger
from schedkit.values.keywords import check_keywords

__all__ = ["Job", "Jobs"]


class Jobs(Protocol):
    """What a job needs of the job API."""

    def handle(self, name: str, /) -> TaskHandle[..., Any]: ...
    def snapshot(self, name: str, /) -> TaskSnapshot | None: ...
    def modify_job(self, /, job_id: str, **changes: Any) -> Job: ...
    def reschedule_job(self, /, job_id: str, *, trigger: object, **trigger_args: Any) -> Job: ...
    def pause_job(self, job_id: str) -> Job: ...
    def resume_job(self, job_id: str) -> Job: ...
    def remove_job(self, job_id: str) -> None: ...


@check_keywords
class Job:
    """A task, seen the way APScheduler shows a job; two of one id are equal.

    Attributes
    ----------
    id : str
        The task's name.
    """

    def __init__(self, jobs: Jobs, id: str) -> None:
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
        function = self._handle.task.function
        return function.func if isinstance(function, BoundFunction) else function

    @property
    def args(self) -> tuple[Any, ...]:
        """Its arguments that have no name; those that have one are in `kwargs`, however they were given."""
        function = self._handle.task.function
        return function.args if isinstance(function, BoundFunction) else ()

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
    def pending(self) -> bool:
        """Whether it waits for the scheduler to start: it is not in the ledger yet."""
        found = self._jobs.snapshot(self.id)
        return found is not None and found.row is None

    @property
    def coalesce(self) -> bool:
        """Whether overdue times become one run."""
        return self._handle.task.coalesce

    @property
    def executor(self) -> str:
        """Where it runs: auto, thread, process, or an executor's name."""
        return self._handle.task.executor_kind

    @property
    def max_instances(self) -> int:
        """How many runs may be alive at once."""
        return self._handle.task.max_instances

    @property
    def misfire_grace_time(self) -> float | None:
        """How many seconds late it may start; None: however late."""
        return self._handle.task.misfire_grace

    def modify(self, **changes: Any) -> Job:
        """Change it; see `JobApi.modify_job`."""
        return self._jobs.modify_job(self.id, **changes)

    def reschedule(self, trigger: object, **trigger_args: Any) -> Job:
        """Give it another trigger."""
        return self._jobs.reschedule_job(self.id, trigger=trigger, **trigger_args)

    def pause(self) -> Job:
        """Stop its times."""
        return self._jobs.pause_job(self.id)

    def resume(self) -> Job:
        """Let its times happen again."""
        return self._jobs.resume_job(self.id)

    def remove(self) -> None:
        """Forget it."""
        self._jobs.remove_job(self.id)

    def __eq__(self, other: object) -> bool:
        return self.id == other.id if isinstance(other, Job) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def _when(self) -> str:
        trigger = self.trigger
        return "on demand" if trigger is None else trigger.text()

    def __repr__(self) -> str:
        return f"<Job {self.id!r}: {self._when()}>"

    def __str__(self) -> str:
        """As APScheduler prints one."""
        coming = self.next_run_time
        if coming is not None:
            status = f"next run at: {coming:%Y-%m-%d %H:%M:%S %Z}"
        else:
            found = self._jobs.snapshot(self.id)
            status = "paused" if found is not None and found.paused else "no next run"
        return f"{self.name} (trigger: {self._when()}, {status})"
