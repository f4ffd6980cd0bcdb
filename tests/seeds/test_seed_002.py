"""Seed 002: APScheduler's objects, one-time jobs with job_data, retries with backoff, listeners, status."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler import events
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry
from schedkit.core.run import TaskResult

SHANGHAI = "Asia/Shanghai"


def crawl(type: str, task_id: str) -> dict[str, str]:
    return {"type": type, "task_id": task_id}


def test_the_three_trigger_objects(sched: Scheduler) -> None:
    missed = threading.Event()
    sched.add_listener(lambda event: missed.set(), events.EVENT_JOB_MISSED)
    hourly = sched.add_job(crawl, IntervalTrigger(seconds=3600), id="hourly", args=["all", "1"])
    nightly = sched.add_job(
        crawl,
        CronTrigger(minute=0, hour=2, day="*", month="*", day_of_week="*", timezone=SHANGHAI),
        id="nightly",
        args=["all", "2"],
        coalesce=False,
        max_instances=1,
        misfire_grace_time=30,
    )
    once = sched.add_job(
        crawl,
        DateTrigger(run_date=datetime(2024, 1, 1, 12, 0, 0)),
        id="once",
        args=["all", "3"],
        misfire_grace_time=30,
    )
    assert str(hourly.trigger).startswith("every 1h")
    assert str(nightly.trigger) == f"at 02:00, {SHANGHAI}"
    assert nightly.next_run_time is not None
    assert nightly.next_run_time.astimezone(ZoneInfo(SHANGHAI)).hour == 2
    # 2024 is over for longer than its grace: it is known and shown as missed.
    assert missed.wait(60)
    assert once.next_run_time is None
    assert sched.get_job("once") is None


def test_a_dynamic_task(sched: Scheduler) -> None:
    """POST /crawl/all, then GET /crawl/tasks/{id}: running while get_job knows it, completed after."""
    release, began = threading.Event(), threading.Event()

    @sched.task(name="crawl")
    def crawl_all(type: str, task_id: str) -> dict[str, str]:
        began.set()
        release.wait(60)
        return crawl(type, task_id)

    task_id = f"crawl_all_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    run = sched.add_one_time_job(
        job_id=task_id, handler_class_name="crawl", job_data={"type": "category", "task_id": task_id}
    )
    assert began.wait(60)
    assert sched.get_job(task_id) is not None
    release.set()
    assert run.result("60s") == {"type": "category", "task_id": task_id}
    assert sched.get_job(task_id) is None
    assert [str(r.state) for r in sched.runs(task_id)] == ["DONE"]


def test_the_context_of_a_job_and_its_result(sched: Scheduler) -> None:
    seen: dict[str, Any] = {}

    @sched.task()
    def job(url: str, run: Any = None) -> TaskResult:
        seen.update(
            id=run.id, name=run.task, data=run.params, retry_count=run.attempt - 1, time=run.trigger_time
        )
        return TaskResult.success("fetched", url=url)

    run = job.submit(url="https://example.org")
    assert run.result("60s") == {"url": "https://example.org"}
    assert seen == {
        "id": run.id,
        "name": "job",
        "data": {"url": "https://example.org"},
        "retry_count": 0,
        "time": None,
    }
    assert run.facts["result"]["message"] == "fetched"
    (attempt,) = run.attempts
    assert attempt.seconds >= 0


def test_network_errors_are_retried_with_a_doubling_delay(sched: Scheduler) -> None:
    retry = Retry(attempts=9, delay=1)
    assert [retry.delay_before(n) for n in range(2, 10)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert retry.allows(ConnectionError())
    assert retry.allows(TimeoutError())
    assert not retry.allows(ValueError())
    retried = []

    @sched.task(
        retry=Retry(attempts=2, delay=0.01), on_retry=lambda attempt, attempts: retried.append(attempt)
    )
    def fetch() -> str:
        if not retried:
            raise ConnectionError("reset")
        return "ok"

    assert fetch.submit().result("60s") == "ok"
    assert retried == [1]


def test_its_listener(sched: Scheduler) -> None:
    lines, both = [], threading.Event()

    def _job_listener(event: Any) -> None:
        if event.code == events.EVENT_JOB_EXECUTED:
            lines.append(f"{event.job_id} done")
        elif event.code == events.EVENT_JOB_ERROR:
            lines.append(f"{event.job_id} failed: {event.exception}")
        if len(lines) == 2:
            both.set()

    def broken() -> None:
        raise ValueError("bad page")

    sched.add_listener(_job_listener, events.EVENT_JOB_EXECUTED | events.EVENT_JOB_ERROR)
    sched.add_job(crawl, id="good", args=["all", "1"])
    sched.add_job(broken, id="bad")
    assert both.wait(60)
    assert sorted(lines) == ["bad failed: ValueError: bad page", "good done"]


def test_its_status(sched: Scheduler) -> None:
    sched.add_job(crawl, "interval", hours=1, id="a", args=["all", "1"])
    sched.add_job(crawl, "interval", hours=1, id="b", args=["all", "1"], next_run_time=None)
    status = sched.get_status()
    assert {k: status[k] for k in ("status", "job_count", "running_jobs", "paused_jobs")} == {
        "status": "running",
        "job_count": 2,
        "running_jobs": 0,
        "paused_jobs": 1,
    }
    assert timedelta(0) < timedelta(seconds=status["uptime"]) < timedelta(minutes=1)
