"""Tasks that leave lines of what their attempts do, for homes and workers that are made to be killed.

An attempt leaves a line at its begin, every few milliseconds while it goes on, and at its end, if it may
still write. Each has the run, the attempt's number, its pid and the nanoseconds of the monotonic clock.
``FOLDER``, where the lines go, is in the environment of whoever starts the workers.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from schedkit import context
from schedkit.core.tasks.origin import declared_in
from schedkit.core.triggers.constructors import every

__all__ = ["FOLDER", "NAMES", "PERIODS", "declare"]

FOLDER = "CRASH_FOLDER"
NAMES = tuple("abcdefgh"[: int(os.environ.get("SCHEDKIT_NODES", "2"))])
# Kind of task -> microseconds between its due times, which are multiples of that.
PERIODS = {"quick": 500_000, "slow": 700_000}
SLOW_SECONDS, STEP_SECONDS = 0.2, 0.005


def quick(run: Any) -> int:
    return _leave_lines(run, 0.0)


def slow(run: Any) -> int:
    return _leave_lines(run, SLOW_SECONDS)


def _leave_lines(run: Any, seconds: float) -> int:
    out = os.open(Path(os.environ[FOLDER]) / "effects", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def note(word: str) -> None:
        now = time.monotonic_ns()
        os.write(out, f"{word} {run.task} {run.id} {run.attempt} {os.getpid()} {now}\n".encode())

    try:
        note("begin")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(STEP_SECONDS)
            note("on")
        context.checkpoint()
        note("end")
    finally:
        os.close(out)
    return int(run.attempt)


def declare(sched: Any, whose: str) -> None:
    """Declare the tasks of one home, as its file does."""
    with declared_in(f"/{whose}.py"):
        for kind, function in (("quick", quick), ("slow", slow)):
            sched.task(
                every(PERIODS[kind] / 1e6, start="2026-01-01 00:00", tz="UTC"),
                name=f"{kind}-{whose}",
                runs_in="dask",
                coalesce=False,
                overlap="allow",
                catch_up=5,
            )(function)
