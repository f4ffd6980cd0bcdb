"""What a board begins with, read from the ledger as it is at one moment."""

from __future__ import annotations

import operator
from collections.abc import Mapping

import msgspec
import sqlalchemy as sa
from sqlalchemy import func, select

from schedkit.core.events import RunEnded
from schedkit.core.model import TaskRow
from schedkit.core.run import Run
from schedkit.core.store.database import Store
from schedkit.core.store.queries import LAST_SEQ, LIVE, mappings, setting
from schedkit.core.store.rows import run_from_row, task_from_row
from schedkit.core.store.schema import runs, tasks
from schedkit.values.instants import SECOND

__all__ = [
    "DURATION_BOUNDS",
    "ENDED_OF_TASK",
    "FINISHED_RUNS",
    "Durations",
    "LedgerRows",
    "RunCounts",
    "ledger_rows",
    "run_counts",
]

# A task's durations and success rate are those of so many latest ended runs …
ENDED_OF_TASK = 30
# … and so many of all tasks are shown.
FINISHED_RUNS = 500
# Durations are counted up to these seconds: an extraction takes minutes.
DURATION_BOUNDS = (1, 5, 15, 60, 300, 900, 1800, 3600)

_ENDED = runs.c.finished_at.is_not(None)


class LedgerRows(msgspec.Struct, frozen=True, kw_only=True):
    """The tasks and runs that a board shows.

    Attributes
    ----------
    waiting : container of str
        Tasks whose code nobody has declared.
    seq : int
        The last event that the ledger had.
    """

    tasks: list[TaskRow] = []
    runs: list[Run] = []
    waiting: frozenset[str] = frozenset()
    paused: bool = False
    seq: int = 0


class Durations(msgspec.Struct, frozen=True):
    """How long runs took: how many, their seconds, and how many took no longer than each bound."""

    runs: int = 0
    seconds: float = 0.0
    within: tuple[int, ...] = (0,) * len(DURATION_BOUNDS)

    def plus(self, other: Durations) -> Durations:
        """Return both together."""
        within = tuple(map(operator.add, self.within, other.within))
        return Durations(self.runs + other.runs, self.seconds + other.seconds, within)


class RunCounts:
    """How many runs of each task have ended, how, and how long they took, up to an event of the log."""

    def __init__(
        self,
        ended: Mapping[str, Mapping[str, int]],
        seq: int,
        durations: Mapping[str, Durations] | None = None,
    ) -> None:
        # The mapping of a task is replaced where it changes, and never changed: copies share it.
        self.ended = dict(ended)
        self.durations = dict(durations or {})
        self._seq = seq

    def copy(self) -> RunCounts:
        """Return what is counted so far."""
        return RunCounts(self.ended, self._seq, self.durations)

    def add(self, event: RunEnded) -> None:
        """Count a run that has ended."""
        if event.seq <= self._seq:
            return
        known, state = self.ended.get(event.task, {}), str(event.after.state)
        self.ended[event.task] = {**known, state: known.get(state, 0) + 1}
        if (seconds := event.after.seconds) is not None:
            one = Durations(1, seconds, tuple(int(seconds <= bound) for bound in DURATION_BOUNDS))
            self.durations[event.task] = self.durations.get(event.task, Durations()).plus(one)


def ledger_rows(store: Store) -> LedgerRows:
    """Return the tasks, the runs that have not ended and the latest ones that have."""
    with store.snapshot() as connection, store.decoding():
        found = [task_from_row(row) for row in mappings(connection, select(tasks))]
        latest = select(runs).where(_ENDED).order_by(runs.c.id.desc())
        wanted = [select(runs).where(LIVE), latest.limit(FINISHED_RUNS)]
        wanted += [latest.where(runs.c.task == row.name).limit(ENDED_OF_TASK) for row in found]
        shown = {row["id"]: row for query in wanted for row in mappings(connection, query)}
        return LedgerRows(
            tasks=found,
            runs=[run_from_row(row) for row in shown.values()],
            paused=setting(connection, "paused") == "1",
            seq=connection.scalar(LAST_SEQ) or 0,
        )


def run_counts(store: Store) -> RunCounts:
    """Return how many runs of each task have ended, and how long they took; reads the whole history."""
    length = runs.c.finished_at - runs.c.started_at
    within = [func.sum(sa.case((length <= bound * SECOND, 1), else_=0)) for bound in DURATION_BOUNDS]
    figures = (runs.c.task, runs.c.state, func.count(), func.count(runs.c.started_at), func.sum(length))
    query = select(*figures, *within).where(_ENDED).group_by(runs.c.task, runs.c.state)
    found: dict[str, dict[str, int]] = {}
    durations: dict[str, Durations] = {}
    with store.snapshot() as connection, store.decoding():
        for task, state, count, started, micros, *counts in connection.execute(query):
            found.setdefault(task, {})[state] = count
            these = Durations(started, float(micros or 0) / SECOND, tuple(map(int, counts)))
            durations[task] = durations.get(task, Durations()).plus(these)
        return RunCounts(found, connection.scalar(LAST_SEQ) or 0, durations)
