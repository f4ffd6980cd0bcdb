"""Tasks that are declared here: decided, and decided again where the ledger has changed meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import anyio

from schedkit.core.engine.snapshot import OutdatedError
from schedkit.core.model import Task
from schedkit.core.node.life import Life
from schedkit.core.promise import Promise
from schedkit.core.store.refusals import RefusedRowError, StaleError
from schedkit.errors import LifeEndedError, NotRunningError

__all__ = ["declare_all", "declare_once"]

_log = logging.getLogger("schedkit")

# A store that is away must not hold up the cell that declares: how long it may have taken no writes, and how
# long a declaration waits at most, as for a lock that another program holds.
AWAY_SECONDS = 1.0
DECLARE_SECONDS = 10.0
# How often a declaration is decided again at once because the ledger has changed since it was read.
DECLARE_TRIES, DECLARE_PAUSE_SECONDS = 20, 0.02
# What is read of so many tasks is compared with all that this process writes until they are in the ledger;
# and PostgreSQL takes 65,535 parameters.
DECLARED_AT_ONCE = 1000


async def declare_all(
    present: Callable[[], Life | None],
    stopping: Callable[[], bool],
    tasks: Sequence[Task],
    *,
    alone: bool,
    inherits: bool,
) -> Sequence[Task] | None:
    """Declare tasks, some times where that is refused; return those that are to be declared later.

    None if the life has ended: the next one declares all known tasks.

    Parameters
    ----------
    present, stopping : callable
        Return the present life, and whether it is being stopped.
    tasks, alone, inherits
        As for `Node.declare`, and so is what is raised.
    """
    later: list[Task] = []
    for begin in range(0, len(tasks), DECLARED_AT_ONCE):
        left = await _declare_again(
            present, stopping, tasks[begin : begin + DECLARED_AT_ONCE], alone=alone, inherits=inherits
        )
        if left is None:
            return None
        later += left
    return later


async def _declare_again(
    present: Callable[[], Life | None],
    stopping: Callable[[], bool],
    tasks: Sequence[Task],
    *,
    alone: bool,
    inherits: bool,
) -> Sequence[Task] | None:
    left = tasks
    for _ in range(DECLARE_TRIES):
        life = present()
        if life is None:
            return None
        try:
            left = await declare_once(life, left, alone=alone, inherits=inherits)
        except (LifeEndedError, NotRunningError) as error:
            lost = isinstance(error, LifeEndedError) or life is not present()
            if stopping() or not lost:
                raise
            return None
        if not left:
            return left
        await anyio.sleep(DECLARE_PAUSE_SECONDS)
    _log.warning(
        "task %r is not at home here yet: other processes declare it too, or runs of the tasks that it "
        "comes after change faster than the ledger is read; it is tried again",
        left[0].name,
    )
    return left


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
