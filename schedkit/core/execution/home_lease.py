"""How long code on a worker may continue without a sign of life of its task's home.

An heir may start the same run again once the lease of the home is over. Code elsewhere is therefore told to
stop at 0.6 of the lease after the last sign of life, and its process is ended at 0.8 of it.
"""

from __future__ import annotations

import msgspec

__all__ = ["KILL_AT", "STOP_AT", "HomeLease"]

STOP_AT, KILL_AT = 0.6, 0.8


class HomeLease(msgspec.Struct, frozen=True):
    """The lease of a home as a process on another machine knows it.

    Attributes
    ----------
    seconds : float
        How long the home counts as alive after its last sign of life.
    heard : float
        When that was at the latest, on the monotonic clock of this machine, which all its processes share.

    Examples
    --------
    >>> lease = HomeLease(seconds=10.0, heard=100.0)
    >>> lease.stops(105.9), lease.stops(106.0), lease.kills(107.9), lease.kills(108.0)
    (False, True, False, True)
    """

    seconds: float
    heard: float

    @property
    def stop_at(self) -> float:
        """When code that depends on it is told to stop."""
        return self.heard + STOP_AT * self.seconds

    @property
    def kill_at(self) -> float:
        """When the process of such code is ended."""
        return self.heard + KILL_AT * self.seconds

    def stops(self, now: float) -> bool:
        """Tell whether code must stop."""
        return now >= self.stop_at

    def kills(self, now: float) -> bool:
        """Tell whether its process must end."""
        return now >= self.kill_at

    def renewed(self, heard: float) -> HomeLease:
        """Return the lease after a sign of life, which may be older than one that was heard before."""
        return HomeLease(self.seconds, max(heard, self.heard))
