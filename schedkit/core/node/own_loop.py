"""Calls into the loop on which a node runs, from any thread.

The one place where a node needs asyncio itself: anyio's own ways in cost ten times as much (150 µs).
"""

from __future__ import annotations

import asyncio  # anyio's ways into a loop from another thread cost ten times as much
from collections.abc import Callable

__all__ = ["OwnLoop"]


class OwnLoop:
    """The running loop.

    Attributes
    ----------
    call : callable
        ``call(function, *args)`` has a function called on the loop soon; from any thread.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.call: Callable[..., object] = self._loop.call_soon_threadsafe

    def later(self, seconds: float, function: Callable[[], object]) -> Callable[[], None]:
        """Have a function called on the loop after some seconds; on the loop. Returns what cancels it."""
        return self._loop.call_later(seconds, function).cancel
