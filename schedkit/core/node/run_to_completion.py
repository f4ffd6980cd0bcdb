"""Coroutines that must not end in the middle."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

__all__ = ["whole"]

P = ParamSpec("P")

# The loop itself holds its tasks weakly.
_going_on: set[asyncio.Task[None]] = set()


def whole(work: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, Coroutine[Any, Any, None]]:
    """Let a coroutine function go on to its end when who awaits it is cancelled, e.g. by Interrupt."""

    @functools.wraps(work)
    async def begun(*args: P.args, **kwargs: P.kwargs) -> None:
        task = asyncio.ensure_future(work(*args, **kwargs))
        _going_on.add(task)
        task.add_done_callback(_ended)
        await asyncio.shield(task)

    return begun


def _ended(task: asyncio.Task[None]) -> None:
    _going_on.discard(task)
    if not task.cancelled():
        task.exception()  # told to who awaits it; where nobody does any more, there is nobody to tell
