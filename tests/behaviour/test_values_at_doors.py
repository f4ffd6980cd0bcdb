"""One value has one reading: the same zones and durations through every public door.

Each door takes a value and gives back what it was read as. To add one, add a line to `ZONE_DOORS` or
`DURATION_DOORS`; a door that is given as text (YAML, ``%%task``) is in `TEXT_DOORS` too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dateutil.tz
import openpyxl
import pandas as pd
import pytest
import pytz

from schedkit import excel
from schedkit.atlassian import Site
from schedkit.confluence import latest_runs
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry, Task
from schedkit.core.tasks.base import BaseTask, as_task
from schedkit.core.tasks.block import yaml_tasks
from schedkit.core.tasks.declare import declare, marked, task
from schedkit.core.tasks.registry import Registry
from schedkit.core.tasks.request import read_request
from schedkit.core.tasks.schedule import TaskSchedule
from schedkit.core.triggers.constructors import all_of, any_of, at, calendar, cron, every
from schedkit.errors import SettingsError, UsageError
from schedkit.flow import WorkingHours, throughput
from schedkit.notebook.magics import options_of
from schedkit.notify import Channel, Notifier
from schedkit.report import loads_reports
from schedkit.settings import load_settings
from schedkit.values.durations import parse_duration
from schedkit.values.timezones import parse_timezone

Door = Callable[[Any], Any]


def work() -> None: ...


def requested(**more: Any) -> Task:
    registry = Registry()
    registry.add(declare(work))
    return read_request({"name": "n", "task": "work", **more}, registry).task


def block(**entry: Any) -> Task:
    found = yaml_tasks(
        {"work": {"args": {"hours": 1}, **entry}}, known={"work": declare(work)}, tell=lambda _: None
    )
    if found.problems:
        raise SettingsError(found.problems[0].error)
    return found.tasks[0]


def by_class(**own: Any) -> Task:
    return as_task(type("Work", (BaseTask,), {"execute": lambda self: None, **own}))


def by_mark(**options: Any) -> Task:
    made = marked(task(name="marked", **options)(lambda: None))
    assert made is not None
    return made


def job(trigger: str = "interval", **options: Any) -> Task:
    unopened = Scheduler("never-opened.db")
    args = {"hours": 1} if trigger == "interval" else {"hour": 7}
    added = unopened.add_job(work, trigger, id="job", **args, **options)
    return unopened.tasks[added.id].task


def report(text: str) -> Any:
    (made,) = loads_reports(
        f"name: r\nextract: {{site: x, jql: x}}\ndeliver: [{{excel: {{path: x.xlsx}}}}]\n{text}\n", "r.yaml"
    )
    return made


def settings(text: str) -> Any:
    Path("schedkit.yaml").write_text(text, encoding="utf-8")
    return load_settings(Path.cwd())


def options_in_yaml(name: str) -> Door:
    return lambda value: settings(f"scheduler:\n  {name}: {written(value)}").scheduler.options[name]


def option_of_a_scheduler(name: str) -> Door:
    return lambda value: Scheduler("never-opened.db", **{name: value}).process.options[name]


def magic(text: str) -> tuple[Any, dict[str, Any]]:
    _, trigger, options = options_of(f"cell {text}")
    return trigger, options


def written(value: Any) -> str:
    """The value as a line of YAML or of a magic."""
    return json.dumps(value)


def told_late(value: Any) -> float:
    notifier = Notifier([], late_after=value)
    notifier.close()
    return parse_duration(value)


def report_trigger(text: str) -> Any:
    return report(text).trigger


def shown_hour(write: Callable[[], object]) -> Any:
    write()
    return openpyxl.load_workbook("evening.xlsx").active["A2"].value


ZONE_DOORS: Mapping[str, Door] = {
    "parse_timezone": parse_timezone,
    "cron": lambda tz: cron("0 7 * * *", tz=tz).tz,
    "every": lambda tz: every("1h", tz=tz).tz,
    "at": lambda tz: at("2026-03-01 07:00", tz=tz).tz,
    "calendar": lambda tz: calendar(days=1, tz=tz).tz,
    "TaskSchedule": lambda tz: (
        TaskSchedule(schedule_type="cron", cron_expression="0 7 * * *", timezone=tz).trigger.tz
    ),
    "Scheduler": option_of_a_scheduler("tz"),
    "WorkingHours": lambda tz: WorkingHours(tz=tz).tz,
    "tasks block": lambda tz: block(trigger="cron", args={"hour": 7, "timezone": tz}).trigger.tz,
    "add_job": lambda tz: job("cron", timezone=tz).trigger.tz,
    "request": lambda tz: requested(cron_expr="0 7 * * *", timezone=tz).trigger.tz,
}
ZONES_AS_TEXT: Mapping[str, Door] = {
    "schedkit.yaml": options_in_yaml("tz"),
    "report": lambda tz: report_trigger(f"schedule: {{cron: '0 7 * * *', tz: {written(tz)}}}").tz,
    "magic": lambda tz: magic(f"cron='0 7 * * *' tz={written(tz)}")[0].tz,
}
EVENING = pd.DataFrame({"At": [pd.Timestamp("2026-01-15T20:00Z")]})
# Doors that show wall times: whether they take a zone shows in the hour.
SHOWING_DOORS: Mapping[str, Door] = {
    "excel.write": lambda tz: shown_hour(lambda: excel.write(EVENING, "evening.xlsx", tz=tz)),
    "flow.throughput": lambda tz: throughput(EVENING["At"], "D", tz).index[0],
    "confluence.latest_runs": lambda tz: latest_runs(
        [{"task": "t", "state": "DONE", "finished_at": EVENING["At"][0], "seconds": 1.0}], tz=tz
    ).to_csv(),
}
BERLIN = ZoneInfo("Europe/Berlin")
TWO_HOURS = timezone(timedelta(hours=2))
ZONES: list[tuple[Any, tzinfo]] = [
    ("utc", UTC),
    ("UTC", UTC),
    ("+02:00", TWO_HOURS),
    ("europe/berlin", BERLIN),
    (" Europe/Berlin ", BERLIN),
    (BERLIN, BERLIN),
    (pytz.timezone("Europe/Berlin"), BERLIN),
    (dateutil.tz.gettz("Europe/Berlin"), BERLIN),
    (pytz.utc, UTC),
    (dateutil.tz.UTC, UTC),
    (pytz.FixedOffset(120), TWO_HOURS),
    (dateutil.tz.tzoffset(None, 7200), TWO_HOURS),
    (TWO_HOURS, TWO_HOURS),
]
NOT_ZONES = [
    ("Europe", "unknown time zone 'Europe'"),
    ("nonsense", "unknown time zone 'nonsense'"),
    ("GMT+2", "unknown time zone 'GMT+2'"),
    ("+99:00", "invalid time zone '+99:00'"),
    (5, "invalid time zone 5"),
]

DURATION_DOORS: Mapping[str, Door] = {
    "parse_duration": parse_duration,
    "timeout=": lambda length: declare(work, timeout=length).timeout,
    "@task": lambda length: by_mark(timeout=length).timeout,
    "BaseTask": lambda length: by_class(timeout=length).timeout,
    "misfire_grace=": lambda length: declare(work, misfire_grace=length).misfire_grace,
    "jitter=": lambda length: declare(work, jitter=length).jitter,
    "Retry delay": lambda length: Retry(delay=length, max_delay="1d").delay,
    "Retry max_delay": lambda length: Retry(max_delay=length).max_delay,
    "retry mapping": lambda length: declare(work, retry={"max_delay": length}).retry.max_delay,
    "every": lambda length: every(length).interval.total_seconds(),
    "cron jitter": lambda length: cron("0 7 * * *", jitter=length).jitter,
    "at jitter": lambda length: at("2026-03-01 07:00", jitter=length).jitter,
    "calendar jitter": lambda length: calendar(days=1, jitter=length).jitter,
    "any_of jitter": lambda length: any_of("0 7 * * *", jitter=length).jitter,
    "all_of jitter": lambda length: all_of("0 7 * * *", jitter=length).jitter,
    "TaskSchedule": lambda length: TaskSchedule(
        schedule_type="interval", interval_seconds=length
    ).trigger.interval.total_seconds(),
    "Scheduler lease": option_of_a_scheduler("lease"),
    "Scheduler cancel_grace": option_of_a_scheduler("cancel_grace"),
    "Scheduler write_patience": option_of_a_scheduler("write_patience"),
    "Scheduler keep_runs": option_of_a_scheduler("keep_runs"),
    "Scheduler job_defaults": lambda length: Scheduler(
        "never-opened.db", job_defaults={"misfire_grace_time": length}
    ).process.options["job_defaults"]["misfire_grace"],
    "tasks block": lambda length: block(timeout=length).timeout,
    "tasks block misfire_grace_time": lambda length: block(misfire_grace_time=length).misfire_grace,
    "tasks block retry_delay": lambda length: block(max_attempts=2, retry_delay=length).retry.delay,
    "tasks block jitter": lambda length: block(args={"hours": 1, "jitter": length}).trigger.jitter,
    "add_job": lambda length: job(misfire_grace_time=length).misfire_grace,
    "add_job jitter": lambda length: job(jitter=length).trigger.jitter,
    "request": lambda length: requested(timeout_seconds=length).timeout,
    "request retry_policy": lambda length: requested(retry_policy={"max_delay": length}).retry.max_delay,
    "Channel": lambda length: Channel("CHAT", every=length).pause,
    "Notifier": told_late,
    "Site patience": lambda length: Site("https://x.example", token="s", patience=length).patience,
    "Site backoff": lambda length: Site("https://x.example", token="s", backoff=length).backoff,
}
DURATIONS_AS_TEXT: Mapping[str, Door] = {
    "schedkit.yaml lease": options_in_yaml("lease"),
    "schedkit.yaml keep_runs": options_in_yaml("keep_runs"),
    "schedkit.yaml job_defaults": lambda length: settings(
        f"scheduler: {{job_defaults: {{misfire_grace_time: {written(length)}}}}}"
    ).scheduler.options["job_defaults"]["misfire_grace"],
    "schedkit.yaml site timeout": lambda length: (
        settings(f"sites: {{a: {{url: x, timeout: {written(length)}}}}}").sites["a"].timeout
    ),
    "schedkit.yaml late_after": lambda length: (
        settings(f"notify: {{late_after: {written(length)}}}").notify.late_after
    ),
    "schedkit.yaml channel every": lambda length: (
        settings(f"notify: {{channels: [{{env: CHAT, every: {written(length)}}}]}}").notify.channels[0].every
    ),
    "schedkit.yaml rule not_done_for": lambda length: (
        settings(f"notify: {{rules: [{{not_done_for: {written(length)}}}]}}").notify.rules[0].not_done_for
    ),
    "schedkit.yaml standing_page every": lambda length: (
        settings(f"standing_page: {{site: a, page: '1', every: {written(length)}}}").standing_page.every
    ),
    "report every": lambda length: report_trigger(
        f"schedule: {{every: {written(length)}}}"
    ).interval.total_seconds(),
    "report jitter": lambda length: (
        report(f"schedule: {{every: 1h, jitter: {written(length)}}}").schedule.jitter
    ),
    "report timeout": lambda length: report(f"task: {{timeout: {written(length)}}}").task.options["timeout"],
    "report misfire_grace_time": lambda length: report(
        f"task: {{misfire_grace_time: {written(length)}}}"
    ).task.options["misfire_grace"],
    "report retry": lambda length: (
        report(f"task: {{retry: {{max_delay: {written(length)}}}}}").task.options["retry"].max_delay
    ),
    "magic timeout": lambda length: magic(f"timeout={written(length)}")[1]["timeout"],
    "magic every": lambda length: magic(f"every={written(length)}")[0].interval.total_seconds(),
}
DURATIONS: list[tuple[Any, float]] = [
    ("5m", 300.0),
    (90, 90.0),
    ("90", 90.0),
    (90.0, 90.0),
    ("1h30m", 5400.0),
    ("1h 30m", 5400.0),
    (timedelta(minutes=5), 300.0),
]
WRITTEN_DURATIONS = [pair for pair in DURATIONS if not isinstance(pair[0], timedelta)]
NOT_DURATIONS = [
    ("nonsense", "invalid duration 'nonsense'"),
    ("5 parsecs", "invalid duration '5 parsecs'"),
    (float("nan"), "invalid duration nan"),
    (True, "invalid duration True"),
]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("value", ZONES, ids=lambda pair: str(pair[0]))
@pytest.mark.parametrize("door", ZONE_DOORS)
def test_a_zone_is_the_same_through_every_door(door: str, value: tuple[Any, tzinfo]) -> None:
    assert ZONE_DOORS[door](value[0]) == value[1]


@pytest.mark.parametrize("value", [pair for pair in ZONES if isinstance(pair[0], str)], ids=lambda p: p[0])
@pytest.mark.parametrize("door", ZONES_AS_TEXT)
def test_a_zone_in_a_file_or_a_cell_is_the_same(door: str, value: tuple[str, tzinfo]) -> None:
    assert ZONES_AS_TEXT[door](value[0]) == value[1]


@pytest.mark.parametrize("value", ZONES, ids=lambda pair: str(pair[0]))
@pytest.mark.parametrize("door", SHOWING_DOORS)
def test_a_zone_shows_the_same_wall_times(door: str, value: tuple[Any, tzinfo]) -> None:
    shown = SHOWING_DOORS[door](value[0])
    assert shown == SHOWING_DOORS[door](value[1])
    assert shown != SHOWING_DOORS[door]("Asia/Tokyo")


@pytest.mark.parametrize("value", NOT_ZONES, ids=lambda pair: str(pair[0]))
@pytest.mark.parametrize("door", SHOWING_DOORS)
def test_what_is_not_a_zone_is_refused_before_anything_is_shown(door: str, value: tuple[Any, str]) -> None:
    refused(SHOWING_DOORS[door], *value)


def refused(door: Door, value: object, sentence: str) -> UsageError:
    with pytest.raises(UsageError, match=re.escape(sentence)) as caught:
        door(value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(")"), "it says what to write instead"
    return caught.value


@pytest.mark.parametrize("value", NOT_ZONES, ids=lambda pair: str(pair[0]))
@pytest.mark.parametrize("door", ZONE_DOORS)
def test_what_is_not_a_zone_is_refused_in_the_same_words(door: str, value: tuple[Any, str]) -> None:
    refused(ZONE_DOORS[door], *value)


@pytest.mark.parametrize("value", NOT_ZONES, ids=lambda pair: str(pair[0]))
@pytest.mark.parametrize("door", ZONES_AS_TEXT)
def test_what_is_not_a_zone_is_refused_where_it_stands(door: str, value: tuple[Any, str]) -> None:
    sentence = value[1] if door != "magic" or isinstance(value[0], str) else "unknown time zone '5'"
    error = refused(ZONES_AS_TEXT[door], value[0], sentence)
    at_its_place(door, error)


def at_its_place(door: str, error: UsageError) -> None:
    if not door.startswith("magic"):
        assert type(error) is SettingsError
        assert re.match(r"(r|schedkit)\.yaml:\d+:\d+: ", error.message)


@pytest.mark.parametrize("value", DURATIONS, ids=lambda pair: str(pair[0]))
@pytest.mark.parametrize("door", DURATION_DOORS)
def test_a_duration_is_the_same_through_every_door(door: str, value: tuple[Any, float]) -> None:
    assert DURATION_DOORS[door](value[0]) == value[1]


@pytest.mark.parametrize("value", WRITTEN_DURATIONS, ids=lambda pair: repr(pair[0]))
@pytest.mark.parametrize("door", DURATIONS_AS_TEXT)
def test_a_duration_in_a_file_or_a_cell_is_the_same(door: str, value: tuple[Any, float]) -> None:
    assert DURATIONS_AS_TEXT[door](value[0]) == value[1]


@pytest.mark.parametrize("value", NOT_DURATIONS, ids=lambda pair: str(pair[0]))
@pytest.mark.parametrize("door", DURATION_DOORS)
def test_what_is_not_a_duration_is_refused_in_the_same_words(door: str, value: tuple[Any, str]) -> None:
    refused(DURATION_DOORS[door], *value)


@pytest.mark.parametrize("value", ["nonsense", "5 parsecs", True], ids=str)
@pytest.mark.parametrize("door", DURATIONS_AS_TEXT)
def test_what_is_not_a_duration_is_refused_where_it_stands(door: str, value: object) -> None:
    shown = "'true'" if value is True and door.startswith("magic") else repr(value)
    at_its_place(door, refused(DURATIONS_AS_TEXT[door], value, f"invalid duration {shown}"))


@pytest.mark.parametrize("value", DURATIONS, ids=lambda pair: str(pair[0]))
def test_waiting_takes_the_same_durations(sched: Scheduler, value: tuple[Any, float]) -> None:
    run = sched.task(name="quick")(lambda: 1).submit()
    assert run.result(timeout=value[0]) == 1
    assert run.wait(timeout=value[0]).task == "quick"


@pytest.mark.parametrize("value", NOT_DURATIONS, ids=lambda pair: str(pair[0]))
def test_waiting_refuses_the_same_durations(sched: Scheduler, value: tuple[Any, str]) -> None:
    run = sched.task(name="quick")(lambda: 1).submit()
    refused(lambda length: run.wait(timeout=length), *value)
    refused(lambda length: run.result(timeout=length), *value)
    refused(lambda length: sched.stop(length), *value)


def test_a_zone_of_pytz_has_its_present_offset() -> None:
    """Taken as it is, pytz's zone is the one of 1893: 07:00 would be 6:07 UTC, and half hours never come."""
    winter = datetime(2026, 1, 15, tzinfo=UTC)
    seven = cron("0 7 * * *", tz=pytz.timezone("Europe/Berlin")).next(winter)
    assert seven == datetime(2026, 1, 15, 6, tzinfo=UTC)
    half = cron("*/30 * * * *", tz=pytz.timezone("Europe/Berlin")).upcoming(3, after=winter)
    assert [each.minute for each in half] == [30, 0, 30]


@pytest.fixture
def sched(tmp_path: Path) -> Any:
    scheduler = Scheduler(tmp_path / "ledger.db")
    scheduler.start()
    yield scheduler
    if scheduler.state != "stopped":
        scheduler.stop("5s")
