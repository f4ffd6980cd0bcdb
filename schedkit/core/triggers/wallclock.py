"""Wall-clock times and instants: what a local time means where the clocks change.

A time the clocks jump over happens right after the jump; a time the clocks repeat happens once, the
first time (as Debian's cron does for jobs at a fixed time). Schedules made with ``*`` in their hour or
minute follow elapsed time instead: nothing in the gap, both passes of a repeated hour.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

__all__ = ["TICK", "instant", "next_elapsed", "next_fixed"]

# The finest step between two times here; "strictly after t" is "from t + TICK on".
TICK = timedelta(microseconds=1)

NextWall = Callable[[datetime], datetime | None]


def _exists(wall: datetime, tz: tzinfo, fold: int) -> datetime | None:
    """Return the instant of a wall time, None where the clocks jump over it."""
    made = wall.replace(tzinfo=tz, fold=fold).astimezone(UTC)
    return made if made.astimezone(tz).replace(tzinfo=None, fold=0) == wall else None


def _change_between(early: datetime, late: datetime, tz: tzinfo) -> datetime:
    """Return the instant in (early, late] at which the zone's offset changes."""
    before = early.astimezone(tz).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(tz).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def instant(wall: datetime, tz: tzinfo) -> datetime:
    """Return the instant (UTC) of a wall time: the first of two; right after a jump over it."""
    found = _exists(wall, tz, fold=0)
    if found is not None:
        return found
    # PEP 495: in a gap, fold=1 reads the time with the offset after the jump, which lies before it.
    early = wall.replace(tzinfo=tz, fold=1).astimezone(UTC)
    late = wall.replace(tzinfo=tz, fold=0).astimezone(UTC)
    return _change_between(early - timedelta(seconds=1), late, tz)


def next_fixed(after: datetime, tz: tzinfo, next_wall: NextWall) -> datetime | None:
    """Return the first instant after `after` of a schedule of fixed wall times."""
    wall: datetime | None = after.astimezone(tz).replace(tzinfo=None, fold=0)
    while wall is not None:
        wall = next_wall(wall)
        if wall is not None and (found := instant(wall, tz)) > after:
            return found
    return None


def next_elapsed(after: datetime, tz: tzinfo, next_wall: NextWall) -> datetime | None:
    """Return the first instant after `after` of a schedule that follows elapsed time."""
    wall: datetime | None = after.astimezone(tz).replace(tzinfo=None, fold=0)
    assert wall is not None
    again = _exists(wall, tz, fold=1)
    if again is not None and again > after:
        # The first pass of a repeated hour: what it still holds comes before the whole second pass.
        change = _change_between(after.astimezone(UTC), again, tz)
        found = next_wall(wall)
        if found is not None and (early := _exists(found, tz, fold=0)) is not None and early < change:
            return early
        after = change - TICK
        wall = change.astimezone(tz).replace(tzinfo=None, fold=0) - TICK
    while (wall := next_wall(wall)) is not None:
        for fold in (0, 1):
            there = _exists(wall, tz, fold)
            if there is not None and there > after:
                return there
    return None
