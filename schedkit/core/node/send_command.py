"""Sends a command to another process through the ledger, and waits for its answer."""

from __future__ import annotations

import functools
from typing import Any

import anyio
import anyio.to_thread

from schedkit.core.node.apart import HasMovedError
from schedkit.core.node.commands import Command
from schedkit.core.node.wakeups import send_wakeup
from schedkit.core.store.lives import NodeRow
from schedkit.core.store.reader import Ledger
from schedkit.core.store.refusals import RefusedRowError
from schedkit.errors import (
    DeclarationError,
    NotRunningError,
    ParameterError,
    SchedkitError,
    TriggerError,
    UsageError,
)

__all__ = ["ANSWER_SECONDS", "send_command"]

# How long an answer is waited for.
ANSWER_SECONDS = 30.0
LOOK_SECONDS = 0.05
# A process that died may have an heir, which takes a moment; without one no answer will come.
HEIR_SECONDS = 5.0

# What wrong input is called, wherever it is refused.
_REFUSALS: dict[str, type[SchedkitError]] = {
    kind.__name__: kind
    for kind in (
        *(UsageError, DeclarationError, TriggerError, ParameterError),
        *(NotRunningError, HasMovedError, RefusedRowError),
    )
}


async def send_command(
    ledger: Ledger, command: Command, *, life: str | None = None, timeout: float = ANSWER_SECONDS
) -> dict[str, Any]:
    """Leave a command for the home of its task, or for a life, and return its answer.

    Raises
    ------
    NotRunningError
        If no process has answered within `timeout` seconds, or none has lived for a while that could; the
        command is withdrawn then.
    SchedkitError
        If it cannot be carried out; says why.
    """
    leave = functools.partial(ledger.ask, command.actor, command.kind, command.data)
    id = await anyio.to_thread.run_sync(functools.partial(leave, task=command.task, life=life))
    answer, withdrawn = None, False
    try:
        answer = await _answer(ledger, id, command.task, life, timeout)
    finally:
        if answer is None:  # also when the caller waits no longer
            with anyio.CancelScope(shield=True):
                withdrawn = await anyio.to_thread.run_sync(ledger.withdraw, id)
    if answer is None and not withdrawn:  # it came at the last moment
        row = await anyio.to_thread.run_sync(ledger.command, id)
        answer = None if row is None else row.answer
    if answer is not None:
        return _checked(answer)
    node = await anyio.to_thread.run_sync(_asked, ledger, command.task, life)
    whose = "the process that was asked has ended" if node is None else f"asked: {node}"
    raise NotRunningError(
        f"no process has answered {command.kind!r} at the ledger {ledger.store}; {whose}",
        hint="the command is withdrawn; ask again when a process runs that has the task",
    )


async def _answer(
    ledger: Ledger, id: str, task: str | None, life: str | None, timeout: float
) -> dict[str, Any] | None:
    """Return the answer to a command; None: none came in time, or no process is left to give one."""
    node = await anyio.to_thread.run_sync(_asked, ledger, task, life)
    if node is not None:
        await anyio.to_thread.run_sync(send_wakeup, ledger.store, [node.address])
    until, seen = anyio.current_time() + timeout, anyio.current_time()
    while anyio.current_time() < until:
        row = await anyio.to_thread.run_sync(ledger.command, id)
        if row is not None and row.answer is not None:
            return row.answer
        if await anyio.to_thread.run_sync(_asked, ledger, task, life) is not None:
            seen = anyio.current_time()
        elif anyio.current_time() - seen > HEIR_SECONDS:
            return None
        await anyio.sleep(LOOK_SECONDS)
    return None


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer, or raise why the command could not be carried out."""
    if "error" in answer:
        kind = _REFUSALS.get(answer.get("type", ""), SchedkitError)
        raise kind(answer["error"], hint=answer.get("hint", ""))
    return answer


def _asked(ledger: Ledger, task: str | None, life: str | None) -> NodeRow | None:
    if life is None:
        return None if task is None else ledger.home(task)
    return next((node for node in ledger.nodes() if node.life == life and node.alive), None)
