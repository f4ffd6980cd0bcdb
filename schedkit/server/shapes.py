"""The answers of the server, as structs from which its document is made.

Those under ``/api/v1`` are ours. The others have exactly the fields that the design documents name.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

__all__ = [
    "AccessAnswer",
    "Artifact",
    "AttemptAnswer",
    "AuditEntry",
    "AuditPage",
    "Cancelled",
    "Commanded",
    "CreatedTask",
    "DocumentTask",
    "DueTimeAnswer",
    "DueTimes",
    "Failure",
    "FinishedRun",
    "Health",
    "HistoryEntry",
    "Job",
    "LogLine",
    "Message",
    "Nodes",
    "Preview",
    "Retried",
    "RunAnswer",
    "RunDetail",
    "RunIds",
    "RunPage",
    "Stage",
    "Status",
    "TaskDetail",
    "TaskPage",
    "TaskState",
    "Triggered",
    "Upcoming",
]

Time = Annotated[
    str, msgspec.Meta(description="ISO 8601 with its offset", extra_json_schema={"format": "date-time"})
]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""


class Message(Answer, frozen=True, kw_only=True):
    """What was done."""

    message: str


class Nodes(Answer, frozen=True, kw_only=True):
    """The processes that run tasks, and their workers, each as the board shows it."""

    items: list[dict[str, Any]]
    workers: list[dict[str, Any]]


class AccessAnswer(Answer, frozen=True, kw_only=True):
    """The caller: the name recorded with changes, its scopes, and whether it used a token or a session."""

    actor: str
    scopes: list[str]
    signed_in: bool


class Commanded(Answer, frozen=True, kw_only=True):
    """What was done in words, and the id of the run that was made, if any."""

    message: str
    run: str | None = None


class Preview(Answer, frozen=True, kw_only=True):
    """The first rows of a frame as text, and how many it has."""

    columns: list[str]
    data: list[list[str]]
    rows: int


class Health(Answer, frozen=True, kw_only=True):
    """``ok``, or the reason why not."""

    status: str


# Documents 002, 003 and 004: the scheduler and its tasks


class Job(Answer, frozen=True, kw_only=True):
    """A task with a schedule, as document 003 shows it."""

    id: str
    name: str
    next_run_time: Time | None
    trigger: str


class TaskState(Answer, frozen=True, kw_only=True):
    """A task as document 004 shows it."""

    name: str
    description: str
    enabled: bool
    schedule_type: str
    cron_expression: str | None
    interval_seconds: float | None
    status: str
    next_run_at: Time | None
    last_run_at: Time | None
    last_result: str | None
    run_count: int
    fail_count: int


class Status(Answer, frozen=True, kw_only=True):
    """The scheduler, with the fields of documents 002, 003 and 004; `why` says why nothing starts."""

    status: str
    is_running: bool
    running: bool
    job_count: int
    jobs_count: int
    task_count: int
    running_jobs: int
    paused_jobs: int
    uptime: float | None
    why: list[str]
    jobs: list[Job]
    tasks: list[TaskState]


class Triggered(Answer, frozen=True, kw_only=True):
    """The run that was queued."""

    message: str
    name: str
    run_id: str


class HistoryEntry(Answer, frozen=True, kw_only=True):
    """A run as document 004 shows it."""

    started_at: Time | None
    status: str
    message: str


# Documents 000 and 001: tasks


class DocumentTask(Answer, frozen=True, kw_only=True):
    """A task as document 001 shows it; its status is that of its latest run, PENDING before the first."""

    id: str
    name: str
    task_type: str
    cron_expr: str | None
    status: str
    created_at: Time
    updated_at: Time
    priority: str
    metadata: dict[str, Any]
    tags: list[str]
    owner: str | None
    dependencies: list[str]
    timeout_seconds: float | None
    retry_policy: dict[str, Any] | None
    parameters: dict[str, Any]


class CreatedTask(Answer, frozen=True, kw_only=True):
    """The task or run that was made: `task_id` is its id at ``GET /tasks/{id}``."""

    task_id: str
    message: str


class TaskDetail(DocumentTask, frozen=True, kw_only=True):
    """A task, with the fields of documents 000 and 002 too."""

    tag: str
    schedule_type: str
    scheduled_at: Time | None
    executed_at: Time | None
    retry_count: int
    task_id: str
    message: str
    scheduler_status: str


class FinishedRun(Answer, frozen=True, kw_only=True):
    """A run that has ended: document 000's result, with the task's name and status of document 001."""

    id: str
    task_id: str
    success: bool
    payload: str
    reported_at: Time
    name: str
    status: str


# Ours


class Failure(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """Why a run or an attempt failed; only callers with the scope act see its traceback."""

    type: str = ""
    message: str = ""
    hint: str = ""
    traceback: str = ""


class RunAnswer(Answer, frozen=True, kw_only=True):
    """A run in brief."""

    id: str
    task: str
    state: str
    cause: str
    actor: str
    priority: int
    scheduled_at: Time | None
    due_at: Time
    queued_at: Time
    started_at: Time | None
    finished_at: Time | None
    seconds: float | None
    attempt: int
    params: dict[str, Any]
    error: Failure | None
    reason: str
    result: dict[str, Any] | None


class Stage(Answer, frozen=True, kw_only=True):
    """How far a stage of a run is; `total` null: unknown."""

    stage: str
    done: float
    total: float | None


class LogLine(Answer, frozen=True, kw_only=True):
    """A line that a run logged; `level` is Python's."""

    at: Time
    level: int
    message: str


