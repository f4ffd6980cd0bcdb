"""APScheduler's job API, driven against a real scheduler and a real ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apscheduler import events
from apscheduler.triggers.cron import CronTrigger
from core import conftest
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.compat.job_api import EVENT_ALL, Job
from schedkit.core.events import NodeChanged, RunEnded
from schedkit.core.model import Rate
from schedkit.core.triggers.constructors import any_of, at, cron, every
from schedkit.errors import DeclarationError, ParameterError, RunFailedError, TriggerError, UsageError


def greet(name: str = "world", times: int = 1) -> str:
    return f"hello {name}" * times


def variadic(*names: str) -> None: ...


def keywords(first: int, **rest: int) -> int:
    return first + sum(rest.values())


@pytest.fixture
def where(tmp_path: Any) -> str:
    # The job API adds nothing to the store: one database is enough.
    return str(tmp_path / "ledger.db")


def later(**delta: float) -> datetime:
    return datetime.now(UTC) + timedelta(**delta)


def test_a_cron_job_as_people_write_it(sched: Scheduler) -> None:
    job = sched.add_job(
        greet,
        "cron",
        hour=7,
        day_of_week="mon-fri",
        timezone="Europe/Berlin",
        id="morning",
        name="Say hello",
        replace_existing=True,
        coalesce=False,
        max_instances=3,
        misfire_grace_time=30,
        kwargs={"name": "you"},
    )
    assert job.trigger == cron("0 7 * * mon-fri", tz="Europe/Berlin")
    assert (job.id, job.name, job.func, job.kwargs) == ("morning", "Say hello", greet, {"name": "you"})
    assert (job.coalesce, job.max_instances, job.misfire_grace_time) == (False, 3, 30)
    assert job.next_run_time is not None
    assert repr(job) == "<Job 'morning': at 07:00 on Monday to Friday, Europe/Berlin>"
    assert sched.tasks["morning"].submit().result("60s") == "hello you"


def test_the_four_aliases_and_trigger_objects(sched: Scheduler) -> None:
    moment = later(days=3).replace(microsecond=0)
    assert sched.add_job(greet, "interval", minutes=5, id="a").trigger == every("5m")
    assert sched.add_job(greet, "date", run_date=moment, id="b").trigger == at(moment)
    calendar = sched.add_job(greet, "calendarinterval", days=2, hour=7, minute=30, id="c").trigger
    assert str(calendar) == "every 2 days at 07:30"
    assert sched.add_job(greet, CronTrigger(hour=7, timezone=UTC), id="d").trigger == cron(
        "0 7 * * *", tz=UTC
    )
    assert sched.add_job(greet, every("1h"), id="e").trigger == every("1h")
    jobs = sched.get_jobs()
    assert sorted(job.id for job in jobs) == ["a", "b", "c", "d", "e"]
    times = [job.next_run_time for job in jobs if job.next_run_time is not None]
    assert times == sorted(times)
    assert len(times) == 5


def test_without_a_trigger_it_runs_once_now(sched: Scheduler) -> None:
    done = threading.Event()
    sched.add_job(done.set, id="now")
    assert done.wait(60)
    sched.runs("now")
    job = sched.add_job(greet, "date", id="also now")
    assert isinstance(job, Job)
    wait_until(lambda: sched.get_job("now") is None and sched.get_job("also now") is None)
    # It ran, so it is no job any more; its history stays.
    assert [str(run.state) for run in sched.runs("now")] == ["DONE"]
    assert repr(job) == "<Job 'also now': on demand>"


def test_positional_arguments_are_stored_by_name(sched: Scheduler) -> None:
    assert sched.add_job(greet, "interval", hours=1, args=["you"], kwargs={"times": 2}).kwargs == {
        "name": "you",
        "times": 2,
    }
    assert sched.add_job(keywords, "interval", hours=1, args=[1], kwargs={"more": 2}).kwargs == {
        "first": 1,
        "more": 2,
    }
    job = sched.add_job(variadic, "interval", hours=1, args=["a", "b"])
    assert (job.func, job.args, job.kwargs) == (variadic, ("a", "b"), {})
    with pytest.raises(ParameterError, match=r"greet\(\): too many positional arguments"):
        sched.add_job(greet, "interval", hours=1, args=[1, 2, 3])


def test_functions_by_reference(sched: Scheduler) -> None:
    assert sched.add_job("os.path:join", "interval", hours=1, args=["a"]).func is __import__("os").path.join
    with pytest.raises(DeclarationError, match=r"is not the path of a function.*package.module:function"):
        sched.add_job("os.getcwd", "interval", hours=1)
    with pytest.raises(DeclarationError, match="'os:nothing' cannot be imported"):
        sched.add_job("os:nothing", "interval", hours=1)
    for text in (":x", "os:", ""):
        with pytest.raises(DeclarationError, match="is not the path of a function"):
            sched.add_job(text)
    with pytest.raises(DeclarationError, match=r"'\.os:getcwd' cannot be imported"):
        sched.add_job(".os:getcwd")


def test_every_option_of_a_task_can_be_given_to_a_job(sched: Scheduler) -> None:
    job = sched.add_job(
        greet,
        "interval",
        hours=1,
        jitter=5,
        id="all",
        kwargs={"name": "x"},
        retry=3,
        timeout="5m",
        rate="5/min",
        overlap="queue",
        catch_up=7,
        priority="high",
        tags="nightly",
        executor="processpool",
        link="https://wiki.example.org/all",
        enabled=False,
    )
    task = sched.tasks[job.id].task
    assert (task.retry.attempts, task.timeout, task.rate, task.overlap) == (3, 300, Rate(5, 60), "queue")
    assert (task.catch_up, task.priority, task.tags, task.runs_in) == (7, 20, ("nightly",), "process")
    assert (task.jitter, task.enabled, task.details["link"]) == (0, False, "https://wiki.example.org/all")
    assert task.trigger is not None
    assert task.trigger.jitter == 5


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        (
            {"trigger": "cron", "day_of_week": "1-5"},
            TriggerError,
            r"APScheduler counts from Monday = 0.*day_of_week='tue-sat' as APScheduler reads it, 'mon,tue,",
        ),
        ({"trigger": "cron", "day_of_week": 0}, TriggerError, "'mon' as APScheduler reads it, 'sun' as a"),
        ({"trigger": "cron", "day_of_week": 9}, TriggerError, "'9' is not 0-7"),
        (
            {"trigger": "cron", "hours": 7},
            TriggerError,
            "cron trigger: unknown option 'hours' .did",
        ),
        ({"trigger": "cron", "hour": 25}, TriggerError, "higher than the maximum"),
        ({"trigger": "cron", "month": 2, "day": 31}, TriggerError, "never fires"),
        ({"trigger": "interval"}, TriggerError, "longer than zero"),
        (
            {"trigger": "interval", "second": 1},
            TriggerError,
            "unknown option 'second' .did you mean 'seconds'",
        ),
        ({"trigger": "moon"}, TriggerError, "no trigger 'moon'"),
        ({"hour": 7}, TriggerError, r"hour without a trigger.*add_job\(func, 'cron', hour=7\)"),
        ({"trigger": every("1h"), "hours": 1}, TriggerError, "hours besides a trigger object"),
        ({"next_run_time": "soon"}, TriggerError, "next_run_time: 'soon' is not a date and time"),
        ({"next_run_time": 5}, TriggerError, "next_run_time: 5 is not a date and time"),
        ({"kwargs": {"name": "x", "time": 2}}, ParameterError, "unknown parameter 'time'"),
        (
            {"trigger": "interval", "hours": 1, "timout": 5},
            DeclarationError,
            "add_job: unknown option 'timout' .did you mean 'timeout'",
        ),
        ({"jobstore": "redis"}, UsageError, "there is one ledger"),
        ({"executor": "gpu"}, DeclarationError, "executor='gpu' .'auto', 'thread', 'process', 'dask' or"),
    ],
)
def test_mistakes(sched: Scheduler, options: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        sched.add_job(greet, id="bad", **options)
    assert sched.get_job("bad") is None


def test_a_cell_runs_again_and_replaces_its_job(sched: Scheduler) -> None:
    first = sched.add_job(greet, "interval", hours=1, id="a")
    upcoming = first.next_run_time
    assert sched.add_job(greet, "interval", hours=1, id="a").next_run_time == upcoming
    assert sched.add_job(greet, "interval", hours=2, id="a").trigger == every("2h")
    with pytest.raises(
        DeclarationError, match=r"already exists with another function or other arguments.*replace_existing"
    ):
        sched.add_job(greet, "interval", hours=1, id="a", kwargs={"name": "x"})
    with pytest.raises(DeclarationError, match="another function"):
        sched.add_job(keywords, "interval", hours=1, id="a", kwargs={"first": 1})
    options = {"id": "a", "kwargs": {"name": "x"}, "replace_existing": True}
    assert sched.add_job(greet, "interval", hours=1, **options).kwargs == {"name": "x"}


def test_next_run_time(sched: Scheduler) -> None:
    soon = later(minutes=5).replace(microsecond=0)
    # As in APScheduler, an interval goes on from its first run.
    assert sched.add_job(greet, "interval", hours=1, id="i", next_run_time=soon).trigger == every(
        "1h", start=soon
    )
    job = sched.add_job(greet, "cron", hour=7, timezone=UTC, id="c", next_run_time=soon, jitter=3)
    assert job.trigger == any_of(at(soon), cron("0 7 * * *", tz=UTC, start=soon), jitter=3)
    assert job.next_run_time == soon
    assert sched.add_job(greet, id="o", next_run_time=soon).trigger == at(soon)
    both = any_of("0 7 * * *", every("1h", start=soon - timedelta(hours=1)), at(soon + timedelta(days=1)))
    assert sched.add_job(greet, both, id="b", next_run_time=soon).next_run_time == soon
    # A time that has come runs at once, and then as the trigger says.
    job = sched.add_job(greet, "interval", hours=1, id="now", next_run_time=datetime.now(UTC))
    wait_until(lambda: [str(run.state) for run in sched.runs("now")] == ["DONE"])
    assert job.trigger == every("1h")


def test_a_first_time_may_be_text(sched: Scheduler) -> None:
    assert sched.add_job(greet, id="t", next_run_time="2127-01-01 07:00").trigger == at("2127-01-01 07:00")


def results_of(sched: Scheduler, received: conftest.Recorder, count: int) -> dict[str, Any]:
    received.wait_for(received.of(RunEnded), count)
    return {run.task: sched.run(run.id).result("60s") for run in sched.runs()}


def test_what_is_added_before_the_start_runs_then(make: Callable[..., Scheduler]) -> None:
    sched = make()
    received = conftest.Recorder(sched)
    sched.add_job(greet, id="once")
    sched.add_job(greet, "interval", hours=1, id="first now", next_run_time=datetime.now(), args=["you"])
    sched.add_job(greet, "interval", hours=1, id="later")
    sched.add_job(greet, id="changed")
    sched.add_job(greet, "interval", hours=1, id="changed", replace_existing=True)
    sched.add_one_time_job("handled", "later", {"name": "me"})
    sched.add_request({"name": "asked", "task": "later", "parameters": {"name": "them"}})
    assert {job.id for job in sched.get_jobs()} == {
        "once",
        "first now",
        "later",
        "changed",
        "handled",
    }
    sched.start()
    assert results_of(sched, received, 4) == {
        "once": "hello world",
        "first now": "hello you",
        "handled": "hello me",
        "later": "hello them",
    }
    assert sched.get_job("once") is None
    sched.stop()
    sched.start()
    assert len(sched.runs()) == 4, "once"


def test_what_waits_for_who_watches_runs_when_it_starts(make: Callable[..., Scheduler]) -> None:
    sched = make()
    received = conftest.Recorder(sched)
    sched.add_job(greet, id="once")
    sched.watch()
    assert sched.runs() == []
    sched.start()
    assert results_of(sched, received, 1) == {"once": "hello world"}


def test_listeners_hear_the_start_and_the_stop_of_their_own_scheduler_only(
    make: Callable[..., Scheduler],
) -> None:
    sched, other = make(name="sched"), make(name="other")
    received, everything = Received(), conftest.Recorder(sched)
    sched.start()
    everything.wait_for(everything.of(NodeChanged, name="sched", change="started"))
    sched.add_listener(received.add, events.EVENT_SCHEDULER_STARTED | events.EVENT_SCHEDULER_SHUTDOWN)
    with other:
        everything.wait_for(everything.of(NodeChanged, name="other", change="started"))
    everything.wait_for(everything.of(NodeChanged, name="other", change="stopped"))
    sched.shutdown()
    sched.queries.flush_events()
    assert received.codes() == [events.EVENT_SCHEDULER_SHUTDOWN]


def test_a_job_that_cannot_run_at_once_is_not_declared(make: Callable[..., Scheduler]) -> None:
    sched = make()
    with pytest.raises(ParameterError, match="needs the parameter 'first'"):
        sched.add_job(keywords)
    assert list(sched.tasks) == []


def test_added_paused_until_resumed(sched: Scheduler) -> None:
    job = sched.add_job(greet, "interval", hours=1, id="p", next_run_time=None)
    assert job.next_run_time is None
    assert job.resume().next_run_time is not None
    assert job.pause().next_run_time is None


def test_rescheduling_and_removing(sched: Scheduler) -> None:
    job = sched.add_job(greet, "interval", hours=1, id="r")
    assert job.reschedule("cron", hour=7).trigger == cron("0 7 * * *")
    assert sched.reschedule_job("r", trigger=every("5m")).trigger == every("5m")
    job.remove()
    assert sched.get_job("r") is None
    for act in (sched.pause_job, sched.resume_job, sched.remove_job):
        with pytest.raises(UsageError, match="'r'"):
            act("r")


def test_rescheduling_without_a_trigger_runs_once_now(sched: Scheduler) -> None:
    sched.add_job(greet, "interval", hours=1, id="r")
    sched.reschedule_job("r")
    wait_until(lambda: [str(run.state) for run in sched.runs("r")] == ["DONE"])


def test_scheduled_job_decorates(sched: Scheduler) -> None:
    @sched.scheduled_job("interval", minutes=3, id="decorated")
    def tick() -> int:
        return 1

    assert tick() == 1
    job = sched.get_job("decorated")
    assert job is not None
    assert job.func is tick


def test_one_time_jobs_of_a_known_handler(sched: Scheduler) -> None:
    sched.task(name="crawl", tags=("crawler",))(greet)
    run = sched.add_one_time_job("crawl_all_1", handler_class_name="crawl", job_data={"name": "all"})
    assert run.result("60s") == "hello all"
    wait_until(lambda: sched.get_job("crawl_all_1") is None)
    assert sched.add_one_time_job("by_tag", "crawler").result("60s") == "hello world"
    assert sched.add_one_time_job("by_function", greet).result("60s") == "hello world"
    planned = sched.add_one_time_job("later", "crawl", run_date=later(hours=1))
    assert planned.next_run_time is not None
    assert sched.get_job("later") is not None
    with pytest.raises(DeclarationError, match="has no handler"):
        sched.add_one_time_job("x")
    with pytest.raises(DeclarationError, match="no task is named or tagged 'nobody'"):
        sched.add_one_time_job("x", "nobody")


class Received:
    """A listener written for APScheduler."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def add(self, event: Any) -> None:
        self.events.append(event)

    def codes(self) -> list[int]:
        return [event.code for event in self.events]


