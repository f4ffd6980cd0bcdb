"""What a server reads of a scheduler, as plain values: board, runs by page, due times, events."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from schedkit.core.api.process_report import LedgerFigures
from schedkit.core.api.run_handle import EVENTS_PATIENCE_SECONDS
from schedkit.core.api.screen_commands import HISTORY_ROWS, frame_preview
from schedkit.core.board.board import Board
from schedkit.core.board.run_counts import RunCounts, extraction_facts, run_counts
from schedkit.core.model import TaskRow
from schedkit.core.run import Attempt, Run
from schedkit.core.store.audit import AuditRow, audit, failed_since, finished_runs
from schedkit.core.store.tokens import Tokens
from schedkit.core.triggers import data as trigger_data

if TYPE_CHECKING:
    from schedkit.core.api.scheduler import Scheduler

__all__ = ["DueTime", "LiveView"]


class DueTime(msgspec.Struct, frozen=True, kw_only=True):
    """A due time, or a range of them, with its outcome.

    Attributes
    ----------
    until : datetime
        The last of the range.
    count : int or None
        How many there are; None: more than are worth counting.
    outcome : str
        missed, coalesced or overlapped, or how the run stands.
    run : str or None
        The run's id; None: it made no run.
    """

    scheduled_at: datetime
    until: datetime
    count: int | None
    outcome: str
    run: str | None
    reason: str


class LiveView:
    """Reads of one scheduler and its ledger; all of them block for a moment.

    Parameters
    ----------
    scheduler : Scheduler
        One that runs or watches.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler, self._queries, self._screens = scheduler, scheduler.queries, scheduler.screens
        self._ledger = self._queries.ledger
        self.tokens = Tokens(self._ledger.store)

    def board(self, *, settled: bool = False) -> Board:
        """Return the board, with the facts of this moment; `settled`: and with all that was told so far."""
        board = self._screens.live_board()
        if settled:
            self._queries.flush_events(EVENTS_PATIENCE_SECONDS)
        return board

    def counts(self, board: Board) -> RunCounts:
        """Return what is counted of each task on a board."""
        store = self._ledger.store
        if not self._screens.runs_here:  # what runs elsewhere report is not heard here
            board.read_extractions(lambda runs: extraction_facts(store, runs) if runs else ())
        return board.counts(lambda: run_counts(store))

    def ledger_figures(self) -> LedgerFigures:
        """Return how the ledger answers, and how this process writes to it."""
        return self._screens.ledger_figures()

    def task(self, name: str) -> TaskRow | None:
        """Return one task."""
        return self._ledger.task(name)

    def run(self, id: str) -> Run | None:
        """Return one run."""
        return self._ledger.run(id)

    def details(self, run: str) -> dict[str, Any]:
        """Return what a run has reported: its stages, log, facts and artifacts."""
        return self._queries.details(run)

    def attempts(self, run: str) -> list[Attempt]:
        """Return the ended attempts of a run, in order."""
        return self._ledger.attempts(run)

    def runs(
        self,
        *,
        task: str | None = None,
        state: str | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> list[Run]:
        """Return runs, newest first; `before` is the id of the last one already seen."""
        return self._ledger.runs(task, limit=limit, states=[state] if state else [], before=before)

    def due_times(self, task: str, *, ran: bool | None = None, limit: int = 100) -> list[DueTime]:
        """Return the due times of a task, newest first; `ran`: only those with a run, or without one."""
        found = [
            DueTime(
                scheduled_at=fire.scheduled_at,
                until=fire.until,
                count=fire.count,
                outcome=str(fire.outcome),
                run=None,
                reason=fire.reason,
            )
            for fire in ([] if ran else self._ledger.fires(task, limit))
        ]
        found += [
            DueTime(
                scheduled_at=run.scheduled_at,
                until=run.scheduled_at,
                count=1,
                outcome=str(run.state),
                run=run.id,
                reason=run.why,
            )
            for run in ([] if ran is False else self._ledger.scheduled_runs(task, limit))
            if run.scheduled_at is not None
        ]
        return sorted(found, key=operator.attrgetter("scheduled_at"), reverse=True)[:limit]

    def upcoming(self, task: str, count: int) -> list[datetime]:
        """Return the next due times of a task, at most `count` of them; none while it is paused."""
        row = self._ledger.task(task)
        if row is None or row.trigger is None or row.next_at is None or row.paused:
            return []
        trigger = trigger_data.loads(row.trigger).bind(row.anchor, UTC)
        found: list[datetime] = []
        time: datetime | None = row.next_at
        while time is not None and len(found) < count:
            found.append(time)
            time = trigger.next(time)
        return found

    def file(self, noted: Mapping[str, str]) -> bytes:
        """Return the content of a file that a run has noted; raises `FileNotFoundError`."""
        return self._scheduler.queries.file(noted)

    def finished_runs(self, *, limit: int = 100) -> list[Run]:
        """Return the latest runs that have ended, newest first."""
        return finished_runs(self._ledger.store, limit)

    def failed_since(self, since: datetime, *, task: str | None = None, limit: int = 1000) -> list[Run]:
        """Return the runs queued since a time that FAILED or timed out and were not retried, oldest first."""
        return failed_since(self._ledger.store, since, task=task, limit=limit)

    def audit(
        self, *, actor: str | None = None, before: int | None = None, limit: int = 100
    ) -> tuple[list[AuditRow], int]:
        """Return who did what, newest first, and the number before which the next page begins (0: none)."""
        return audit(self._ledger.store, actor=actor, before=before, limit=limit)

    def open_run(self, run: str) -> None:
        """Put a run's log, facts, files and attempts on the board."""
        self._screens.open_run(run)

    def screen_run(self, run: str) -> dict[str, Any]:
        """Return a run in full as a row of the board, also when it has left the board."""
        return self._screens.run_detail(run)

    def preview(self, run: str) -> dict[str, Any]:
        """Return the first rows of a run's frame as text."""
        return frame_preview(self._scheduler, run)

    def history(self, hours: float, *, task: str, state: str, first: int) -> dict[str, Any]:
        """Return a window of history as a screen shows it."""
        chosen = {"task": task, "state": state, "first": first}
        return self._screens.history_window(hours, rows=HISTORY_ROWS, **chosen)

    def calendar(self, first: int, *, zone: str, task: str) -> dict[str, Any]:
        """Return the due times of seven days as a screen shows them."""
        return self._screens.calendar(first, zone=zone, task=task)

    def private_folders(self) -> list[Path]:
        """Return the folders of which an answer to others does not tell: the ledger's, the results'."""
        path, results = self._ledger.store.path, self._scheduler.process.results
        folders = [results, None if path is None else path.parent]
        return [folder for folder in folders if isinstance(folder, Path)]
