"""Each test has a project of its own, and where it asks for it a scheduler that runs there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.projects import project

from schedkit import context, every
from schedkit.app import Scheduler
from schedkit.core.api.scheduler import Scheduler as CoreScheduler

__all__ = ["project"]

HOSTILE = "\x1b[31m[red]evil[/red]\x07 :boom: \u202e\x9b2J"


@pytest.fixture
def gate() -> threading.Event:
    """Lets the task `waits` end."""
    return threading.Event()


@pytest.fixture
def running(project: Path, gate: threading.Event) -> Iterator[CoreScheduler]:
    """The project's scheduler, running a few tasks."""
    scheduler: CoreScheduler = Scheduler()

    @scheduler.task(tags=["sums"])
    def add(a: int = 1, b: int = 2, note: str = "") -> int:
        """Add two numbers."""
        context.log(f"adding {a} and {b} {note}")
        context.fact("sum", {"value": a + b})
        return a + b

    @scheduler.task
    def evil() -> None:
        context.log(HOSTILE)
        (project / "evil.txt").write_text("x")
        context.artifact(project / "evil.txt", HOSTILE)
        raise ValueError(HOSTILE)

    @scheduler.task
    def waits() -> str:
        context.log("begun")
        while not gate.wait(0.01):
            context.checkpoint()
        context.log("at the end")
        return "done"

    @scheduler.task(every("1h", start="2026-01-01 00:00", tz="UTC"))
    def hourly() -> None:
        pass

    with scheduler:
        yield scheduler
        gate.set()
