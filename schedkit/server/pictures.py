"""A snapshot of the board that all requests share, with encoded answers kept until the board changes."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread
import msgspec

from schedkit.core.board.board import Board
from schedkit.core.board.rows import figures_of, task_fields, task_state
from schedkit.core.board.run_counts import RunCounts
from schedkit.core.compat.status import schedule_of, status_head, task_status
from schedkit.core.model import TaskRow
from schedkit.server.ports import SchedulerView

__all__ = ["Picture", "Pictures", "SharedBoard", "as_whole"]

# How old the facts of a board may be, and how old a picture: the same one answers all who ask within this
# time. One of 1,000 tasks of which some have changed takes about 10 ms, and its answer is 370 kB.
FRESH_SECONDS = 0.1
PICTURE_SECONDS = 0.25
# Of a board that has not changed, a picture is made again this often: it has durations up to now.
RENEW_SECONDS = 1.0

Row = dict[str, Any]
_NONE: Mapping[str, int] = {}


class SharedBoard:
    """A board that many feeds read; a snapshot or a change is computed once for all of them.

    Parameters
    ----------
    view : SchedulerView
        Where the board is read.
    """

    def __init__(self, view: SchedulerView, clock: Callable[[], float] = time.monotonic) -> None:
        self._view = view
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Board | None = None
        self._known_at = 0.0
        self._seq = -1
        self._snapshot: Row | None = None
        self._snapshot_at = 0.0
        self._changes: dict[int, Row | None] = {}
        self._run = secrets.token_hex(4)  # numbers of a board begin anew with each process

    def id(self, seq: int) -> str:
        """Return the id of a change, unique among all processes."""
        return f"{self._run}-{seq}"

    def number(self, id: str) -> int:
        """Return the number of the change with an id, -1 if it is of another board."""
        run, _, number = id.rpartition("-")
        return int(number) if run == self._run and number.isascii() and number.isdecimal() else -1

    def board(self) -> Row:
        """Return a snapshot."""
        with self._lock:
            board = self._fresh()
            if self._snapshot is None:
                self._snapshot, self._snapshot_at = board.snapshot(), self._clock()
            return self._snapshot

    def changes(self, since: int) -> Row | None:
        """Return the rows changed after number `since`, None if there are none."""
        with self._lock:
            board = self._fresh()
            if since not in self._changes:
                self._changes[since] = board.changes(since)
            return self._changes[since]

    def totals(self) -> tuple[Mapping[str, TaskRow], RunCounts]:
        """Return the tasks by name, and how many of their runs ended how."""
        with self._lock:
            board = self._fresh()
            return board.tasks(), self._view.counts(board)

    def outdate(self) -> None:
        """Make the next reader see what has just been changed."""
        with self._lock:
            self._known = None

    def _fresh(self) -> Board:
        """Return the board; it is refreshed at most every `FRESH_SECONDS`."""
        now = self._clock()
        if self._known is None or now - self._known_at >= FRESH_SECONDS:
            self._known, self._known_at = self._view.board(settled=self._known is None), now
            # A snapshot tells the time: one that has not changed is taken anew all the same, if seldom.
            if self._known.seq != self._seq or now - self._snapshot_at >= RENEW_SECONDS:
                self._seq, self._snapshot, self._changes = self._known.seq, None, {}
        return self._known


@dataclass(frozen=True)
class Picture:
    """The board at one moment, and answers made from it.

    Attributes
    ----------
    etag : str
        The same as long as the board does not change.
    tasks : list of Raw
        Each task as document 004 shows it, encoded, in the order of their names.
    answers : dict
        Answers made from this picture, by name.
    """

    etag: str
    made_at: float
    snapshot: Row
    rows: Mapping[str, TaskRow]
    counts: RunCounts
    tasks: list[msgspec.Raw]
    answers: dict[str, bytes] = field(default_factory=dict)

    def status(self) -> bytes:
        """Return the scheduler's status, encoded."""
        if "status" not in self.answers:
            head = status_head(as_whole(self.snapshot))
            self.answers["status"] = msgspec.json.encode({**head, "tasks": self.tasks})
        return self.answers["status"]

    def task(self, name: str) -> Row | None:
        """Return a task's row of the board, or one made from the ledger if the board does not list it."""
        shown = next((row for row in self.snapshot["tasks"] if row["name"] == name), None)
        if shown is None and (row := self.rows.get(name)) is not None:
            fields = task_fields(row, waiting=False)
            return {**fields, **figures_of(()), "state": task_state(fields, running=False, waiting=False)}
        return shown


def as_whole(snapshot: Row) -> Row:
    """Return a snapshot whose state is that of the processes that run tasks, if this one only watches."""
    head = snapshot["scheduler"]
    if head["state"] != "watching":
        return snapshot
    return {**snapshot, "scheduler": {**head, "state": "running" if head["nodes"] else "stopped"}}


class Pictures:
    """Makes pictures of a board, at most every `PICTURE_SECONDS`."""

    def __init__(self, board: SharedBoard, clock: Callable[[], float] = time.monotonic) -> None:
        self._board = board
        self._clock = clock
        self._lock = threading.Lock()
        self._latest: Picture | None = None
        self._taken_at = 0.0
        self._encoded: dict[str, tuple[Row, Mapping[str, int], msgspec.Raw]] = {}

    async def current(self) -> Picture:
        """Return a picture no older than `PICTURE_SECONDS`."""
        latest = self._latest
        if latest is not None and self._clock() - self._taken_at < PICTURE_SECONDS:
            return latest
        return await anyio.to_thread.run_sync(self._take)

    def outdate(self) -> None:
        """Make the next reader see what has just been changed."""
        self._board.outdate()
        self._latest = None

    def _take(self) -> Picture:
        with self._lock:
            latest, now = self._latest, self._clock()
            if latest is not None and now - self._taken_at < PICTURE_SECONDS:
                return latest  # another one has taken it meanwhile
            snapshot = self._board.board()
            etag = f'W/"{self._board.id(snapshot["seq"])}"'
            if latest is None or latest.etag != etag or now - latest.made_at >= RENEW_SECONDS:
                latest = self._new(etag, now, snapshot)
            self._latest, self._taken_at = latest, now
            return latest

    def _new(self, etag: str, now: float, snapshot: Row) -> Picture:
        rows, counts = self._board.totals()
        tasks = [self._encode(row, rows, counts) for row in snapshot["tasks"]]
        return Picture(etag, now, snapshot, rows, counts, tasks)

    def _encode(self, row: Row, rows: Mapping[str, TaskRow], counts: RunCounts) -> msgspec.Raw:
        """Return a task's status, encoded; encoded again only if its row or its counts have changed."""
        name = row["name"]
        ended = counts.ended.get(name, _NONE)
        known = self._encoded.get(name)
        if known is not None and known[0] is row and known[1] is ended:
            return known[2]
        trigger = rows[name].trigger if name in rows else None
        made = msgspec.Raw(msgspec.json.encode(task_status(row, schedule_of(trigger), ended)))
        self._encoded[name] = (row, ended, made)
        return made