def fail() -> None:
    raise ValueError("no such project")


def test_listeners_hear_apschedulers_events(make: Callable[..., Scheduler]) -> None:
    sched = make()
    everything, errors = Received(), Received()
    sched.add_listener(everything.add)
    sched.add_listener(errors.add, events.EVENT_JOB_ERROR | events.EVENT_JOB_MISSED)
    sched.start()
    sched.add_job(greet, "interval", hours=1, id="g")
    sched.tasks["g"].submit().wait("60s")
    sched.add_job(fail, id="f")
    wait_until(lambda: sched.get_job("f") is None)
    sched.pause_job("g")
    sched.resume_job("g")
    sched.pause()
    sched.resume()
    sched.remove_job("g")
    sched.shutdown()
    wait_until(lambda: events.EVENT_SCHEDULER_SHUTDOWN in everything.codes())
    codes = everything.codes()
    assert codes[0] == events.EVENT_SCHEDULER_STARTED
    assert codes[-1] == events.EVENT_SCHEDULER_SHUTDOWN
    for code in (
        events.EVENT_JOB_ADDED,
        events.EVENT_JOB_SUBMITTED,
        events.EVENT_JOB_EXECUTED,
        events.EVENT_JOB_MODIFIED,
        events.EVENT_JOB_REMOVED,
        events.EVENT_SCHEDULER_PAUSED,
        events.EVENT_SCHEDULER_RESUMED,
    ):
        assert code in codes
    executed = next(e for e in everything.events if e.code == events.EVENT_JOB_EXECUTED)
    assert isinstance(executed, events.JobExecutionEvent)
    assert (executed.job_id, executed.retval, executed.exception) == ("g", "hello world", None)
    (error,) = errors.events
    assert error.job_id == "f"
    assert isinstance(error.exception, RunFailedError)
    assert "ValueError: no such project" in str(error.exception)
    assert "raise ValueError" in error.traceback
    assert error.scheduled_run_time is not None
    assert error.retval is None


