"""Seed 003: the YAML blocks as they are written, task modules with run(), BaseTask, decorators as options."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.clocks import Slow
from support.lives import set_clock

from schedkit import context
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Rate, Task
from schedkit.core.tasks.base import BaseTask
from schedkit.core.tasks.block import yaml_tasks
from schedkit.core.triggers.constructors import at, cron, every
from schedkit.errors import FatalError, RetryableError, RunCancelledError, RunFailedError, StopRequested

from .conftest import Fences

NAMES = ("data_sync", "daily_report", "system_cleanup", "health_check", "one_time_migration")


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """``scheduler/tasks/``, one module with ``run()`` per task of the document."""
    folder = tmp_path / "scheduler" / "tasks"
    folder.mkdir(parents=True)
    for package in (folder.parent, folder):
        (package / "__init__.py").write_text("")
    for name in NAMES:
        (folder / f"{name}.py").write_text(f"def run():\n    return {name!r}\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [m for m in sys.modules if m == "scheduler" or m.startswith("scheduler.")]:
        del sys.modules[name]


def load(text: str) -> dict[str, Task]:
    found = yaml_tasks(yaml.safe_load(text)["tasks"], package="scheduler.tasks")
    assert found.problems == []
    return {task.name: task for task in found.tasks}


@pytest.mark.usefixtures("modules")
def test_its_configuration_file(sched: Scheduler, fence: Fences) -> None:
    tasks = load(fence("003", "yaml", "system_cleanup"))
    assert {name: task.trigger for name, task in tasks.items()} == {
        "data_sync": every("30m"),
        "daily_report": cron("0 9 * * mon-fri"),
        "system_cleanup": cron("0 2 * * *"),
        "health_check": every("30s"),
    }
    assert {n: (t.retry.attempts, t.retry.delay, t.runs_in) for n, t in tasks.items()} == {
        "data_sync": (3, 10, "auto"),
        "daily_report": (5, 30, "process"),
        "system_cleanup": (2, 60, "auto"),
        "health_check": (1, 0, "auto"),
    }
    for task in tasks.values():
        assert sched.add(task).submit().result("60s") == task.name


@pytest.mark.usefixtures("modules")
def test_each_of_its_trigger_examples(fence: Fences) -> None:
    assert load(fence("003", "yaml", "# 每30秒执行一次"))["data_sync"].trigger == every("30s")
    assert load(fence("003", "yaml", "# 每天9点执行"))["daily_report"].trigger == cron("0 9 * * *")
    migration = load(fence("003", "yaml", "one_time_migration"))["one_time_migration"]
    assert migration.trigger == at("2023-12-25 10:00:00")
    assert migration.retry.attempts == 1


def test_a_task_that_cannot_load_is_skipped_and_the_rest_runs(
    sched: Scheduler, modules: Path, fence: Fences
) -> None:
    (modules / "health_check.py").write_text("import nothing_of_that_name\n")
    found = yaml_tasks(
        yaml.safe_load(fence("003", "yaml", "system_cleanup"))["tasks"], package="scheduler.tasks"
    )
    assert len(found.tasks) == 3
    assert [p.where for p in found.problems] == ["task 'health_check'"]


class DataSyncTask(BaseTask):
    """数据同步任务"""

    retry = 2

    def execute(self, source: str = "api", batch_size: int = 100) -> dict[str, Any]:
        self.logger.info("source %s, batch size %s", source, batch_size)
        return {"processed_count": batch_size, "source": source, "batch_size": batch_size}

    def validate_params(self, source: str = "api", batch_size: int = 100) -> bool:
        if source not in ("api", "database"):
            raise ValueError("source is 'api' or 'database'")
        return batch_size > 0


def test_its_base_task(sched: Scheduler) -> None:
    handle = sched.add(DataSyncTask())
    assert (handle.name, handle.task.description) == ("DataSyncTask", "数据同步任务")
    assert handle.submit(batch_size=7).result("60s")["processed_count"] == 7
    with pytest.raises(RunFailedError, match="source is 'api' or 'database'"):
        handle.submit(source="file").result("60s")
    with pytest.raises(RunFailedError, match="validate_params refused"):
        handle.submit(batch_size=0).result("60s")


def test_its_decorators_are_options(tmp_path: Path) -> None:
    sched = Scheduler(tmp_path / "ledger.db", concurrency=5)
    set_clock(sched, Slow())  # a minute does not pass, even on a machine that stands still

    @sched.task(rate="5/min", timeout=300, name="enhanced_data_process")
    def run() -> dict[str, int]:
        return {"processed_records": 1000}

    assert (run.task.rate, run.task.timeout) == (Rate(5, 60), 300)
    with sched:
        runs = [run.submit() for _ in range(7)]
        for started in runs[:5]:
            assert started.result("60s") == {"processed_records": 1000}
        # The sixth within a minute waits for its turn; nobody is told an error.
        assert [str(r.state) for r in runs[5:]] == ["QUEUED", "QUEUED"]


def test_retryable_and_fatal_errors(sched: Scheduler) -> None:
    tries: dict[str, int] = {"retryable": 0, "fatal": 0}

    def work(kind: str) -> str:
        tries[kind] += 1
        if kind == "fatal":
            raise FatalError("no licence")
        if tries[kind] == 1:
            raise RetryableError("busy")
        return "ok"

    handle = sched.task(retry=3)(work)
    assert handle.submit(kind="retryable").result("60s") == "ok"
    with pytest.raises(RunFailedError, match="no licence"):
        handle.submit(kind="fatal").result("60s")
    assert tries == {"retryable": 2, "fatal": 1}


def test_batches_stop_when_asked(sched: Scheduler) -> None:
    began, seen = threading.Event(), []

    @sched.task()
    def batch() -> dict[str, int]:
        total = 0
        try:
            while not context.should_stop():
                total += 1
                began.set()
                threading.Event().wait(0.001)
        except StopRequested:
            pass
        seen.append(total)
        context.checkpoint()
        return {"total_processed": total}

    run = batch.submit()
    assert began.wait(60)
    assert run.cancel()
    with pytest.raises(RunCancelledError):
        run.result("60s")
    assert seen
    assert seen[0] > 0


def test_its_status_rows(sched: Scheduler) -> None:
    sched.add(DataSyncTask())
    sched.add_job(lambda: None, "interval", seconds=30, id="health_check", name="Task_health_check")
    status = sched.get_status()
    assert (status["is_running"], status["jobs_count"]) == (True, 2)
    row = next(job for job in status["jobs"] if job["id"] == "health_check")
    assert (row["name"], row["trigger"]) == ("Task_health_check", "every 30s")
    assert row["next_run_time"] is not None
