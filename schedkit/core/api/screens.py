"""What screens show of a scheduler: the board and its changes, one run in full, a window of history."""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from schedkit.core.api.due_calendar import due_calendar
from schedkit.core.api.process_report import LedgerFigures, ProcessReport
from schedkit.core.api.queries import Queries
from schedkit.core.api.run_handle import EVENTS_PATIENCE_SECONDS
from schedkit.core.api.why import Why
from schedkit.core.board import history
from schedkit.core.board.board import Board
from schedkit.core.board.ledger_rows import LedgerRows, ledger_rows
from schedkit.core.board.rows import detail_fields, iso, run_row
from schedkit.core.board.run_counts import run_counts
from schedkit.core.engine.obstacles import Obstacle
from schedkit.core.node.life import Life
from schedkit.core.node.node import Node
from schedkit.core.store.audit import audit
from schedkit.core.store.lives import NodeRow
from schedkit.core.worker_facts import WorkerFacts
from schedkit.errors import LedgerError
from schedkit.values.keywords import check_keywords
from schedkit.values.timezones import local_timezone, parse_timezone, timezone_name

__all__ = ["Screens"]

# How old what a screen shows of what keeps runs from starting may be.
WHY_SECONDS = 0.5
MOST_OPENED = 500


@check_keywords
class Screens:
    """The board of one scheduler, made when a screen first asks for it; from any thread."""

    def __init__(self, node: Node, queries: Queries, why: Why) -> None:
        self._node, self._queries, self._why = node, queries, why
        self._board: Board | None = None
        self._lock = threading.Lock()
        # Runs that a screen looks at, until they have ended; one that is not on the board may still come.
        self._opened: deque[str] = deque(maxlen=MOST_OPENED)
        self._obstacles: list[dict[str, Any]] = []
        self._living: frozenset[str] = frozenset()
        self._told = ProcessReport()
        self._asked_why = float("-inf")

    def board(self) -> dict[str, Any]:
        """Return a snapshot of what a screen shows."""
        return self.live_board().snapshot()

    def changes(self, since: int) -> dict[str, Any] | None:
        """Return what changed on the board after number `since`, None if nothing did."""
        return self.live_board().changes(since)

    def open_run(self, run: str) -> None:
        """Put a run's log, facts, files and attempts on the board: a screen has opened it."""
        board = self.live_board()
        self._read_output(board, run)
        self._opened.append(run)

    def _read_output(self, board: Board, run: str) -> None:
        queries = self._queries
        board.open(run, lambda: (queries.details(run), queries.attempts(run)))

    def run_detail(self, run: str) -> dict[str, Any]:
        """Return one run in full as the board's row, also when it has left the board."""
        # The run first: what it has reported is then no older than its state.
        row = run_row(self._queries.run(run))
        return {**row, **detail_fields(row, self._queries.details(run), self._queries.attempts(run))}

    def history_window(self, hours: float = 24.0, **choice: Any) -> dict[str, Any]:
        """Return a window of history as a screen shows it; see `schedkit.core.board.history.window`."""
        self._queries.open()
        return history.window(self._queries.ledger.store, datetime.now(UTC), hours, **choice)

    def calendar(self, first: int = 0, *, zone: str = "", task: str = "") -> dict[str, Any]:
        """Return the due times of seven days as a screen shows them.

        Parameters
        ----------
        first : int
            How many days after today they begin.
        zone : str
            The zone whose days they are; the scheduler's by default.
        task : str
            Only of this task, if given.
        """
        tz = parse_timezone(zone) if zone else self._node.config.tz or local_timezone()
        tasks = self.live_board().tasks().values()
        return due_calendar(self._queries.ledger.store, tasks, datetime.now(UTC), first, tz, task)

    def audit_page(self, *, before: int | None = None, limit: int = 100) -> dict[str, Any]:
        """Return who did what, newest first, as ``items``, and ``next``, where the next page begins."""
        self._queries.open()
        rows, following = audit(self._queries.ledger.store, actor=None, before=before, limit=limit)
        items = [
            {
                "seq": row.seq,
                "at": iso(row.at),
                "actor": row.actor,
                "action": row.action,
                "task": row.task,
                "run": row.run,
            }
            for row in rows
        ]
        return {"items": items, "next": following or None}

    def current_board(self) -> tuple[Board, Mapping[str, Mapping[str, int]]]:
        """Return the board with all events so far, and task → state → how many runs ended so."""
        board = self.live_board()
        self._queries.flush_events(EVENTS_PATIENCE_SECONDS)
        return board, board.counts(lambda: run_counts(self._queries.ledger.store)).ended

    @property
    def runs_here(self) -> bool:
        """Whether this process runs tasks, instead of watching others."""
        return self._node.life is not None

    def ledger_figures(self) -> LedgerFigures:
        """Return how the ledger answers, and how this process writes to it."""
        began, life = time.perf_counter(), self._node.life
        try:
            self._queries.open()
            self._queries.ledger.last_seq()
            read = time.perf_counter() - began
        except LedgerError:
            read = None
        return replace(self._told.writes if life is None else _writes(life), read_seconds=read)

    def report(self) -> ProcessReport:
        """Return what a process that watches the ledger cannot know of this one; no read of the ledger."""
        life = self._node.life
        return ProcessReport(
            state=self._node.state,
            writes=LedgerFigures() if life is None else _writes(life),
            obstacles=() if life is None else life.obstacles.all(),
        )

    def hear(self, report: ProcessReport) -> None:
        """Show what another process tells of itself, as long as none runs here."""
        self._told = report
        self._why.told = report.obstacles

    def live_board(self) -> Board:
        """Return the board itself, with the facts of this moment about the scheduler."""
        with self._lock:
            if self._board is None:
                self._queries.open()
                self._board = self._new_board()
            facts = self._facts()
            self._board.put_scheduler(**facts)
            self._put_homes(self._board, frozenset(node["life"] for node in facts.get("nodes", ())))
            # What a run of another process told right before its end, and its files, no event tells here.
            for run in [run for run in tuple(self._opened) if self._board.has_ended(run)]:
                self._opened.remove(run)
                self._read_output(self._board, run)
            return self._board

    def _put_homes(self, board: Board, living: frozenset[str]) -> None:
        if living != self._living:
            self._living = living
            board.put_homes(lambda row: self._queries.has_home(row.name, row, living))

    def _facts(self) -> dict[str, Any]:
        """Return the facts of this moment; of a ledger that cannot be read, why."""
        queries = self._queries
        now = time.monotonic()
        if now - self._asked_why >= WHY_SECONDS:  # several screens poll, each a few times a second
            self._asked_why = now
            self._obstacles = [_obstacle_fields(each) for each in self._why.all()]
        state = self._node.state if self.runs_here else self._told.state or self._node.state
        facts: dict[str, Any] = {"state": state, "why": self._obstacles, "tz": self._zone}
        try:
            queries.open()
            heirs = queries.heirs()
            return {
                **facts,
                "ledger": str(queries.ledger.store),
                **queries.limits(),
                "paused": queries.paused(),
                "standing_by": queries.standing_by(),
                "workers": [_worker_fields(row) for row in queries.workers()],
                "nodes": [_node_fields(node, heirs.get(node.life, [])) for node in queries.nodes()],
            }
        except LedgerError:  # which `why` says
            return facts

    @functools.cached_property
    def _zone(self) -> str:
        return timezone_name(self._node.config.tz or local_timezone())

    def _new_board(self) -> Board:
        board = Board()
        unsubscribe = self._node.bus.subscribe(board.fold)
        try:
            board.load(self._rows)
        except BaseException:
            unsubscribe()
            raise
        life = self._node.life
        for event in life.troubles() if life is not None else ():
            board.fold(event)
        return board

    def _rows(self) -> LedgerRows:
        found = ledger_rows(self._queries.ledger.store)
        living = {node.life for node in self._queries.nodes()}
        waiting = [row.name for row in found.tasks if not self._queries.has_home(row.name, row, living)]
        return replace(found, waiting=frozenset(waiting))


def _writes(life: Life) -> LedgerFigures:
    writer = life.writer
    return LedgerFigures(
        transactions=writer.transactions, transaction_seconds=writer.seconds, beat_age=writer.beat_age
    )


def _node_fields(node: NodeRow, standing_by: list[str]) -> dict[str, Any]:
    return {
        "kind": node.kind,
        "standing_by": standing_by,
        "life": node.life,
        "name": node.name,
        "pid": node.pid,
        "host": node.host,
        "here": node.here,
        "since": iso(node.since),
    }


def _worker_fields(row: WorkerFacts) -> dict[str, Any]:
    return {
        "name": row.name,
        "pid": row.pid,
        "host": row.host,
        "threads": row.threads,
        "running": row.running,
        "memory": row.memory >> 20 << 20,  # whole MiB: a board is sent again whenever it changes
        "seen": iso(row.seen_at.replace(microsecond=0)),
        "tasks": row.tasks,
        "problems": row.problems,
    }


def _obstacle_fields(obstacle: Obstacle) -> dict[str, Any]:
    return {
        "kind": obstacle.kind,
        "text": obstacle.text,
        "task": obstacle.task,
        "run": obstacle.run,
        "since": iso(obstacle.since),
        "wrong": obstacle.wrong,
    }
