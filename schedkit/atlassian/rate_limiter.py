"""How fast a site may be asked: one window per endpoint, additive increase, multiplicative decrease.

The window halves once per burst (requests already under way when the site complained do not halve it
again) and grows by one after a window's worth of good answers. Where the site tells how many requests are
left, and how fast they come back, that is kept too, before it has to complain. Other endpoints keep their
pace.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import anyio

from schedkit import context
from schedkit.errors import RateLimitedError
from schedkit.values.durations import elapsed_text
from schedkit.values.limits import MAX_SITE_WAIT

__all__ = ["Budget", "Clock", "Gate", "Pace", "RateLimiter"]

# Good answers until one refusal is forgotten.
CALM = 8
# Longer waits are logged, and logged again in each such interval.
TOLD_SECONDS = 5.0
TELL_EVERY = 60.0
# The longest wait that is told: 1e300 seconds are absurd, and their number fills a screen.
_YEAR = 365 * 86400.0


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

    async def wait(self, seconds: float, why: str) -> None:
        """Wait `seconds`; a long wait is logged in the run every minute."""
        until = self.time() + seconds
        while seconds > 0:
            if seconds >= TOLD_SECONDS:
                context.log(f"{why}: waiting {elapsed_text(seconds)}")
            await self.sleep(min(seconds, TELL_EVERY))
            seconds = until - self.time()


@dataclass(frozen=True, slots=True)
class Budget:
    """What a site says about the requests that it will still take.

    Parameters
    ----------
    left : float
        So many now.
    most : float
        So many after a rest.
    rate : float
        So many more each second; 0 if it does not say.
    reset : float, optional
        Seconds until all are back.
    """

    left: float
    most: float
    rate: float = 0.0
    reset: float | None = None


@dataclass(slots=True)
class RateLimiter:
    """The request rate of one endpoint: values and arithmetic, no waiting.

    `holding` requests have a place, of which `sent` are under way. `left` is what the site's last word about
    it leaves to send, as of `left_at`. What a site says of waiting is believed for `believed` seconds.
    """

    ceiling: int
    believed: float = MAX_SITE_WAIT
    window: float = 0.0
    holding: int = 0
    sent: int = 0
    not_before: float = float("-inf")
    told_at: float = float("-inf")
    cut_at: float = float("-inf")
    backoff_level: int = 0
    successes: int = 0
    left: float = float("inf")
    most: float = float("inf")
    rate: float = 0.0
    left_at: float = 0.0
    started: int = 0
    last_answer: int = 0

    def __post_init__(self) -> None:
        self.window = self.window or float(self.ceiling)

    @property
    def places(self) -> int:
        """How many requests may hold a place."""
        if self.rate or self.left >= self.window:
            return int(self.window)
        # The time of the refill is unknown: send one request at a time, each answer reports the budget.
        return min(int(self.window), self.sent + max(0, int(self.left))) or 1

    def wait(self, now: float) -> float:
        """Return how many seconds the next request has to wait."""
        seconds = self.not_before - now if self._believes(self.told_at, now) else 0.0
        if self.rate and self._believes(self.left_at, now):
            # Sites tell whole requests, rounded: one is kept in hand, if the bucket holds several.
            enough = 2 if self.most > 2 else 1
            seconds = max(seconds, (enough - self._available(now)) / self.rate)
        return min(_YEAR, max(0.0, seconds))

    def on_start(self, now: float) -> int:
        """Take note that a request is sent; returns its number."""
        self.left, self.left_at = self._available(now) - 1, now
        self.sent += 1
        self.started += 1
        return self.started

    def on_answer(self, now: float, budget: Budget | None, number: int) -> None:
        """Take note of what is left by the answer to a request, which still counts as sent."""
        if number < self.last_answer:
            return  # overtaken by the answer to a later request
        self.last_answer = number
        if budget is None:
            self.left, self.rate = float("inf"), 0.0
            return
        # Those under way may or may not be counted in it; the next answer shows it.
        self.left, self.left_at = budget.left - (self.sent - 1), now
        self.most, self.rate = budget.most, budget.rate
        if budget.left < 1 and budget.reset and not budget.rate:
            self._hold(now, budget.reset)

    def _available(self, now: float) -> float:
        return min(self.most, self.left + (now - self.left_at) * self.rate)

    def _hold(self, now: float, seconds: float) -> None:
        """Take note that the site takes no request for so long."""
        earlier = self.not_before if self._believes(self.told_at, now) else now
        self.not_before, self.told_at = max(earlier, now + seconds), now

    def _believes(self, told_at: float, now: float) -> bool:
        return now < told_at + self.believed

    def on_success(self) -> None:
        """Take note of a good answer."""
        self.window = min(float(self.ceiling), self.window + 1 / self.window)
        self.successes += 1
        if self.successes >= CALM:
            # Forgotten slowly: one good answer after a wait does not mean that the wait was too long.
            self.backoff_level = max(0, self.backoff_level - 1)
            self.successes = 0

    def on_refusal(self, started: float, now: float, delay: float) -> None:
        """Take note that a request started at `started` was refused for `delay` seconds."""
        self._hold(now, delay)
        if self.rate:
            self.left, self.left_at = min(self._available(now), 0.0), now
        if started >= self.cut_at:
            self.window = max(1.0, self.window / 2)
            self.cut_at = now
            self.backoff_level += 1
            self.successes = 0


class Pace:
    """At most `count` starts in any `seconds` seconds."""

    def __init__(self, count: int, seconds: float) -> None:
        self._seconds = seconds
        self._starts: deque[float] = deque(maxlen=count)

    def wait(self, now: float) -> float:
        """Return how many seconds the next start has to wait."""
        if len(self._starts) < (self._starts.maxlen or 0):
            return 0.0
        return max(0.0, self._starts[0] + self._seconds - now)

    def book(self, now: float) -> None:
        """Reserve the next start, for a caller that then waits `wait` seconds."""
        self._starts.append(now + self.wait(now))


@dataclass(slots=True)
class Gate:
    """Admits requests at the rate of their endpoint; `patience` is how many seconds one may wait.

    `pace` holds for all endpoints together.
    """

    ceiling: int
    clock: Clock
    patience: float = float("inf")
    site: str = "the site"
    pace: Pace | None = None
    limiters: dict[str, RateLimiter] = field(default_factory=dict)
    waiting: dict[str, deque[anyio.Event]] = field(default_factory=dict)

    def limiter(self, endpoint: str) -> RateLimiter:
        """Return the limiter of an endpoint."""
        if endpoint not in self.limiters:
            self.limiters[endpoint] = RateLimiter(self.ceiling, max(self.patience, MAX_SITE_WAIT))
        return self.limiters[endpoint]

    @asynccontextmanager
    async def enter(self, endpoint: str) -> AsyncIterator[tuple[float, int]]:
        """Wait for a place, hold it for the ``with`` block; yields the start's time and number.

        Raises
        ------
        RateLimitedError
            If the site accepts no request before patience ends; its `status` is None.
        """
        limiter = self.limiter(endpoint)
        queue = self.waiting.setdefault(endpoint, deque())
        while limiter.holding >= limiter.places:
            await self._turn(endpoint, queue)
        limiter.holding += 1
        try:
            await self._pass(endpoint, limiter)
            started = self.clock.time()
            number = limiter.on_start(started)
            try:
                yield started, number
            finally:
                limiter.sent -= 1
        finally:
            limiter.holding -= 1
            self._wake(limiter, queue)

    async def _pass(self, endpoint: str, limiter: RateLimiter) -> None:
        """Wait until the site accepts the next request."""
        left = self.patience
        while (seconds := limiter.wait(self.clock.time())) > 0:
            if seconds > left:
                raise RateLimitedError(
                    f"{self.site} accepts no {endpoint} for another {elapsed_text(seconds)}",
                    hint="try again then, or raise patience=",
                    retry_in=seconds,
                )
            left -= seconds
            await self.clock.wait(seconds, f"{self.site} limits {endpoint}")
        if self.pace is None:
            return
        now = self.clock.time()
        if (seconds := self.pace.wait(now)) > left:
            raise RateLimitedError(
                f"{self.site}: its rate= admits no request for another {elapsed_text(seconds)}",
                hint="try again then, or raise rate= or patience=",
                retry_in=seconds,
            )
        self.pace.book(now)
        await self.clock.wait(seconds, f"rate= of {self.site}")

    async def _turn(self, endpoint: str, queue: deque[anyio.Event]) -> None:
        turn = anyio.Event()
        queue.append(turn)
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():
                # Woken and cancelled at once: the place goes to the next.
                self._wake(self.limiter(endpoint), queue)
            else:
                queue.remove(turn)
            raise

    @staticmethod
    def _wake(limiter: RateLimiter, queue: deque[anyio.Event]) -> None:
        for _ in range(min(len(queue), max(0, limiter.places - limiter.holding))):
            queue.popleft().set()
