"""Writes whose answer does not tell whether they took effect: look at the site before sending another."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from schedkit import context
from schedkit.errors import SiteError
from schedkit.values.rng import chance

__all__ = ["LostAnswers", "add_words"]

# Waits before looking: long enough for others to finish, never in step with them.
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 2.0


class LostAnswers:
    """The failed tries of one write.

    Each turn of the caller's loop looks whether the site shows the write, calls `check`, and sends it; what
    sending raises goes to `failed`.

    Parameters
    ----------
    until : float
        When to give up, by the monotonic clock.
    twins : sequence of int
        The statuses with which a site refuses what another writer has made meanwhile; looked up twice.
    without : str
        What is to be said of a write that had no effect.
    """

    def __init__(
        self, until: float, twins: tuple[int, ...] = (), without: str = "nothing was written"
    ) -> None:
        self.until = until
        self.twins = twins
        self.without = without
        self.failures = 0
        self._refused = 0
        self._last: SiteError | None = None

    @property
    def retries(self) -> int | None:
        """How often a request that looks is repeated: what answers a write with a web page does so again."""
        return 1 if self._last is not None and self._last.final else None

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look at the site; if that fails, the error says that the outcome of the write is unknown."""
        try:
            yield
        except SiteError as error:
            if self._last is None or not self._last.maybe_done:
                raise
            raise add_words(self._last, f"whether it was written is unknown: {error.message}") from None

    def check(self) -> None:
        """Raise the last failure if it would repeat itself: the site does not show the write."""
        if self._last is not None and self._last.final:
            self._last.maybe_done = False
            raise add_words(self._last, self.without)

    async def failed(self, error: SiteError) -> None:
        """Wait until it is time to look at the site; raises `error` if there is nothing to wait for."""
        self._refused += not error.maybe_done
        twin = error.status in self.twins and self._refused <= 2
        if not (error.maybe_done or twin):
            raise error
        self.failures += 1
        self._last = error
        context.log(f"{error.message}; looking at the site before writing again", logging.WARNING)
        if not error.final:
            await self.pause(error, self.failures)

    async def pause(self, error: SiteError, times: int) -> None:
        """Wait before the next try; raises `error` if the time is up."""
        wait = chance.uniform(0.3, 1.0) * min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(times - 1, 8))
        if time.monotonic() + wait > self.until:
            tried = f"gave up after {times} tries; give apply(deadline=…) more seconds, or run it again"
            error.hint = f"{error.hint}; {tried}" if error.hint else tried
            raise error
        await anyio.sleep(wait)


def add_words(error: SiteError, words: str) -> SiteError:
    """Return an error whose message ends in more words."""
    error.message = f"{error.message}; {words}"
    error.args = (error.message,)
    return error
