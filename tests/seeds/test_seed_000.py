"""Seed 000: a cron task whose result another processes and a third reports; retries; hot update."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry
from schedkit.core.triggers.constructors import cron, every
from schedkit.demo import DemoSite
from schedkit.errors import RetryableError
from schedkit.jira import Jira


def test_extract_process_report(sched: Scheduler, demo_site: DemoSite) -> None:
    """API → SchedulerManager → TaskExecutor → DataProcessor → ResultReporter, as three tasks in a row."""
    cloud = demo_site.jira_cloud
    jira = Jira(cloud.url, user=cloud.user, token=cloud.token)
    reported, done = [], threading.Event()

    @sched.task("0 7 * * *", tags="jira")
    def extract():
        return jira.search("project is not EMPTY", fields=["key", "status"], limit=20)

    @sched.task(after=extract)
    def process() -> int:
        return len(extract.latest())

    @sched.task(after=process)
    def report() -> None:
        reported.append(process.latest())
        done.set()

    assert extract.submit().result("60s") is not None
    assert done.wait(60)
    assert reported == [20]


def test_a_failure_asks_for_a_retry(sched: Scheduler) -> None:
    tries = []

    @sched.task(retry=Retry(attempts=3, delay=0.01))
    def flaky() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise RetryableError("once more")
        return "done"

    run = flaky.submit()
    assert run.result("60s") == "done"
    assert [attempt.outcome.value for attempt in run.attempts] == ["failed", "failed", "done"]


def test_any_trigger_and_hot_update(sched: Scheduler) -> None:
    def job(limit: int = 1) -> int:
        return limit

    sched.add_job(job, "date", run_date=datetime.now(UTC) + timedelta(days=1), id="report")
    sched.add_job(job, "interval", minutes=5, id="report", replace_existing=True)
    updated = sched.add_job(job, "cron", hour=2, id="report", kwargs={"limit": 7}, replace_existing=True)
    assert updated.trigger == cron("0 2 * * *")
    assert sched.tasks["report"].submit().result("60s") == 7
    assert [j.id for j in sched.get_jobs()] == ["report"]
    sched.reschedule_job("report", trigger=every("1h"))
    assert sched.tasks["report"].next_run is not None
