"""The connection of a home with a Dask scheduler."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import AsyncExitStack
from typing import Any

import anyio

__all__ = ["CONNECT_SECONDS", "Connection", "connected", "within"]

# How long connecting may take.
CONNECT_SECONDS = 5.0
# For how long messages to the scheduler are gathered. Dask does so for 10 ms, for which the places of short
# calls on their workers would stay free.
SEND_SECONDS = 0.001


async def connected(stack: AsyncExitStack, address: str) -> Connection:
    """Return a connection that lasts as long as the stack."""
    import distributed

    client = distributed.Client(address, asynchronous=True, set_as_default=False, timeout=CONNECT_SECONDS)
    return Connection(await stack.enter_async_context(client))


class Connection:
    """Dask's client while it is connected to the scheduler that it has connected to first.

    The client reconnects by itself, but a restarted scheduler does not know its topics and sends no events.
    """

    def __init__(self, client: Any) -> None:
        self.client, self._stream = client, client.scheduler_comm
        self._stream.interval = SEND_SECONDS

    @property
    def lasts(self) -> bool:
        """Whether it was never lost."""
        return self.client.scheduler_comm is self._stream and self.client.status != "closed"


async def within(seconds: float, waits: Awaitable[object]) -> None:
    """Wait for so long at most."""
    with anyio.move_on_after(seconds):
        await waits
