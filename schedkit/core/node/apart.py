"""Decisions about tasks without a home: those of a process that died, and those that no process declares.

An engine is made from the rows in question, decides, and is dropped, all in one transaction of the writer.
Whatever it tells, the engines of all processes hear from the log, that of this one too.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from schedkit.core.engine.decision import Decision
from schedkit.core.engine.engine import Engine
from schedkit.core.engine.stimuli import Announce, Recover, Stimulus
from schedkit.core.events import NodeChanged
from schedkit.core.node.life import Life
from schedkit.core.store.lives import NodeRow, living_in, mark_gone
from schedkit.core.store.refusals import StaleError
from schedkit.core.store.schema import tasks
from schedkit.core.store.snapshots import read_snapshot
from schedkit.errors import NotRunningError
from schedkit.loop import awaited

__all__ = ["HasMovedError", "bury", "decide_homeless"]

_log = logging.getLogger("schedkit")


class HasMovedError(NotRunningError):
    """The task has a home by now, which is to be asked."""


async def bury(life: Life, dead: NodeRow) -> None:
    """Mark a life that has died as gone: its attempts are interrupted, its runs wait for another home."""

    def decide(connection: sa.Connection) -> Decision:
        if not mark_gone(life.ledger.store, connection, dead.life):
            return Decision([], [], [], [], [], [], False, None)  # another process has done it
        gone = NodeChanged(at=datetime.now(UTC), change="gone", name=dead.name, life=dead.life)
        left = read_snapshot(connection, tasks.c.home == dead.life, dead.life)
        engine = Engine(life.config.engine(dead.life, life.lease.seconds), left)
        recover = Recover(reason="its process ended", away_until=dead.expires)
        return engine.handle_all([recover, Announce(event=gone)], life.decisions.clock.wall(), careful=True)

    decision = await awaited(life.writer.decide(decide))
    if decision.events:
        _log.info("%s has ended; its tasks wait for a process that declares them", dead)


async def decide_homeless(life: Life, task: str, stimulus: Stimulus) -> dict[str, Any]:
    """Decide about a task whose home is no living process; return the answer.

    Raises
    ------
    UsageError
        If there is no such task, or what is asked for cannot be done.
    HasMovedError
        If it has a home by now.
    """

    def decide(connection: sa.Connection) -> Decision:
        snapshot = read_snapshot(connection, tasks.c.name == task, "")
        homes = {row.home for row in snapshot.tasks}
        if any(node.life in homes and node.alive for node in living_in(life.ledger.store, connection)):
            raise HasMovedError(f"task {task!r} has just moved", hint="try again")
        engine = Engine(life.config.engine(life.lease.life, life.lease.seconds), snapshot)
        replied = replace(stimulus, token="told below")  # else the caller gets no answer
        decision = engine.handle_all([replied], life.decisions.clock.wall(), careful=True)
        for reply in decision.replies:
            if reply.error is not None:
                raise reply.error
        return decision

    try:
        decision = await awaited(life.writer.decide(decide))
    except StaleError as error:  # another process has declared it between the read and the write
        raise HasMovedError(f"task {task!r} has just moved", hint="try again") from error
    return decision.replies[0].answer
