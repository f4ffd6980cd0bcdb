"""The `tasks:` block of a YAML file, as written by hand."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from apscheduler.triggers.cron import CronTrigger

from schedkit.core.model import Retry, Task
from schedkit.core.tasks.block import block_trigger, yaml_tasks
from schedkit.core.tasks.declare import declare
from schedkit.core.triggers.constructors import any_of, at, cron, every
from schedkit.core.triggers.data import custom_trigger
from schedkit.errors import FatalError, SettingsError, TriggerError
from schedkit.values.yaml import parse_yaml

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An importable package ``jobs`` of task modules."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "data_sync.py").write_text(
        "def run(source='api', batch_size: int = 100):\n    return batch_size\n"
    )
    (folder / "marked.py").write_text(
        "from schedkit.core.tasks.declare import task\n@task()\ndef one():\n    return 1\n"
        "@task()\ndef marked():\n    return 2\n"
    )
    (folder / "single.py").write_text(
        "from schedkit.core.tasks.declare import task\n@task()\ndef other_name():\n    return 3\n"
    )
    (folder / "empty.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [m for m in sys.modules if m == "jobs" or m.startswith("jobs.")]:
        del sys.modules[name]


def declared(text: str, **options: Any) -> list[Task]:
    found = yaml_tasks(yaml.safe_load(text)["tasks"], **{"package": "jobs", **options})
    assert found.problems == []
    return found.tasks


@pytest.mark.usefixtures("modules")
def test_an_entry_with_everything() -> None:
    (task,) = declared(
        """
        tasks:
          data_sync:
            trigger: interval
            args: {minutes: 30}
            max_attempts: 3
            retry_delay: 90
            executor: processpool
            params: {batch_size: 5}
            timeout: 10m
            priority: high
            misfire_grace_time: 30
            coalesce: false
            max_instances: 3
            enabled: false
        """
    )
    assert (task.name, task.trigger, task.runs_in) == ("data_sync", every("30m"), "process")
    assert task.retry == Retry(attempts=3, delay=90, backoff=1, max_delay=90, on=(Exception,))
    # The same delay before every try, of everything but FatalError.
    assert [task.retry.delay_before(n) for n in (2, 3, 9)] == [90, 90, 90]
    assert task.retry.allows(KeyError("x"))
    assert not task.retry.allows(FatalError("x"))
    assert (task.timeout, task.priority, task.misfire_grace, task.enabled) == (600, 20, 30, False)
    assert (task.coalesce, task.max_instances, task.left_open) == (False, 3, frozenset())
    assert task.function is not None
    assert task.function(**task.params) == 5


@pytest.mark.usefixtures("modules")
def test_defaults_of_a_bare_entry() -> None:
    (task,) = declared("tasks: {data_sync: {args: {seconds: 30}}}")
    assert (task.trigger, task.retry.attempts, task.runs_in) == (every("30s"), 1, "auto")
    assert task.left_open == {"coalesce", "max_instances", "misfire_grace"}
    (task,) = declared("tasks: {data_sync: {args: {seconds: 30}, misfire_grace_time: null}}")
    assert task.left_open == {"coalesce", "max_instances"}, "null is said: however late"


@pytest.mark.usefixtures("modules")
def test_where_the_function_comes_from() -> None:
    def known() -> int:
        return 4

    block = "tasks: {{{}: {{args: {{seconds: 30}}}}}}"
    for name, value in {"marked": 2, "single": 3}.items():
        (task,) = declared(block.format(name))
        assert task.function is not None
        assert task.function() == value
        assert task.name == name
    (task,) = declared(block.format("known"), known={"known": declare(known)})
    assert task.function is known


def test_a_list_is_no_block() -> None:
    with pytest.raises(SettingsError, match=r"tasks: expected a mapping, got .* .write each task's name"):
        yaml_tasks([{"name": "data_sync"}])


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("data_sync: 5", "task 'data_sync': expected a mapping, got 5"),
        ("data_sync: {triger: cron}", "task 'data_sync': unknown option 'triger' .did you mean 'trigger'"),
        ("data_sync: {zzz: cron}", "unknown option 'zzz' .known: trigger, args"),
        ("data_sync: {trigger: moon}", "task 'data_sync': there is no trigger 'moon'"),
        (
            "data_sync: {trigger: cron, args: {hours: 9}}",
            "task 'data_sync': cron trigger: unknown option 'hours' .did you mean 'hour'",
        ),
        ("data_sync: {trigger: cron, args: 5}", "args: expected a mapping, got 5"),
        ("data_sync: {trigger: cron, args: {day_of_week: 8}}", "'8' is not 0-7"),
        ("data_sync: {args: {}}", "every.. needs one interval"),
        (
            "data_sync: {args: {second: 5}}",
            "interval trigger: unknown option 'second' .did you mean 'sec",
        ),
        (
            "data_sync: {args: {seconds: 5}, executor: gpu}",
            "executor='gpu' .'auto', 'thread', 'process', 'dask' or a",
        ),
        ("data_sync: {args: {seconds: 5}, max_attempts: three}", "max_attempts='three'"),
        ("data_sync: {args: {seconds: 5}, max_attempts: 0}", "max_attempts=0 .a whole number, at least 1"),
        ("data_sync: {args: {seconds: 5}, retry_delay: true}", "retry_delay: invalid duration True"),
        ("data_sync: {args: {seconds: 5}, params: {x: 1}}", "task 'data_sync': unknown parameter 'x'"),
        ("data_sync: {args: {seconds: 5}, name: x}", "task 'data_sync': its key is its name .leave name out"),
        ("data_sync: {trigger: date}", "needs its run_date"),
        ("data_sync: {args: {seconds: 5}, max_attempts: 3, retry: 3}", "retry besides max_attempts"),
        ("data_sync: {args: {seconds: 5}, timeout: soon}", "'data_sync': timeout: invalid duration 'soon'"),
        ("data_sync: {args: {seconds: 5, timezone: Europe}}", "'data_sync': tz: unknown time zone 'Europe'"),
        ("missing: {args: {seconds: 5}}", "there is no module jobs.missing .write jobs/missing.py"),
        ("empty: {args: {seconds: 5}}", "the module jobs.empty has no function run"),
    ],
)
def test_a_bad_entry_is_reported_and_the_others_load(entry: str, told: str) -> None:
    block = yaml.safe_load(f"tasks: {{{entry}, single: {{args: {{seconds: 5}}}}}}")["tasks"]
    found = yaml_tasks(block, package="jobs")
    assert [t.name for t in found.tasks] == ["single"]
    (problem,) = found.problems
    assert re.search(told, str(problem))
    assert str(problem).count("task '") <= 1 or "comes after" in str(problem), "said once where it is"


def test_a_package_that_is_a_plain_module_has_no_task_modules() -> None:
    found = yaml_tasks({"x": {"args": {"seconds": 5}}}, package="json.decoder")
    (problem,) = found.problems
    assert "there is no module json.decoder.x" in str(problem)


def test_numbers_of_weekdays_mean_what_they_mean_in_a_crontab() -> None:
    for text, names in {
        "1-5": "mon-fri",
        1: "mon",
        "0": "sun",
        "7": "sun",
        "5-7": "fri,sat,sun",
        "6-1": "sat,sun,mon",
        "1-5/2": "mon,wed,fri",
        "4/2": "thu,sat",
        "mon-fri": "mon-fri",
        "0,sat": "sun,sat",
        "*": "*",
    }.items():
        found = block_trigger("cron", {"hour": 9, "day_of_week": text}, "t")
        assert found == cron(f"0 9 * * {names}"), text


def test_of_two_day_fields_either_fires() -> None:
    found = block_trigger("cron", {"day": 13, "day_of_week": "fri", "timezone": "UTC"}, "t")
    assert found is not None
    assert list(found.walk(MONDAY, 5)) == list(cron("0 0 13 * fri", tz="UTC").walk(MONDAY, 5))
    assert found == any_of(cron("0 0 13 * *", tz="UTC"), cron("0 0 * * fri", tz="UTC"))


def test_the_other_triggers() -> None:
    assert block_trigger("date", {"run_date": "2026-12-25 10:00:00"}, "t") == at("2026-12-25 10:00:00")
    found = block_trigger("calendarinterval", {"months": 1, "hour": 7, "start_date": "2026-01-01"}, "t")
    assert str(found) == "every month at 07:00, from 2026-01-01 00:00"
    window = {
        "hours": 2,
        "start_date": "2026-01-05 00:30",
        "end_date": "2026-01-06",
        "timezone": "UTC",
        "jitter": 5,
    }
    assert block_trigger("interval", window, "t") == every(
        "2h", start="2026-01-05 00:30", end="2026-01-06 00:00", tz="UTC", jitter=5
    )
    # As with APScheduler's triggers, that day is over before it began.
    daily = block_trigger("cron", {"hour": 7, "end_date": "2026-01-06", "timezone": "UTC"}, "t")
    theirs = CronTrigger(hour=7, end_date="2026-01-06", timezone=UTC)
    assert daily is not None
    last = daily.next(MONDAY)
    assert last == theirs.get_next_fire_time(None, MONDAY)
    assert last is not None
    assert daily.next(last) is None
    with pytest.raises(TriggerError, match="t: every"):
        block_trigger("interval", {"seconds": 0}, "t")
    with pytest.raises(SettingsError, match="args: expected a mapping, got"):
        block_trigger("interval", [], "t")


@pytest.mark.usefixtures("modules")
def test_parents_come_before_their_children() -> None:
    tasks = declared(
        """
        tasks:
          marked: {args: {seconds: 5}, after: [single, data_sync]}
          single: {args: {seconds: 5}, after: data_sync}
          data_sync: {args: {seconds: 5}}
        """
    )
    assert [t.name for t in tasks] == ["data_sync", "single", "marked"]
    circle = declared(
        "tasks: {marked: {args: {seconds: 5}, after: single}, single: {args: {seconds: 5}, after: marked}}"
    )
    assert sorted(t.name for t in circle) == ["marked", "single"]


@pytest.mark.usefixtures("modules")
def test_a_problem_begins_with_its_place_in_the_file() -> None:
    document = parse_yaml("tasks:\n  data_sync:\n    timout: 5m\n    args: {seconds: 5}\n", "tasks.yaml")
    assert document is not None
    found = yaml_tasks(
        document.value["tasks"],
        package="jobs",
        tell=lambda _: None,
        where=lambda name: document.where(("tasks", name)),
    )
    (problem,) = found.problems
    assert str(problem) == (
        "tasks.yaml:2:3: task 'data_sync': unknown option 'timout' (did you mean 'timeout'?)"
    )


@custom_trigger("test_block.noon")
class Noon:
    def __init__(self, hour: int = 12) -> None:
        self.hour = hour

    def to_data(self) -> dict[str, int]:
        return {"hour": self.hour}

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        today = now.replace(hour=self.hour, minute=0, second=0, microsecond=0)
        return today if today >= now else today + timedelta(days=1)


def test_a_trigger_class_of_ones_own() -> None:
    made = block_trigger("test_block.noon", {"hour": 9}, "task 'x'")
    assert made is not None
    assert made.next(MONDAY) == MONDAY.replace(hour=9)
    with pytest.raises(
        TriggerError, match=r"there is no trigger 'test_block.non' .did you mean 'test_block.noon'"
    ):
        block_trigger("test_block.non", {}, "task 'x'")
