"""Converts values to rows of the ledger and back; JSON is encoded and decoded here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from schedkit.core.engine.changes import Answered, FireRecorded
from schedkit.core.engine.snapshot import WaitRow
from schedkit.core.events import Event, encode
from schedkit.core.model import Requested, TaskRow
from schedkit.core.run import Attempt, Run
from schedkit.core.states import DueOutcome, Outcome, State
from schedkit.core.text import dump, load
from schedkit.values.instants import from_micros, to_micros
from schedkit.values.text import clean

__all__ = [
    "ATTEMPT",
    "DETAILS",
    "END",
    "EVENT",
    "FIXED",
    "GUARD",
    "MUTABLE",
    "TASK",
    "CommandRow",
    "FireRow",
    "OutputRow",
    "Row",
    "answer_values",
    "attempt_from_row",
    "command_from_row",
    "details_values",
    "end_values",
    "event_values",
    "fire_from_row",
    "fire_values",
    "output_from_row",
    "run_from_row",
    "run_values",
    "start_values",
    "step_values",
    "task_from_row",
    "task_values",
    "wait_from_row",
    "wait_values",
]

Row = tuple[Any, ...]

# Columns of a run that never change …
FIXED = (
    *("id", "task", "cause", "actor", "scheduled_at", "queued_at", "params"),
    *("retry_of", "request", "idempotency_key"),
)
# … those that a step changes …
MUTABLE = (
    *("state", "due_at", "started_at", "finished_at", "priority", "attempt", "interruptions"),
    *("reason", "error", "result", "waiting_for"),
)
# … and those that a step compares first.
GUARD = ("id", "attempt", "state")

TASK = (
    *("name", "id", "trigger", "schedule_text", "anchor", "next_at", "paused", "facts"),
    *("home", "home_by", "place", "followed_seq", "created_at", "updated_at", "actor"),
    *("origin", "handler", "parameters", "owner", "metadata", "options"),
)

# Columns of an attempt at its start, and at its end.
END = ("finished_at", "outcome", "error", "worker")
ATTEMPT = ("run", "number", "started_at", *END)

# Columns of an event before it is numbered.
EVENT = ("at", "kind", "task", "run", "actor", "data")

# What a run reports, each with its initial value.
DETAILS: Mapping[str, Any] = {"stages": [], "log": [], "facts": {}, "artifacts": [], "last_output": 0}


class FireRow(msgspec.Struct, frozen=True, kw_only=True):
    """A due time, or a range of `count` of them, that made no run."""

    task: str
    scheduled_at: datetime
    until: datetime
    count: int | None
    outcome: DueOutcome
    reason: str


class OutputRow(msgspec.Struct, frozen=True, kw_only=True):
    """The progress and the log of a run."""

    run: str
    task: str
    running: bool
    stages: list[dict[str, Any]]
    log: list[dict[str, Any]]


class CommandRow(msgspec.Struct, frozen=True, kw_only=True):
    """A command for another process, left `at` that time (microseconds since 1970)."""

    id: str
    at: int
    actor: str
    kind: str
    data: dict[str, Any]
    task: str | None = None
    answer: dict[str, Any] | None = None


def run_values(run: Run) -> Row:
    """Return a run as the values of `FIXED`, then of `MUTABLE`."""
    return (
        run.id,
        run.task,
        run.cause,
        clean(run.actor) if run.actor else "",
        run.scheduled,
        run.queued,
        dump(run.params) if run.params else None,
        run.retry_of or None,
        None if run.request is None else dump(run.request),
        run.key or None,
        *_mutable(run),
    )


def step_values(before: Run, after: Run) -> Row:
    """Return a run's step as the values of `MUTABLE`, then of `GUARD`."""
    return (*_mutable(after), after.id, before.attempt, before.state.value)


def _mutable(run: Run) -> Row:
    return (
        run.state.value,
        run.due,
        run.started,
        run.finished,
        int(run.priority),
        run.attempt,
        run.interruptions,
        clean(run.reason) if run.reason else "",
        dump(run.error) if run.error is not None else None,
        dump(run.result) if run.result is not None else None,
        dump(run.waiting_for) if run.waiting_for else None,
    )


def run_from_row(row: Mapping[str, Any]) -> Run:
    """Return the run of a row."""
    return Run(
        id=row["id"],
        task=row["task"],
        state=State(row["state"]),
        cause=row["cause"],
        actor=row["actor"],
        scheduled=row["scheduled_at"],
        due=row["due_at"],
        queued=row["queued_at"],
        started=row["started_at"],
        finished=row["finished_at"],
        priority=row["priority"],
        attempt=row["attempt"],
        interruptions=row["interruptions"],
        params=load(row["params"]) or {},
        retry_of=row["retry_of"] or "",
        request=load(row["request"]),
        key=row["idempotency_key"] or "",
        reason=row["reason"],
        error=load(row["error"]),
        result=load(row["result"]),
        waiting_for=tuple(load(row["waiting_for"]) or ()),
    )


