"""Retention: deletes runs beyond an age, and results beyond a number."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import anyio
import anyio.to_thread
import sqlalchemy as sa
from sqlalchemy import select

from schedkit.core.ids import id_at
from schedkit.core.run import FULL_TEXT, PRUNED, STORED
from schedkit.core.store.schema import (
    LIVE_STATES,
    attempts,
    commands,
    deliveries,
    details,
    events,
    fires,
    has_file,
    has_result,
    have,
    nodes,
    runs,
    waits,
)
from schedkit.core.store.schema import tasks as known_tasks
from schedkit.core.store.writer import Writer
from schedkit.core.text import dump, load
from schedkit.loop import awaited
from schedkit.values.instants import to_micros

__all__ = ["SLICE", "Retention", "forget_results", "forget_runs", "prune"]

# Rows of one transaction: a prune must not hold up the writes between its slices.
SLICE = 500
# Tasks whose results are pruned in one transaction.
TASKS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Retention:
    """How long runs are kept, and how many results of each task; None: all.

    Parameters
    ----------
    runs : timedelta or None
        Ended runs older than this go, with their attempts, log, events and files.
    results : int or None
        This many latest results of a task stay, however old, and with them their runs; None: each as long
        as its run.
    """

    runs: timedelta | None = timedelta(days=90)
    results: int | None = 10


class ResultFiles(Protocol):
    """Where the files of results are."""

    def remove(self, reference: Mapping[str, Any], /) -> None:
        """Delete the file of a reference, if it has one, or the full texts of a run."""


async def prune(
    policy: Retention,
    writer: Writer,
    tasks: Sequence[str],
    results: ResultFiles,
    patience: float = math.inf,
) -> int:
    """Delete what a policy does not keep, in slices; return how many rows and files.

    Parameters
    ----------
    patience : float
        After so many seconds no further slice is begun.
    """
    gone, until = 0, anyio.current_time() + patience
    if policy.runs is not None:
        before = datetime.now(UTC) - policy.runs
        kept = policy.results
        while anyio.current_time() < until:
            count, found = await awaited(writer.call(lambda c: forget_runs(c, before, kept)))
            for reference in found:
                await anyio.to_thread.run_sync(results.remove, reference)
            gone += count
            if not count:
                break
    if policy.results is not None:
        for start in range(0, len(tasks), TASKS_AT_ONCE):
            some = tasks[start : start + TASKS_AT_ONCE]
            forget = functools.partial(forget_results, tasks=some, keep=policy.results)
            while anyio.current_time() < until and (found := await awaited(writer.call(forget))):
                for reference in found:
                    await anyio.to_thread.run_sync(results.remove, reference)
                gone += len(found)
    return gone


def forget_runs(
    connection: sa.Connection, before: datetime, keep: int | None = None
) -> tuple[int, list[dict[str, Any]]]:
    """Delete at most `SLICE` ended runs queued before a time, and what belongs to them.

    Parameters
    ----------
    keep : int, optional
        Of each task that there still is, the runs of this many latest results stay.

    Returns
    -------
    tuple of int and list
        How many rows are gone, and the references of their results and full texts, whose files may go.
    """
    old = (
        select(runs.c.id, runs.c.result)
        .where(runs.c.id < id_at(before), runs.c.state.not_in(LIVE_STATES))
        .order_by(runs.c.id)
        .limit(SLICE)
    )
    if keep is not None:
        newer = runs.alias()
        last_kept = (
            select(newer.c.id)
            .where(newer.c.task == runs.c.task, newer.c.state == "DONE", has_result(newer))
            .order_by(newer.c.id.desc())
            .offset(keep - 1)
            .limit(1)
            .scalar_subquery()
        )
        free = runs.c.task.not_in(select(known_tasks.c.name))
        old = old.where(~has_result(runs) | (runs.c.id < last_kept) | free)
    found = connection.execute(old).all()
    ids = [id for id, _ in found]
    gone_files = [load(reference) for _, reference in found if reference is not None]
    gone_files += [{"texts": run} for run in connection.scalars(_with_full_texts(ids))]
    for table in (attempts, deliveries, details, waits):
        if ids:
            connection.execute(table.delete().where(table.c.run.in_(ids)))
    if ids:
        connection.execute(runs.delete().where(runs.c.id.in_(ids)))
    limit = to_micros(before)
    # The newest stays: the next one is numbered after it.
    newest = select(sa.func.max(events.c.seq)).scalar_subquery()
    last = connection.scalar(
        select(sa.func.max(sa.literal_column("seq")))
        .select_from(select(events.c.seq, events.c.at).order_by(events.c.seq).limit(SLICE * 4).subquery())
        .where(sa.literal_column("at") < limit, sa.literal_column("seq") < newest)
    )
    gone = 0
    if last is not None:
        gone = connection.execute(events.delete().where(events.c.seq <= last, events.c.at < limit)).rowcount
    connection.execute(fires.delete().where(fires.c.until < limit))
    connection.execute(commands.delete().where(commands.c.done_at < limit))
    ended = select(nodes.c.id).where(nodes.c.gone < limit)
    connection.execute(have.delete().where(have.c.life.in_(ended)))
    connection.execute(nodes.delete().where(nodes.c.gone < limit))
    return len(ids) + gone, gone_files


def _with_full_texts(ids: Sequence[str]) -> sa.Select[tuple[str]]:
    """Select the runs among `ids` that have files besides their results: full texts, and copies at a URL."""
    marks = (f'"label":"{FULL_TEXT}', dump(STORED)[1:-1])
    found = sa.or_(*(details.c.artifacts.contains(mark, autoescape=True) for mark in marks))
    return select(details.c.run).where(details.c.run.in_(ids), found)


def forget_results(connection: sa.Connection, tasks: Iterable[str], keep: int) -> list[dict[str, Any]]:
    """Remove the results of older runs from the ledger, at most `SLICE` each; return their references.

    What stands in the place of a reference says so, and how many results of a task were to be kept.
    """
    pruned = dump({"kind": PRUNED, "keep": keep})
    gone: list[dict[str, Any]] = []
    for task in tasks:
        surplus = (
            select(runs.c.id, runs.c.result)
            .where(runs.c.task == task, has_file(runs))
            .order_by(runs.c.id.desc())
            .offset(keep)
            .limit(SLICE)
        )
        found = connection.execute(surplus).all()
        if found:
            ids = [id for id, _ in found]
            connection.execute(runs.update().where(runs.c.id.in_(ids)).values(result=pruned))
        gone += [load(reference) for _, reference in found]
    return gone
