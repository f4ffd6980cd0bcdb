"""What is kept of a task's results when its runs grow old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from schedkit.core.api.scheduler import Scheduler

Make = Callable[..., Scheduler]


def files(sched: Scheduler) -> list[Path]:
    return list(sched.process.results.rglob("*.parquet"))


@pytest.fixture
def prune() -> Callable[[Scheduler], int]:
    """Prunes when the last run is older than a scheduler that keeps none."""

    def grown_old(sched: Scheduler) -> int:
        (last,) = sched.runs(limit=1)
        while datetime.now(UTC) - last.queued_at < timedelta(milliseconds=5):
            pass
        return sched.prune()

    return grown_old


def quarterly(sched: Scheduler) -> None:
    sched.task(name="quarterly")(lambda: pd.DataFrame({"a": [1]}))
    for _ in range(4):
        sched.submit("quarterly").result("60s")


def test_the_latest_results_outlive_the_age_of_runs(make: Make, prune: Callable[[Scheduler], int]) -> None:
    sched = make(keep_runs="1us", keep_results=2)
    sched.start()
    quarterly(sched)
    sched.task(name="silent")(lambda: None)
    sched.submit("silent").result("60s")
    kept = [run.id for run in sched.runs("quarterly", limit=2)]
    prune(sched)
    assert [run.id for run in sched.runs()] == kept
    assert len(files(sched)) == 2
    assert sched.tasks["quarterly"].latest()["a"].tolist() == [1]
    assert prune(sched) == 0


def test_the_files_of_forgotten_runs_go_with_them(make: Make, prune: Callable[[Scheduler], int]) -> None:
    sched = make(keep_runs="1us", keep_results=None)
    sched.start()
    quarterly(sched)
    prune(sched)
    assert sched.runs() == []
    assert files(sched) == []


def test_nothing_is_kept_of_a_task_that_was_removed(make: Make, prune: Callable[[Scheduler], int]) -> None:
    sched = make(keep_runs="1us", keep_results=2)
    sched.start()
    quarterly(sched)
    sched.remove("quarterly")
    prune(sched)
    assert sched.runs() == []
    assert files(sched) == []
