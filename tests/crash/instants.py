"""A program that kills itself -9 at one exact instant of a run's life.

Run as ``python instants.py``; each line on standard input is ``INSTANT LEDGER JOURNAL``. A child is forked
for it, and its pid and way of ending are printed. The instant ``never`` lets everything end.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import sqlalchemy as sa

from schedkit.core.api.scheduler import Scheduler


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(instant: str, ledger: str, journal: str) -> None:
    sched = Scheduler(ledger, name=instant)
    writes = sched._ledger.store._write
    commit = writes.dialect.do_commit
    seen: list[str] = []

    def before(connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool) -> None:
        for start in ("INSERT INTO schedkit_runs", "UPDATE schedkit_runs"):
            if sql.startswith(start):
                seen.append(start.split()[0])
        if (instant, *seen[-1:]) in {("before the claim", "INSERT"), ("before the finish", "UPDATE")}:
            die()

    def after(connection: Any) -> None:
        commit(connection)
        if (instant, *seen[-1:]) in {("after the claim", "INSERT"), ("after the finish", "UPDATE")}:
            die()

    sa.event.listen(writes, "before_cursor_execute", before)
    writes.dialect.do_commit = after  # type: ignore[method-assign]

    @sched.task(name="work")
    def work(run: Any) -> str:
        if instant == "before the effect":
            die()
        with open(journal, "a") as out:
            out.write(f"{run.id} {run.attempt}\n")
        if instant == "after the effect":
            die()
        return f"by attempt {run.attempt}"

    sched.start()
    if instant == "never":
        for run in sched.runs():
            sched.run(run.id).wait("20s")
    else:
        sched.submit("work").wait("20s")
    sched.stop("5s")


if __name__ == "__main__":
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            main(*line.strip().split("|"))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        print(status, flush=True)
