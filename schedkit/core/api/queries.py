"""What is known of tasks and runs: from the engine where they are at home here, else from the ledger."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Container, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schedkit import context
from schedkit.core.api.named_node import named_node
from schedkit.core.api.outbox import Marks, Outbox
from schedkit.core.compat.task_snapshot import TaskSnapshot
from schedkit.core.engine.decision import Finished
from schedkit.core.engine.stimuli import WaitFor
from schedkit.core.model import Task, TaskRow
from schedkit.core.node.life import Life
from schedkit.core.node.node import Node
from schedkit.core.run import Attempt, Run
from schedkit.core.states import State, parse_state
from schedkit.core.store.backup import back_up, check_file, file_of
from schedkit.core.store.homeless import homeless
from schedkit.core.store.lives import NodeRow
from schedkit.core.store.reader import Ledger
from schedkit.core.store.workers import kept_workers, newest
from schedkit.core.text import load
from schedkit.core.triggers import data as trigger_data
from schedkit.core.worker_facts import WorkerFacts
from schedkit.errors import UsageError
from schedkit.loop import service
from schedkit.values.keywords import check_keywords
from schedkit.values.paths import given_path
from schedkit.values.text import did_you_mean

__all__ = ["Queries"]


class Queries:
    """Reads of one scheduler, from any thread.

    Attributes
    ----------
    ledger : Ledger
        Reads of the ledger alone.
    outbox : Outbox
        Where alerts wait that could not be delivered.
    marks : Marks
        What of alerts was told, by any process.
    """

    def __init__(self, node: Node) -> None:
        self.ledger: Ledger = node.ledger
        self.outbox = Outbox(node)
        self.marks = Marks(node)
        self._node = node
        self._viewing = False

    @property
    def _life(self) -> Life | None:
        return self._node.life

    # The ledger

    @property
    def is_open(self) -> bool:
        """Whether the ledger may be read: this process runs, watches or views."""
        return self._viewing or self._node.state != "stopped"

    def open(self) -> None:
        """Make the ledger readable, which creates its tables where there are none."""
        if not self.is_open:
            service().call(self._node.open)

    @contextmanager
    def viewing(self) -> Iterator[None]:
        """Keep the ledger open for a while, without starting anything."""
        service().call(self._node.open)
        self._viewing = True
        try:
            yield
        finally:
            self._viewing = False

    def view(self) -> None:
        """Take the ledger, which others have made, as open from here on; it is connected to at first use."""
        self._viewing = True

    @check_keywords
    def backup(self, target: str | os.PathLike[str]) -> int:
        """Copy the ledger's file while processes write to it, and check the copy; returns its size in bytes.

        A copy of the file made in any other way may miss runs, and breaks the locks of a process that has it
        open.

        Raises
        ------
        UsageError
            The ledger is a database of a server, or `target` is the ledger itself.
        LedgerError, FileError
            The ledger cannot be read or is damaged, or the copy cannot be written.
        """
        return back_up(file_of(self.ledger.store.path, "pg_dump"), given_path(target))

    def check(self) -> dict[str, int]:
        """Check every page and index of the ledger's file; returns how many rows its tables have.

        Raises
        ------
        UsageError
            The ledger is a database of a server.
        LedgerError
            It is damaged, or there is none.
        """
        return check_file(file_of(self.ledger.store.path, "pg_amcheck"))

    def flush_events(self, timeout: float = 5.0) -> bool:
        """Wait until listeners have been called with all events so far; False if `timeout` seconds passed."""
        return self._node.bus.flush(timeout)

    # Processes

    def nodes(self) -> list[NodeRow]:
        """Return the processes that run tasks of this ledger, the oldest first."""
        self.open()
        return [node for node in self.ledger.nodes() if node.alive]

    def workers(self) -> list[WorkerFacts]:
        """Return the workers that this process or another one of the ledger hears, by name."""
        self.open()
        told = kept_workers(self.ledger.store)
        if (life := self._node.life) is not None:
            told[life.lease.life] = life.executors.workers
        return newest([row for rows in told.values() for row in rows])

    def node(self, wanted: str | int) -> NodeRow:
        """Return a process by its name, its pid or its life.

        Raises
        ------
        UsageError
            If there is none, or more than one.
        """
        return named_node(wanted, self.nodes(), str(self.ledger.store))

    def heirs(self) -> dict[str, list[str]]:
        """Return life → the tasks at home elsewhere that it would take over, as it has their code."""
        living = [node.life for node in self.nodes()]
        found: dict[str, list[str]] = {}
        for life, task in self.ledger.heirs(living) if len(living) > 1 else ():
            found.setdefault(life, []).append(task)
        return found

    def home(self, task: str) -> NodeRow | None:
        """Return the process that runs a task, None if none does."""
        self.open()
        return self.ledger.home(task)

    def is_here(self, life: str) -> bool:
        """Tell whether a life is, or was, this process's."""
        return life in self._node.lives

    def at_home(self) -> list[str]:
        """Return the tasks that this process runs, by name."""
        return [] if self._life is None else sorted(self._life.engine.rows)

    def looked_after(self) -> list[str]:
        """Return the tasks that this process runs; of the oldest process, also those that none can run."""
        names = self.at_home()
        if self._life is not None and (nodes := self.nodes()) and self.is_here(nodes[0].life):
            names += [each.task for each in homeless(self.ledger.store) if each.task not in names]
        return names

    def standing_by(self) -> list[str]:
        """Return the tasks that are declared here and run by other processes."""
        return sorted(self._node.declarations.elsewhere.keys() - set(self.at_home()))

    def paused(self) -> bool:
        """Tell whether the due times of all tasks are stopped."""
        return self._life.engine.paused if self._life else self.ledger.setting("paused") == "1"

    def limits(self) -> dict[str, Any]:
        """Return the limits by which runs start: this process's, or another's where it runs nothing.

        Those of tags are the ledger's, for all processes together.
        """
        if self._life is not None:
            own, shared = self._node.config.at_once, self._life.engine.limits
        else:
            told = self.ledger.setting("limits")
            own = self._node.config.at_once if told is None else load(told)
            shared = self.ledger.limits()
        return {**own, "limits": {**{key: limit.most for key, limit in shared.items()}, **own["limits"]}}

    # Tasks

    def names(self) -> list[str]:
        """Return the names of the tasks that are declared here or that the ledger knows, in order."""
        return sorted({*self._node.registry, *(self.recorded_names() if self.is_open else ())})

    def recorded_names(self) -> list[str]:
        """Return the names of the tasks that the ledger knows, in order."""
        self.open()
        here = self._life.engine.rows if self._life is not None else ()
        return sorted({*here, *(row.name for row in self.ledger.tasks())})

    def row(self, name: str) -> TaskRow | None:
        """Return the row of a task, None if the ledger does not know it or is not open."""
        row = self._life.engine.rows.get(name) if self._life is not None else None
        if row is not None or not self.is_open:
            return row
        return self.ledger.task(name)

    def runs(self, task: str | None, limit: int, states: Collection[State | str]) -> list[Run]:
        """Return runs, newest first; see `Scheduler.runs`."""
        wanted = [parse_state(state) for state in ([states] if isinstance(states, str) else states)]
        self.open()
        found = self.ledger.runs(task, limit=limit, states=wanted)
        # A task that was removed has runs still; a name that is misspelt has none.
        if task is not None and not found and not self.ledger.runs(task, limit=1):
            self.known(task)
        return found

    def known(self, name: str) -> str:
        """Return the name of a task that is declared here or that the ledger knows.

        Raises
        ------
        UsageError
            If there is none; near matches are named.
        """
        if name in self._node.registry or self.row(name) is not None:
            return name
        raise UsageError(f"no task is called {name!r}", hint=did_you_mean(name, self.names()))

    def task(self, name: str) -> Task:
        """Return a task as it is declared here; else what the ledger has of it, without a function."""
        task = self._node.registry.get(name)
        if task is not None:
            return task
        row = self.row(name)
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

    def has_moved(self, name: str) -> bool:
        """Tell whether a task that was at home here is at home elsewhere by now."""
        row = self.ledger.task(name)
        return row is not None and (self._life is None or row.home != self._life.lease.life)

    def task_state(self, name: str) -> str:
        """Return one of running, queued, paused, waiting, idle."""
        states = {run.state for run in self.live(name)}
        if State.RUNNING in states:
            return "running"
        if states:
            return "queued"
        row = self.row(name)
        if row is not None and row.paused:
            return "paused"
        living = {node.life for node in self.nodes()} if self.is_open else set()
        return "idle" if self.has_home(name, row, living) else "waiting"

    def has_home(self, name: str, row: TaskRow | None, living: Container[str]) -> bool:
        """Tell whether a task is at home with one of the lives `living`; where none runs, none waits."""
        if self._life is not None and name in self._life.engine.rows:
            return True
        if not self.is_open:
            return name in self._node.registry
        return not living or (row is not None and row.home in living)

    def next_run(self, name: str) -> datetime | None:
        """Return the next due time of a task (aware), None without one."""
        row = self.row(name)
        if row is not None:
            return None if row.paused or self.paused() else row.next_at
        task = self._node.registry.get(name)
        if task is None or task.trigger is None:
            return None
        now = datetime.now(UTC)
        return task.trigger.bind(now, self._node.config.tz).first(now)

    def is_paused(self, name: str) -> bool:
        """Tell whether the due times of a task are stopped."""
        row = self.row(name)
        return row is not None and row.paused

    def task_snapshot(self, name: str) -> TaskSnapshot | None:
        """Return one task at this moment, None if there is none of that name."""
        task, row = self._node.registry.get(name), self.row(name)
        if task is None and row is None:
            return None
        return TaskSnapshot(name, task, row, len(self.live(name)))

    def task_snapshots(self) -> dict[str, TaskSnapshot]:
        """Return every task at this moment, by name and in that order."""
        registry, life = self._node.registry, self._life
        rows: dict[str, TaskRow] = {}
        alive: Counter[str] = Counter()
        if self.is_open:
            rows = {row.name: row for row in self.ledger.tasks()}
            alive.update(run.task for run in self.ledger.live())
        if life is not None:  # also what is decided and not yet written
            here = dict(life.engine.rows)
            rows |= here
            alive |= Counter({name: life.engine.alive(name) for name in here})
        names = sorted({*registry, *rows})
        return {name: TaskSnapshot(name, registry.get(name), rows.get(name), alive[name]) for name in names}

    # Runs

    def live(self, name: str) -> list[Run]:
        """Return the runs of a task that have not ended."""
        if self._life is not None and name in self._life.engine.rows:
            return self._life.engine.live_of(name)
        return self.ledger.live(name) if self.is_open else []

    def run(self, id: str) -> Run:
        """Return a run with its current values.

        Raises
        ------
        UsageError
            If there is none.
        """
        live = self._life.engine.runs.get(id) if self._life is not None else None
        if live is not None:
            return live
        self.open()
        run = self.ledger.run(id)
        if run is None:
            raise UsageError(f"no run {id!r} in {self.ledger.store}", hint="sched.runs() lists them")
        return run

    def details(self, id: str) -> dict[str, Any]:
        """Return what a run has reported so far: its stages, log, facts and artifacts."""
        execution = self._life.executions.of(id) if self._life is not None else None
        details = {} if execution is None else execution.context.details()
        if details.get("last_output"):
            return details
        self.open()  # an attempt without output: that of the attempt before it
        return self.ledger.details(id)

    def attempts(self, id: str) -> list[Attempt]:
        """Return the ended attempts of a run, in order."""
        self.open()
        return self.ledger.attempts(id)

    def load(self, reference: Mapping[str, Any] | None) -> Any:
        """Return the result to which a run's `result` refers."""
        return self._node.results.load(reference)

    def file(self, noted: Mapping[str, str]) -> bytes:
        """Return the content of a file that a run has noted.

        Raises
        ------
        FileNotFoundError
            If it is not there any more.
        """
        storage = self._node.results.storage
        name = storage.name_of(noted["path"])
        return Path(noted["path"]).read_bytes() if name is None else storage.read(name)

    def latest(self, name: str) -> Any:
        """Return the result of the last DONE run of a task that has one, None without one."""
        self.open()
        run = self.ledger.latest_result(name)
        return None if run is None else self.load(run.result)

    @contextmanager
    def lending(self, id: str) -> Iterator[None]:
        """Let a run start in the place of the run that makes this call, which waits for its end meanwhile.

        Runs that wait would else keep all places, and those for which they wait would never start.
        """
        waits, life = context.run_id(), self._node.life
        if waits is None or life is None:
            yield
            return
        life.post(WaitFor(run=waits, other=id))
        try:
            yield
        finally:
            life.post(WaitFor(run=waits, other=id, over=True))

    def end_of(self, id: str) -> Future[Finished]:
        """Return a future of a run's end, wherever it runs."""
        return service().submit(self._node.end_of, id)
