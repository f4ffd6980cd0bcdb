"""The facade: declare tasks, start, stop, submit, pause, and see what happened."""

from __future__ import annotations

import asyncio
import atexit
import difflib
import logging
import os
import socket
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schedkit.core import faces, trigger_data
from schedkit.core.base import as_task
from schedkit.core.board import Board
from schedkit.core.bus import Bus, Listener
from schedkit.core.compat import JobApi
from schedkit.core.durations import Duration, seconds
from schedkit.core.handles import RunHandle, TaskHandle
from schedkit.core.lease import LEASE_SECONDS, Holder
from schedkit.core.ledger import Ledger, TaskRow
from schedkit.core.model import Attempt, Run, State, Task
from schedkit.core.node import Node
from schedkit.core.owner import Owner
from schedkit.core.owner_known import CANCEL_GRACE_SECONDS, Config, Waiter
from schedkit.core.params import check
from schedkit.core.results import Results
from schedkit.core.retention import Retention
from schedkit.core.rows import new_id
from schedkit.core.store import Store
from schedkit.core.tasks import Registry, declare
from schedkit.errors import DeclarationError, NotOwnerError, SettingsError, StopRequested, UsageError
from schedkit.loop import blocking, bridged, refuse_in_coroutine, service, wait

__all__ = ["AsyncScheduler", "Scheduler"]

_log = logging.getLogger("schedkit")

MOST_BACKFILL = 10_000


