"""What a scheduler shows: tasks, runs, history, the board; from memory or from the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from schedkit.core.api.frames import due_times_frame, runs_frame
from schedkit.core.api.handles import EVENTS_PATIENCE_SECONDS, TaskHandle
from schedkit.core.api.task_handles import TaskHandles, named
from schedkit.core.board import history as board_history
from schedkit.core.board.board import Board
from schedkit.core.board.ledger_rows import LedgerRows, ledger_rows, run_counts
from schedkit.core.board.rows import detail_fields, iso, run_row
from schedkit.core.execution.results import Results
from schedkit.core.model import Task, TaskRow
from schedkit.core.node.config import NodeConfig
from schedkit.core.node.event_bus import EventBus, Listener
from schedkit.core.node.node import Node
from schedkit.core.run import Attempt, Run
from schedkit.core.states import State
from schedkit.core.store.lives import NodeRow
from schedkit.core.store.reader import Ledger
from schedkit.core.tasks.registry import Registry
from schedkit.core.text import load
from schedkit.core.triggers import data as trigger_data
from schedkit.errors import DeclarationError, UsageError
from schedkit.loop import service
from schedkit.values.keywords import check_keywords
from schedkit.values.text import did_you_mean

if TYPE_CHECKING:
    from schedkit.core.api.scheduler import Scheduler

__all__ = ["Views"]


@check_keywords
class Views:
    """Everything that only looks."""

    _ledger: Ledger
    _registry: Registry
    _bus: EventBus
    _results: Results
    _config: NodeConfig
    _node: Node
    _handles: dict[str, TaskHandle[..., Any]]
    _viewing: bool
    _board: Board | None
    _board_lock: threading.Lock

    @property
    def state(self) -> str:
        """stopped, running or watching."""
        return self._node.state

    @property
    def running(self) -> bool:
        """Whether this process runs tasks."""
        return self._node.running

    @property
    def ledger(self) -> str:
        """Where the ledger is, without secrets."""
        return str(self._ledger.store)

    @property
    def name(self) -> str:
        """Who this process is, as others see it."""
        return self._config.name

    @property
    def results(self) -> Path:
        """The folder of results."""
        return self._results.folder

    @property
    def nodes(self) -> list[NodeRow]:
        """The processes that run tasks of this ledger, the oldest first: name, kind, pid, host, since."""
        self._must_be_open()
        return [node for node in self._ledger.nodes() if node.alive]

    def home(self, task: TaskHandle[..., Any] | str) -> NodeRow | None:
        """Return the process that runs a task, None if none does."""
        self._must_be_open()
        return self._ledger.home(named(task))

    def _is_here(self, life: str) -> bool:
        """Tell whether a life is, or was, this process's."""
        return life in self._node.lives

    @property
    def at_home(self) -> list[str]:
        """The tasks that this process runs, by name."""
        return [] if self._node.life is None else sorted(self._node.life.engine.rows)

    @property
    def standing_by(self) -> list[str]:
        """The tasks that are declared here and run by other processes; this one goes on when those end."""
        return sorted(self._node.declarations.elsewhere.keys() - set(self.at_home))

    @property
    def paused(self) -> bool:
        """Whether the due times of all tasks are stopped."""
        life = self._node.life
        return life.engine.paused if life is not None else self._ledger.setting("paused") == "1"

    @property
    def tasks(self) -> Mapping[str, TaskHandle[..., Any]]:
        """Every task by name: those declared here, and those the ledger knows."""
        names = {*self._registry, *(self._names() if self._open else ())}
        return TaskHandles(sorted(names), self._handle)

    def _handle(self, name: str) -> TaskHandle[..., Any]:
        if name not in self._handles:
            self._handles[name] = TaskHandle(cast("Scheduler", self), name)
        return self._handles[name]

    def runs(self, task: TaskHandle[..., Any] | str | None = None, limit: int = 100) -> list[Run]:
        """Return runs, newest first."""
        self._must_be_open()
        return self._ledger.runs(None if task is None else named(task), limit=limit)

    def history(self, task: TaskHandle[..., Any] | str | None = None, limit: int = 100) -> Any:
        """Return runs as a DataFrame, newest first."""
        return runs_frame(self.runs(task, limit))

    def due_times(
        self, task: TaskHandle[..., Any] | str, *, ran: bool | None = None, limit: int = 1000
    ) -> Any:
        """Return the due times of a task as a DataFrame, newest first, each with its outcome.

        Parameters
        ----------
        ran : bool, optional
            Only those that made a run, or only those that made none.
        limit : int
            How many rows at most.

        Returns
        -------
        DataFrame
            ``scheduled`` and ``until``, the first and the last time of a row; ``count``, how many there are
            (none: more than are worth counting); ``outcome``, missed, coalesced or overlapped, or how the run
            stands; ``run``, its id; ``reason``.
        """
        self._must_be_open()
        name = self._known(task)
        fires = [] if ran else self._ledger.fires(name, limit)
        runs = [] if ran is False else self._ledger.scheduled_runs(name, limit)
        return due_times_frame(fires, runs, limit)

    def subscribe(self, listener: Listener, *, own: bool = False) -> Callable[[], None]:
        """Have `listener(event)` called for every fact, in order, on a thread of ours.

        Parameters
        ----------
        own : bool
            Only for what this process decides, not for what it hears of others.

        Returns
        -------
        callable
            Ends the subscription.
        """
        return self._bus.subscribe(listener, own=own)

    def board(self) -> dict[str, Any]:
        """Return a snapshot of what a screen shows."""
        return self._live_board().snapshot()

    def changes(self, since: int) -> dict[str, Any] | None:
        """Return what changed on the board after number `since`, None if nothing did."""
        return self._live_board().changes(since)

    def open_run(self, run: str) -> None:
        """Put a run's log, facts, files and attempts on the board: a screen has opened it."""
        self._live_board().open(run, lambda: (self._details(run), self._attempts(run)))

    def history_window(self, hours: float = 24.0, **choice: Any) -> dict[str, Any]:
        """Return a window of history as a screen shows it; see `schedkit.core.board.history.window`."""
        self._must_be_open()
        return board_history.window(self._ledger.store, datetime.now(UTC), hours, **choice)

    def run_detail(self, run: str) -> dict[str, Any]:
        """Return one run in full as the board's row, also when it has left the board."""
        # The run first: what it has told is then no older than its state.
        row = run_row(self._run(run))
        return {**row, **detail_fields(row, self._details(run), self._attempts(run))}

    def _live_board(self) -> Board:
        self._must_be_open()
        with self._board_lock:
            if self._board is None:
                self._board = self._new_board()
            self._board.put_scheduler(
                state=self.state,
                ledger=self.ledger,
                **self._at_once(),
                paused=self.paused,
                standing_by=self.standing_by,
                nodes=[
                    {
                        "life": node.life,
                        "name": node.name,
                        "pid": node.pid,
                        "host": node.host,
                        "here": node.here,
                        "since": iso(node.since),
                    }
                    for node in self.nodes
                ],
            )
            return self._board

    def _current_board(self) -> tuple[Board, Mapping[str, Mapping[str, int]]]:
        """Return the board with all that was told so far, and task → state → how many runs ended so."""
        board = self._live_board()
        self._bus.flush(EVENTS_PATIENCE_SECONDS)
        return board, board.counts(lambda: run_counts(self._ledger.store)).ended

    def _new_board(self) -> Board:
        board = Board()
        unsubscribe = self._bus.subscribe(board.fold)
        try:
            board.load(self._board_rows)
        except BaseException:
            unsubscribe()
            raise
        life = self._node.life
        if life is not None and life.trouble is not None:
            board.fold(life.trouble)
        return board

    def _board_rows(self) -> LedgerRows:
        found = ledger_rows(self._ledger.store)
        living = {node.life for node in self.nodes}
        waiting = [row.name for row in found.tasks if not self._is_declared(row.name, row, living)]
        return replace(found, waiting=frozenset(waiting))

    def _at_once(self) -> dict[str, Any]:
        """Return the limits by which runs start: this process's; where it runs nothing, another's."""
        told = None if self.state == "running" else self._ledger.setting("limits")
        return self._config.at_once if told is None else load(told)

    @property
    def _open(self) -> bool:
        return self._viewing or self._node.state != "stopped"

    def _must_be_open(self) -> None:
        if not self._open:
            service().call(self._node.open)

    def _names(self) -> list[str]:
        life = self._node.life
        here = life.engine.rows if life is not None else ()
        return sorted({*here, *(row.name for row in self._ledger.tasks())})

    def _row(self, name: str) -> TaskRow | None:
        life = self._node.life
        row = life.engine.rows.get(name) if life is not None else None
        if row is not None:
            return row
        if not self._open:
            return None
        return self._ledger.task(name)

    def _known(self, task: TaskHandle[..., Any] | str) -> str:
        """Return the name of a task that this scheduler or its ledger knows."""
        name = named(task)
        if name in self._registry or self._row(name) is not None:
            return name
        names = sorted({*self._registry, *(self._names() if self._open else ())})
        raise UsageError(f"no task is called {name!r}", hint=did_you_mean(name, names))

    def _has_moved(self, name: str) -> bool:
        """Tell whether a task that was at home here is at home elsewhere by now."""
        row, life = self._ledger.task(name), self._node.life
        return row is not None and (life is None or row.home != life.lease.life)

    def _waiting(self, name: str) -> DeclarationError:
        return DeclarationError(
            f"task {name!r} is known from the ledger only", hint="run the cell or module that declares it"
        )

    def _task(self, name: str) -> Task:
        task = self._registry.get(name)
        if task is not None:
            return task
        row = self._row(name)
        if row is None:
            return Task(name=name)
        return Task(
            name=name,
            trigger=None if row.trigger is None else trigger_data.loads(row.trigger),
            description=row.facts.get("description", ""),
            priority=row.facts.get("priority", 10),
            tags=tuple(row.facts.get("tags", ())),
            timeout=row.facts.get("timeout"),
        )

    def _run(self, id: str) -> Run:
        life = self._node.life
        live = life.engine.runs.get(id) if life is not None else None
        if live is not None:
            return live
        self._must_be_open()
        run = self._ledger.run(id)
        if run is None:
            raise UsageError(f"no run {id!r} in {self.ledger}", hint="sched.runs() lists them")
        return run

    def _details(self, id: str) -> dict[str, Any]:
        life = self._node.life
        execution = life.executions.of(id) if life is not None else None
        details = {} if execution is None else execution.context.details()
        if details.get("last_output"):
            return details
        self._must_be_open()  # an attempt without output: that of the attempt before it
        return self._ledger.details(id)

    def _attempts(self, id: str) -> list[Attempt]:
        self._must_be_open()
        return self._ledger.attempts(id)

    def _load(self, reference: Mapping[str, Any] | None) -> Any:
        return self._results.load(reference)

    def _latest(self, name: str) -> Any:
        self._must_be_open()
        run = self._ledger.latest_result(name)
        return None if run is None else self._results.load(run.result)

    def _live(self, name: str) -> list[Run]:
        life = self._node.life
        if life is not None and name in life.engine.rows:
            return life.engine.live_of(name)
        return self._ledger.live(name) if self._open else []

    def _task_state(self, name: str) -> str:
        states = {run.state for run in self._live(name)}
        if State.RUNNING in states:
            return "running"
        if states:
            return "queued"
        row = self._row(name)
        if row is not None and row.paused:
            return "paused"
        living = {node.life for node in self.nodes} if self._open else set()
        return "idle" if self._is_declared(name, row, living) else "waiting"

    def _is_declared(self, name: str, row: TaskRow | None, living: Container[str]) -> bool:
        """Tell whether a process that runs has a task at home; where none runs, nobody waits."""
        life = self._node.life
        if life is not None and name in life.engine.rows:
            return True
        if not self._open:
            return name in self._registry
        return not living or (row is not None and row.home in living)

    def _next_run(self, name: str) -> datetime | None:
        row = self._row(name)
        if row is not None:
            return None if row.paused or self.paused else row.next_at
        task = self._registry.get(name)
        if task is None or task.trigger is None:
            return None
        now = datetime.now(UTC)
        return task.trigger.bind(now, self._config.tz).first(now)

    def _is_paused(self, name: str) -> bool:
        row = self._row(name)
        return row is not None and row.paused
