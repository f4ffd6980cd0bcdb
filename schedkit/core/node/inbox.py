"""Stimuli on their way from any thread to the one that decides."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

import anyio
import anyio.lowlevel

from schedkit.core.engine.stimuli import Stimulus
from schedkit.core.node.own_loop import OwnLoop

__all__ = ["Inbox"]


class Inbox:
    """Stimuli in their order, and one wake-up for however many come in meanwhile.

    That, and not a future for each, is what a hundred submitting threads need: a call into the loop
    costs 11 µs, anyio's own ways in 150, an entry here 0.5.

    Parameters
    ----------
    refuse : callable
        Called with what is never decided and the reason: after `close`, from any thread.

    Attributes
    ----------
    closed : Exception or None
        Why nothing is decided any more.
    """

    def __init__(self, refuse: Callable[[Iterable[Stimulus], Exception], object]) -> None:
        self.closed: Exception | None = None
        self._refuse = refuse
        self._loop = OwnLoop()
        self._waiting: deque[Stimulus] = deque()
        self._first: deque[Stimulus] = deque()  # to be decided again, before all others
        self._awake = False
        self._wake, self._empty = anyio.Event(), anyio.Event()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._first)

    def post(self, *stimuli: Stimulus) -> None:
        """Have stimuli decided soon, in their order; from any thread. After `close` they are refused."""
        closed = self.closed
        if closed is not None:  # the loop may be closed too, and must not be woken
            self._refuse(stimuli, closed)
            return
        self._waiting.extend(stimuli)
        # A wake-up too many is harmless, one too few is not: the flag falls before the stimuli are taken.
        if not self._awake:
            self._awake = True
            self._loop.call(self._wake.set)
        if self.closed is not None:  # meanwhile
            self._refuse(self._left(), self.closed)

    def put_back(self, stimuli: Sequence[Stimulus]) -> None:
        """Let stimuli come again, before all others."""
        self._first.extendleft(reversed(stimuli))

    def wake(self) -> None:
        """End the wait; from any thread."""
        self._loop.call(self._wake.set)

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

    def close(self, error: Exception) -> None:
        """Refuse what is posted from now on and what is not decided yet; the first reason counts."""
        if self.closed is None:
            self.closed = error
        self._refuse(self._left(), self.closed)
        self.taken()

    def _left(self) -> Iterable[Stimulus]:
        """Remove what was never decided and return it."""
        for stimuli in (self._first, self._waiting):
            while stimuli:
                yield stimuli.popleft()
