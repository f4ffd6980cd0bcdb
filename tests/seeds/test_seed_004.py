"""Seed 004: task classes with a schedule in fields, TaskResult, history, state, enable and disable."""

from __future__ import annotations

import threading

import pytest

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import Event, Fired
from schedkit.core.run import TaskResult
from schedkit.core.states import DueOutcome, Overlap, State
from schedkit.core.tasks.base import BaseTask
from schedkit.core.tasks.schedule import ScheduleType, TaskSchedule
from schedkit.core.triggers.constructors import cron, every
from schedkit.errors import RunFailedError, RunSkippedError


class SyncInventoryTask(BaseTask):
    """库存同步任务"""

    name = "sync_inventory"
    description = "定时同步商品库存数据"
    schedule = TaskSchedule(
        schedule_type=ScheduleType.INTERVAL,
        interval_seconds=3600,
        allow_concurrent=False,
    )
    enabled = True

    async def run(self, outcome: str = "success") -> TaskResult:
        if outcome == "failed":
            return TaskResult.failed(error="数据库连接失败", message="同步失败")
        if outcome == "skipped":
            return TaskResult.skipped("没有需要处理的数据")
        return TaskResult.success("库存同步完成", synced_count=100, failed_count=0)


class CrawlSiteTask(BaseTask):
    """定时爬取站点内容"""

    name = "crawl_site"
    schedule = TaskSchedule(schedule_type=ScheduleType.CRON, cron_expression="0 2 * * *")

    def execute(self) -> int:
        return 1


def test_its_two_tasks(sched: Scheduler) -> None:
    sync, crawl = sched.add(SyncInventoryTask()), sched.add(CrawlSiteTask())
    assert (sync.task.trigger, sync.task.overlap) == (every("1h"), Overlap.SKIP)
    assert sync.task.description == "定时同步商品库存数据"
    assert crawl.task.trigger == cron("0 2 * * *")
    assert crawl.task.timeout == 3600
    assert crawl.submit().result("60s") == 1


def test_its_three_results(sched: Scheduler) -> None:
    sync = sched.add(SyncInventoryTask)
    done = sync.submit()
    assert done.result("60s") == {"synced_count": 100, "failed_count": 0}
    assert done.run.reason == "库存同步完成"
    failed = sync.submit(outcome="failed")
    with pytest.raises(RunFailedError, match="数据库连接失败"):
        failed.result("60s")
    skipped = sync.submit(outcome="skipped")
    with pytest.raises(RunSkippedError, match="没有需要处理的数据"):
        skipped.result("60s")
    assert [run.state for run in sync.runs()] == [State.SKIPPED, State.FAILED, State.DONE]


def test_history_and_state(sched: Scheduler) -> None:
    sync = sched.add(SyncInventoryTask())
    for outcome in ("success", "failed"):
        sync.submit(outcome=outcome).wait("60s")
    history = sync.history(limit=10)
    assert list(history["state"]) == ["FAILED", "DONE"]
    assert list(history["task"]) == ["sync_inventory"] * 2
    assert sync.state == "idle"
    assert sync.next_run is not None
    row = next(t for t in sched.get_status()["tasks"] if t["name"] == "sync_inventory")
    assert (row["run_count"], row["fail_count"], row["last_result"]) == (2, 1, "failed")
    assert (row["schedule_type"], row["status"], row["enabled"]) == ("interval", "idle", True)
    assert row["next_run_at"] is not None
    assert row["last_run_at"] is not None


def test_disable_and_enable(sched: Scheduler) -> None:
    crawl = sched.add(CrawlSiteTask())
    sched.disable("crawl_site")
    assert crawl.paused
    assert crawl.next_run is None
    # A person may still start it.
    assert crawl.submit().result("60s") == 1
    sched.enable("crawl_site")
    assert crawl.next_run is not None


def test_its_own_expressions(sched: Scheduler) -> None:
    said = {
        "0 * * * *": "every hour",
        "0 2 * * *": "at 02:00",
        "0 0 * * 0": "at 00:00 on Sunday",
        "0 0 1 * *": "at 00:00 on day 1 of every month",
    }
    assert {text: cron(text).text() for text in said} == said


def test_no_concurrency_means_the_time_is_recorded_and_skipped(sched: Scheduler) -> None:
    began, release, skipped = threading.Event(), threading.Event(), threading.Event()

    class Slow(BaseTask):
        name = "slow"
        schedule = TaskSchedule(schedule_type="interval", interval_seconds=0.05)

        def execute(self) -> None:
            began.set()
            release.wait(60)

    def hear(event: Event) -> None:
        if isinstance(event, Fired) and event.outcome is DueOutcome.OVERLAPPED:
            skipped.set()

    sched.subscribe(hear)
    sched.add(Slow())
    assert began.wait(60)
    assert skipped.wait(60)
    release.set()
    # A busy machine may have been late too, which is recorded as coalesced.
    due_times = sched.due_times("slow")
    overlapped = due_times[due_times["outcome"] == DueOutcome.OVERLAPPED.value]
    assert set(overlapped["reason"]) == {"1 still running"}