class AsyncScheduler:
    """The async face of a scheduler: the same methods, awaited, from any loop."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    @property
    def _node(self) -> Node:
        return self._scheduler._node

    @bridged
    async def start(self, *, standby: bool = False) -> None:
        """Own the ledger and begin; a viewer if another process owns it.

        Parameters
        ----------
        standby : bool
            As a viewer, take over when the owner ends.
        """
        await self._node.start(standby=standby)
        self._scheduler._started()

    @bridged
    async def stop(self, deadline: Duration = "30s") -> None:
        """Let running attempts end until `deadline`, interrupt and record the rest, give the ledger back."""
        await self._node.stop(seconds(deadline, "deadline"))

    @bridged
    async def take_over(self, *, now: bool = True, timeout: Duration = "60s") -> None:
        """Become the owner: ask the present one to hand over, or (`now=False`) wait until it has ended."""
        await self._node.take_over(now=now, timeout=seconds(timeout, "timeout"))

    @bridged
    async def submit(self, name: str, /, **params: Any) -> RunHandle:
        """Ask for a run now; durable when it returns."""
        handles, durable = self._scheduler._submit(name, [params])
        await _awaited(durable)
        return handles[0]

    @bridged
    async def cancel(self, run: str) -> bool:
        """Cancel a run; False if it had ended."""
        node = self._node
        if node.owner is not None:
            found = node.owner.cancel(run, node.config.name)
            node.owner.pump()
            return found
        answer = await node.ask("cancel", {"run": run})
        return bool(answer["cancelled"])

    @bridged
    async def pause(self, name: str | None = None) -> None:
        """Stop the due times of a task, or of all; submitted runs go on."""
        await self._act("pause", name)

    @bridged
    async def resume(self, name: str | None = None) -> None:
        """Let due times happen again; those passed over are recorded as missed."""
        await self._act("resume", name)

    @bridged
    async def remove(self, name: str) -> None:
        """Forget a task; its history stays."""
        self._scheduler._known(name)
        if self._node.owner is not None:
            self._scheduler._registry.remove(name)
        await self._act("remove", name)

    async def _act(self, word: str, name: str | None) -> None:
        node = self._node
        if name is not None:
            self._scheduler._known(name)
        if node.owner is not None:
            durable: Future[None] = Future()
            getattr(node.owner, word)(name, node.config.name, _receipt(durable))
            node.owner.pump()
            await _awaited(durable)
        else:
            self._scheduler._must_be_open()
            await node.ask(word, {"task": name})

    @bridged
    async def reschedule(self, name: str, trigger: object) -> None:
        """Give a task another trigger; None: it runs only when submitted."""
        node = self._node
        self._scheduler._known(name)
        made = None if trigger is None else trigger_data.of(trigger)
        if node.owner is not None:
            durable: Future[None] = Future()
            node.owner.reschedule(name, made, node.config.name, _receipt(durable))
            node.owner.pump()
            await _awaited(durable)
        else:
            self._scheduler._must_be_open()
            text = None if made is None else trigger_data.dumps(made)
            await node.ask("reschedule", {"task": name, "trigger": text})

    @bridged
    async def result(self, run: str) -> Any:
        """Return what a run returned, waiting for its end."""
        handle = await asyncio.to_thread(self._scheduler.run, run)
        waiter: Waiter = Future()
        await self._node.finished(run, waiter)
        finished = await asyncio.wrap_future(waiter)
        return await asyncio.to_thread(handle.value_of, finished)


class Scheduler(JobApi):
    """Runs tasks on time and remembers what happened.

    Parameters
    ----------
    ledger : str or Path
        A file (SQLite) or an SQLAlchemy URL of a PostgreSQL database.
    concurrency : int
        Runs at once.
    threads, processes : int
        Of these, at most so many in threads (sync functions) and in child processes.
    limits : mapping of str to int
        Tag → runs at once of all tasks that carry it.
    results : str or Path, optional
        The folder of results; beside the ledger by default.
    name : str, optional
        Who this process is, as others see it.
    tz : str or tzinfo, optional
        The zone of wall times; the machine's by default.
    interruptions : int
        How many attempts of a run may be lost with their process before it fails.
    durability : {"normal", "full"}
        On SQLite, what a commit survives: the death of the process, or a power cut too.
    lease : str, float or timedelta
        On PostgreSQL, how long after its owner's death a ledger is free.
    cancel_grace : str, float or timedelta
        How long a cancelled run may go on before it is recorded; its place stays taken until it ends.
    keep_runs : str, float, timedelta or None
        Ended runs older than this are forgotten, with their log and events; None: never.
    keep_results : int or None
        Of each task, the files of this many latest results are kept; None: all.

    Examples
    --------
    >>> sched = Scheduler("/tmp/example.db")                     # doctest: +SKIP
    >>> @sched.task("0 7 * * mon-fri")
    ... def open_bugs(): ...                                     # doctest: +SKIP
    >>> sched.start()                                            # doctest: +SKIP
    """

    def __init__(
        self,
        ledger: str | Path = "schedkit.db",
        *,
        concurrency: int = 5,
        threads: int = 20,
        processes: int | None = None,
        limits: Mapping[str, int] | None = None,
        results: str | Path | None = None,
        name: str | None = None,
        tz: str | tzinfo | None = None,
        interruptions: int = 3,
        durability: str = "normal",
        lease: Duration = LEASE_SECONDS,
        cancel_grace: Duration = CANCEL_GRACE_SECONDS,
        keep_runs: Duration | None = "90 days",
        keep_results: int | None = 10,
    ) -> None:
        processes = min(5, os.cpu_count() or 1) if processes is None else processes
        for what, value in {"concurrency": concurrency, "threads": threads, "processes": processes}.items():
            if value < 1:
                raise SettingsError(f"{what}={value}", hint="at least 1")
        store = Store(ledger, durable=durability)
        self._ledger = Ledger(store)
        self._registry = Registry()
        self._bus = Bus()
        self._results = Results(Path(results) if results is not None else _results_beside(store))
        self._config = Config(
            name=name or _own_name(),
            concurrency=concurrency,
            threads=threads,
            processes=processes,
            tag_limits=dict(limits or {}),
            tz=_zone(tz),
            most_interruptions=interruptions,
            cancel_grace=seconds(cancel_grace, "cancel_grace"),
            retention=_retention(keep_runs, keep_results),
        )
        self._node = Node(
            self._ledger,
            self._registry,
            self._bus,
            self._results,
            self._config,
            lease_seconds=seconds(lease, "lease"),
        )
        self._handles: dict[str, TaskHandle] = {}
        self._viewing = False
        self._board: Board | None = None
        self._board_lock = threading.Lock()
        self.aio = AsyncScheduler(self)

    def __repr__(self) -> str:
        return f"<Scheduler {self.state}, ledger {self.ledger}, {len(self.tasks)} tasks>"

    def _ipython_display_(self) -> None:
        faces.display(self)

    def panel(self, kind: str = "tasks") -> Any:
        """Return a live widget."""
        return faces.panel(self, kind)

    # Life

    start = blocking(AsyncScheduler.start)
    stop = blocking(AsyncScheduler.stop)
    take_over = blocking(AsyncScheduler.take_over)

    def __enter__(self) -> Scheduler:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    @contextmanager
    def viewing(self) -> Iterator[Scheduler]:
        """Open the ledger to look and to leave commands, without owning it or starting anything."""
        service().call(self._node.open)
        self._viewing = True
        try:
            yield self
        finally:
            self._viewing = False

    def _started(self) -> None:
        _at_exit(self)
        owner = self.owner
        if self.state == "viewer" and owner is not None:
            _log.warning("%s is owned by %s; this process is a viewer", self.ledger, owner)

    @property
    def state(self) -> str:
        """stopped, running (this process owns the ledger) or viewer."""
        return self._node.state

    @property
    def running(self) -> bool:
        """Whether this process owns the ledger and runs tasks."""
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
    def owner(self) -> Holder | None:
        """Who owns the ledger: name, pid, host, since; None: nobody."""
        self._must_be_open()
        return self._ledger.holder()

    @property
    def paused(self) -> bool:
        """Whether the due times of all tasks are stopped."""
        owner = self._node.owner
        return owner.paused if owner is not None else self._ledger.setting("paused") == "1"

    # Declaring

    def task(self, trigger: object = None, **options: Any) -> Callable[[Callable[..., Any]], TaskHandle]:
        """Declare the decorated function as a task; it stays callable.

        Parameters are those of `schedkit.core.tasks.declare`.
        """

        def decorate(function: Callable[..., Any]) -> TaskHandle:
            return self._declared(declare(function, trigger, **options))

        return decorate

    def add(self, task: object) -> TaskHandle:
        """Declare a task: a `Task`, a `BaseTask` class or instance, or a function marked with ``@task``."""
        return self._declared(as_task(task))

    def _declared(self, task: Task) -> TaskHandle:
        owner = self._node.owner
        known = owner.rows if owner is not None else self._names() if self._open else ()
        self._registry.add(task, known=known)
        handle = self._handles[task.name] = TaskHandle(self, task.name)
        if self._node.state != "stopped":
            service().submit(self._node.declare, task).result()
        return handle

    pause = blocking(AsyncScheduler.pause)
    resume = blocking(AsyncScheduler.resume)
    enable, disable = resume, pause
    remove = blocking(AsyncScheduler.remove)
    reschedule = blocking(AsyncScheduler.reschedule)
    cancel = blocking(AsyncScheduler.cancel)

    # Running

    def submit(self, name: str, /, **params: Any) -> RunHandle:
        """Ask for a run now; durable when it returns.

        Parameters
        ----------
        name : str
            The task's.
        **params
            Its parameters, checked against its type hints.
        """
        return self.submit_many(name, [params])[0]

    def submit_many(self, name: str, batch: Iterable[Mapping[str, Any]]) -> list[RunHandle]:
        """Ask for a run for each set of parameters, all durable when it returns."""
        refuse_in_coroutine("Scheduler.submit")
        handles, durable = self._submit(name, batch)
        wait(durable)
        return handles

    def _submit(self, name: str, batch: Iterable[Mapping[str, Any]]) -> tuple[list[RunHandle], Future[Any]]:
        name = getattr(name, "name", name)
        node = self._node
        task = self._registry.get(name)
        if task is None:
            self._known(name)
        checked = [check(task, params) if task is not None else dict(params) for params in batch]
        owner = node.owner
        if owner is None:
            self._must_be_open()
            handles = [RunHandle(self, new_id(), name) for _ in checked]
            asked = [
                {"run": handle.id, "task": name, "params": params}
                for handle, params in zip(handles, checked, strict=True)
            ]
            return handles, service().submit(self._ask_all, asked)
        return self._post_runs(
            owner, [owner.new_run(name, "submit", node.config.name, params=params) for params in checked]
        )

    def _post_runs(self, owner: Owner, runs: Sequence[Run]) -> tuple[list[RunHandle], Future[None]]:
        durable = _Countdown(len(runs))
        handles = []
        for run in runs:
            waiter: Waiter = Future()
            handles.append(RunHandle(self, run.id, run.task, waiter))
            owner.door.put(_Submission(owner, run, waiter, durable.one))
        return handles, durable.future

    async def _ask_all(self, asked: list[dict[str, Any]]) -> None:
        for data in asked:
            await self._node.ask("submit", data)

    def backfill(self, name: str, start: datetime, end: datetime) -> list[RunHandle]:
        """Run the past due times of a task that have no run, each once, oldest first.

        Parameters
        ----------
        start, end : datetime
            The window, both included; aware, or wall times of this machine.
        """
        refuse_in_coroutine("Scheduler.backfill")
        owner, row, task = self._node.owner, self._row(name), self._registry.get(name)
        if owner is None:
            raise NotOwnerError(f"ledger {self.ledger} is not owned here", hint="start(), or ask its owner")
        if row is None or task is None or task.trigger is None:
            self._known(name)
            raise UsageError(f"task {name!r} has no schedule here", hint="only due times can be made up for")
        trigger = task.trigger.bind(row.anchor, self._config.tz)
        # Times that lie ahead belong to the clock.
        until = min(end.astimezone(UTC), (row.next_at or datetime.now(UTC)) - timedelta(microseconds=1))
        due, at = list[datetime](), trigger.next(start.astimezone(UTC) - timedelta(microseconds=1))
        while at is not None and at <= until:
            due.append(at)
            if len(due) > MOST_BACKFILL:
                raise UsageError(
                    f"task {name!r}: more than {MOST_BACKFILL} due times from {start} to {end}",
                    hint="backfill a shorter window",
                )
            at = trigger.next(at)
        taken = self._ledger.scheduled(name, due[0], due[-1]) if due else set()
        runs = [
            owner.new_run(name, "backfill", self._config.name, scheduled_at=time)
            for time in due
            if time not in taken
        ]
        handles, durable = self._post_runs(owner, runs)
        wait(durable)
        return handles

    def run(self, id: str) -> RunHandle:
        """Return the handle of a run by its id."""
        return RunHandle(self, id, self._run(id).task)

    def prune(self) -> int:
        """Forget now what the retention policy lets go; return how many rows and files."""
        owner = self._node.owner
        if owner is None:
            raise NotOwnerError(f"ledger {self.ledger} is not owned here", hint="its owner prunes it")
        return service().call(self._node.prune, owner)

    # Seeing

    @property
    def tasks(self) -> Mapping[str, TaskHandle]:
        """Every task by name: those declared here, and those the ledger knows."""
        names = {*self._registry, *(self._names() if self._open else ())}
        for name in sorted(names):
            if name not in self._handles:
                self._handles[name] = TaskHandle(self, name)
        return {name: self._handles[name] for name in sorted(names)}

    def runs(self, task: str | None = None, limit: int = 100) -> list[Run]:
        """Return runs, newest first."""
        self._must_be_open()
        return self._ledger.runs(task, limit=limit)

    def history(self, task: str | None = None, limit: int = 100) -> Any:
        """Return runs as a DataFrame, newest first."""
        import pandas as pd

        rows = [
            {
                "run": run.id,
                "task": run.task,
                "state": str(run.state),
                "scheduled": run.scheduled_at,
                "queued": run.queued_at,
                "started": run.started_at,
                "finished": run.finished_at,
                "seconds": run.seconds,
                "attempt": run.attempt,
                "reason": run.reason or ((run.error or {}).get("message") or ""),
            }
            for run in self.runs(task, limit)
        ]
        frame = pd.DataFrame(rows, columns=list(_HISTORY))
        states = pd.CategoricalDtype([str(state) for state in State])
        return frame.astype({**_HISTORY, "state": states})

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener(event)` called for every fact, in order, on a thread of ours.

        Returns
        -------
        callable
            Ends the subscription.
        """
        return self._bus.subscribe(listener)

    def board(self) -> dict[str, Any]:
        """Return a snapshot of what a screen shows."""
        return self._live_board().snapshot()

    def changes(self, since: int) -> dict[str, Any] | None:
        """Return what changed on the board after number `since`, None if nothing did."""
        return self._live_board().changes(since)

    def look_closer(self, run: str) -> None:
        """Put a run's log, facts, files and attempts on the board: a screen has opened it."""
        self._live_board().put_details(run, self._details(run), self._attempts(run))

    def _live_board(self) -> Board:
        self._must_be_open()
        with self._board_lock:
            if self._board is None:
                board = Board()
                self._bus.subscribe(board.fold)
                seq = self._ledger.last_seq()
                rows = self._ledger.tasks()
                runs = {run.id: run for run in self._ledger.recent([row.name for row in rows], 20)}
                runs |= {run.id: run for run in self._ledger.live()}
                board.load(tasks=[self._board_task(row) for row in rows], runs=list(runs.values()), seq=seq)
                self._board = board
            holder = self._ledger.holder()
            self._board.put_scheduler(
                state=self.state,
                ledger=self.ledger,
                concurrency=self._config.concurrency,
                paused=self.paused,
                owner=None
                if holder is None
                else {
                    "name": holder.owner,
                    "pid": holder.pid,
                    "host": holder.host,
                    "here": holder.pid == os.getpid() and holder.host == socket.gethostname(),
                },
            )
            return self._board

    def _board_task(self, row: TaskRow) -> dict[str, Any]:
        return {
            "name": row.name,
            "trigger": row.words,
            "next_run": row.next_at,
            "paused": row.paused,
            "declared": self._is_declared(row.name, row),
            "description": row.facts.get("description", ""),
            "tags": row.facts.get("tags", []),
            "priority": row.facts.get("priority", 10),
        }

    # For the handles

    @property
    def _open(self) -> bool:
        return self._viewing or self._node.state != "stopped"

    def _must_be_open(self) -> None:
        if not self._open:
            service().call(self._node.open)

    def _names(self) -> list[str]:
        owner = self._node.owner
        return list(owner.rows) if owner is not None else [row.name for row in self._ledger.tasks()]

    def _row(self, name: str) -> TaskRow | None:
        owner = self._node.owner
        if owner is not None:
            return owner.rows.get(name)
        if not self._open:
            return None
        return next((row for row in self._ledger.tasks() if row.name == name), None)

    def _known(self, name: str) -> None:
        if name in self._registry or self._row(name) is not None:
            return
        names = sorted({*self._registry, *(self._names() if self._open else ())})
        near = difflib.get_close_matches(name, names, n=3)
        hint = (
            f"did you mean {' or '.join(map(repr, near))}?"
            if near
            else f"there are: {', '.join(names) or 'none'}"
        )
        raise UsageError(f"no task is called {name!r}", hint=hint)

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
        owner = self._node.owner
        live = owner.runs.get(id) if owner is not None else None
        if live is not None:
            return live
        self._must_be_open()
        run = self._ledger.run(id)
        if run is None:
            raise UsageError(f"no run {id!r} in {self.ledger}", hint="sched.runs() lists them")
        return run

    def _details(self, id: str) -> dict[str, Any]:
        owner = self._node.owner
        execution = owner.executions.get(id) if owner is not None else None
        if execution is not None:
            return execution.context.details()
        self._must_be_open()
        return self._ledger.details(id)

    def _attempts(self, id: str) -> list[Attempt]:
        self._must_be_open()
        return self._ledger.attempts(id)

    def _wait_for(self, id: str) -> Waiter:
        waiter: Waiter = Future()
        service().submit(self._node.finished, id, waiter)
        return waiter

    def _load(self, reference: Mapping[str, Any] | None) -> Any:
        return self._results.load(reference)

    def _latest(self, name: str) -> Any:
        self._must_be_open()
        run = self._ledger.latest_result(name)
        return None if run is None else self._results.load(run.result)

    def _task_state(self, name: str) -> str:
        owner = self._node.owner
        if owner is not None:
            states = {run.state for run in list(owner.runs.values()) if run.task == name}
        else:
            states = {run.state for run in self._ledger.live() if run.task == name} if self._open else set()
        if State.RUNNING in states:
            return "running"
        if states:
            return "queued"
        row = self._row(name)
        if row is not None and row.paused:
            return "paused"
        return "idle" if self._is_declared(name, row) else "waiting"

    def _is_declared(self, name: str, row: TaskRow | None) -> bool:
        """Tell whether whoever owns the ledger has the code of a task; without an owner, nobody waits."""
        if self._node.owner is not None or not self._open:
            return name in self._registry
        holder = self._ledger.holder()
        return holder is None or (row is not None and row.facts.get("epoch") == holder.epoch)

    def _next_run(self, name: str) -> datetime | None:
        row = self._row(name)
        if row is not None:
            return None if row.paused or self.paused else row.next_at
        task = self._registry.get(name)
        if task is None or task.trigger is None:
            return None
        now = datetime.now(UTC)
        return task.trigger.bind(now, self._config.tz).next(now)

    def _is_paused(self, name: str) -> bool:
        row = self._row(name)
        return row is not None and row.paused


