"""A run leaves nothing to the garbage collector: its pauses would make every schedule late."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own, where nothing but these runs can have left anything.
PROGRAM = """
import gc, sys
from schedkit.core.api.scheduler import Scheduler

async def on_the_loop(step: int = 0) -> int:
    return step

def in_a_thread(step: int = 0) -> int:
    return step

sched = Scheduler(sys.argv[1])
sched.start()
handle = sched.task(timeout=None)(globals()[sys.argv[2]])

def twenty():
    for run in [handle.submit(step=step) for step in range(20)]:
        assert run.result("60s") is not None

twenty()  # what is made once and kept is not a run's
gc.collect()
gc.disable()
gc.set_debug(gc.DEBUG_SAVEALL)
twenty()
sched.queries.flush_events()
gc.collect()
gc.set_debug(0)
print([type(o).__name__ for o in gc.garbage if type(o).__module__.startswith("schedkit")])
gc.garbage.clear()
sched.stop()
"""


@pytest.mark.parametrize("function", ["on_the_loop", "in_a_thread"])
def test_runs_leave_no_circles(function: str, tmp_path: Path) -> None:
    program = [sys.executable, "-c", PROGRAM, str(tmp_path / "ledger.db"), function]
    done = subprocess.run(program, capture_output=True, text=True, timeout=600)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
