"""Tasks as classes: execute or async run, hooks, options as attributes; schedules as fields."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from apscheduler.triggers.interval import IntervalTrigger

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Task
from schedkit.core.states import Overlap
from schedkit.core.tasks.base import BaseTask, as_task
from schedkit.core.tasks.declare import task
from schedkit.core.tasks.schedule import ScheduleType, TaskSchedule
from schedkit.core.triggers.constructors import at, cron, every
from schedkit.errors import DeclarationError, ParameterError, RunFailedError, TriggerError


@pytest.fixture
def where(tmp_path: Path) -> str:
    return str(tmp_path / "ledger.db")


class Sync(BaseTask):
    """Synchronise the stock.

    More.
    """

    name = "sync"
    schedule = "@hourly"
    retry = 2
    timeout = "5m"
    tags = ("stock",)
    params = {"size": 3}  # noqa: RUF012  # as people write it

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def execute(self, size: int = 100, fail: bool = False) -> int:
        if fail:
            raise ConnectionError("stock is away")
        return size * 2

    def on_success(self, result: Any) -> None:
        self.heard.append(("success", result))

    def on_failure(self, exception: BaseException) -> None:
        self.heard.append(("failure", str(exception)))

    def on_retry(self, attempt: int, max_attempts: int) -> None:
        self.heard.append(("retry", attempt, max_attempts))

    def cleanup(self) -> None:
        self.heard.append("cleanup")

    def validate_params(self, **params: Any) -> object:
        return params.get("size", 0) < 1000


class Plain(BaseTask):
    async def run(self, depth: int = 1) -> int:
        return depth + 1


def test_a_class_declares_a_task() -> None:
    made = as_task(Sync)
    assert (made.name, made.description, made.trigger) == ("sync", "Synchronise the stock.", cron("@hourly"))
    assert (made.retry.attempts, made.timeout, made.tags, made.params) == (2, 300, ("stock",), {"size": 3})
    plain = as_task(Plain())
    assert (plain.name, plain.trigger, plain.description) == ("Plain", None, "")
    assert plain.hooks.on_success is plain.hooks.validate_params is None
    assert Plain().logger is logging.getLogger("schedkit.tasks.Plain")


def test_hooks_are_called_around_real_runs(sched: Scheduler) -> None:
    sync = Sync()
    handle = sched.add(sync)
    assert handle.submit().result("60s") == 6
    assert sync.heard == [("success", 6), "cleanup"]
    sync.heard.clear()
    with pytest.raises(RunFailedError, match="stock is away"):
        handle.submit(fail=True).result("60s")
    assert sync.heard == [("retry", 1, 2), "cleanup", ("failure", "stock is away"), "cleanup"]
    with pytest.raises(RunFailedError, match=r"ParameterError: task 'sync': validate_params refused .*1001"):
        handle.submit(size=1001).result("60s")


def test_an_async_run(sched: Scheduler) -> None:
    assert sched.add(Plain).submit(depth=4).result("60s") == 5


def test_disabled_until_resumed(sched: Scheduler) -> None:
    class Off(Sync):
        name = "off"
        enabled = False

    handle = sched.add(Off())
    assert handle.paused
    assert handle.next_run is None
    handle.resume()
    assert handle.next_run is not None


def test_what_declares_no_task() -> None:
    class Neither(BaseTask):
        pass

    class Both(Plain):
        def execute(self) -> None: ...

    class Needy(Plain):
        def __init__(self, url: str) -> None: ...

    with pytest.raises(DeclarationError, match="Neither has neither execute nor run"):
        as_task(Neither)
    with pytest.raises(DeclarationError, match="Both has both execute and run"):
        as_task(Both())
    with pytest.raises(DeclarationError, match=r"Needy cannot be instantiated without arguments.*Needy\(…\)"):
        as_task(Needy)
    for value in (5, "name", dict):
        with pytest.raises(DeclarationError, match="is not a task"):
            as_task(value)


def test_a_trigger_that_would_be_overlooked_is_told() -> None:
    class Weekly(BaseTask):
        trigger: object = every("1h")

        def execute(self) -> None: ...

    with pytest.raises(DeclarationError, match=r"task class Weekly has a trigger and no schedule .write sch"):
        as_task(Weekly)
    Weekly.trigger = IntervalTrigger(hours=1)
    with pytest.raises(DeclarationError, match="no schedule"):
        as_task(Weekly)
    Weekly.trigger = "the user's own"
    assert as_task(Weekly).trigger is None


def test_the_bases_own_work_is_nobodys() -> None:
    with pytest.raises(NotImplementedError):
        BaseTask().execute()
    coroutine = BaseTask().run()
    with pytest.raises(NotImplementedError):
        coroutine.send(None)
    base = BaseTask()
    base.on_success(1)
    base.on_failure(ValueError())
    base.on_retry(1, 2)
    base.cleanup()
    assert base.validate_params(a=1) is True


def test_tasks_and_functions_declare_themselves() -> None:
    @task(every("1h"))
    def marked() -> None: ...

    def plain() -> None: ...

    value = Task(name="value", function=plain)
    assert as_task(value) == value
    assert as_task(marked).trigger == every("1h")
    assert as_task(plain).trigger is None


def test_schedules_as_fields() -> None:
    nightly = TaskSchedule(
        schedule_type=ScheduleType.CRON, cron_expression="0 2 * * *", timezone="Asia/Shanghai"
    )
    assert nightly.trigger == cron("0 2 * * *", tz="Asia/Shanghai")
    hourly = TaskSchedule(schedule_type="INTERVAL", interval_seconds=3600, allow_concurrent=True)
    assert hourly.trigger == every("1h")
    once = TaskSchedule(schedule_type="date", run_date=datetime(2026, 12, 25, tzinfo=UTC))
    assert once.trigger == at(datetime(2026, 12, 25, tzinfo=UTC))

    class Crawl(Plain):
        schedule = hourly

    class Exclusive(Plain):
        schedule = nightly
        overlap = "queue"

    assert (as_task(Crawl).trigger, as_task(Crawl).overlap) == (every("1h"), Overlap.ALLOW)
    assert as_task(Exclusive).overlap is Overlap.QUEUE
    assert nightly.options()[1] == {"overlap": Overlap.SKIP}
    with pytest.raises(TriggerError, match=r"schedule_type='weekly'.*'cron', 'interval', 'date'"):
        TaskSchedule(schedule_type="weekly")
    with pytest.raises(TriggerError, match="of type interval needs interval_seconds"):
        TaskSchedule(schedule_type="interval", cron_expression="@daily")


def test_parameters_of_a_class_are_its_methods() -> None:
    class Wrong(Sync):
        params = {"sise": 1}  # noqa: RUF012  # as people write it

    with pytest.raises(ParameterError, match=r"task 'sync': unknown parameter 'sise' .did you mean 'size'"):
        as_task(Wrong())


def test_an_attribute_that_is_nearly_an_option_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    class Sync(BaseTask):
        timout = "5m"
        retry = 3
        columns = ("Key",)
        misfire_grace_time = "1m"

        def execute(self) -> None: ...

        def on_sucess(self, result: object) -> None: ...

        def rows_of(self) -> None: ...

    as_task(Sync)
    assert [record.getMessage() for record in caplog.records] == [
        "task class Sync: 'timout' is not an option (did you mean 'timeout'?)",
        "task class Sync: 'on_sucess' is not an option (did you mean 'on_success'?)",
    ]
