"""Clocks that are ahead of the machine's, or slower."""

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


class Slow(Clock):
    """A clock on which hardly any time passes: a thousandth of a second in a second."""

    def __init__(self) -> None:
        self._begun = super().wall()

    def wall(self) -> int:
        return self._begun + (super().wall() - self._begun) // 1000