def test_missed_and_overlapped_times_are_told(sched: Scheduler) -> None:
    received, release = Received(), threading.Event()
    sched.add_listener(received.add, events.EVENT_JOB_MAX_INSTANCES | events.EVENT_JOB_EXECUTED)
    sched.add_job(release.wait, "interval", seconds=0.05, id="slow")
    wait_until(lambda: events.EVENT_JOB_MAX_INSTANCES in received.codes())
    release.set()
    wait_until(lambda: events.EVENT_JOB_EXECUTED in received.codes())
    overlapped = next(e for e in received.events if e.code == events.EVENT_JOB_MAX_INSTANCES)
    executed = next(e for e in received.events if e.code == events.EVENT_JOB_EXECUTED)
    assert overlapped.scheduled_run_times[0] > executed.scheduled_run_time
    sched.remove_listener(received.add)
    count = len(received.events)
    later = Received()
    sched.add_listener(later.add, events.EVENT_JOB_EXECUTED)
    sched.tasks["slow"].submit().wait("60s")
    wait_until(lambda: later.events)
    assert len(received.events) == count
    sched.remove_listener(received.add)


def test_paused_times_are_told_as_missed(sched: Scheduler) -> None:
    received = Received()
    sched.add_listener(received.add, events.EVENT_JOB_MISSED)
    job = sched.add_job(greet, "interval", seconds=0.02, id="m", next_run_time=None)
    pause = threading.Event()
    pause.wait(0.05)
    job.resume()
    wait_until(lambda: bool(received.events))
    assert received.events[0].retval is None


