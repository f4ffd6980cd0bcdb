"""A run leaves nothing to the garbage collector: its pauses would make every schedule late."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from schedkit.core.scheduler.facade import Scheduler


@pytest.fixture
def where(tmp_path: Path) -> str:
    return str(tmp_path / "ledger.db")


async def on_the_loop(step: int = 0) -> int:
    return step


def in_a_thread(step: int = 0) -> int:
    return step


@pytest.mark.parametrize("function", [on_the_loop, in_a_thread])
def test_runs_leave_no_circles(sched: Scheduler, function: object) -> None:
    handle = sched.task(timeout=None)(function)  # type: ignore[arg-type]  # either kind of function

    def twenty() -> None:
        for run in [handle.submit(step=step) for step in range(20)]:
            assert run.result("10s") is not None

    twenty()  # what is made once and kept is not a run's
    gc.collect()
    gc.disable()
    try:
        gc.set_debug(gc.DEBUG_SAVEALL)
        twenty()
        sched._bus.flush()
        gc.collect()
        ours = [o for o in gc.garbage if type(o).__module__.startswith("schedkit")]
        assert [type(o).__name__ for o in ours] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
