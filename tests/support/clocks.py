"""The clocks of a machine on which time has passed."""

from __future__ import annotations

from datetime import timedelta

from schedkit.core.node.clock import Clock
from schedkit.values.instants import SECOND


class Later(Clock):
    """Clocks of which one or both are ahead."""

    def __init__(self, wall: timedelta = timedelta(0), steady: timedelta = timedelta(0)) -> None:
        self._wall = round(wall.total_seconds() * SECOND)
        self._steady = round(steady.total_seconds() * SECOND)

    def wall(self) -> int:
        return super().wall() + self._wall

    def steady(self) -> int:
        return super().steady() + self._steady