_HISTORY = {
    "run": "str",
    "task": "str",
    "state": "category",
    "scheduled": "datetime64[us, UTC]",
    "queued": "datetime64[us, UTC]",
    "started": "datetime64[us, UTC]",
    "finished": "datetime64[us, UTC]",
    "seconds": "float64",
    "attempt": "int64",
    "reason": "str",
}


class _Submission:
    """One submitted run on its way to the owner."""

    __slots__ = ("owner", "receipt", "run", "waiter")

    def __init__(self, owner: Owner, run: Run, waiter: Waiter, receipt: Callable[[Any], object]) -> None:
        self.owner, self.run, self.waiter, self.receipt = owner, run, waiter, receipt

    def __call__(self) -> None:
        self.owner.submit(self.run, self.waiter, self.receipt)


class _Countdown:
    """A future that is done when so many changes are durable, or one was refused."""

    def __init__(self, count: int) -> None:
        self.future: Future[None] = Future()
        self._left = count
        if not count:
            self.future.set_result(None)

    def one(self, error: BaseException | None) -> None:
        # Called on the writer's thread only.
        self._left -= 1
        if self.future.done():
            return
        if error is not None:
            self.future.set_exception(error)
        elif not self._left:
            self.future.set_result(None)


def _receipt(future: Future[None]) -> Callable[[BaseException | None], None]:
    def settle(error: BaseException | None) -> None:
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    return settle


