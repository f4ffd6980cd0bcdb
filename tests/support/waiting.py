"""Waiting for what no event tells: asked again every few milliseconds, for a minute at most."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

__all__ = ["pid_in", "wait_until"]

T = TypeVar("T")


def wait_until(found: Callable[[], T], what: object = "it did not happen", *, seconds: float = 60.0) -> T:
    """Return the first true value of `found`; `what` is said if there is none in time."""
    give_up, pause = time.monotonic() + seconds, threading.Event()
    while not (value := found()):
        assert time.monotonic() < give_up, what
        pause.wait(0.005)
    return value


def pid_in(path: Path) -> int:
    """Return the number that a process writes to a file, as a line, once it is there."""
    wait_until(
        lambda: path.exists() and path.read_text().endswith("\n"), f"nothing was written to {path.name}"
    )
    return int(path.read_text())
