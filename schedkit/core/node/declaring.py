"""Tasks that are declared here and decided, once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import anyio

from schedkit.core.engine.snapshot import OutdatedError
from schedkit.core.model import Task
from schedkit.core.node.life import Life
from schedkit.core.promise import Promise
from schedkit.core.store.refusals import RefusedRowError, StaleError

__all__ = ["declare_once"]

_log = logging.getLogger("schedkit")

# A store that is away must not hold up the cell that declares: how long it may have taken no writes, and how
# long a declaration waits at most, as for a lock that another program holds.
AWAY_SECONDS = 1.0
DECLARE_SECONDS = 10.0


async def declare_once(
    life: Life, tasks: Sequence[Task], *, alone: bool, inherits: bool = False
) -> list[Task]:
    """Have tasks at home with a life, or standing by; return those for which another process was quicker.

    `alone`, `inherits` and what is raised are those of `Node.declare`.
    """
    tokens = [Promise[dict[str, Any]]() for _ in tasks]
    told, refused = await life.declarations.settle(
        tasks,
        life.engine.rows,
        life.lease.life,
        tokens,
        life.decisions.decisions_written,
        inherits=inherits,
    )
    life.post(*told)
    for error in refused:
        if alone:
            raise error
        _log.error("%s", error)
    stale: list[Task] = []
    # It is known from here on, whether it is written or not.
    with anyio.move_on_after(DECLARE_SECONDS):
        for task, token in zip(tasks, tokens, strict=True):
            try:
                await life.written_unless_away(token, AWAY_SECONDS)
            except (StaleError, RefusedRowError, OutdatedError):
                stale.append(task)
    life.declarations.settled({task.name for task in tasks} - {task.name for task in stale})
    return stale
