"""Rushes: while hundreds of runs are started, work that can wait is put off."""

from __future__ import annotations

from collections.abc import Callable

from schedkit.core.node.own_loop import OwnLoop
from schedkit.gcpause import pause_gc, resume_gc

__all__ = ["Rush"]

# A thousand starts take about a tenth of a second; the cyclic collector waits so long at most …
HOLD_SECONDS = 0.2
# … and then has the loop's time for itself, however long the rush continues.
REST_SECONDS = 0.8


class Rush:
    """Keeps the cyclic collector, which stops every thread of the process, out of a rush's first moments.

    Measured with 1000 schedules due at one instant: their starts make enough objects for one full look, 30 of
    110 ms. It comes after them.
    """

    def __init__(self, loop: OwnLoop) -> None:
        self._loop = loop
        self._timer: Callable[[], None] | None = None
        self._holding = False

    def begin(self) -> None:
        """Note that much is started at once; during a rush and shortly after it this does nothing."""
        if self._timer is None:
            self._holding = True
            pause_gc()
            self._timer = self._loop.later(HOLD_SECONDS, self._rest)

    def _rest(self) -> None:
        self._let_go()
        self._timer = self._loop.later(REST_SECONDS, self._over)

    def _over(self) -> None:
        self._timer = None

    def end(self) -> None:
        """End it now: its loop's work is over."""
        if self._timer is not None:
            self._timer()
            self._timer = None
        self._let_go()

    def _let_go(self) -> None:
        if self._holding:
            self._holding = False
            resume_gc()
