"""Who starts or stops a scheduler may be interrupted; the scheduler is not left in between."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from schedkit.core.api.scheduler import Scheduler


@pytest.fixture
def where(tmp_path: Path) -> str:
    """A stop does not depend on the database."""
    return str(tmp_path / "ledger.db")


@pytest.fixture
def gate(sched: Scheduler) -> threading.Event:
    """Lets a task end that runs until then."""
    began, gate = threading.Event(), threading.Event()

    def long() -> None:
        began.set()
        gate.wait(60)

    sched.task(name="long")(long)
    sched.submit("long")
    assert began.wait(60)
    return gate


def test_a_stop_goes_on_when_its_cell_is_interrupted(sched: Scheduler, gate: threading.Event) -> None:
    quick = sched.task(name="quick")(lambda: 1)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(sched.aio.stop("1h"), 0.05))
    assert sched.state == "running", "its long run may still end"
    gate.set()
    sched.start()  # waits for the stop to be over
    assert quick.submit().result("60s") == 1
    sched.stop("5s")
    assert sched.state == "stopped"


def test_a_task_that_stops_its_own_scheduler_leaves_it_stopped(sched: Scheduler) -> None:
    began = threading.Event()

    def stop(run: Any) -> None:
        began.set()
        sched.stop("0.2s")

    sched.task(name="stopper")(stop)
    sched.submit("stopper")
    assert began.wait(60)
    sched.stop("0.2s")  # after the task's own
    assert sched.state == "stopped"
    sched.task(name="stopper")(lambda: None)
    sched.start()
    assert sched.task(name="after")(lambda: 2).submit().result("60s") == 2