async def _awaited(future: Future[Any]) -> Any:
    return await asyncio.wrap_future(future)


def _retention(runs: Duration | None, results: int | None) -> Retention:
    kept = None if runs is None else timedelta(seconds=seconds(runs, "keep_runs"))
    if (kept is not None and kept <= timedelta(0)) or (results is not None and results < 1):
        raise SettingsError(
            f"keep_runs={runs!r}, keep_results={results!r}", hint="more than 0; None: keep all"
        )
    return Retention(kept, results)


def _zone(tz: str | tzinfo | None) -> tzinfo | None:
    if not isinstance(tz, str):
        return tz
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError):
        raise SettingsError(
            f"tz={tz!r} is no time zone", hint='write e.g. "Europe/Berlin" or "UTC"'
        ) from None


def _own_name() -> str:
    notebook = os.environ.get("JPY_SESSION_NAME")
    return Path(notebook or sys.argv[0] or "python").name or "python"


def _results_beside(store: Store) -> Path:
    return (
        store.path.with_suffix(".results") if store.path is not None else Path("schedkit-results").absolute()
    )


_running: weakref.WeakSet[Scheduler] = weakref.WeakSet()


def _at_exit(scheduler: Scheduler) -> None:
    _running.add(scheduler)


@atexit.register
def _stop_all() -> None:
    for scheduler in list(_running):
        if scheduler.state != "stopped":
            try:
                scheduler.stop("2s")
            except (Exception, StopRequested):
                _log.exception("the scheduler could not be stopped at exit")
