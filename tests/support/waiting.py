"""Waiting for what no event tells: asked again every few milliseconds, for a minute at most."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["wait_until"]

T = TypeVar("T")


def wait_until(found: Callable[[], T], what: object = "it did not happen", *, seconds: float = 60.0) -> T:
    """Return the first true value of `found`; `what` is said if there is none in time."""
    give_up, pause = time.monotonic() + seconds, threading.Event()
    while not (value := found()):
        assert time.monotonic() < give_up, what
        pause.wait(0.005)
    return value