class Artifact(Answer, frozen=True, kw_only=True):
    """A file that a run has written, and where to download it."""

    name: str
    label: str
    href: str


class AttemptAnswer(Answer, frozen=True, kw_only=True):
    """An attempt that has ended."""

    number: int
    started_at: Time
    finished_at: Time
    outcome: str
    error: Failure | None
    worker: str


class RunDetail(RunAnswer, frozen=True, kw_only=True):
    """A run with its whole output."""

    stages: list[Stage]
    log: list[LogLine]
    facts: dict[str, Any]
    artifacts: list[Artifact]
    attempts: list[AttemptAnswer]


class RunPage(Answer, frozen=True, kw_only=True):
    """Runs, newest first; `next` is the cursor of the next page."""

    items: list[RunAnswer]
    next: str | None


class TaskPage(Answer, frozen=True, kw_only=True):
    """Tasks by name, each as the board shows it; `next` is the cursor of the next page."""

    items: list[dict[str, Any]]
    next: str | None


class RunIds(Answer, frozen=True, kw_only=True):
    """Runs that were made."""

    runs: list[str]


class Retried(RunIds, frozen=True, kw_only=True):
    """Runs that were made for failed ones; `refused` tells by id why others cannot run again."""

    refused: dict[str, str]


class Cancelled(Answer, frozen=True, kw_only=True):
    """Whether a run was cancelled; false: it had ended."""

    cancelled: bool


class DueTimeAnswer(Answer, frozen=True, kw_only=True):
    """A due time, or a range of `count` of them, and its outcome."""

    scheduled_at: Time
    until: Time
    count: int | None
    outcome: str
    run: str | None
    reason: str


class DueTimes(Answer, frozen=True, kw_only=True):
    """Due times, newest first."""

    items: list[DueTimeAnswer]


class Upcoming(Answer, frozen=True, kw_only=True):
    """The next due times."""

    items: list[Time]


class AuditEntry(Answer, frozen=True, kw_only=True):
    """Who did what to which task or run, and when."""

    seq: int
    at: Time
    actor: str
    action: str
    task: str
    run: str


class AuditPage(Answer, frozen=True, kw_only=True):
    """Entries of the log, newest first; `next` is the cursor of the next page."""

    items: list[AuditEntry]
    next: int | None
