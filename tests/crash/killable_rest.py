"""A server that is made to be killed: ``python killable_rest.py LEDGER JOURNAL``.

It forks a child for each line on standard input and prints the child's pid. A child declares two tasks,
serves REST on a free port and notes ``ready PORT`` in the journal; ``go`` lets it run until it is killed,
``settle`` until all runs have ended. Each run asked for over REST submits four of the other task.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from typing import Any

from crash.living import run_until_killed
from crash.nursery import fork_for_each_line

from schedkit.core.api.scheduler import Scheduler
from schedkit.server import Server, ServerOptions, asgi


def main(ledger: str, journal: str, settle: bool) -> None:
    out = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    sched = Scheduler(ledger, concurrency=8, name="server", interruptions=1000, lease="2s")

    count = itertools.count()

    @sched.task
    def own(run: Any, number: str) -> None:
        os.write(out, f"effect {number} {run.id} {run.attempt}\n".encode())

    @sched.task(tags="work")
    def work(run: Any, number: int) -> None:
        os.write(out, f"effect {number} {run.id} {run.attempt}\n".encode())
        for _ in range(4):
            mine = f"{os.getpid()}-{next(count)}"
            os.write(out, f"asked {mine} {own.submit(number=mine).id}\n".encode())
        time.sleep(0.02)

    sched.start()
    with Server(asgi(sched), ServerOptions(port=0)) as server:
        os.write(out, f"ready {server.url.rpartition(':')[2]}\n".encode())
        if not settle:
            run_until_killed(sched)
            return
        sys.stdin.readline()  # all is asked for
        while sched.runs(limit=1) and any(not run.state.final for run in sched.runs(limit=100_000)):
            time.sleep(0.05)
    sched.stop("5s")


if __name__ == "__main__":
    fork_for_each_line(lambda line: main(sys.argv[1], sys.argv[2], line == "settle"))
