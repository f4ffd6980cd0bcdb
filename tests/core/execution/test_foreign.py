"""An executor of the user's has limits of its own: those of the scheduler's threads do not count for it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from schedkit.core.api.scheduler import Scheduler


def test_its_runs_are_not_limited_by_the_schedulers_threads(tmp_path: Path) -> None:
    together = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool, Scheduler(tmp_path / "ledger.db", threads=1) as sched:
        task = sched.task(name="t", runs_in=pool, overlap="allow")(lambda: together.wait(60))
        assert {run.result("60s") for run in [task.submit(), task.submit()]} == {0, 1}
