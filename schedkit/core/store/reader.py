"""The durable truth, read: tasks, runs, attempts, facts, commands.

Every read is one short query on a connection of its own, which no writer waits for. Changes are written
by the lives of processes (`writer.py`); anybody may insert a command.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy import select

from schedkit.core.engine.values import Found, Snapshot, WaitRow
from schedkit.core.events import Event, RunQueued, decode
from schedkit.core.ids import new_id
from schedkit.core.model import Task, TaskRow
from schedkit.core.run import Attempt, Run
from schedkit.core.states import Disposition, State
from schedkit.core.store.database import Store
from schedkit.core.store.lives import NodeRow, living
from schedkit.core.store.rows import DETAILS, attempt_from_row, run_from_row, task_from_row, wait_from_row
from schedkit.core.store.schema import (
    LIVE_STATES,
    attempts,
    commands,
    details,
    events,
    fires,
    has_result,
    have,
    meta,
    nodes,
    runs,
    tasks,
    waits,
)
from schedkit.core.text import dump, load
from schedkit.values.instants import from_micros, to_micros

__all__ = ["CommandRow", "FireRow", "Ledger", "ToldRow", "read_snapshot", "scheduled_times"]

T = TypeVar("T")


class FireRow(msgspec.Struct, frozen=True, kw_only=True):
    """A due time, or a range of `count` of them, that made no run."""

    task: str
    scheduled_at: datetime
    until: datetime
    count: int | None
    disposition: Disposition
    reason: str


class ToldRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has told: its stages and its log."""

    run: str
    task: str
    running: bool
    stages: list[dict[str, Any]]
    log: list[dict[str, Any]]


