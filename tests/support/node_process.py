"""A process that runs tasks of a ledger, told by lines on standard input what to do.

Run as ``python node_process.py LEDGER RESULTS JOURNAL NAME PLACE LEASE``; PLACE is the file that it says
declares its tasks. It prints ``started``, then a line for each change: ``home`` and ``standing by`` (its
tasks), ``lost`` (it was taken for dead). ``stall`` lets our loop stand still, ``wake`` lets it go on;
``release`` lets the task that is held return; ``request`` has it take a request, after which it prints
``requested``; ``end`` lets all runs end and stops it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import Event, NodeChanged
from schedkit.core.tasks.origin import declared_in
from schedkit.core.triggers.constructors import every
from schedkit.loop import service

REQUEST = {"name": "asked", "task": "ticking", "cron_expr": "0 0 1 1 *", "owner": "johndoe"}


def main(ledger: str, results: str, journal: str, name: str, place: str, lease: str) -> None:
    out = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    sched = Scheduler(ledger, results=results, name=name, lease=lease)
    released, awake = threading.Event(), threading.Event()

    def say(word: str) -> None:
        os.write(1, f"{word}\n".encode())

    def ticking(run: Any) -> None:
        os.write(out, f"effect ticking {run.id} {run.attempt}\n".encode())

    def held(run: Any) -> str:
        os.write(out, f"effect held {run.id} {run.attempt}\n".encode())
        say("entered")
        released.wait()
        return f"by {name}"

    with declared_in(place):
        sched.task(every("0.05s"), coalesce=False, overlap="allow")(ticking)
        sched.task()(held)

    async def stand_still() -> None:
        say("standing")
        while not awake.wait(0.01):  # as a task that holds the interpreter's lock, or a stopped process
            pass

    def hear(event: Event) -> None:
        if isinstance(event, NodeChanged) and event.change == "lost":
            say("lost")

    def watch() -> None:
        told = ""
        while True:
            at_home, standing_by = sched.at_home, sched.standing_by
            now = "home" if len(at_home) >= 2 else "standing by" if len(standing_by) >= 2 else ""
            if now and now != told:
                told = now
                say(now)
            time.sleep(0.01)

    sched.subscribe(hear)
    sched.start()
    say("started")
    threading.Thread(target=watch, daemon=True).start()
    for line in sys.stdin:
        word = line.strip()
        if word == "stall":
            service().submit(stand_still)
        elif word == "wake":
            awake.set()
        elif word == "request":
            sched.add_request(REQUEST)
            say("requested")
        elif word == "release":
            released.set()
        elif word == "end":
            sched.pause()
            while not all(run.state.final for run in sched.runs(limit=10_000)):
                time.sleep(0.01)
            sched.stop("10s")
            break
    say("ended")


if __name__ == "__main__":
    main(*sys.argv[1:])
