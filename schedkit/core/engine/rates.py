"""When a task's rate lets its next run start."""

from __future__ import annotations

from collections import deque

from schedkit.core.model import Rate
from schedkit.values.instants import SECOND

__all__ = ["next_start"]


def next_start(rate: Rate | None, starts: deque[int] | None, now: int) -> int:
    """Return when a rate lets the next run start after these starts; drops those that no longer count."""
    if rate is None or not starts:
        return now
    window = round(rate.seconds * SECOND)
    while starts and starts[0] <= now - window:
        starts.popleft()
    return now if len(starts) < rate.count else starts[-rate.count] + window
