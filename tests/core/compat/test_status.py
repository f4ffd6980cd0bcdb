"""The status of older designs, folded from the board."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.conftest import Recorder

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import RunEnded
from schedkit.core.triggers.constructors import cron, every

Make = Callable[..., Scheduler]


def of_task(sched: Scheduler, name: str) -> dict[str, Any]:
    (found,) = [row for row in sched.get_status()["tasks"] if row["name"] == name]
    return dict(found)


def counts(sched: Scheduler, name: str) -> tuple[int, int]:
    row = of_task(sched, name)
    return row["run_count"], row["fail_count"]


def fails() -> None:
    raise ValueError("no such project")


def test_runs_that_end_are_counted_on_top_of_the_history(sched: Scheduler, make: Make) -> None:
    sched.task(name="fails")(fails)
    sched.submit("fails").wait("60s")
    other = make(name="other")
    other.start()
    assert counts(sched, "fails") == counts(other, "fails") == (1, 1)
    recorder = Recorder(other)
    sched.task(name="fails")(lambda: 1)
    run = sched.submit("fails")
    run.wait("60s")
    assert counts(sched, "fails") == (2, 1)
    recorder.wait_for(recorder.of(RunEnded, run=run.id))
    assert counts(other, "fails") == (2, 1)


def test_a_schedule_is_told_by_who_only_watches(sched: Scheduler, make: Make) -> None:
    sched.task(cron("0 2 * * *"), name="nightly")(lambda: 1)
    sched.task(every("90s"), name="often")(lambda: 1)
    sched.pause("often")
    other = make(name="other")
    other.watch()
    nightly, often = of_task(other, "nightly"), of_task(other, "often")
    status = other.get_status()
    assert (status["status"], status["running"], status["paused_jobs"]) == ("watching", False, 1)
    assert status["uptime"] > 0
    assert (nightly["schedule_type"], nightly["cron_expression"]) == ("cron", "0 2 * * *")
    assert (often["schedule_type"], often["interval_seconds"], often["status"]) == ("interval", 90, "paused")
    assert (nightly["last_run_at"], nightly["last_result"], nightly["run_count"]) == (None, None, 0)


def test_it_says_why_nothing_starts(make: Make) -> None:
    told = make(name="other").get_status()
    (why,) = told["why"]
    assert why.startswith("no process runs the tasks of the ledger ")
