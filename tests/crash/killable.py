"""A program that is made to be killed: fifty schedules, each leaving a line in a journal for every effect.

Run as ``python killable.py LEDGER JOURNAL``. It imports everything once, then forks a child for each line
on standard input and prints the child's pid, so that a restart costs milliseconds. ``go`` starts a child
that runs until it is killed; ``settle`` one that lets everything come to its end and stops.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from crash.living import run_until_killed
from crash.nursery import fork_for_each_line
from sqlalchemy.exc import OperationalError
from support.faulty import writes_of

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry
from schedkit.core.triggers.constructors import cron, every
from schedkit.errors import LedgerError, RetryableError

# Beside the ledger: while there is such a file, every write finds the disk full.
FULL = ".full"

SCHEDULES = 50


def faulty_while(sched: Scheduler, flag: Path) -> None:
    """Refuse writes as a full disk does while `flag` is there."""

    def refuse(connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool) -> None:
        if flag.exists():
            raise OperationalError(sql, {}, sqlite3.OperationalError("database or disk is full"))

    sa.event.listen(writes_of(sched), "before_cursor_execute", refuse)


def main(ledger: str, journal: str, settle: bool) -> None:
    out = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def note(word: str, run: Any) -> None:
        os.write(out, f"{word} {run.task} {run.id} {run.attempt}\n".encode())

    def quick(run: Any) -> None:
        note("effect", run)

    def slow(run: Any) -> str:
        note("effect", run)
        time.sleep(0.15)
        run.log("half way")
        return "kept"

    def flaky(run: Any) -> None:
        note("effect", run)
        if run.attempt % 3 == 1:
            raise RetryableError("again")

    async def waits(run: Any) -> None:
        import asyncio

        note("effect", run)
        await asyncio.sleep(0.05)

    def child(run: Any) -> None:
        note("effect", run)

    sched = Scheduler(
        ledger,
        concurrency=8,
        name="killable",
        interruptions=1000,
        lease="2s",
        results=Path(journal).parent / "results" if "://" in ledger else None,
    )
    if Path(ledger).parent == Path(journal).parent:
        faulty_while(sched, Path(ledger + FULL))
    kinds = [quick, slow, flaky, waits]
    for number in range(SCHEDULES - 1):
        kind = kinds[number % len(kinds)]
        options: dict[str, Any] = {
            "coalesce": number % 3 != 0,
            "overlap": ["skip", "queue", "allow"][number % 3],
        }
        trigger = every(timedelta(seconds=0.2 + 0.037 * number)) if number % 5 else cron("* * * * *")
        sched.task(
            trigger,
            name=f"{kind.__name__}-{number}",
            retry=Retry(attempts=3, delay=0.05, max_delay=0.1),
            misfire_grace="0.5s" if number % 7 == 0 else None,
            catch_up=5,
            **options,
        )(kind)
    sched.task(name="child", after=["quick-4", "slow-1"])(child)
    while True:
        try:
            sched.start()
            break
        except LedgerError as error:
            # What watches over a service starts it again; the ledger must bear that too.
            os.write(out, f"refused {error.message}\n".encode())
            time.sleep(0.05)
    os.write(out, b"ready\n")
    if not settle:
        run_until_killed(sched)
        return
    time.sleep(1.0)
    sched.pause()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        live = sched.queries.ledger.live()
        # A child's run may wait for a parent that will not fire again.
        if not [run for run in live if run.state != "PENDING"]:
            break
        time.sleep(0.05)
    sched.stop("5s")


if __name__ == "__main__":
    fork_for_each_line(lambda line: main(sys.argv[1], sys.argv[2], line == "settle"))
