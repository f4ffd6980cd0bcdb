"""A scheduler at 100 runs a second, which prints every second what it holds.

Run as ``python -m crash.soaking LEDGER FOLDER SECONDS``. Attempts leave lines in FOLDER/effects, as those of
`crash.killable_nodes` do.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crash.killable_nodes import Effects

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.triggers.constructors import every

PERIODS = {"tick": 100_000}  # microseconds
TASKS = 10


def sample(ledger: Path) -> dict[str, Any]:
    """Return what this process and its ledger hold: sizes, and the names of open files and of threads."""
    status = Path("/proc/self/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    log = ledger.with_name(f"{ledger.name}-wal")
    return {
        "megabytes": int(resident.split()[1]) / 1024,
        "files": sorted(open_files()),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "log megabytes": log.stat().st_size / 2**20 if log.exists() else 0.0,
        "ledger bytes": ledger.stat().st_size,
    }


def open_files() -> Iterator[str]:
    """Yield the name of each open file; a socket, pipe or the like without its number."""
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the folder itself, and what was closed meanwhile
            target = os.readlink(f"/proc/self/fd/{number}")
            yield target.partition(":[")[0].rpartition("/")[2]


def main(ledger: Path, folder: Path, seconds: float) -> None:
    effects = Effects(folder)
    sched = Scheduler(ledger, concurrency=12, results=folder / "results")
    for number in range(TASKS):
        sched.task(
            every(PERIODS["tick"] / 1e6, start="2026-01-01 00:00", tz="UTC"),
            name=f"tick-{number}",
            coalesce=False,
            overlap="allow",
            misfire_grace_time="1h",
        )(effects.around(0.0))
    sched.start()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(1.0)
        sched.screens.board()
        print(json.dumps(sample(ledger)), flush=True)
    sched.pause()
    while sched.queries.ledger.live():
        time.sleep(0.05)
    sched.stop("10s")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
