"""A command left for the owner, and its answer awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from schedkit.core.node.commands import answered
from schedkit.core.store.reader import Ledger
from schedkit.errors import NotOwnerError

__all__ = ["send_command"]

LOOK_SECONDS = 0.05
# An owner that died may have an heir, which takes a moment; without one nobody will ever answer.
HEIR_SECONDS = 5.0


async def send_command(
    ledger: Ledger, who: str, kind: str, data: Mapping[str, Any], *, timeout: float
) -> dict[str, Any]:
    """Leave a command and return its answer.

    Raises
    ------
    NotOwnerError
        If no owner has answered within `timeout` seconds, or there has been none for a while; the command
        is withdrawn then.
    SchedkitError
        If the owner cannot do it; says why.
    """
    command = await asyncio.to_thread(ledger.ask, who, kind, data)
    loop = asyncio.get_running_loop()
    until, seen = loop.time() + timeout, loop.time()
    while loop.time() < until:
        row = await asyncio.to_thread(ledger.command, command)
        if row is not None and row.answer is not None:
            return answered(row.answer)
        holder = await asyncio.to_thread(ledger.holder)
        if holder is not None and holder.alive:
            seen = loop.time()
        elif loop.time() - seen > HEIR_SECONDS:
            break
        await asyncio.sleep(LOOK_SECONDS)
    holder = await asyncio.to_thread(ledger.holder)
    if not await asyncio.to_thread(ledger.withdraw, command):
        row = await asyncio.to_thread(ledger.command, command)
        if row is not None and row.answer is not None:  # it came at the last moment
            return answered(row.answer)
    if holder is not None and not holder.alive:
        whose, then = f"its owner, {holder}, has ended", "take_over() makes this process the owner"
    else:
        whose, then = f"owner: {holder or 'nobody'}", "ask again when an owner runs"
    raise NotOwnerError(
        f"nobody has answered {kind!r} at the ledger {ledger.store}; {whose}",
        hint=f"the command is withdrawn; {then}",
    )
