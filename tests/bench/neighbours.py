"""Two processes at one ledger, one with a busy cell: ``python -m bench.neighbours busy|held|quiet LEDGER``.

Each runs its own schedules. The busy one's main thread makes C calls of 12 to 30 ms in a row, which hold its
interpreter, the held one's calls of 5 s; the quiet one writes down how late its runs start.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TASKS = 60
PERIOD = 0.5
SECONDS = 15.0
LATE: list[float] = []


def lateness(share: float = 0.99, *, beside: bool = True, role: str = "busy") -> float:
    """Return how late, in milliseconds, this share of the quiet process's runs started at most.

    Parameters
    ----------
    beside : bool
        Whether the other process runs, which has this `role`.
    """
    with tempfile.TemporaryDirectory() as folder:
        ledger = str(Path(folder) / "ledger.db")
        busy = _begin(role, ledger) if beside else None
        try:
            quiet = _begin("quiet", ledger)
            late = sorted(json.loads(quiet.communicate(timeout=SECONDS + 60)[0]))
        finally:
            if busy is not None:
                busy.kill()
                busy.communicate()
    return float(late[int(len(late) * share)]) * 1000


def _begin(role: str, ledger: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-m", "bench.neighbours", role, ledger],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    return child


def _run(role: str, ledger: str) -> None:
    from schedkit.core.api.scheduler import Scheduler
    from schedkit.core.execution.run_context import RunContext
    from schedkit.core.tasks.declare import declare
    from schedkit.core.triggers.constructors import every

    def note(run: RunContext) -> None:
        LATE.append(time.time() - run.scheduled_at.timestamp() if run.scheduled_at else 0.0)

    sched = Scheduler(ledger, name=role, concurrency=TASKS)
    for number in range(TASKS):
        sched.add(declare(note, every(PERIOD), name=f"{role} {number}"))
    sched.start()
    print("up", flush=True)  # the protocol with the process that measures
    if role == "busy":
        chance = random.Random(1)
        while True:
            _hold(chance.uniform(0.012, 0.030))
    while role == "held":
        _hold(5.0)
    threading.Event().wait(SECONDS)
    late = list(LATE)[2 * TASKS :]  # the first second pays for opening the ledger
    sched.stop()
    print(json.dumps(late), flush=True)


_PER_SECOND = 0.0


def _hold(seconds: float) -> None:
    """Make one C call that holds the interpreter for about so long."""
    global _PER_SECOND
    if not _PER_SECOND:
        began = time.perf_counter()
        sum(range(1_000_000))
        _PER_SECOND = 1_000_000 / (time.perf_counter() - began)
    sum(range(int(seconds * _PER_SECOND)))


if __name__ == "__main__":
    _run(*sys.argv[1:])