def test_status_is_the_union_of_the_older_designs(make: Callable[..., Scheduler]) -> None:
    sched = make()
    stopped = sched.get_status()
    assert (stopped["status"], stopped["running"], stopped["uptime"]) == ("stopped", False, None)
    sched.start()
    sched.add_job(greet, "cron", hour=2, minute=0, timezone=UTC, id="nightly", name="Nightly")
    sched.add_job(fail, "interval", hours=1, id="hourly", next_run_time=None)
    sched.tasks["nightly"].submit().wait("60s")
    sched.tasks["hourly"].submit().wait("60s")
    sched.add_job(greet, id="once")
    wait_until(lambda: sched.get_job("once") is None)  # it is none of the jobs as soon as it has begun
    sched.run(sched.runs("once")[0].id).wait("60s")
    found = sched.get_status()
    assert found["status"] == "running"
    assert found["is_running"] is found["running"] is True
    assert found["job_count"] == found["jobs_count"] == 2
    assert found["task_count"] == 3
    assert (found["running_jobs"], found["paused_jobs"]) == (0, 1)
    assert 0 < found["uptime"] < 60
    jobs = {job["id"]: job for job in found["jobs"]}
    assert jobs["nightly"]["trigger"] == "at 02:00, UTC"
    assert jobs["nightly"]["name"] == "Nightly"
    assert jobs["nightly"]["next_run_time"].endswith("+00:00")
    tasks = {task["name"]: task for task in found["tasks"]}
    nightly, hourly = tasks["nightly"], tasks["hourly"]
    assert (nightly["schedule_type"], nightly["cron_expression"]) == ("cron", "0 2 * * *")
    assert (nightly["status"], nightly["last_result"], nightly["enabled"]) == ("idle", "success", True)
    assert (nightly["run_count"], nightly["fail_count"]) == (1, 0)
    assert (hourly["schedule_type"], hourly["interval_seconds"]) == ("interval", 3600)
    assert (hourly["status"], hourly["last_result"], hourly["enabled"]) == ("paused", "failed", False)
    assert (hourly["run_count"], hourly["fail_count"]) == (1, 1)
    assert tasks["once"]["schedule_type"] == "manual"
    sched.pause()
    assert sched.get_status()["status"] == "paused"


def test_the_mask_of_all_events_is_apschedulers() -> None:
    assert EVENT_ALL == events.EVENT_ALL


def test_parameters_go_by_kwargs_and_a_name_is_text(sched: Scheduler) -> None:
    assert sched.add_job(greet, "interval", hours=1, params={"name": "you"}).kwargs == {"name": "you"}
    with pytest.raises(UsageError, match="add_job: kwargs and params are the same option"):
        sched.add_job(greet, "interval", hours=1, params={"name": "you"}, kwargs={"times": 2})
    with pytest.raises(UsageError, match=r"^name=5 \(write text\)$"):
        sched.add_job(greet, "interval", hours=1, name=5)