def task_values(row: TaskRow) -> Row:
    """Return a task as the values of `TASK`."""
    return (
        row.name,
        row.id,
        row.trigger,
        clean(row.schedule_text),
        row.anchored,
        row.next,
        row.paused,
        dump(row.facts),
        row.home,
        row.home_by,
        clean(row.place),
        row.followed_seq,
        row.created,
        row.declared,
        clean(row.actor),
        *_request_values(row.requested),
    )


def _request_values(requested: Requested | None) -> Row:
    if requested is None:
        return ("declared", None, None, None, None, None)
    return (
        "once" if requested.once else "request",
        requested.handler,
        dump(requested.parameters),
        clean(requested.owner),
        dump(requested.metadata),
        dump(requested.options),
    )


def task_from_row(row: Mapping[str, Any]) -> TaskRow:
    """Return the task of a row."""
    return TaskRow(
        name=row["name"],
        id=row["id"],
        trigger=row["trigger"],
        schedule_text=row["schedule_text"],
        anchored=row["anchor"],
        next=row["next_at"],
        paused=bool(row["paused"]),
        facts=load(row["facts"]),
        home=row["home"],
        home_by=row["home_by"],
        place=row["place"],
        followed_seq=row["followed_seq"],
        created=row["created_at"],
        declared=row["updated_at"],
        actor=row["actor"],
        requested=None if row["origin"] == "declared" else _requested(row),
    )


def _requested(row: Mapping[str, Any]) -> Requested:
    return Requested(
        handler=row["handler"],
        parameters=load(row["parameters"]),
        owner=row["owner"],
        metadata=load(row["metadata"]),
        options=load(row["options"]),
        once=row["origin"] == "once",
    )


def start_values(run: str, number: int, started: int, end: Attempt | None = None) -> Row:
    """Return an attempt that began, and may have ended too, as the values of `ATTEMPT`."""
    return (run, number, started, *((None,) * len(END) if end is None else end_values(run, end)[: len(END)]))


def end_values(run: str, attempt: Attempt) -> Row:
    """Return the end of an attempt as the values of `END`, then what finds its row."""
    return (
        attempt.finished,
        attempt.outcome.value,
        dump(attempt.error) if attempt.error is not None else None,
        attempt.worker or None,
        run,
        attempt.number,
    )


def attempt_from_row(row: Mapping[str, Any]) -> Attempt:
    """Return the attempt of a row."""
    return Attempt(
        number=row["number"],
        started=row["started_at"],
        finished=row["finished_at"],
        outcome=Outcome(row["outcome"]),
        error=load(row["error"]),
        life=row["life"],
        worker=row["worker"] or "",
    )


def fire_values(fire: FireRecorded) -> Row:
    """Return a due time that made no run as the values of its row, in the order of the table's columns."""
    return (
        fire.task,
        fire.first,
        fire.last,
        fire.count,
        fire.outcome.value,
        fire.at,
        clean(fire.reason),
    )


def details_values(run: str, details: Mapping[str, Any]) -> Row:
    """Return what a run has reported as the values of its row, in the order of the table's columns."""
    return (run, *(dump(details.get(name, empty)) for name, empty in DETAILS.items()))


def wait_values(row: WaitRow) -> Row:
    """Return a wait as the values of its row, in the order of the table's columns."""
    return (row.run, row.parent, row.child, row.parent_run, row.how, row.ended and row.ended.value)


def wait_from_row(row: Mapping[str, Any]) -> WaitRow:
    """Return the wait of a row."""
    ended = None if row["ended"] is None else State(row["ended"])
    return WaitRow(row["run"], row["child"], row["parent"], row["parent_run"], row["how"], ended)


def answer_values(answered: Answered) -> Row:
    """Return an answer as the values that a command's row is given, then its id."""
    return (answered.at, dump(answered.answer), answered.command)


def event_values(event: Event) -> Row:
    """Return an event as the values of `EVENT`, without its number."""
    return (
        to_micros(event.at),
        type(event).__name__,
        event.task,
        event.run,
        clean(event.actor) if event.actor else "",
        encode(event),
    )


def fire_from_row(row: Mapping[str, Any]) -> FireRow:
    """Return the due times of a row that made no run."""
    return FireRow(
        task=row["task"],
        scheduled_at=from_micros(row["scheduled_at"]),
        until=from_micros(row["until"]),
        count=row["count"],
        outcome=DueOutcome(row["outcome"]),
        reason=row["reason"],
    )


def output_from_row(row: Mapping[str, Any]) -> OutputRow:
    """Return the output of a run."""
    return OutputRow(
        run=row["run"],
        task=row["task"],
        running=row["state"] == "RUNNING",
        stages=load(row["stages"]),
        log=load(row["log"]),
    )


def command_from_row(row: Mapping[str, Any]) -> CommandRow:
    """Return the command of a row."""
    return CommandRow(
        id=row["id"],
        at=row["at"],
        actor=row["actor"],
        kind=row["kind"],
        data=load(row["data"]),
        task=row["task"],
        answer=load(row["answer"]),
    )
