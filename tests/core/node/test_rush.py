"""While much is started at once the cyclic collector waits, and never for long."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.lives import node_of

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import RunEnded
from schedkit.core.ids import new_id
from schedkit.core.node.commands import SubmitRun
from schedkit.core.node.own_loop import OwnLoop
from schedkit.core.node.rush import HOLD_SECONDS, REST_SECONDS, Rush
from schedkit.core.triggers.constructors import at
from schedkit.loop import service


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Timers(OwnLoop):
    """The running loop, which notes what it is to call later."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[float, Callable[[], object]]] = []

    def later(self, seconds: float, function: Callable[[], object]) -> Callable[[], None]:
        self.noted.append((seconds, function))
        return super().later(seconds, function)


@pytest.mark.anyio
async def test_the_collector_waits_and_has_its_time_back() -> None:
    loop = Timers()
    rush = Rush(loop)
    assert gc.isenabled()
    rush.begin()
    rush.begin()
    assert not gc.isenabled()
    assert [delay for delay, _ in loop.noted] == [HOLD_SECONDS]
    loop.noted[0][1]()
    assert gc.isenabled()
    rush.begin()  # the rush goes on: the collector has its time all the same
    assert gc.isenabled()
    assert [delay for delay, _ in loop.noted] == [HOLD_SECONDS, REST_SECONDS]
    loop.noted[1][1]()
    rush.begin()
    assert not gc.isenabled()
    rush.end()
    rush.end()
    assert gc.isenabled()


@pytest.mark.anyio
async def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        rush = Rush(OwnLoop())
        rush.begin()
        rush.end()
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list that tells of each rush that begins whether the collector was on during it."""
    noted: list[bool] = []
    begin = Rush.begin

    def noting(rush: Rush) -> None:
        begin(rush)
        noted.append(gc.isenabled())

    monkeypatch.setattr(Rush, "begin", noting)
    return noted


def test_much_that_is_submitted_at_once_begins_a_rush(tmp_path: Path, begun: list[bool]) -> None:
    sched = Scheduler(tmp_path / "ledger.db", concurrency=60, threads=60)
    sched.task(name="t", overlap="allow")(lambda: None)
    with sched:
        sched.submit("t").result(60)
        assert not begun
        free = threading.Event()
        service().portal().start_task_soon(free.wait)  # our loop stands still: they come in together
        made = node_of(sched).dispatcher.submit([SubmitRun(run=new_id(), task="t") for _ in range(60)])
        assert made is not None
        free.set()
        for ended in made[0]:
            ended.result(60)
    assert begun
    assert not any(begun)
    assert gc.isenabled()


def test_much_that_is_due_at_once_begins_a_rush(tmp_path: Path, begun: list[bool]) -> None:
    ended = threading.Semaphore(0)
    sched = Scheduler(tmp_path / "ledger.db", concurrency=60)
    sched.subscribe(lambda event: ended.release() if type(event) is RunEnded else None)
    once = at(datetime.now(UTC) + timedelta(seconds=0.5))
    for n in range(60):
        sched.task(once, name=f"t{n}")(lambda: None)
    with sched:
        assert all(ended.acquire(timeout=60) for _ in range(60))
    assert begun
    assert not any(begun)
    assert gc.isenabled()  # the end of the scheduler is the end of its rush


FORKED = """
import gc, os, sys
from schedkit.gcpause import gc_paused
with gc_paused():
    child = os.fork()
    if child == 0:
        on = gc.isenabled()
        with gc_paused():
            off = gc.isenabled()
        os._exit(0 if on and not off and gc.isenabled() else 1)
    assert not gc.isenabled()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_does_not_wait_for_its_parents_threads() -> None:
    assert subprocess.run([sys.executable, "-c", FORKED], timeout=60).returncode == 0
