"""Facts folded into what a screen shows: one snapshot, and numbered changes since any moment.

The notebook panel, a web page, the command line and REST all draw this. Rows are JSON-able and replaced
as a whole, so a reader on another thread may keep what it was given.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from schedkit.core import events as ev
from schedkit.core.board.rows import (
    Row,
    detail_fields,
    ended_task_row,
    folded_run,
    iso,
    new_run_row,
    new_task_row,
    priority_word,
    run_row,
    task_state,
)
from schedkit.core.run import Attempt, Run
from schedkit.core.states import State

__all__ = ["Board"]

FINISHED_RUNS = 500
TOMBSTONES = 4000

_STEPS = (ev.RunQueued, ev.RunStarted, ev.RunRetrying, ev.RunEnded)
_SAYINGS = (ev.RunProgressed, ev.RunLogged, ev.RunNoted)


class _Rows:
    """Rows by key in the order of their last change, so that what changed since a number is the tail."""

    def __init__(self) -> None:
        self.rows: OrderedDict[str, Row | None] = OrderedDict()
        self.changed: dict[str, int] = {}

    def put(self, key: str, row: Row | None, seq: int) -> None:
        self.rows[key] = row
        self.rows.move_to_end(key)
        self.changed[key] = seq

    def get(self, key: str) -> Row | None:
        return self.rows.get(key)

    def since(self, seq: int) -> dict[str, Row | None]:
        tail: dict[str, Row | None] = {}
        for key in reversed(self.rows):
            if self.changed[key] <= seq:
                break
            tail[key] = self.rows[key]
        return tail

    def present(self) -> list[Row]:
        return [row for row in self.rows.values() if row is not None]

    def forget(self, key: str) -> int:
        del self.rows[key]
        return self.changed.pop(key)


class Board:
    """The one picture of a scheduler, folded from its events; any thread may read it.

    Parameters
    ----------
    finished_runs : int
        How many ended runs stay on the board; the ledger keeps them all.

    Examples
    --------
    >>> board = Board()
    >>> board.put_task("open_bugs", trigger="every 1 hour")
    >>> board.snapshot()["tasks"][0]["state"]
    'idle'
    """

    def __init__(self, finished_runs: int = FINISHED_RUNS) -> None:
        self._lock = threading.Lock()
        self._seq = 0
        self._ledger_seq = 0
        self._horizon = 0
        self._finished_runs = finished_runs
        self._scheduler: Row = {
            "state": "stopped",
            "owner": None,
            "ledger": "",
            "concurrency": None,
            "limits": {},
            "running": 0,
            "queued": 0,
            "paused": False,
            "trouble": None,
        }
        self._scheduler_seq = 0
        self._tasks = _Rows()
        self._runs = _Rows()
        self._finished: deque[str] = deque()
        self._tombstones: deque[tuple[_Rows, str, int]] = deque()
        self._running: defaultdict[str, set[str]] = defaultdict(set)
        self._waiting: defaultdict[str, set[str]] = defaultdict(set)

    @property
    def seq(self) -> int:
        """The number of the latest change."""
        return self._seq

    def load(
        self,
        tasks: Iterable[Mapping[str, Any]] = (),
        runs: Iterable[Run] = (),
        seq: int = 0,
    ) -> None:
        """Take in what the ledger holds; its events up to number `seq` are then ignored.

        Parameters
        ----------
        tasks : iterable of mappings
            Each with `name` and any of `put_task`'s facts.
        runs : iterable of Run
            In any order; `put_details` adds what is long.
        """
        for task in tasks:
            self.put_task(**{str(key): value for key, value in task.items()})
        with self._lock:
            self._ledger_seq = seq
            for run in sorted(runs, key=lambda run: run.finished_at or run.started_at or run.queued_at):
                self._place(run_row(run), run.seconds)

    def put_task(self, name: str, **facts: Any) -> None:
        """Set facts of a task, those of `new_task_row`; `trigger` in words."""
        with self._lock:
            self._put_task(name, facts)

    def put_details(self, run: str, details: Mapping[str, Any], attempts: Iterable[Attempt] = ()) -> None:
        """Set the long parts of a run on the board: log, facts, artifacts, stages, attempts."""
        with self._lock:
            row = self._runs.get(run)
            if row is not None:
                self._seq += 1
                self._runs.put(run, {**row, **detail_fields(details, attempts)}, self._seq)

    def put_scheduler(self, **facts: Any) -> None:
        """Set facts of the scheduler: state, owner, ledger, concurrency, paused, trouble."""
        with self._lock:
            self._put_scheduler(facts)

    def fold(self, event: ev.Event) -> None:
        """Take in one event; costs microseconds."""
        with self._lock:
            if 0 < event.seq <= self._ledger_seq:
                return
            if isinstance(event, (*_STEPS, *_SAYINGS)):
                self._fold_run(event)
            elif isinstance(event, ev.TaskChanged):
                self._fold_task(event)
            else:
                self._fold_scheduler(event)

    def snapshot(self, now: datetime | None = None) -> Row:
        """Return all there is to show."""
        with self._lock:
            tasks, runs = self._tasks.present(), self._runs.present()
            scheduler = {**self._scheduler, "next_by": _next_by(tasks, self._scheduler["owner"])}
            return {
                "kind": "snapshot",
                "seq": self._seq,
                "now": iso(now or datetime.now(UTC)),
                "scheduler": scheduler,
                "tasks": sorted(tasks, key=lambda task: task["name"]),
                "runs": runs,
                "queue": _queue(runs),
            }

    def changes(self, since: int, now: datetime | None = None) -> Row | None:
        """Return the rows changed after number `since`: ``{key: row}``, None for a row that is gone.

        None if nothing changed; a snapshot if the board no longer knows what was gone by then.
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

    def _put_task(self, name: str, facts: Mapping[str, Any]) -> None:
        row = {**(self._tasks.get(name) or new_task_row(name)), **facts}
        if isinstance(row["next_run"], datetime):
            row["next_run"] = iso(row["next_run"])
        if isinstance(row["priority"], int):
            row["priority"] = priority_word(row["priority"])
        row["tags"] = list(row["tags"])
        row["state"] = task_state(row, bool(self._running.get(name)), bool(self._waiting.get(name)))
        if row != self._tasks.get(name):
            self._seq += 1
            self._tasks.put(name, row, self._seq)

    def _put_scheduler(self, facts: Mapping[str, Any]) -> None:
        if any(self._scheduler.get(key) != value for key, value in facts.items()):
            self._seq += 1
            self._scheduler = {**self._scheduler, **facts}
            self._scheduler_seq = self._seq

    def _fold_task(self, event: ev.TaskChanged) -> None:
        if not event.task:
            self._put_scheduler({"paused": event.change == "paused"})
        elif event.change == "removed":
            if self._tasks.get(event.task) is not None:
                self._bury(self._tasks, event.task)
        else:
            facts = {
                "next_run": event.next_time,
                "trigger": event.trigger,
                "paused": event.paused,
                "declared": not event.waiting,
                "tags": event.tags,
                "priority": event.priority,
                "description": event.description,
                "limit": event.limit,
                "place": event.place,
                "rate": event.rate,
                "options": event.options,
            }
            self._put_task(event.task, facts)

    def _fold_scheduler(self, event: ev.Event) -> None:
        if isinstance(event, ev.StoreAway):
            self._put_scheduler({"trouble": f"the ledger does not take writes: {event.reason}"})
        elif isinstance(event, ev.LoopBlocked) and not event.over:
            where = f" at {event.where}" if event.where else ""
            self._put_scheduler({"trouble": f"{event.task or 'a task'} blocks the other async tasks{where}"})
        elif isinstance(event, ev.StoreBack | ev.LoopBlocked):
            self._put_scheduler({"trouble": None})

    def _fold_run(self, event: ev.Event) -> None:
        known = self._runs.get(event.run)
        if known is None and isinstance(event, _SAYINGS):
            return  # a late word of a run that has left the board
        if known is not None and State(known["state"]).final and not isinstance(event, _SAYINGS):
            return
        row = folded_run(known or new_run_row(event.run, event.task), event)
        self._place(row, event.seconds if isinstance(event, ev.RunEnded) else None)

    def _place(self, row: Row, seconds: float | None) -> None:
        run, name, state = row["id"], row["task"], State(row["state"])
        self._seq += 1
        before = self._runs.get(run)
        self._runs.put(run, row, self._seq)
        if before is not None and before["state"] == row["state"]:
            return
        running, waiting = self._running[name], self._waiting[name]
        counts = len(running), len(waiting)
        running.discard(run)
        waiting.discard(run)
        if state is State.RUNNING:
            running.add(run)
        elif not state.final:
            waiting.add(run)
        gone_running, gone_waiting = len(running) - counts[0], len(waiting) - counts[1]
        if gone_running or gone_waiting:
            self._put_scheduler(
                {
                    "running": self._scheduler["running"] + gone_running,
                    "queued": self._scheduler["queued"] + gone_waiting,
                }
            )
        if state.final:
            self._finish(row, state, seconds)
        self._put_task(name, {})

    def _finish(self, row: Row, state: State, seconds: float | None) -> None:
        name, finished = row["task"], row["finished_at"]
        task = self._tasks.get(name) or new_task_row(name)
        at = datetime.fromisoformat(finished) if finished else datetime.now(UTC)
        self._seq += 1
        self._tasks.put(name, ended_task_row(task, row["id"], state, at, seconds, row["error"]), self._seq)
        self._finished.append(row["id"])
        if len(self._finished) > self._finished_runs:
            self._bury(self._runs, self._finished.popleft())

    def _bury(self, rows: _Rows, key: str) -> None:
        self._seq += 1
        rows.put(key, None, self._seq)
        self._tombstones.append((rows, key, self._seq))
        while len(self._tombstones) > TOMBSTONES:
            where, old, seq = self._tombstones.popleft()
            if where.get(old) is None and where.changed.get(old) == seq:
                self._horizon = where.forget(old)


def _next_by(tasks: Iterable[Row], owner: object) -> Row | None:
    due = [(task["next_run"], task["name"]) for task in tasks if task["next_run"] and not task["paused"]]
    if not due:
        return None
    at, name = min(due)
    return {"task": name, "at": at, "who": owner}


_RANKS = {"low": 0, "medium": 10, "high": 20}


def _queue(runs: Iterable[Row]) -> list[str]:
    def rank(row: Row) -> float:
        word = row["priority"]
        priority: int = _RANKS[word] if isinstance(word, str) else word
        return float(datetime.fromisoformat(row["due_at"]).timestamp() - 60 * priority)

    waiting = [row for row in runs if row["due_at"] and row["state"] in ("PENDING", "QUEUED", "RETRY")]
    return [row["id"] for row in sorted(waiting, key=rank)]
