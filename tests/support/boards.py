"""What a screen shows of a scheduler once all events so far are on its board."""

from __future__ import annotations

from typing import Any

from schedkit.core.api.scheduler import Scheduler

__all__ = ["board_now"]


def board_now(sched: Scheduler) -> dict[str, Any]:
    """Return the board with all that this process has written: another thread puts the events on it."""
    sched.screens.live_board()  # it listens from now on
    assert sched.queries.flush_events(60)
    return sched.screens.board()
