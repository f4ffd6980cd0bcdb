"""What a board begins with, read from the ledger as it is at one moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec
from sqlalchemy import func, select

from schedkit.core.events import RunEnded
from schedkit.core.model import TaskRow
from schedkit.core.run import Run
from schedkit.core.store.database import Store
from schedkit.core.store.queries import LAST_SEQ, LIVE, mappings, setting
from schedkit.core.store.rows import run_from_row, task_from_row
from schedkit.core.store.schema import runs, tasks

__all__ = ["ENDED_OF_TASK", "FINISHED_RUNS", "LedgerRows", "RunCounts", "ledger_rows", "run_counts"]

# A task's durations and success rate are those of so many latest ended runs …
ENDED_OF_TASK = 30
# … and so many of all tasks are shown.
FINISHED_RUNS = 500

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


class RunCounts:
    """How many runs of each task have ended, and how; those of events up to `seq` are in it."""

    def __init__(self, ended: Mapping[str, Mapping[str, int]], seq: int) -> None:
        self.ended = {task: Counter(states) for task, states in ended.items()}
        self._seq = seq

    def add(self, event: RunEnded) -> None:
        """Count a run that has ended."""
        if event.seq > self._seq:
            self.ended.setdefault(event.task, Counter())[str(event.after.state)] += 1


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
    """Return how many runs of each task have ended; reads the whole history."""
    query = select(runs.c.task, runs.c.state, func.count()).where(_ENDED).group_by(runs.c.task, runs.c.state)
    found: dict[str, dict[str, int]] = {}
    with store.snapshot() as connection, store.decoding():
        for task, state, count in connection.execute(query):
            found.setdefault(task, {})[state] = count
        return RunCounts(found, connection.scalar(LAST_SEQ) or 0)
