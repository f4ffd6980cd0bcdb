"""Reads what an engine is built from, and what it needs of a task that moves to it, as of one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy import select

from schedkit.core.engine.snapshot import Found, Snapshot, WaitRow
from schedkit.core.events import RunQueued, decode
from schedkit.core.model import TaskRow
from schedkit.core.run import Run
from schedkit.core.states import State
from schedkit.core.store.limits import read_claims, read_limits
from schedkit.core.store.queries import ALL_TASKS, LAST_SEQ, LIVE_RUNS, OPEN_WAITS, mappings, setting
from schedkit.core.store.rows import run_from_row, task_from_row, wait_from_row
from schedkit.core.store.schema import LIVE_STATES, attempts, events, nodes, runs, tasks, waits

__all__ = ["read_found", "read_snapshot"]

# A CROSS JOIN makes SQLite start with the tasks instead of scanning all runs.
_TAKEN = sa.text(
    "SELECT r.task, r.scheduled_at FROM schedkit_tasks t CROSS JOIN schedkit_runs r "
    "WHERE t.name IN :names AND r.task = t.name AND r.scheduled_at IS NOT NULL "
    "AND r.scheduled_at >= t.next_at"
).bindparams(sa.bindparam("names", type_=sa.Text, expanding=True))
# Of so many latest runs of a task, the one that ended last: an older one may have ended after a newer one.
_LATEST = 20
_LATEST_RUNS = (
    select(runs.c.state, runs.c.finished_at, runs.c.id)
    .where(runs.c.task == sa.bindparam("name"))
    .order_by(runs.c.id.desc())
    .limit(_LATEST)
)


def read_snapshot(
    connection: sa.Connection,
    which: sa.ColumnElement[bool],
    life: str,
    removed: Collection[str] = (),
) -> Snapshot:
    """Return what an engine of certain tasks is built from, with what runs in a life, in this transaction.

    Runs in lives that are marked as gone are lost, the others are abroad. Runs are also read of those tasks
    that may have been `removed` while some were running.
    """
    rows = [task_from_row(row) for row in mappings(connection, ALL_TASKS.where(which))]
    names = list({row.name: None for row in rows} | dict.fromkeys(removed))
    parents = {parent for row in rows for parent in _parents(row)}
    lives = _lives_of(connection)
    mine = [run for run, (at, _) in lives.items() if at == life]
    here = runs.c.task.in_(names) | runs.c.id.in_(mine)
    live = [run_from_row(row) for row in mappings(connection, LIVE_RUNS.where(here))]
    waiting = [wait_from_row(row) for row in mappings(connection, OPEN_WAITS.where(waits.c.child.in_(names)))]
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
        unfollowed=_unfollowed(connection, rows),
        ended=_ended(connection, waiting),
        limits=read_limits(connection),
        claims=read_claims(connection, life),
        paused=setting(connection, "paused") == "1",
        seq=connection.scalar(LAST_SEQ) or 0,
    )


def read_found(
    connection: sa.Connection, after: Mapping[str, Collection[str]], life: str
) -> dict[str, Found]:
    """Return what the ledger has of tasks in this transaction; see `Ledger.found`."""
    snapshot = read_snapshot(connection, tasks.c.name.in_(after), life, removed=after)
    parents = {parent for several in after.values() for parent in several}
    last, elsewhere = _last(connection, {*after, *parents}), _live_of(connection, parents)
    here = {run for run, (at, _) in _lives_of(connection).items() if at == life}
    following = _unfollowed(connection, _followers(connection, life, set(after)))
    rows = {row.name: row for row in snapshot.tasks}
    live_of, waits_of = defaultdict[str, list[Run]](list), defaultdict[str, list[WaitRow]](list)
    for run in snapshot.live:
        live_of[run.task].append(run)
    for wait in snapshot.waits:
        waits_of[wait.child].append(wait)
    children = defaultdict[str, dict[str, list[tuple[int, Run]]]](dict)
    for child, unfollowed in following.items():
        for _, run in unfollowed:
            children[run.task][child] = unfollowed
    found: dict[str, Found] = {}
    for name, several in after.items():
        live, its_waits = live_of.get(name, []), waits_of.get(name, [])
        ids = frozenset(run.id for run in live)
        ended = {wait.parent_run for wait in its_waits}
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
            unfollowed=snapshot.unfollowed.get(name, []),
            children=children.get(name, {}),
            ended=[run for run in snapshot.ended if run.id in ended] if ended else [],
        )
    return found


def _lives_of(connection: sa.Connection) -> dict[str, tuple[str, int | None]]:
    """Return the life of each running run, and since when that is gone, None if it is not."""
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
    query = ALL_TASKS.where(tasks.c.home == life, tasks.c.trigger.is_(None), comes_after)
    rows = [task_from_row(row) for row in mappings(connection, query)]
    return [row for row in rows if _parents(row) & parents]


def _unfollowed(connection: sa.Connection, rows: Iterable[TaskRow]) -> dict[str, list[tuple[int, Run]]]:
    """Return, for each task that follows its parents, their runs that its home has not followed yet."""
    followers = [row for row in rows if row.trigger is None and _parents(row)]
    if not followers:
        return {}
    children = defaultdict[str, list[TaskRow]](list)
    for row in followers:
        for parent in _parents(row):
            children[parent].append(row)
    query = (
        select(events.c.seq, events.c.life, events.c.task, events.c.run, events.c.data)
        .where(events.c.seq > min(row.followed_seq for row in followers))
        .where(events.c.kind == RunQueued.__name__, events.c.task.in_(children))
        .order_by(events.c.seq)
    )
    made: list[tuple[str, int, str]] = []
    for seq, life, task, run, data in connection.execute(query):
        told = decode(data)
        if isinstance(told, RunQueued) and told.followed:
            for row in children[task]:  # its home followed what it wrote itself in the same commit
                if seq > row.followed_seq and life != row.home:
                    made.append((row.name, seq, run))
    ids = {run for _, _, run in made}
    if not ids:
        return {}
    query = select(runs).where(runs.c.id.in_(ids))
    known = {row["id"]: run_from_row(row) for row in mappings(connection, query)}
    # A task's home before may have bound them to runs that waited, of which no event tells.
    query = select(waits.c.child, waits.c.parent_run).where(waits.c.parent_run.in_(ids))
    bound = {(row.child, row.parent_run) for row in connection.execute(query)}
    unfollowed: dict[str, list[tuple[int, Run]]] = {}
    for name, seq, run in made:
        if run in known and (name, run) not in bound:
            unfollowed.setdefault(name, []).append((seq, known[run]))
    return unfollowed


def _live_of(connection: sa.Connection, names: Collection[str]) -> list[Run]:
    if not names:
        return []
    return [run_from_row(row) for row in mappings(connection, LIVE_RUNS.where(runs.c.task.in_(names)))]


def _ended(connection: sa.Connection, waiting: Iterable[WaitRow]) -> list[Run]:
    """Return the runs that have ended while others are recorded as waiting for them."""
    open_ones = {wait.parent_run for wait in waiting if wait.parent_run is not None and wait.ended is None}
    if not open_ones:
        return []
    query = select(runs).where(runs.c.id.in_(open_ones), runs.c.state.not_in(LIVE_STATES))
    return [run_from_row(row) for row in mappings(connection, query.order_by(runs.c.finished_at, runs.c.id))]


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
        rows = connection.execute(_LATEST_RUNS, {"name": task})
        ended = [(finished, id, State(state)) for state, finished, id in rows]
        last = max((one for one in ended if one[2].final), default=None)
        if last is not None:
            found[task] = last[2]
    return found
