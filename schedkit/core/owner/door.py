"""The way in: calls from any thread reach the owner's loop in order, many at a time."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

__all__ = ["Door"]

_log = logging.getLogger("schedkit")

# Calls handled before other work on the loop has its turn: as many runs as one turn starts, so that a run is
# written once, as started; fewer while other work is pressing.
AT_ONCE = 50
AT_ONCE_PRESSED = 5


class Door:
    """Runs callables on `loop`, then `after` once for all of them.

    One wake-up of the loop serves however many calls have come in meanwhile; that, and not a future for
    each, is what a hundred submitting threads need.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, after: Callable[[], object], pressed: Callable[[], bool]
    ) -> None:
        self._loop = loop
        self._after = after
        self._pressed = pressed
        self._calls: deque[Callable[[], object]] = deque()
        self._awake = False

    def put(self, call: Callable[[], object]) -> None:
        """Have `call` run on the loop soon; from any thread."""
        self._calls.append(call)
        # A wake-up too many is harmless, one too few is not: the flag falls before the calls are taken.
        if not self._awake:
            self._awake = True
            self._loop.call_soon_threadsafe(self._serve)

    def _serve(self) -> None:
        self._awake = False
        for _ in range(AT_ONCE_PRESSED if self._pressed() else AT_ONCE):
            try:
                call = self._calls.popleft()
            except IndexError:
                break
            try:
                call()
            except Exception:
                _log.exception("a call into the scheduler's loop failed")
        else:
            if self._calls and not self._awake:
                self._awake = True
                self._loop.call_soon(self._serve)
        self._after()
