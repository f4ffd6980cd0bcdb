"""The clocks of a node. Its engine reads none; it gets the time as an argument."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from schedkit.core.store.lives import Lease
from schedkit.values.instants import SECOND, wall_now

__all__ = ["Clock", "ClockSteps", "SetBack", "StoreClock"]

# Smaller steps back, as of a time server, are no news.
STEP_SECONDS = 60.0


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
    wall : callable
        The wall clock of this machine.
    lease : Lease
        Knows by how much the store's clock is ahead.
    """

    def __init__(self, wall: Callable[[], int], lease: Lease) -> None:
        self._wall, self._lease = wall, lease

    def wall(self) -> int:
        """Return the store's present since 1970."""
        return self._wall() + self._lease.offset


class SetBack(msgspec.Struct, frozen=True):
    """The wall clock was set back: `at` that time by the new clock, by so many seconds.

    Due times before `until`, microseconds since 1970, have been handled: none repeats.
    """

    at: int
    seconds: float
    until: int


class ClockSteps:
    """Notices when the wall clock is set back.

    Attributes
    ----------
    back : SetBack or None
        The last time it was, until the clock has caught up.
    """

    def __init__(self) -> None:
        self.back: SetBack | None = None
        self._last: tuple[int, int] | None = None

    def look(self, wall: int, steady: int) -> SetBack | None:
        """Take what both clocks say; return the step if the wall clock was set back since the last time.

        Examples
        --------
        >>> steps = ClockSteps()
        >>> steps.look(7200 * SECOND, 0)
        >>> steps.look(3601 * SECOND, SECOND)
        SetBack(at=3601000000, seconds=3600.0, until=7200000000)
        """
        last, self._last = self._last, (wall, steady)
        if self.back is not None and wall >= self.back.until:
            self.back = None
        if last is None:
            return None
        step = (wall - last[0]) - (steady - last[1])
        if step > -STEP_SECONDS * SECOND:
            return None
        until = last[0] if self.back is None else max(last[0], self.back.until)
        self.back = SetBack(wall, -step / SECOND, until)
        return self.back
