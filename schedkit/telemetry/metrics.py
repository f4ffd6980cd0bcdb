"""Metrics, folded from the board at each scrape: the names of design document 003, and `schedkit_…` of ours.

Labels are names of declared tasks, at most `MOST_LABELS` of them, never of runs: their number does not grow
with time. What happened to all other tasks (of requests, or removed) is counted under `OTHER`.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from schedkit import __version__
from schedkit.core.api.process_report import LedgerFigures
from schedkit.core.board.run_counts import Extractions, Histogram, RunCounts
from schedkit.core.model import TaskRow
from schedkit.core.states import State
from schedkit.telemetry.exposition import (
    OPENMETRICS,
    PLAIN,
    Family,
    Kind,
    Value,
    labels,
    wants_openmetrics,
    written,
)
from schedkit.telemetry.process import ProcessFigures, process_figures
from schedkit.values.instants import SECOND
from schedkit.values.timezones import local_timezone, timezone_name

__all__ = ["MOST_LABELS", "OTHER", "exposition", "families"]

MOST_LABELS = 1000
OTHER = "other"
# Document 003's words for how a run ended; it names these two.
_STATUS: Mapping[str, str] = {State.DONE: "success", State.FAILED: "failure", State.TIMEOUT: "failure"}

T = TypeVar("T")
Snapshot = Mapping[str, Any]


def exposition(
    snapshot: Snapshot,
    rows: Mapping[str, TaskRow],
    counts: RunCounts,
    ledger: LedgerFigures,
    accept: str = "",
    process: ProcessFigures | None = None,
) -> tuple[bytes, str]:
    """Return a board as text that Prometheus reads, and its content type.

    Parameters
    ----------
    snapshot : mapping
        The board.
    rows : mapping
        Its tasks by name.
    counts : RunCounts
        What is counted of them.
    ledger : LedgerFigures
        How the ledger answers.
    accept : str
        The types that the client takes: OpenMetrics is written for one that names it.
    process : ProcessFigures, optional
        What the process that runs the tasks takes of its machine; this process by default.
    """
    found = families(snapshot, rows, counts, ledger, process or process_figures())
    openmetrics = wants_openmetrics(accept)
    return written(found, openmetrics=openmetrics), OPENMETRICS if openmetrics else PLAIN


def families(
    snapshot: Snapshot,
    rows: Mapping[str, TaskRow],
    counts: RunCounts,
    ledger: LedgerFigures,
    process: ProcessFigures,
) -> Iterator[Family]:
    """Yield every metric; see `exposition`."""
    yield from _of_scheduler(snapshot, len(rows))
    yield from _of_queue(snapshot)
    by_task = _ByTask(rows)
    yield from _of_runs(by_task, counts)
    yield from _of_tasks(by_task, snapshot, rows, counts)
    yield from _of_extractions(by_task, counts)
    yield from _of_ledger(ledger)
    yield from _of_process(process)


class _ByTask:
    """Makes families with a sample for each task that has a label of its own, and one for all others."""

    def __init__(self, rows: Mapping[str, TaskRow]) -> None:
        declared = [row for row in rows.values() if row.requested is None]
        # The oldest keep theirs: a counter must not change its label when a task is added.
        declared.sort(key=lambda row: (row.created, row.name))
        self.names = [row.name for row in declared[:MOST_LABELS]]
        self._labels = {name: labels(task_name=name) for name in self.names}
        self._other = labels(task_name=OTHER)

    def family(
        self,
        name: str,
        kind: Kind,
        help: str,
        values: Mapping[str, Value],
        together: Callable[[Any, Any], Value] = operator.add,
    ) -> Family:
        """Return a family of one value for each task; those of the others are put `together`."""
        return Family(name, kind, help, list(self._grouped(values, together).items()))

    def counter(self, name: str, help: str, label: str, values: Mapping[str, Mapping[str, int]]) -> Family:
        """Return a counter that has a second label."""
        words = {word for known in values.values() for word in known}
        second = {word: f",{labels(**{label: word})}" for word in words}
        samples = [
            (task + second[word], count)
            for task, known in self._grouped(values, _sum).items()
            for word, count in known.items()
        ]
        return Family(name, "counter", help, samples)

    def _grouped(self, values: Mapping[str, T], together: Callable[[T, T], T]) -> dict[str, T]:
        """Return labels → values."""
        mine = self._labels
        found = {mine[task]: value for task, value in values.items() if task in mine}
        for value in [value for task, value in values.items() if task not in mine]:
            found[self._other] = together(found[self._other], value) if self._other in found else value
        return found


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> Mapping[str, int]:
    return {word: one.get(word, 0) + other.get(word, 0) for word in {**one, **other}}


def _one(name: str, kind: Kind, help: str, value: Value | None) -> Family:
    """Return a family of one value without labels; none where it is not known."""
    return Family(name, kind, help, [] if value is None else [("", value)])


def _of_scheduler(snapshot: Snapshot, tasks: int) -> Iterator[Family]:
    head = snapshot["scheduler"]
    zone = timezone_name(local_timezone())
    info = labels(version=__version__, timezone=zone, jobs_count=str(tasks))
    yield Family("scheduler", "info", "Scheduler information", [(info, 1.0)])
    now = "paused" if head["state"] == "running" and head["paused"] else head["state"]
    states = [(labels(scheduler_state=name), float(name == now)) for name in ("stopped", "running", "paused")]
    yield Family("scheduler_state", "stateset", "Scheduler state", states)
    yield _counted("schedkit_processes", "Living processes at the ledger", head["nodes"])
    workers = head.get("workers", [])
    yield _one("schedkit_workers", "gauge", "Workers connected to processes of the ledger", len(workers))
    help = "Runs that workers carry out now"
    yield _one("schedkit_worker_runs", "gauge", help, sum(each["running"] for each in workers))
    help = "Memory of workers and their child processes"
    memory = sum(each["memory"] for each in workers)
    yield _one("schedkit_worker_memory_bytes", "gauge", help, memory)
    wrong = [each for each in head["why"] if each["wrong"]]
    yield _counted("schedkit_problems", "Things that wrongly keep runs from starting", wrong)


def _counted(name: str, help: str, facts: Iterable[Mapping[str, Any]]) -> Family:
    kinds = Counter(each["kind"] for each in facts)
    return Family(name, "gauge", help, [(labels(kind=kind), count) for kind, count in sorted(kinds.items())])


def _of_queue(snapshot: Snapshot) -> Iterator[Family]:
    head, now = snapshot["scheduler"], datetime.fromisoformat(snapshot["now"])
    yield _one("schedkit_queued_runs", "gauge", "Runs that wait to start", head["queued"])
    yield _one("schedkit_running_runs", "gauge", "Runs under way", head["running"])
    due = [run["due_at"] for run in snapshot["runs"] if run["state"] == State.QUEUED]
    oldest = max((now - datetime.fromisoformat(min(due))).total_seconds(), 0.0) if due else 0.0
    help = "For how long the queued run that is due longest has waited"
    yield _one("schedkit_oldest_queued_seconds", "gauge", help, oldest)


def _of_runs(by_task: _ByTask, counts: RunCounts) -> Iterator[Family]:
    ended = {task: _statuses(states) for task, states in counts.ended.items()}
    yield by_task.counter("scheduler_task_executions", "Runs that have ended", "status", ended)
    plus, name = Histogram.plus, "scheduler_task_duration_seconds"
    yield by_task.family(name, "histogram", "How long runs took", counts.durations, plus)
    name, help = "schedkit_task_lateness_seconds", "How long after their due time scheduled runs started"
    yield by_task.family(name, "histogram", help, counts.lateness, plus)
    help = "Due times by what became of them: the state of their run, or why there was none"
    yield by_task.counter("schedkit_task_due_times", help, "outcome", counts.due_times)
    help = "Attempts after the first of their run"
    yield by_task.family("schedkit_task_retries", "counter", help, counts.retries)


def _statuses(states: Mapping[str, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for state, count in states.items():
        status = _STATUS.get(state) or state.lower()
        found[status] = found.get(status, 0) + count
    return found


def _of_tasks(
    by_task: _ByTask, snapshot: Snapshot, rows: Mapping[str, TaskRow], counts: RunCounts
) -> Iterator[Family]:
    running = Counter(run["task"] for run in snapshot["runs"] if run["state"] == State.RUNNING)
    active = {**dict.fromkeys(by_task.names, 0), **running}
    yield by_task.family("scheduler_active_tasks", "gauge", "Runs under way", active)
    mine = {name: rows[name] for name in by_task.names}
    paused = {name: int(row.paused) for name, row in mine.items()}
    yield by_task.family("schedkit_task_paused", "gauge", "1 while the task is paused", paused)
    due = {name: row.next / SECOND for name, row in mine.items() if row.next is not None}
    name = "schedkit_task_next_due_timestamp_seconds"
    yield by_task.family(name, "gauge", "The next due time", due)
    done = {name: at / SECOND for name, at in counts.last_done.items() if name in mine}
    name = "schedkit_task_last_success_timestamp_seconds"
    yield by_task.family(name, "gauge", "When a run was last done", done)
    rates = {row["name"]: row["success_rate"] for row in snapshot["tasks"] if row["name"] in mine}
    known = {name: rate for name, rate in rates.items() if rate is not None}
    help = "Share of the latest runs that were done"
    yield by_task.family("schedkit_task_success_rate", "gauge", help, known)


def _of_extractions(by_task: _ByTask, counts: RunCounts) -> Iterator[Family]:
    figures: tuple[tuple[str, str, Callable[[Extractions], int]], ...] = (
        ("schedkit_task_extractions", "Extractions known to this process", lambda one: one.count),
        ("schedkit_task_extraction_requests", "Their requests", lambda one: one.requests),
        (
            "schedkit_task_extraction_throttled",
            "Their requests that a site refused for now",
            lambda one: one.throttled,
        ),
        ("schedkit_task_extraction_rows", "The rows that they returned", lambda one: one.rows),
    )
    for name, help, figure in figures:
        values = {task: figure(known) for task, known in counts.extractions.items()}
        yield by_task.family(name, "counter", help, values)


def _of_ledger(ledger: LedgerFigures) -> Iterator[Family]:
    up = int(ledger.read_seconds is not None)
    yield _one("schedkit_ledger_up", "gauge", "1 while the ledger can be read", up)
    help = "How long a read of the ledger took just now"
    yield _one("schedkit_ledger_read_seconds", "gauge", help, ledger.read_seconds)
    help = "Transactions of this process, with waits for a ledger that took no writes"
    total = None if ledger.transactions is None else (ledger.transactions, ledger.transaction_seconds)
    yield _one("schedkit_ledger_transaction_seconds", "summary", help, total)
    help = "How long ago the ledger confirmed that this process counts as alive"
    yield _one("schedkit_beat_age_seconds", "gauge", help, ledger.beat_age)


def _of_process(process: ProcessFigures) -> Iterator[Family]:
    yield _one("process_cpu_seconds", "counter", "CPU time of this process", process.cpu_seconds)
    yield _one("process_resident_memory_bytes", "gauge", "Its memory", process.resident_bytes)
    yield _one("process_open_fds", "gauge", "Its open files", process.open_files)
    yield _one("process_start_time_seconds", "gauge", "When it started", process.started)
