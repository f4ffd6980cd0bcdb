"""The times at which a process wakes for periodic work: all of it at once, so that it wakes less often."""

from __future__ import annotations

import os

import anyio

__all__ = ["next_tick", "rest", "seconds_to_tick"]

# Part of a tick that is too short to wait for: a timer that came a little early.
_EARLY = 0.05


def next_tick(every: float, now: float, pid: int) -> float:
    """Return the next of the ticks that come each `every` seconds in a process.

    Ticks of two lengths coincide where one is a multiple of the other. Those of other processes come at other
    moments, so that not all wake at once that have nothing to do.
    """
    left = every - (now - pid % 100 / 100) % every
    return now + (left if left > _EARLY * every else left + every)


def seconds_to_tick(every: float) -> float:
    """Return how long it is until the next tick; on our loop."""
    now = anyio.current_time()
    return next_tick(every, now, os.getpid()) - now


async def rest(every: float) -> None:
    """Wait for the next tick."""
    await anyio.sleep(seconds_to_tick(every))
