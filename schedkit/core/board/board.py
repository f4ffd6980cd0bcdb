"""The board: events folded into one snapshot, and numbered changes since any moment.

The notebook panel, a web page, the command line and REST all draw this. Rows are JSON-able and replaced
as a whole, so a reader on another thread may keep what it was given.
"""

from __future__ import annotations

import bisect
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from schedkit.core import events as ev
from schedkit.core.board.ledger_rows import ENDED_OF_TASK, FINISHED_RUNS, LedgerRows
from schedkit.core.board.numbered_rows import NumberedRows
from schedkit.core.board.order import next_due, queue_order
from schedkit.core.board.rows import (
    Row,
    detail_fields,
    end_fields,
    figures_of,
    folded_run,
    iso,
    run_row,
    stopped_scheduler,
    task_fields,
    task_state,
)
from schedkit.core.board.run_counts import RunCounts
from schedkit.core.model import TaskRow
from schedkit.core.run import Attempt, Run
from schedkit.core.states import State

__all__ = ["Board"]

TOMBSTONES = 4000

Details = tuple[Mapping[str, Any], Iterable[Attempt]]
_End = tuple[tuple[int, str], Row]


class Board:
    """The state of a scheduler as screens show it, folded from its events; readable from any thread.

    Parameters
    ----------
    finished_runs : int
        How many ended runs stay on the board; the ledger keeps them all.

    Examples
    --------
    >>> board = Board()
    >>> board.put_task(TaskRow(name="open_bugs", schedule_text="every 1 hour", anchored=0, declared=0))
    >>> board.snapshot()["tasks"][0]["state"]
    'idle'
    """

    def __init__(self, finished_runs: int = FINISHED_RUNS) -> None:
        self._lock = threading.Lock()
        self._seq = 0
        self._ledger_seq = 0
        self._horizon = 0
        self._finished_runs = finished_runs
        self._scheduler = stopped_scheduler()
        self._scheduler_seq = 0
        self._newest: dict[str, int] = {}  # the last event of each run and each task
        self._tasks = NumberedRows()
        self._runs = NumberedRows()
        self._task_rows: dict[str, tuple[TaskRow, bool]] = {}
        # The parts of each task's row: of the task itself, and of its latest ended runs, in this order.
        self._fields: dict[str, Row] = {}
        self._handlers: set[str] = set()  # of tasks that requests have made
        self._figures: dict[str, Row] = {}
        self._ended: dict[str, list[_End]] = {}
        self._finished: deque[tuple[str, str]] = deque()  # run and task
        self._tombstones: deque[tuple[NumberedRows, str, int]] = deque()
        self._running: defaultdict[str, set[str]] = defaultdict(set)
        self._waiting: defaultdict[str, set[str]] = defaultdict(set)
        self._counts: RunCounts | None = None
        self._loading = False
        self._recordings: list[list[ev.Event]] = []  # events, while the ledger is read

    @property
    def seq(self) -> int:
        """The number of the latest change."""
        return self._seq

    # From the ledger. Events that come while it is read are folded on top of what was read: it makes no
    # difference whether the ledger had them by then.

    def load(self, read: Callable[[], LedgerRows]) -> None:
        """Load what the ledger holds, as `read` returns it; events that it includes are then ignored.

        Events have to come from the beginning of `read` on, which may subscribe to them.
        """
        with self._recording() as meanwhile:
            self._loading = True
            found = read()
            with self._lock:
                self._ledger_seq, self._loading = found.seq, False
                self._take_in(found)
                self._fold_all(meanwhile)

    def open(self, run: str, read: Callable[[], Details]) -> None:
        """Put the output and the attempts of a run on the board, as `read` returns them."""
        with self._recording() as meanwhile:
            details, attempts = read()
            with self._lock:
                row = self._runs.get(run)
                if row is None:
                    return
                row = {**row, **detail_fields(row, details, attempts)}
                for event in meanwhile:
                    if isinstance(event, ev.RunStep | ev.RunOutput) and event.run == run:
                        row = folded_run(row, event)
                self._seq += 1
                self._runs.put(run, row, self._seq)

    def has_ended(self, run: str) -> bool:
        """Tell whether a run on the board has ended."""
        with self._lock:
            row = self._runs.get(run)
            return row is not None and State(row["state"]).final

    def counts(self, read: Callable[[], RunCounts]) -> RunCounts:
        """Return what is counted of each task; `read`, which reads all of it, is called only once."""
        if self._counts is None:
            with self._recording() as meanwhile:
                found = read()
                with self._lock:
                    self._counts = found
                    for event in meanwhile:
                        found.add(event)
        with self._lock:
            return self._counts.copy()

    def read_extractions(self, read: Callable[[list[str]], Iterable[tuple[str, Row]]]) -> None:
        """Count the extractions of runs elsewhere: `read` returns those of some runs, with their tasks."""
        if (counts := self._counts) is not None and (found := list(read(counts.take_silent()))):
            with self._lock:
                for task, facts in found:
                    counts.add_extraction(task, facts)

    @contextmanager
    def _recording(self) -> Iterator[list[ev.Event]]:
        meanwhile: list[ev.Event] = []
        with self._lock:
            self._recordings.append(meanwhile)
        try:
            yield meanwhile
        finally:
            with self._lock:
                self._recordings = [other for other in self._recordings if other is not meanwhile]

    # From events

    def fold(self, event: ev.Event) -> None:
        """Apply one event; costs microseconds."""
        with self._lock:
            for recording in self._recordings:
                recording.append(event)
            if self._counts is not None:
                self._counts.add(event)
            if not self._loading:
                self._fold_all((event,))

    def put_task(self, row: TaskRow, *, waiting: bool = False) -> None:
        """Set a task; `waiting` for its code to be declared."""
        with self._lock:
            self._put_task(row, waiting)

    def put_scheduler(self, **facts: Any) -> None:
        """Set facts of the scheduler: state, nodes, ledger, concurrency, paused, trouble, why, and so on."""
        with self._lock:
            self._put_scheduler(facts)

    def put_homes(self, has_home: Callable[[TaskRow], bool]) -> None:
        """Have each task wait for its code, or not; the end of a process makes no event of its tasks."""
        with self._lock:
            for row, waiting in list(self._task_rows.values()):
                if has_home(row) == waiting:
                    self._put_task(row, not waiting)

    def tasks(self) -> dict[str, TaskRow]:
        """Return the tasks by name."""
        with self._lock:
            return {name: row for name, (row, _) in self._task_rows.items()}

    def snapshot(self, now: datetime | None = None) -> Row:
        """Return all there is to show."""
        with self._lock:
            tasks, runs = self._tasks.present(), self._runs.present()
            scheduler = {**self._scheduler, "next_by": next_due(tasks)}
            return {
                "kind": "snapshot",
                "seq": self._seq,
                "now": iso(now or datetime.now(UTC)),
                "scheduler": scheduler,
                "tasks": sorted(tasks, key=lambda task: task["name"]),
                "runs": runs,
                "queue": queue_order(runs),
            }

    def changes(self, since: int, now: datetime | None = None) -> Row | None:
        """Return the rows changed after number `since`: ``{key: row}``, None for a row that is gone.

        None if nothing changed; a snapshot if the board no longer knows what was removed since.
        """
        with self._lock:
            if since == self._seq:
                return None
            if self._horizon <= since < self._seq:
                return {
                    "kind": "changes",
                    "since": since,
                    "seq": self._seq,
                    "now": iso(now or datetime.now(UTC)),
                    "scheduler": self._scheduler if self._scheduler_seq > since else {},
                    "tasks": self._tasks.since(since),
                    "runs": self._runs.since(since),
                }
        return self.snapshot(now)

    # Below, the lock is held.

    def _take_in(self, found: LedgerRows) -> None:
        self._put_scheduler({"paused": found.paused})
        ended = sorted((run for run in found.runs if run.state.final), key=_end_of)
        for run in ended:
            self._ended.setdefault(run.task, []).append((_end_of(run), end_fields(run)))
        for task, ends in self._ended.items():
            del ends[:-ENDED_OF_TASK]
            self._figures[task] = figures_of(fields for _, fields in ends)
        live = sorted((run for run in found.runs if not run.state.final), key=lambda run: run.id)
        for run in (*ended[-self._finished_runs :], *live):
            self._place(run_row(run), run)
        for row in found.tasks:
            self._put_task(row, row.name in found.waiting)

    def _fold_all(self, events: Iterable[ev.Event]) -> None:
        for event in events:
            if 0 < event.seq <= self._ledger_seq or not self._is_news(event):
                continue
            match event:
                case ev.RunStep() | ev.RunOutput():
                    self._fold_run(event)
                case ev.TaskChanged():
                    self._fold_task(event)
                case ev.ScheduleAdvanced() if event.task in self._task_rows:
                    row, waiting = self._task_rows[event.task]
                    self._put_task(replace(row, next=event.next), waiting)
                case _:
                    self._fold_scheduler(event)

    def _is_news(self, event: ev.Event) -> bool:
        """Tell whether an event is the latest about its task or run.

        Events of other processes arrive later than those of this process.
        """
        if event.seq <= 0 or not isinstance(event, ev.RunStep | ev.TaskChanged | ev.ScheduleAdvanced):
            return True
        about = event.run or event.task
        if event.seq < self._newest.get(about, 0):
            return False
        self._newest[about] = event.seq
        return True

    def _put_scheduler(self, facts: Mapping[str, Any]) -> None:
        if any(self._scheduler.get(key) != value for key, value in facts.items()):
            self._seq += 1
            self._scheduler = {**self._scheduler, **facts}
            self._scheduler_seq = self._seq

    def _fold_task(self, event: ev.TaskChanged) -> None:
        if event.row is None:
            self._put_scheduler({"paused": event.change == "paused"})
        elif event.change != "removed":
            self._put_task(event.row, event.waiting)
        elif self._task_rows.pop(event.task, None) is not None:
            del self._fields[event.task]
            self._bury(self._tasks, event.task)

    def _put_task(self, row: TaskRow, waiting: bool) -> None:
        self._task_rows[row.name] = (row, waiting)
        self._fields[row.name] = task_fields(row, waiting=waiting)
        if row.requested is not None:
            self._handlers.add(row.requested.handler)
            self._show_task(row.requested.handler)
        self._show_task(row.name)

    def _show_task(self, name: str) -> None:
        """Put a task's row on the board, if the task exists and the row has changed."""
        fields = self._fields.get(name)
        if fields is None:  # it was removed, and its runs end
            return
        if self._is_unused(name):
            return
        state = task_state(fields, bool(self._running.get(name)), bool(self._waiting.get(name)))
        row = {**fields, **(self._figures.get(name) or figures_of(())), "state": state}
        if row != self._tasks.get(name):
            self._seq += 1
            self._tasks.put(name, row, self._seq)

    def _is_unused(self, name: str) -> bool:
        """Tell whether a built-in task was never used, so that no screen lists it."""
        row, _ = self._task_rows[name]
        if not row.facts.get("built_in") or row.trigger is not None or name in self._handlers:
            return False
        return not (self._figures.get(name) or self._running.get(name) or self._waiting.get(name))

    def _fold_scheduler(self, event: ev.Event) -> None:
        if isinstance(event, ev.StoreAway):
            self._put_scheduler({"trouble": f"the ledger does not take writes: {event.reason}"})
        elif isinstance(event, ev.LoopBlocked) and not event.over:
            where = f" at {event.where}" if event.where else ""
            self._put_scheduler({"trouble": f"{event.task or 'a task'} blocks the other async tasks{where}"})
        elif isinstance(event, ev.StoreBack | ev.LoopBlocked):
            self._put_scheduler({"trouble": None})

    def _fold_run(self, event: ev.RunStep | ev.RunOutput) -> None:
        known = self._runs.get(event.run)
        row = folded_run(known, event)
        if row is None or row is known:
            return
        if isinstance(event, ev.RunOutput):
            self._seq += 1
            self._runs.put(event.run, row, self._seq)
        elif known is None or not State(known["state"]).final:
            if event.after.state.final:
                self._note_end(event.after)
            self._place(row, event.after)
            self._show_task(event.task)

    def _place(self, row: Row, run: Run) -> None:
        """Put a run's row on the board, and count its state."""
        self._seq += 1
        before = self._runs.get(run.id)
        self._runs.put(run.id, row, self._seq)
        if before is not None and before["state"] == row["state"]:
            return
        running, waiting = self._running[run.task], self._waiting[run.task]
        counts = len(running), len(waiting)
        running.discard(run.id)
        waiting.discard(run.id)
        if run.state is State.RUNNING:
            running.add(run.id)
        elif not run.state.final:
            waiting.add(run.id)
        else:
            self._finished.append((run.id, run.task))
            self._bury_oldest()
        self._put_scheduler(
            {
                "running": self._scheduler["running"] + len(running) - counts[0],
                "queued": self._scheduler["queued"] + len(waiting) - counts[1],
            }
        )

    def _note_end(self, run: Run) -> None:
        """Update a task's figures with the end of a run."""
        ends = self._ended.setdefault(run.task, [])
        # By the time of their end, as the ledger knows them: after the clock was set back it is not the last.
        bisect.insort(ends, (_end_of(run), end_fields(run)), key=lambda end: end[0])
        del ends[:-ENDED_OF_TASK]
        self._figures[run.task] = figures_of(fields for _, fields in ends)

    def _bury_oldest(self) -> None:
        if len(self._finished) <= self._finished_runs:
            return
        run, task = self._finished.popleft()
        self._bury(self._runs, run)
        self._newest.pop(run, None)
        if task not in self._task_rows and all(name != task for _, name in self._finished):
            self._ended.pop(task, None)  # it was removed
            self._figures.pop(task, None)

    def _bury(self, rows: NumberedRows, key: str) -> None:
        self._seq += 1
        rows.put(key, None, self._seq)
        self._tombstones.append((rows, key, self._seq))
        while len(self._tombstones) > TOMBSTONES:
            where, old, seq = self._tombstones.popleft()
            if where.get(old) is None and where.changed.get(old) == seq:
                self._horizon = where.forget(old)


def _end_of(run: Run) -> tuple[int, str]:
    return (run.finished or 0, run.id)
