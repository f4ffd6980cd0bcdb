"""A command left for another process, and its answer awaited."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import anyio
import anyio.to_thread

from schedkit.core.node.commands import answered
from schedkit.core.node.wakeups import send_wakeup
from schedkit.core.store.lives import NodeRow
from schedkit.core.store.reader import Ledger
from schedkit.errors import NotRunningError

__all__ = ["send_command"]

LOOK_SECONDS = 0.05
# A process that died may have an heir, which takes a moment; without one nobody will ever answer.
HEIR_SECONDS = 5.0


async def send_command(
    ledger: Ledger,
    actor: str,
    kind: str,
    data: Mapping[str, Any],
    *,
    timeout: float,
    task: str | None = None,
    life: str | None = None,
) -> dict[str, Any]:
    """Leave a command for the home of a task, or for a life, and return its answer.

    Raises
    ------
    NotRunningError
        If nobody has answered within `timeout` seconds, or nobody has lived for a while who could; the
        command is withdrawn then.
    SchedkitError
        If it cannot be carried out; says why.
    """
    leave = functools.partial(ledger.ask, actor, kind, data, task=task, life=life)
    command = await anyio.to_thread.run_sync(leave)
    node = await anyio.to_thread.run_sync(_asked, ledger, task, life)
    if node is not None:
        await anyio.to_thread.run_sync(send_wakeup, ledger.store, [node.address])
    until, seen = anyio.current_time() + timeout, anyio.current_time()
    while anyio.current_time() < until:
        row = await anyio.to_thread.run_sync(ledger.command, command)
        if row is not None and row.answer is not None:
            return answered(row.answer)
        if await anyio.to_thread.run_sync(_asked, ledger, task, life) is not None:
            seen = anyio.current_time()
        elif anyio.current_time() - seen > HEIR_SECONDS:
            break
        await anyio.sleep(LOOK_SECONDS)
    node = await anyio.to_thread.run_sync(_asked, ledger, task, life)
    if not await anyio.to_thread.run_sync(ledger.withdraw, command):
        row = await anyio.to_thread.run_sync(ledger.command, command)
        if row is not None and row.answer is not None:  # it came at the last moment
            return answered(row.answer)
    whose = "the process that was asked has ended" if node is None else f"asked: {node}"
    raise NotRunningError(
        f"nobody has answered {kind!r} at the ledger {ledger.store}; {whose}",
        hint="the command is withdrawn; ask again when a process runs that has the task",
    )


def _asked(ledger: Ledger, task: str | None, life: str | None) -> NodeRow | None:
    if life is None:
        return None if task is None else ledger.home(task)
    return next((node for node in ledger.nodes() if node.life == life and node.alive), None)
