"""What a node's clocks say; its engine is told, and reads none itself."""

from __future__ import annotations

import time
from collections.abc import Callable

from schedkit.values.instants import SECOND, wall_now

__all__ = ["Clock", "StoreClock"]


class Clock:
    """The clocks of this machine, in microseconds."""

    def wall(self) -> int:
        """Return the present since 1970; it may jump."""
        return wall_now()

    def steady(self) -> int:
        """Return the present on a clock that never jumps."""
        return int(time.monotonic() * SECOND)


class StoreClock(Clock):
    """The clocks of this machine, with the wall clock of the store.

    Parameters
    ----------
    offset : callable
        Returns how many microseconds the store's is ahead.
    """

    def __init__(self, clock: Clock, offset: Callable[[], int]) -> None:
        self._clock, self._offset = clock, offset

    def wall(self) -> int:
        """Return the store's present since 1970."""
        return self._clock.wall() + self._offset()

    def steady(self) -> int:
        """Return the present on a clock that never jumps."""
        return self._clock.steady()
