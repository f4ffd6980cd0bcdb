"""What a board begins with, read from the ledger as it is at one moment."""

from __future__ import annotations

import msgspec
from sqlalchemy import bindparam, select

from schedkit.core.model import TaskRow
from schedkit.core.run import Run
from schedkit.core.store.database import Store
from schedkit.core.store.queries import LAST_SEQ, LIVE, mappings, setting
from schedkit.core.store.rows import run_from_row, task_from_row
from schedkit.core.store.schema import runs, tasks

__all__ = ["ENDED_OF_TASK", "FINISHED_RUNS", "LedgerRows", "ledger_rows"]

# A task's durations and success rate are those of so many latest ended runs …
ENDED_OF_TASK = 30
# … and so many of all tasks are shown.
FINISHED_RUNS = 500

_ENDED = select(runs).where(runs.c.finished_at.is_not(None)).order_by(runs.c.id.desc())
_LATEST_ENDED = _ENDED.limit(FINISHED_RUNS)
# Made once: it is asked for each of a thousand tasks, and its making took longer than its answer.
_LATEST_OF_TASK = _ENDED.where(runs.c.task == bindparam("name")).limit(ENDED_OF_TASK)


class LedgerRows(msgspec.Struct, frozen=True, kw_only=True):
    """The tasks and runs that a board shows.

    Attributes
    ----------
    waiting : container of str
        Tasks whose code no process has declared.
    seq : int
        The last event that the ledger had.
    """

    tasks: list[TaskRow] = []
    runs: list[Run] = []
    waiting: frozenset[str] = frozenset()
    paused: bool = False
    seq: int = 0


def ledger_rows(store: Store) -> LedgerRows:
    """Return the tasks, the runs that have not ended and the latest ones that have."""
    with store.snapshot() as connection, store.decoding():
        found = [task_from_row(row) for row in mappings(connection, select(tasks))]
        shown = [*mappings(connection, select(runs).where(LIVE)), *mappings(connection, _LATEST_ENDED)]
        for row in found:
            shown += mappings(connection, _LATEST_OF_TASK, {"name": row.name})
        different = {row["id"]: row for row in shown}
        return LedgerRows(
            tasks=found,
            runs=[run_from_row(row) for row in different.values()],
            paused=setting(connection, "paused") == "1",
            seq=connection.scalar(LAST_SEQ) or 0,
        )
