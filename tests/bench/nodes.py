"""One process of several at a ledger: ``python -m bench.nodes home|idle LEDGER LEASE``.

"home" runs tasks until its standard input ends; "idle" has three schedules that are not due, and prints how
much CPU time it took once its standard input says so.
"""

from __future__ import annotations

import sys
import time

TASKS = [f"task {number}" for number in range(5)]


def stamp(at: float) -> float:
    """Return how long ago `at` was (seconds since 1970)."""
    return time.time() - at


def declare_at(where: str, name: str, lease: float):
    """Return a scheduler that has the tasks."""
    from schedkit.core.api.scheduler import Scheduler

    sched = Scheduler(where, name=name, lease=lease)
    for task in TASKS:
        sched.task(name=task)(stamp)
    return sched


def run(role: str, where: str, lease: str) -> None:
    from schedkit.core.api.scheduler import Scheduler

    if role == "home":
        sched = declare_at(where, "home", float(lease))
        sched.start()
        print("up", flush=True)
        sys.stdin.read()
        sched.stop()
        return
    sched = Scheduler(where, name="idle", lease=float(lease))
    for number in range(3):
        sched.task("0 3 29 2 *", name=f"idle {number} of {id(sched)}")(lambda: None)
    sched.start()
    print("up", flush=True)
    sys.stdin.readline()
    begun = time.process_time()
    sys.stdin.readline()
    print(time.process_time() - begun, flush=True)
    sched.stop()


if __name__ == "__main__":
    run(*sys.argv[1:])
