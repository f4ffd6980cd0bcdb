"""A home or a worker of a cluster that is made to be killed.

Run as ``python -m crash.killable_workers home LEDGER FOLDER NAME DASK`` or ``… worker FOLDER NAME DASK``;
each line of standard input starts a child. A home that is told ``settle`` lets everything come to its end.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import distributed
from crash.killable_nodes import live_on, start_with_heirs
from crash.nursery import fork_for_each_line
from crash.worker_effects import FOLDER, NAMES, declare

import schedkit.commands.worker
from schedkit.core.api.scheduler import Scheduler

LEASE_SECONDS = float(os.environ.get("SCHEDKIT_LEASE", "3"))
SETTLE_SECONDS = 90.0
FILE = Path(__file__).with_name("worker_file.py")
assert distributed  # imported before the forks, which takes a second


def home(ledger: str, folder: Path, name: str, dask: str, settle: bool) -> None:
    sched = Scheduler(
        ledger,
        name=name,
        interruptions=1000,
        lease=LEASE_SECONDS,
        cancel_grace="1s",
        results=folder / "results",
        dask=dask,
    )
    start_with_heirs(sched, name, NAMES, lambda whose: declare(sched, whose))
    live_on(sched, SETTLE_SECONDS if settle else None)


def worker(folder: Path, name: str, dask: str) -> None:
    os.chdir(folder)
    schedkit.commands.worker.run_worker([FILE], dask=dask, threads=3, resources=[], name=name)


if __name__ == "__main__":
    kind, *arguments = sys.argv[1:]
    if kind == "home":
        where, place, who, address = arguments
        fork_for_each_line(lambda line: home(where, Path(place), who, address, line == "settle"))
    else:
        place, who, address = arguments
        os.environ[FOLDER] = place
        fork_for_each_line(lambda line: worker(Path(place), who, address))
