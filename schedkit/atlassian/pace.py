"""How fast a site may be asked: one window per endpoint, additive increase, multiplicative decrease.

The window halves once per burst (requests already under way when the site complained do not halve it
again) and grows by one after a window's worth of good answers. Other endpoints keep their pace.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import anyio

__all__ = ["Clock", "Gate", "Pace"]

# Good answers until one refusal is forgotten.
CALM = 8


class Clock:
    """Time as a site sees it; tests pass one that does not wait."""

    def time(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the wall-clock time."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`."""
        await anyio.sleep(seconds)


@dataclass(slots=True)
class Pace:
    """The pace of one endpoint: values and arithmetic, no waiting."""

    ceiling: int
    window: float = 0.0
    in_flight: int = 0
    not_before: float = float("-inf")
    cut_at: float = float("-inf")
    strikes: int = 0
    praises: int = 0

    def __post_init__(self) -> None:
        self.window = self.window or float(self.ceiling)

    def open(self, now: float) -> bool:
        """Tell whether one more request may start."""
        return now >= self.not_before and self.in_flight < int(self.window)

    def praised(self) -> None:
        """Take note of a good answer."""
        self.window = min(float(self.ceiling), self.window + 1 / self.window)
        self.praises += 1
        if self.praises >= CALM:
            # Forgotten slowly: one good answer after a wait does not mean that the wait was too long.
            self.strikes = max(0, self.strikes - 1)
            self.praises = 0

    def limited(self, started: float, now: float, delay: float) -> None:
        """Take note that a request started at `started` was refused for `delay` seconds."""
        self.not_before = max(self.not_before, now + delay)
        if started >= self.cut_at:
            self.window = max(1.0, self.window / 2)
            self.cut_at = now
            self.strikes += 1
            self.praises = 0


@dataclass(slots=True)
class Gate:
    """Lets requests through at the pace of their endpoint."""

    ceiling: int
    clock: Clock
    paces: dict[str, Pace] = field(default_factory=dict)
    waiting: dict[str, deque[anyio.Event]] = field(default_factory=dict)

    def pace(self, endpoint: str) -> Pace:
        """Return the pace of an endpoint."""
        return self.paces.setdefault(endpoint, Pace(self.ceiling))

    @asynccontextmanager
    async def enter(self, endpoint: str) -> AsyncIterator[float]:
        """Wait for a place, hold it for the ``with`` block; yields the time of the start."""
        pace = self.pace(endpoint)
        queue = self.waiting.setdefault(endpoint, deque())
        while True:
            now = self.clock.time()
            if now < pace.not_before:
                await self.clock.sleep(pace.not_before - now)
            elif pace.open(now):
                break
            else:
                await self._turn(endpoint, queue)
        pace.in_flight += 1
        try:
            yield now
        finally:
            pace.in_flight -= 1
            self._wake(pace, queue)

    async def _turn(self, endpoint: str, queue: deque[anyio.Event]) -> None:
        turn = anyio.Event()
        queue.append(turn)
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():
                # Woken and cancelled at once: the place goes to the next.
                self._wake(self.pace(endpoint), queue)
            else:
                queue.remove(turn)
            raise

    @staticmethod
    def _wake(pace: Pace, queue: deque[anyio.Event]) -> None:
        for _ in range(min(len(queue), max(0, int(pace.window) - pace.in_flight))):
            queue.popleft().set()
