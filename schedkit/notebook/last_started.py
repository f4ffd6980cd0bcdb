"""The scheduler that was started last in this kernel: cells that name none mean it."""

from __future__ import annotations

import weakref
from typing import Any

from schedkit.loop import process_singleton

__all__ = ["last_started", "note_started"]


class _Last:
    def __init__(self) -> None:
        self.scheduler: weakref.ref[Any] | None = None


def note_started(scheduler: Any) -> None:
    """Remember that a scheduler was started."""
    process_singleton("last started scheduler", _Last).scheduler = weakref.ref(scheduler)


def last_started() -> Any:
    """Return the scheduler that was started last, None if there is none (any more)."""
    found = process_singleton("last started scheduler", _Last).scheduler
    return None if found is None else found()
