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
from support.faulty import writes_of

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.store.commits import VIEW


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def written(sql: str, parameters: Any) -> list[str]:
    """Return what of a run's life a statement commits: a run is made as claimed, and moves on as finished."""
    if VIEW not in sql or not isinstance(parameters, dict):
        return []
    kinds = {"new_runs": "the claim", "runs": "the finish"}
    return [what for kind, what in kinds.items() if parameters.get(kind)]


def main(instant: str, ledger: str, journal: str) -> None:
    sched = Scheduler(ledger, name=instant)
    writes = writes_of(sched)

    # A commit is one statement: its parameters say what it writes.
    def before(connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool) -> None:
        if instant in [f"before {what}" for what in written(sql, parameters)]:
            die()

    def after(connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool) -> None:
        if instant in [f"after {what}" for what in written(sql, parameters)]:
            die()

    sa.event.listen(writes, "before_cursor_execute", before)
    sa.event.listen(writes, "after_cursor_execute", after)

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
            sched.run(run.id).wait("60s")
    else:
        sched.submit("work").wait("60s")
    sched.stop("5s")


if __name__ == "__main__":
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            main(*line.strip().split("|"))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        print(status, flush=True)