class CommandRow(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks another process to do; it was left `at` that time, in microseconds since 1970."""

    id: str
    at: int
    who: str
    kind: str
    data: dict[str, Any]
    task: str | None = None
    answer: dict[str, Any] | None = None


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
            rows = connection.execute(query).mappings().all()
        with self.store.decoding():
            return [make(row) for row in rows]  # type: ignore[arg-type]  # a RowMapping is one

    def _first(self, query: sa.Select[Any], make: Callable[[Mapping[str, Any]], T]) -> T | None:
        found = self._all(query, make)
        return found[0] if found else None

    def tasks(self) -> list[TaskRow]:
        """Return every task, by name."""
        return self._all(_TASKS, task_from_row)

    def task(self, name: str) -> TaskRow | None:
        """Return one task."""
        return self._first(select(tasks).where(tasks.c.name == name), task_from_row)

    def requested(self, handlers: Collection[str]) -> list[TaskRow]:
        """Return the tasks that requests have made of handlers, by name."""
        mine = _TASKS.where(tasks.c.origin == "request", tasks.c.handler.in_(handlers))
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

    def live(self, task: str | None = None) -> list[Run]:
        """Return the runs that have not ended, of all tasks or of one, oldest first."""
        query = _LIVE_RUNS
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
        state: str | None = None,
        before: str | None = None,
    ) -> list[Run]:
        """Return runs, newest first; `before` is the id of the last one already seen."""
        query = select(runs).order_by(runs.c.id.desc()).limit(limit)
        if task is not None:
            query = query.where(runs.c.task == task)
        if state is not None:
            query = query.where(runs.c.state == state)
        if before is not None:
            query = query.where(runs.c.id < before)
        return self._all(query, run_from_row)

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
        """Return what a run told: its stages, log, facts and artifacts."""
        query = select(details).where(details.c.run == run)
        return self._first(query, lambda row: {key: load(row[key]) for key in DETAILS}) or dict(DETAILS)

    def telling(self, also: Iterable[str] = ()) -> list[ToldRow]:
        """Return what the runs that are running have told so far, and what `also` these have."""
        query = select(details.c.run, runs.c.task, runs.c.state, details.c.stages, details.c.log).join_from(
            details, runs, details.c.run == runs.c.id
        )
        found = self._all(query.where(runs.c.state.in_(_LIVE), runs.c.state == "RUNNING"), _told)
        ended = set(also) - {told.run for told in found}
        return found + (self._all(query.where(runs.c.id.in_(ended)), _told) if ended else [])

    def fires(self, task: str, limit: int = 1000) -> list[FireRow]:
        """Return the due times of a task that made no run, newest first."""
        query = select(fires).where(fires.c.task == task).order_by(fires.c.scheduled_at.desc()).limit(limit)
        return self._all(query, _fire)

    def scheduled_runs(self, task: str, limit: int = 1000) -> list[Run]:
        """Return the runs of a task that stand for due times, newest first."""
        mine = select(runs).where(runs.c.task == task, runs.c.scheduled_at.is_not(None))
        return self._all(mine.order_by(runs.c.scheduled_at.desc()).limit(limit), run_from_row)

    def waits(self) -> list[WaitRow]:
        """Return what PENDING runs wait for, and parents' runs that are still to come."""
        return self._all(_WAITS, wait_from_row)

    def snapshot(self, life: str) -> Snapshot:
        """Return what the engine of a life is made from, all of it as it was at one moment."""
        with self.store.snapshot() as connection, self.store.decoding():
            return read_snapshot(connection, tasks.c.home == life, life)

    def found(self, after: Mapping[str, Collection[str]], life: str) -> dict[str, Found]:
        """Return what there is of tasks, all of it as it was at one moment.

        Parameters
        ----------
        after : mapping of str to collection of str
            The tasks, each with the parents after which it comes.
        life : str
            The life that wants to know, with what runs in it.
        """
        with self.store.snapshot() as connection, self.store.decoding():
            snapshot = read_snapshot(connection, tasks.c.name.in_(after), life)
            parents = {parent for several in after.values() for parent in several}
            last, elsewhere = _last(connection, {*after, *parents}), _live_of(connection, parents)
            here = {run for run, (at, _) in _lives_of(connection).items() if at == life}
            following = _unheard(connection, _followers(connection, life, set(after)))
        rows = {row.name: row for row in snapshot.tasks}
        found: dict[str, Found] = {}
        for name, several in after.items():
            live = [run for run in snapshot.live if run.task == name]
            ids = frozenset(run.id for run in live)
            its_waits = [wait for wait in snapshot.waits if wait.child == name]
            found[name] = Found(
                row=rows.get(name),
                seq=snapshot.seq,
                live=live,
                waits=its_waits,
                taken=snapshot.taken.get(name, set()),
                last={task: last[task] for task in (name, *several) if task in last},
                here=ids & here,
                abroad=ids & snapshot.abroad,
                elsewhere=[run for run in elsewhere if run.task in several],
                unheard=snapshot.unheard.get(name, []),
                children={
                    child: unheard
                    for child, unheard in following.items()
                    if any(run.task == name for _, run in unheard)
                },
                ended=[run for run in snapshot.ended if run.id in {wait.parent_run for wait in its_waits}],
            )
        return found

    def codes(self, names: Collection[str]) -> dict[tuple[str, str], str]:
        """Return (life, task) → the code that a life has of a task."""
        query = select(have.c.life, have.c.handler, have.c.code).where(have.c.handler.in_(names))
        with self.store.reading() as connection:
            return {(life, name): code for life, name, code in connection.execute(query)}

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
            return connection.scalar(_LAST_SEQ) or 0

    def setting(self, key: str) -> str | None:
        """Return a note kept with the ledger."""
        with self.store.reading() as connection:
            return _setting(connection, key)

    def nodes(self) -> list[NodeRow]:
        """Return the lives at the ledger that are not marked as gone, the oldest first."""
        return living(self.store)

    def home(self, task: str) -> NodeRow | None:
        """Return the life with which a task is at home, None if it is at home with nobody that lives."""
        row = self.task(task)
        if row is None:
            return None
        return next((node for node in self.nodes() if node.life == row.home and node.alive), None)

    def commands(self, life: str) -> list[CommandRow]:
        """Return what a life has been asked and has not answered, oldest first."""
        here = select(tasks.c.name).where(tasks.c.home == life)
        mine = (commands.c.life == life) | (commands.c.life.is_(None) & commands.c.task.in_(here))
        query = select(commands).where(commands.c.done_at.is_(None), mine).order_by(commands.c.id)
        return self._all(query, _command)

    def command(self, id: str) -> CommandRow | None:
        """Return one command."""
        return self._first(select(commands).where(commands.c.id == id), _command)

    def ask(
        self,
        who: str,
        kind: str,
        data: Mapping[str, Any],
        *,
        task: str | None = None,
        life: str | None = None,
    ) -> str:
        """Leave a command for a life, or for the home of a task; return its id."""
        id = new_id()
        row = {"id": id, "at": int(time.time() * 1e6), "actor": who, "kind": kind, "data": dump(data)}
        row |= {"task": task, "life": life}
        with self.store.explained(), self.store.connect() as connection, connection.begin():
            connection.execute(commands.insert(), [{**row, "done_at": None, "answer": None}])
        return id

    def withdraw(self, id: str) -> bool:
        """Take a command back; False if it has been answered."""
        with self.store.explained(), self.store.connect() as connection, connection.begin():
            open_one = commands.delete().where(commands.c.id == id, commands.c.done_at.is_(None))
            return connection.execute(open_one).rowcount > 0


_LIVE: list[sa.ColumnElement[str]] = [
    sa.literal_column(f"'{state}'") for state in LIVE_STATES
]  # literals: the partial index needs them
_LIVE_RUNS = select(runs).where(runs.c.state.in_(_LIVE)).order_by(runs.c.id)
_TASKS = select(tasks).order_by(tasks.c.name)
_PENDING = select(runs.c.id).where(runs.c.state.in_(_LIVE), runs.c.state == "PENDING")
_WAITS = (
    select(waits)
    .where(waits.c.run.in_(_PENDING) | waits.c.parent_run.is_(None))
    .order_by(waits.c.run, waits.c.parent)
)
_LAST_SEQ = select(sa.func.max(events.c.seq))
# A CROSS JOIN is what keeps SQLite from going through all runs to look for their tasks.
_TAKEN = sa.text(
    "SELECT r.task, r.scheduled_at FROM schedkit_tasks t CROSS JOIN schedkit_runs r "
    "WHERE t.name IN :names AND r.task = t.name AND r.scheduled_at IS NOT NULL "
    "AND r.scheduled_at >= t.next_at"
).bindparams(sa.bindparam("names", type_=sa.Text, expanding=True))
# Of so many latest runs of a task, the one that ended last: an older one may have ended after a newer one.
_LATEST = 20


def _mappings(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Mapping[str, Any]]:
    yield from connection.execute(query).mappings()  # type: ignore[misc]  # a RowMapping is one


def _setting(connection: sa.Connection, key: str) -> str | None:
    return connection.scalar(select(meta.c.value).where(meta.c.key == key))


def read_snapshot(connection: sa.Connection, which: sa.ColumnElement[bool], life: str) -> Snapshot:
    """Return what an engine of certain tasks is made from, with what runs in a life, as `connection` sees it.

    Runs in lives that are marked as gone are lost, the others are abroad.
    """
    rows = [task_from_row(row) for row in _mappings(connection, _TASKS.where(which))]
    names = [row.name for row in rows]
    parents = {parent for row in rows for parent in _parents(row)}
    lives = _lives_of(connection)
    mine = [run for run, (at, _) in lives.items() if at == life]
    here = runs.c.task.in_(names) | runs.c.id.in_(mine)
    live = [run_from_row(row) for row in _mappings(connection, _LIVE_RUNS.where(here))]
    waiting = [wait_from_row(row) for row in _mappings(connection, _WAITS.where(waits.c.child.in_(names)))]
    known = set(names)
    own = [run for run in live if run.task in known]
    return Snapshot(
        tasks=rows,
        live=live,
        waits=waiting,
        taken=_taken(connection, names),
        last=_last(connection, parents),
        abroad=frozenset(run.id for run in own if _is_abroad(lives.get(run.id), life)),
        guests=frozenset(run.id for run in live if run.task not in known),
        elsewhere=[run for run in _live_of(connection, parents - known) if run.id not in mine],
        unheard=_unheard(connection, rows),
        ended=_ended(connection, waiting),
        paused=_setting(connection, "paused") == "1",
        seq=connection.scalar(_LAST_SEQ) or 0,
    )


def _lives_of(connection: sa.Connection) -> dict[str, tuple[str, int | None]]:
    """Return in which life each running run runs, and since when that is gone; then it runs nothing."""
    query = (
        select(attempts.c.run, attempts.c.life, nodes.c.gone)
        .outerjoin(nodes, nodes.c.id == attempts.c.life)
        .where(attempts.c.outcome.is_(None))
    )
    return {run: (at, gone) for run, at, gone in connection.execute(query)}


def _is_abroad(where: tuple[str, int | None] | None, life: str) -> bool:
    """Tell whether a run is running in another life, which is not marked as gone."""
    return where is not None and where[0] != life and where[1] is None


def _parents(row: TaskRow) -> set[str]:
    return set(row.facts.get("after", ()))


def _followers(connection: sa.Connection, life: str, parents: set[str]) -> list[TaskRow]:
    """Return the tasks at home with a life that follow one of those."""
    comes_after = tasks.c.facts.not_like('%"after":[]%')
    query = _TASKS.where(tasks.c.home == life, tasks.c.trigger.is_(None), comes_after)
    rows = [task_from_row(row) for row in _mappings(connection, query)]
    return [row for row in rows if _parents(row) & parents]


def _unheard(connection: sa.Connection, rows: Iterable[TaskRow]) -> dict[str, list[tuple[int, Run]]]:
    """Return, for each task that follows its parents, the runs of theirs of which its home had not heard."""
    followers = [row for row in rows if row.trigger is None and _parents(row)]
    if not followers:
        return {}
    parents = {parent for row in followers for parent in _parents(row)}
    query = (
        select(events.c.seq, events.c.life, events.c.task, events.c.run, events.c.data)
        .where(events.c.seq > min(row.heard for row in followers))
        .where(events.c.kind == RunQueued.__name__, events.c.task.in_(parents))
        .order_by(events.c.seq)
    )
    unheard: dict[str, list[tuple[int, str]]] = {}
    for seq, life, task, run, data in connection.execute(query):
        told = decode(data)
        if isinstance(told, RunQueued) and told.followed:
            for row in followers:  # its home followed what it wrote itself in the same commit
                if seq > row.heard and life != row.home and task in _parents(row):
                    unheard.setdefault(row.name, []).append((seq, run))
    ids = {run for several in unheard.values() for _, run in several}
    query = select(runs).where(runs.c.id.in_(ids))
    known = {row["id"]: run_from_row(row) for row in _mappings(connection, query)} if ids else {}
    return {
        task: [(seq, known[run]) for seq, run in several if run in known] for task, several in unheard.items()
    }


def _live_of(connection: sa.Connection, names: Collection[str]) -> list[Run]:
    if not names:
        return []
    return [run_from_row(row) for row in _mappings(connection, _LIVE_RUNS.where(runs.c.task.in_(names)))]


def _ended(connection: sa.Connection, waiting: Iterable[WaitRow]) -> list[Run]:
    """Return the runs that have ended though those which wait for them do not know."""
    open_ones = {wait.parent_run for wait in waiting if wait.parent_run is not None and wait.ended is None}
    if not open_ones:
        return []
    query = select(runs).where(runs.c.id.in_(open_ones), runs.c.state.not_in(LIVE_STATES))
    return [run_from_row(row) for row in _mappings(connection, query.order_by(runs.c.finished_at, runs.c.id))]


def _taken(connection: sa.Connection, names: Collection[str]) -> dict[str, set[int]]:
    """Return the times of each task, from its next one on, that have a run."""
    taken: dict[str, set[int]] = {}
    for task, scheduled in connection.execute(_TAKEN.bindparams(names=list(names))):
        taken.setdefault(task, set()).add(scheduled)
    return taken


def _last(connection: sa.Connection, tasks: Iterable[str]) -> dict[str, State]:
    """Return how the last run of each task ended."""
    found: dict[str, State] = {}
    for task in tasks:
        query = (
            select(runs.c.state, runs.c.finished_at, runs.c.id)
            .where(runs.c.task == task)
            .order_by(runs.c.id.desc())
            .limit(_LATEST)
        )
        ended = [(finished, id, State(state)) for state, finished, id in connection.execute(query)]
        last = max((one for one in ended if one[2].final), default=None)
        if last is not None:
            found[task] = last[2]
    return found


def scheduled_times(connection: sa.Connection, task: str, after: datetime, until: datetime) -> set[datetime]:
    """Return the due times in [after, until] that have a run, as `connection` sees them."""
    query = select(runs.c.scheduled_at).where(
        runs.c.task == task,
        runs.c.scheduled_at.is_not(None),
        runs.c.scheduled_at.between(to_micros(after), to_micros(until)),
    )
    return {from_micros(time) for time in connection.scalars(query)}


def _fire(row: Mapping[str, Any]) -> FireRow:
    return FireRow(
        task=row["task"],
        scheduled_at=from_micros(row["scheduled_at"]),
        until=from_micros(row["until"]),
        count=row["count"],
        disposition=Disposition(row["disposition"]),
        reason=row["reason"],
    )


def _told(row: Mapping[str, Any]) -> ToldRow:
    return ToldRow(
        run=row["run"],
        task=row["task"],
        running=row["state"] == "RUNNING",
        stages=load(row["stages"]),
        log=load(row["log"]),
    )


def _command(row: Mapping[str, Any]) -> CommandRow:
    return CommandRow(
        id=row["id"],
        at=row["at"],
        who=row["actor"],
        kind=row["kind"],
        data=load(row["data"]),
        task=row["task"],
        answer=load(row["answer"]),
    )
