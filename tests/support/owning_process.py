"""A process that owns a ledger or stands by, told by lines on standard input what to do.

Run as ``python owning_process.py LEDGER RESULTS JOURNAL NAME``. It prints ``started``, then a line for each
change: ``running``, ``viewer``. ``stall`` lets our loop stand still, ``wake`` lets it go on; ``release`` lets
the task that is held return; ``end`` lets all runs end and stops it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.triggers.constructors import every
from schedkit.loop import service


def main(ledger: str, results: str, journal: str, name: str) -> None:
    out = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    sched = Scheduler(ledger, results=results, name=name, lease="1s")
    released, awake = threading.Event(), threading.Event()

    def say(word: str) -> None:
        os.write(1, f"{word}\n".encode())

    @sched.task(every("0.05s"), coalesce=False, overlap="allow")
    def ticking(run: Any) -> None:
        os.write(out, f"effect ticking {run.id} {run.attempt}\n".encode())

    @sched.task()
    def held(run: Any) -> str:
        os.write(out, f"effect held {run.id} {run.attempt}\n".encode())
        say("entered")
        released.wait(60)
        return f"by {name}"

    async def stand_still() -> None:
        say("standing")
        while not awake.wait(0.01):  # as a task that holds the interpreter's lock, or a stopped process
            pass

    def watch() -> None:
        state = ""
        while True:
            if sched.state != state:
                state = sched.state
                say(state)
            time.sleep(0.01)

    sched.start(standby=True)
    say("started")
    threading.Thread(target=watch, daemon=True).start()
    for line in sys.stdin:
        word = line.strip()
        if word == "stall":
            service().submit(stand_still)
        elif word == "wake":
            awake.set()
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
