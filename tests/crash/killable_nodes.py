"""A node that is made to be killed, one of three at a ledger: home of some tasks and heir of the rest.

Run as ``python -m crash.killable_nodes LEDGER FOLDER NAME``; ``go`` starts a child that runs until it is
killed, ``read`` one that also reads the files of its ledger, ``settle`` one that lets everything come to its
end. An attempt leaves two lines in FOLDER/effects: ``begin`` and ``end``, each with its task, run, number,
pid and the nanoseconds of the monotonic clock.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from crash.living import run_until_killed
from crash.nursery import fork_for_each_line

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.tasks.origin import declared_in
from schedkit.core.triggers.constructors import every
from schedkit.errors import LedgerError

NAMES = ("a", "b", "c")
LEASE_SECONDS = 2.0
# Kind of task -> microseconds between its due times, which are multiples of that.
PERIODS = {"quick": 200_000, "slow": 300_000, "queued": 500_000}
SLOW_SECONDS = 0.15
SETTLE_SECONDS = 60.0


class Effects:
    """The file in which attempts of all nodes leave their lines."""

    def __init__(self, folder: Path) -> None:
        self._out = os.open(folder / "effects", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def note(self, *words: object) -> None:
        os.write(self._out, f"{' '.join(map(str, words))}\n".encode())

    def around(self, seconds: float) -> Callable[[Any], int]:
        def work(run: Any) -> int:
            whose = (run.task, run.id, run.attempt, os.getpid())
            self.note("begin", *whose, time.monotonic_ns())
            time.sleep(seconds)
            self.note("end", *whose, time.monotonic_ns())
            return int(run.attempt)

        return work


def declare(sched: Scheduler, effects: Effects, whose: str, by: str) -> None:
    """Declare the tasks of one node as the file of another declares them."""
    with declared_in(f"/{by}.py"):
        for kind, period in PERIODS.items():
            sched.task(
                every(period / 1e6, start="2026-01-01 00:00", tz="UTC"),
                name=f"{kind}-{whose}",
                coalesce=False,
                overlap="queue" if kind == "queued" else "allow",
                catch_up=5,
            )(effects.around(0.0 if kind == "quick" else SLOW_SECONDS))
        sched.task(name=f"child-{whose}", after=f"queued-{whose}")(effects.around(0.0))


def until_it_can(step: Callable[[], object]) -> None:
    """Try a step again while the ledger is away, as what watches over a service does."""
    while True:
        try:
            step()
            return
        except LedgerError:
            time.sleep(0.05)


def start_with_heirs(
    sched: Scheduler, name: str, names: Iterable[str], declare: Callable[[str], object]
) -> None:
    """Declare a process's own tasks, start, then declare those of the others, which it may inherit."""
    until_it_can(lambda: declare(name))
    until_it_can(sched.start)
    for other in names:
        if other != name:
            until_it_can(partial(declare, other))


def live_on(sched: Scheduler, settle_seconds: float | None) -> None:
    """Run until the process is killed; or pause all, and stop when no run is left or the time is over."""
    if settle_seconds is None:
        run_until_killed(sched)
        return
    until_it_can(sched.pause)
    deadline = time.monotonic() + settle_seconds
    while sched.queries.ledger.live() and time.monotonic() < deadline:
        time.sleep(0.05)
    sched.stop("5s")


def read_for_ever(ledger: Path, effects: Effects) -> None:
    """Read the ledger's files again and again as people do: whole, as a folder, into an archive."""
    while True:
        with (
            tempfile.TemporaryDirectory() as elsewhere,
            suppress(OSError, shutil.Error),
        ):  # a log comes and goes
            for file in ledger.parent.iterdir():
                with open(file, "rb") as opened:
                    opened.read()
            shutil.copytree(ledger.parent, Path(elsewhere, "copy"))
            with zipfile.ZipFile(Path(elsewhere, "backup.zip"), "w") as archive:
                for file in ledger.parent.iterdir():
                    archive.write(file)
            effects.note("read", os.getpid())
        time.sleep(0.02)


def main(ledger: str, folder: Path, name: str, word: str) -> None:
    effects = Effects(folder)
    sched = Scheduler(
        ledger,
        concurrency=12,
        name=name,
        interruptions=1000,
        lease=LEASE_SECONDS,
        results=folder / "results",
    )
    start_with_heirs(sched, name, NAMES, lambda whose: declare(sched, effects, whose, name))
    if word == "read":
        threading.Thread(target=read_for_ever, args=(Path(ledger), effects), daemon=True).start()
    effects.note("ready", name)
    live_on(sched, SETTLE_SECONDS if word == "settle" else None)


if __name__ == "__main__":
    where, place, who = sys.argv[1:]
    fork_for_each_line(lambda line: main(where, Path(place), who, line))
