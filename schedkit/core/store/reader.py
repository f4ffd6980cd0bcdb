"""Reads of the ledger: tasks, runs, attempts, events, commands.

Every read is one short query on its own connection, which blocks no writer. Changes are written by
`writer.py`; only commands are inserted here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy import select

from schedkit.core.engine.snapshot import Found, Limit, Snapshot, Use, WaitRow
from schedkit.core.events import Event, decode
from schedkit.core.ids import new_id
from schedkit.core.model import Task, TaskRow
from schedkit.core.run import Attempt, Run
from schedkit.core.store.database import Store
from schedkit.core.store.limits import read_limits, read_starts, read_uses
from schedkit.core.store.lives import NodeRow, living
from schedkit.core.store.queries import ALL_TASKS, LAST_SEQ, LIVE, LIVE_RUNS, OPEN_WAITS, mappings, setting
from schedkit.core.store.rows import (
    DETAILS,
    CommandRow,
    FireRow,
    OutputRow,
    attempt_from_row,
    command_from_row,
    fire_from_row,
    output_from_row,
    run_from_row,
    task_from_row,
    wait_from_row,
)
from schedkit.core.store.schema import (
    attempts,
    commands,
    details,
    events,
    fires,
    has_result,
    have,
    runs,
    tasks,
)
from schedkit.core.store.snapshots import read_found, read_snapshot
from schedkit.core.text import dump, load
from schedkit.values.instants import from_micros, to_micros

__all__ = ["Ledger", "scheduled_times"]

T = TypeVar("T")


class Ledger:
    """Reads of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @cached_property
    def identity(self) -> str:
        """The ledger's UUID, from which its tasks have theirs."""
        return self.setting("ledger") or ""

    def _all(self, query: sa.Select[Any], make: Callable[[Mapping[str, Any]], T]) -> list[T]:
        with self.store.reading() as connection:
            rows = list(mappings(connection, query))
        with self.store.decoding():
            return [make(row) for row in rows]

    def _first(self, query: sa.Select[Any], make: Callable[[Mapping[str, Any]], T]) -> T | None:
        found = self._all(query, make)
        return found[0] if found else None

    def tasks(self) -> list[TaskRow]:
        """Return every task, by name."""
        return self._all(ALL_TASKS, task_from_row)

    def task(self, name: str) -> TaskRow | None:
        """Return one task."""
        return self._first(select(tasks).where(tasks.c.name == name), task_from_row)

    def requested(self, handlers: Collection[str]) -> list[TaskRow]:
        """Return the tasks that requests have made of handlers and that are not over, by name."""
        alive = select(runs.c.task).where(LIVE)
        lasts = (tasks.c.origin == "request") | tasks.c.next_at.is_not(None) | tasks.c.name.in_(alive)
        mine = ALL_TASKS.where(tasks.c.origin != "declared", tasks.c.handler.in_(handlers), lasts)
        return self._all(mine, task_from_row)

    def handler(self, wanted: str) -> Task | None:
        """Return the one task of a name or else a tag that processes have declared, without its code."""
        rows = [row for row in self.tasks() if row.requested is None]
        found = [row for row in rows if row.name == wanted]
        found = found or [row for row in rows if wanted in row.facts.get("tags", ())]
        return (
            Task(name=found[0].name, tags=tuple(found[0].facts.get("tags", ()))) if len(found) == 1 else None
        )

    def found_names(self, names: Collection[str]) -> set[str]:
        """Return those names of which there is a task."""
        with self.store.reading() as connection:
            return set(connection.scalars(select(tasks.c.name).where(tasks.c.name.in_(names))))

    def having(self, handler: str) -> list[NodeRow]:
        """Return the lives that have a handler: kernels last, and first who has had it longest."""
        query = select(have.c.life, have.c.since).where(have.c.handler == handler)
        with self.store.reading() as connection:
            since: dict[str, int] = {row.life: row.since for row in connection.execute(query)}
        found = [node for node in self.nodes() if node.alive and node.life in since]
        return sorted(found, key=lambda node: (node.kind == "kernel", since[node.life]))

    def heirs(self, lives: Collection[str]) -> list[tuple[str, str]]:
        """Return (life, task) of those `lives` that have the code of a task which is at home elsewhere."""
        theirs = have.alias()
        query = (
            select(have.c.life, tasks.c.name)
            .join(tasks, tasks.c.name == have.c.handler)
            .outerjoin(theirs, (theirs.c.life == tasks.c.home) & (theirs.c.handler == tasks.c.name))
            .where(have.c.life.in_(lives), have.c.life != tasks.c.home)
            .where(theirs.c.code.is_(None) | (theirs.c.code == have.c.code))
            .order_by(have.c.life, tasks.c.name)
        )
        with self.store.reading() as connection:
            return [(life, task) for life, task in connection.execute(query)]

    def live(self, task: str | None = None) -> list[Run]:
        """Return the runs that have not ended, of all tasks or of one, oldest first."""
        query = LIVE_RUNS
        if task is not None:
            query = query.where(runs.c.task == task)
        return self._all(query, run_from_row)

    def run(self, id: str) -> Run | None:
        """Return one run."""
        return self._first(select(runs).where(runs.c.id == id), run_from_row)

    def runs(
        self,
        task: str | None = None,
        *,
        limit: int = 100,
        states: Collection[str] = (),
        before: str | None = None,
    ) -> list[Run]:
        """Return runs, newest first: only in some states; `before` is the id of the last one already seen."""
        query = select(runs).order_by(runs.c.id.desc()).limit(limit)
        if task is not None:
            query = query.where(runs.c.task == task)
        if states:
            query = query.where(runs.c.state.in_(map(str, states)))
        if before is not None:
            query = query.where(runs.c.id < before)
        return self._all(query, run_from_row)

    def run_by_key(self, key: str) -> Run | None:
        """Return the run that was asked for with an idempotency key."""
        return self._first(select(runs).where(runs.c.idempotency_key == key), run_from_row)

    def latest_result(self, task: str) -> Run | None:
        """Return the last DONE run of a task that has a result."""
        query = (
            select(runs)
            .where(runs.c.task == task, runs.c.state == "DONE", has_result(runs))
            .order_by(runs.c.id.desc())
            .limit(1)
        )
        return self._first(query, run_from_row)

    def scheduled(self, task: str, after: datetime, until: datetime) -> set[datetime]:
        """Return the due times in [after, until] that have a run."""
        with self.store.reading() as connection:
            return scheduled_times(connection, task, after, until)

    def attempts(self, run: str) -> list[Attempt]:
        """Return the ended attempts of a run, in order."""
        query = (
            select(attempts)
            .where(attempts.c.run == run, attempts.c.outcome.is_not(None))
            .order_by(attempts.c.number)
        )
        return self._all(query, attempt_from_row)

    def life_of(self, run: str) -> str | None:
        """Return the life in which a run is running, None if it is not."""
        query = select(attempts.c.life).where(attempts.c.run == run, attempts.c.outcome.is_(None))
        return self._first(query, lambda row: str(row["life"]))

    def details(self, run: str) -> dict[str, Any]:
        """Return what a run has reported: its stages, log, facts and artifacts."""
        query = select(details).where(details.c.run == run)
        return self._first(query, lambda row: {key: load(row[key]) for key in DETAILS}) or dict(DETAILS)

    def running_output(self, also: Iterable[str] = ()) -> list[OutputRow]:
        """Return the output of the running runs so far, and that of the runs `also`."""
        query = select(details.c.run, runs.c.task, runs.c.state, details.c.stages, details.c.log).join_from(
            details, runs, details.c.run == runs.c.id
        )
        found = self._all(query.where(LIVE, runs.c.state == "RUNNING"), output_from_row)
        ended = set(also) - {output.run for output in found}
        return found + (self._all(query.where(runs.c.id.in_(ended)), output_from_row) if ended else [])

    def fires(self, task: str, limit: int = 1000) -> list[FireRow]:
        """Return the due times of a task that made no run, newest first."""
        query = select(fires).where(fires.c.task == task).order_by(fires.c.scheduled_at.desc()).limit(limit)
        return self._all(query, fire_from_row)

    def scheduled_runs(self, task: str, limit: int = 1000) -> list[Run]:
        """Return the runs of a task that stand for due times, newest first."""
        mine = select(runs).where(runs.c.task == task, runs.c.scheduled_at.is_not(None))
        return self._all(mine.order_by(runs.c.scheduled_at.desc()).limit(limit), run_from_row)

    def waits(self) -> list[WaitRow]:
        """Return what PENDING runs wait for, and parents' runs that are still to come."""
        return self._all(OPEN_WAITS, wait_from_row)

    def snapshot(self, life: str) -> Snapshot:
        """Return what the engine of a life is built from, as of one moment."""
        with self.store.snapshot() as connection, self.store.decoding():
            return read_snapshot(connection, tasks.c.home == life, life)

    def found(self, after: Mapping[str, Collection[str]], life: str) -> dict[str, Found]:
        """Return what the ledger has of tasks, as of one moment.

        Parameters
        ----------
        after : mapping of str to collection of str
            The tasks, each with the parents after which it comes.
        life : str
            The life that asks; `Found.here` are the runs that run in it.
        """
        with self.store.snapshot() as connection, self.store.decoding():
            return read_found(connection, after, life)

    def codes(self, names: Collection[str]) -> dict[tuple[str, str], str]:
        """Return (life, task) → the code that a life has of a task."""
        query = select(have.c.life, have.c.handler, have.c.code).where(have.c.handler.in_(names))
        with self.store.reading() as connection:
            return {(life, name): code for life, name, code in connection.execute(query)}

    def limits(self) -> dict[str, Limit]:
        """Return how many runs may hold each limited key, in all processes together."""
        with self.store.reading() as connection:
            return read_limits(connection)

    def limits_and_uses(self, keys: Collection[str], life: str) -> tuple[dict[str, Limit], dict[str, Use]]:
        """Return the limits, and how each of these keys is used; see `read_uses`."""
        with self.store.reading() as connection:
            return read_limits(connection), read_uses(connection, keys, life)

    def starts(self, task: str, count: int) -> list[int]:
        """Return the latest starts of the attempts of a task, so many at most."""
        with self.store.reading() as connection:
            return read_starts(connection, task, count)

    def events(
        self, after: int = 0, *, limit: int = 1000, run: str | None = None, besides: str | None = None
    ) -> list[Event]:
        """Return the log after number `after`, in order, without what the life `besides` has written."""
        query = (
            select(events.c.seq, events.c.data)
            .where(events.c.seq > after)
            .order_by(events.c.seq)
            .limit(limit)
        )
        if run is not None:
            query = query.where(events.c.run == run)
        if besides is not None:
            query = query.where(events.c.life != besides)
        return self._all(query, lambda row: replace(decode(row["data"]), seq=row["seq"]))

    def last_seq(self) -> int:
        """Return the number of the newest event."""
        with self.store.reading() as connection:
            return connection.scalar(LAST_SEQ) or 0

    def setting(self, key: str) -> str | None:
        """Return a setting that is kept with the ledger."""
        with self.store.reading() as connection:
            return setting(connection, key)

    def nodes(self) -> list[NodeRow]:
        """Return the lives at the ledger that are not marked as gone, the oldest first."""
        return living(self.store)

    def home(self, task: str) -> NodeRow | None:
        """Return the life at which a task is at home, None if that is not alive."""
        row = self.task(task)
        if row is None:
            return None
        return next((node for node in self.nodes() if node.life == row.home and node.alive), None)

    def mark(self, life: str) -> tuple[Any, ...]:
        """Return what is another after each event and each command for a life."""
        open_ones = select(sa.func.count(), sa.func.max(commands.c.id)).where(_open_for(life)).subquery()
        with self.store.reading() as connection:
            return tuple(connection.execute(select(LAST_SEQ.scalar_subquery(), open_ones)).one())

    def commands(self, life: str) -> list[CommandRow]:
        """Return the open commands for a life, oldest first."""
        return self._all(select(commands).where(_open_for(life)).order_by(commands.c.id), command_from_row)

    def command(self, id: str) -> CommandRow | None:
        """Return one command."""
        return self._first(select(commands).where(commands.c.id == id), command_from_row)

    def ask(
        self,
        actor: str,
        kind: str,
        data: Mapping[str, Any],
        *,
        task: str | None = None,
        life: str | None = None,
    ) -> str:
        """Leave a command for a life, or for the home of a task; return its id."""
        id = new_id()
        row = {"id": id, "at": int(time.time() * 1e6), "actor": actor, "kind": kind, "data": dump(data)}
        row |= {"task": task, "life": life}
        with self.store.writing() as connection:
            connection.execute(commands.insert(), [{**row, "done_at": None, "answer": None}])
        return id

    def withdraw(self, id: str) -> bool:
        """Take a command back; False if it has been answered."""
        with self.store.writing() as connection:
            open_one = commands.delete().where(commands.c.id == id, commands.c.done_at.is_(None))
            return connection.execute(open_one).rowcount > 0


def _open_for(life: str) -> sa.ColumnElement[bool]:
    """Tell the open commands for a life."""
    here = select(tasks.c.name).where(tasks.c.home == life)
    mine = (commands.c.life == life) | (commands.c.life.is_(None) & commands.c.task.in_(here))
    return sa.and_(commands.c.done_at.is_(None), mine)


def scheduled_times(connection: sa.Connection, task: str, after: datetime, until: datetime) -> set[datetime]:
    """Return the due times in [after, until] that have a run, as `connection` sees them."""
    query = select(runs.c.scheduled_at).where(
        runs.c.task == task,
        runs.c.scheduled_at.is_not(None),
        runs.c.scheduled_at.between(to_micros(after), to_micros(until)),
    )
    return {from_micros(time) for time in connection.scalars(query)}
