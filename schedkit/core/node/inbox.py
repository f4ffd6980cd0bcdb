"""Stimuli on their way from any thread to the one that decides."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import anyio
import anyio.lowlevel

from schedkit.core.engine.stimuli import Stimulus
from schedkit.core.node.own_loop import OwnLoop

__all__ = ["Inbox"]


class Inbox:
    """Stimuli in their order, and one wake-up for however many come in meanwhile.

    That, and not a future for each, is what a hundred submitting threads need: a call into the loop
    costs 11 µs, anyio's own ways in 150, an entry here 0.5.
    """

    def __init__(self) -> None:
        self._loop = OwnLoop()
        self._waiting: deque[Stimulus] = deque()
        self._first: deque[Stimulus] = deque()  # to be decided again, before all others
        self._awake = False
        self._wake, self._empty = anyio.Event(), anyio.Event()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._first)

    def put(self, stimuli: Sequence[Stimulus]) -> None:
        """Add stimuli; from any thread."""
        self._waiting.extend(stimuli)
        # A wake-up too many is harmless, one too few is not: the flag falls before the stimuli are taken.
        if not self._awake:
            self._awake = True
            self._loop.call(self.wake)

    def put_back(self, stimuli: Sequence[Stimulus]) -> None:
        """Let stimuli come again, before all others."""
        self._first.extendleft(reversed(stimuli))

    def wake(self) -> None:
        """End the wait; on the loop."""
        self._wake.set()

    def wake_soon(self) -> None:
        """End the wait; from any thread."""
        self._loop.call(self.wake)

    async def wait(self, seconds: float) -> None:
        """Wait for stimuli for so many seconds at most; let others have their turn in any case."""
        if seconds > 0 and not len(self):
            with anyio.move_on_after(seconds):
                await self._wake.wait()
        else:
            await anyio.lowlevel.checkpoint()
        self._wake = anyio.Event()
        self._awake = False

    def take(self, most: int) -> list[Stimulus]:
        """Remove the first stimuli and return them."""
        found = self._first or self._waiting
        return [found.popleft() for _ in range(min(len(found), most))]

    def taken(self) -> None:
        """Note that what was taken is decided."""
        if not len(self):
            self._empty.set()

    async def emptied(self) -> None:
        """Wait until all that is there now is decided."""
        while len(self):
            if self._empty.is_set():  # else a caller waits for it already
                self._empty = anyio.Event()
            await self._empty.wait()

    def clear(self) -> Iterable[Stimulus]:
        """Remove what was never decided and return it; from any thread."""
        for stimuli in (self._first, self._waiting):
            while stimuli:
                yield stimuli.popleft()
