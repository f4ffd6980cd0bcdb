"""Every documented behaviour of APScheduler 3's job API, and what it is here.

A row names what is documented (in its user guide, its FAQ and the docstrings of its API) and shows it. Where
the reason is given the behaviour is another on purpose, and the row shows the sentence that says so.
"""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
import pytz
from apscheduler import events
from apscheduler.job import Job as TheirJob
from apscheduler.jobstores.base import ConflictingIdError, JobLookupError
from apscheduler.schedulers import SchedulerNotRunningError
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger
from core.conftest import Recorder as Facts

import schedkit
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import RunEnded
from schedkit.core.triggers.constructors import cron, every
from schedkit.errors import NotRunningError, RunFailedError, SettingsError, UsageError

SOON = datetime.now(UTC).replace(second=30, microsecond=0) + timedelta(days=2)


@dataclass(frozen=True)
class Row:
    """One documented behaviour; `reason`, if it is another here on purpose."""

    documented: str
    about: tuple[str, ...]
    reason: str
    shows: Callable[..., None]


TABLE: list[Row] = []


def row(documented: str, *about: str, reason: str = "") -> Callable[[Callable[..., None]], None]:
    """Add a row whose behaviour the decorated function shows; `about` are the names that it is about."""

    def add(shows: Callable[..., None]) -> None:
        TABLE.append(Row(documented, about, reason, shows))

    return add


def tick(word: str = "tick", times: int = 1) -> str:
    return word * times


def tock() -> None: ...


def fail() -> None:
    raise KeyError("no such column")


class Counter:
    def __init__(self, word: str) -> None:
        self.word = word

    def tick(self) -> str:
        return self.word

    @classmethod
    def make(cls) -> str:
        return "made"


def ids(sched: Scheduler) -> list[str]:
    return [job.id for job in sched.get_jobs()]


# add_job: what is called


@row(
    "add_job(func, 'interval', …) schedules a callable and returns a Job", "add_job", "func", "id", "trigger"
)
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "interval", minutes=2)
    assert (job.func, job.trigger, job.id) == (tick, every("2m"), ids(sched)[0])


@row("without an id each job gets one: one function may be several jobs")
def _(sched: Scheduler) -> None:
    added = [sched.add_job(tick, "cron", hour=hour) for hour in (7, 19)]
    added += [sched.add_job(tick, "date", run_date=SOON + timedelta(hours=hour)) for hour in range(5)]
    assert len({job.id for job in added}) == len(ids(sched)) == 7


@row("the same job added again, without an id, is one more", reason="a cell or a script that runs again")
def _(sched: Scheduler) -> None:
    assert sched.add_job(tick, "cron", hour=7) == sched.add_job(tick, "cron", hour=7)
    assert ids(sched) == ["tick"]


@row("bound methods of several objects are several jobs; the result is each object's own")
def _(sched: Scheduler) -> None:
    jobs = [sched.add_job(Counter(word).tick, "interval", hours=1) for word in ("a", "b")]
    assert [sched.tasks[job.id].submit().result("60s") for job in jobs] == ["a", "b"]


@row("class methods, lambdas, nested functions and partials can be jobs")
def _(sched: Scheduler) -> None:
    def nested(word: str) -> Callable[[], str]:
        return lambda: word

    functions = [Counter.make, lambda: "lambda", nested("x"), nested("y"), functools.partial(tick, "p")]
    jobs = [sched.add_job(function, "interval", hours=1) for function in functions]
    found = [sched.tasks[job.id].submit().result("60s") for job in jobs]
    assert found == ["made", "lambda", "x", "y", "p"]


@row("two modules' functions of one name are two jobs")
def _(sched: Scheduler) -> None:
    def other() -> str:
        return "other"

    other.__name__ = other.__qualname__ = "tick"
    other.__module__ = "another"
    assert sched.add_job(tick, "cron", hour=7) != sched.add_job(other, "cron", hour=7)


@row("func may be text: 'package.module:function'")
def _(sched: Scheduler) -> None:
    assert sched.add_job("os.path:basename", "interval", hours=1, args=["a/b"]).func.__name__ == "basename"


@row("args= are positional arguments, kwargs= named ones", "args", "kwargs")
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "interval", hours=1, args=["x"], kwargs={"times": 2})
    assert sched.tasks[job.id].submit().result("60s") == "xx"


@row(
    "Job.args are the positional arguments",
    "args",
    reason="the ledger keeps parameters by name: what has a name is in Job.kwargs",
)
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "interval", hours=1, args=["x"])
    assert (job.args, job.kwargs) == ((), {"word": "x"})


@row("args= of *args, of positional-only parameters and of functions written in C")
def _(sched: Scheduler) -> None:
    def joined(first: str, /, *more: str, sep: str = "") -> str:
        return sep.join([first, *more])

    job = sched.add_job(joined, "interval", hours=1, args=("a", "b", "c"), kwargs={"sep": "-"})
    assert (job.func, job.args, job.kwargs) == (joined, ("a", "b", "c"), {"sep": "-"})
    assert sched.tasks[job.id].submit().result("60s") == "a-b-c"
    largest = sched.add_job(max, "interval", hours=1, args=[3, 5])
    assert sched.tasks[largest.id].submit().result("60s") == 5


@row("arguments that the function does not take are refused at once")
def _(sched: Scheduler) -> None:
    with pytest.raises(ValueError, match=r"tick\(\): too many positional arguments"):
        sched.add_job(tick, "interval", hours=1, args=[1, 2, 3])
    with pytest.raises(UsageError, match=r"args='text' .write a list: args=\['text'\]"):
        sched.add_job(tick, "interval", hours=1, args="text")


@row(
    "arguments may be any objects where the job store keeps them in memory",
    reason="they are kept in the ledger, which has no pickles",
)
def _(sched: Scheduler) -> None:
    with pytest.raises(UsageError, match="task 'tick': parameter 'word'"):
        sched.add_job(tick, "interval", hours=1, args=[object()])


@row("id= is the job's identity, name= a description", "name")
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "interval", hours=1, id="mine", name="My job")
    assert (job.id, job.name) == ("mine", "My job")
    assert sched.add_job(tock, "interval", hours=1).name == "tock"


@row("an id that is taken raises ConflictingIdError", "ConflictingIdError")
def _(sched: Scheduler) -> None:
    sched.add_job(tick, "interval", hours=1, id="mine")
    with pytest.raises(ConflictingIdError, match="pass replace_existing=True"):
        sched.add_job(tock, "interval", hours=1, id="mine")


@row(
    "… also for the same function with the same arguments",
    reason="a cell that runs again replaces its jobs, and keeps their next time",
)
def _(sched: Scheduler) -> None:
    sched.add_job(tick, "interval", hours=1, id="mine")
    assert sched.add_job(tick, "interval", hours=2, id="mine").trigger == every("2h")


@row("replace_existing=True replaces the job of that id")
def _(sched: Scheduler) -> None:
    sched.add_job(tick, "interval", hours=1, id="mine")
    assert sched.add_job(tock, "interval", hours=1, id="mine", replace_existing=True).func is tock


@row("a job runs once, now, if it has no trigger")
def _(sched: Scheduler) -> None:
    done = threading.Event()
    sched.add_job(done.set)
    assert done.wait(60)


@row("next_run_time= is the first run, whatever the trigger says; None adds the job paused", "next_run_time")
def _(sched: Scheduler) -> None:
    assert sched.add_job(tick, "interval", hours=1, next_run_time=SOON).next_run_time == SOON
    paused = sched.add_job(tock, "interval", hours=1, next_run_time=None)
    assert paused.next_run_time is None


@row("next_run_time=datetime.now() runs it at once, and then as the trigger says")
def _(sched: Scheduler) -> None:
    done = threading.Event()
    job = sched.add_job(done.set, "interval", hours=1, next_run_time=datetime.now(UTC), id="now")
    assert done.wait(60)
    assert job.next_run_time is not None


@row(
    "misfire_grace_time, coalesce, max_instances of each job",
    "misfire_grace_time",
    "coalesce",
    "max_instances",
)
def _(sched: Scheduler) -> None:
    rules = {"misfire_grace_time": 30, "coalesce": False, "max_instances": 3}
    job = sched.add_job(tick, "interval", hours=1, **rules)
    assert {name: getattr(job, name) for name in rules} == rules


@row(
    "misfire_grace_time is 1 second unless a job says otherwise",
    reason="a busy machine would lose runs: however late, unless job_defaults or the job says",
)
def _(sched: Scheduler) -> None:
    assert sched.add_job(tick, "interval", hours=1).misfire_grace_time is None


@row("executor= names where it runs: 'threadpool', 'processpool'", "executor")
def _(sched: Scheduler) -> None:
    assert sched.add_job(tick, "interval", hours=1, executor="processpool").executor == "process"
    assert sched.add_job(tock, "interval", hours=1, executor="threadpool").executor == "thread"


@row("jobstore= names where it is kept", reason="there is one ledger")
def _(sched: Scheduler) -> None:
    for act in (
        lambda: sched.add_job(tick, "interval", hours=1, jobstore="redis"),
        lambda: sched.get_jobs("redis"),
        lambda: sched.remove_all_jobs("redis"),
        lambda: sched.pause_job("x", "redis"),
    ):
        with pytest.raises(UsageError, match="there is one ledger; leave jobstore out"):
            act()


@row("scheduled_job() does the same as a decorator, and may be stacked", "scheduled_job")
def _(sched: Scheduler) -> None:
    @sched.scheduled_job("cron", hour=7)
    @sched.scheduled_job("cron", hour=19, id="evening")
    def decorated() -> int:
        return 1

    assert decorated() == 1
    assert sorted(ids(sched)) == ["decorated", "evening"]


# Triggers


@row("'cron' by keywords, with weekdays by name")
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "cron", day_of_week="mon-fri", hour=5, minute=30, end_date="2126-05-30")
    assert str(job.trigger) == "at 05:30 on Monday to Friday, until 2126-05-30 00:00"


@row(
    "'cron' with weekdays by number, from Monday = 0",
    reason="crontab counts from Sunday = 0: most such numbers are a mistake",
)
def _(sched: Scheduler) -> None:
    with pytest.raises(UsageError, match="'tue-sat' as APScheduler reads it, 'mon,tue,wed,thu,fri' as a"):
        sched.add_job(tick, "cron", day_of_week="1-5")


@row("'interval' with start_date and end_date; an aware one brings its zone")
def _(sched: Scheduler) -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    end = datetime(2126, 5, 30, tzinfo=kolkata)
    job = sched.add_job(tick, "cron", hour=6, end_date=end)
    assert str(job.trigger) == "at 06:00, +05:30, until 2126-05-30 00:00"
    job = sched.add_job(
        tick, "interval", hours=2, start_date="2026-10-10 09:30", end_date=end, timezone="UTC"
    )
    assert str(job.trigger) == "every 2h, UTC, from 2026-10-10 09:30, until 2126-05-29 18:30"


@row("an interval of zero is one second", reason="it is a mistake")
def _(sched: Scheduler) -> None:
    with pytest.raises(UsageError, match=r"every\(\) needs one interval that is longer than zero"):
        sched.add_job(tick, "interval", seconds=0)


@row("'date' takes a date, a datetime or text")
def _(sched: Scheduler) -> None:
    for moment in (date(2126, 11, 6), datetime(2126, 11, 6, 16, 30, 5), "2126-11-06 16:30:05"):
        job = sched.add_job(tick, "date", run_date=moment, timezone="UTC", args=["text"])
        assert job.next_run_time is not None
        assert job.next_run_time.date() == date(2126, 11, 6)


@row("'calendarinterval'")
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "calendarinterval", months=2, hour=16, minute=49)
    assert str(job.trigger) == "every 2 months at 16:49"


@row("trigger objects, also combined ones; timezones of pytz and dateutil")
def _(sched: Scheduler) -> None:
    berlin = pytz.timezone("Europe/Berlin")
    job = sched.add_job(tick, CronTrigger(hour=7, timezone=berlin))
    assert job.trigger == cron("0 7 * * *", tz="Europe/Berlin")
    both = OrTrigger([CronTrigger(hour=2, timezone=UTC), CronTrigger(hour=15, timezone=UTC)])
    assert str(sched.add_job(tock, both).trigger) == "at 02:00, UTC or at 15:00, UTC"
    assert sched.add_job(tick, "cron", hour=7, timezone=berlin) == job


@row("a trigger's jitter moves each run", reason="it moves the run; the due time, its key, stays")
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "interval", hours=1, start_date=SOON, jitter=120)
    assert (job.trigger.jitter, job.next_run_time) == (120, SOON)


@row("a cron trigger whose time a clock change repeats fires twice", reason="once: nobody wants two")
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "cron", hour=2, minute=30, timezone="Europe/Berlin")
    days = job.trigger.upcoming(3, datetime(2026, 10, 24, 12, tzinfo=UTC))
    assert [day.day for day in days] == [25, 26, 27]


@row("a cron trigger that never fires is accepted", reason="it is a mistake")
def _(sched: Scheduler) -> None:
    with pytest.raises(UsageError, match="never fires"):
        sched.add_job(tick, "cron", month=2, day=30)


# Jobs that are there


@row("get_jobs() lists the jobs, get_job() returns one or None", "get_jobs", "get_job")
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "interval", hours=1, id="mine")
    assert sched.get_jobs() == [job] == [sched.get_job("mine")]
    assert sched.get_job("nobody") is None
    assert (sched.get_jobs(pending=False), sched.get_jobs(pending=True)) == ([job], [])


@row("jobs of one id are equal, and print as name, trigger and next run")
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "cron", hour=7, timezone="UTC", id="mine", next_run_time=None)
    assert len({job, sched.get_job("mine")}) == 1
    assert job != "mine"
    assert str(job) == "mine (trigger: at 07:00, UTC, paused)"
    job.resume()
    assert str(job).startswith("mine (trigger: at 07:00, UTC, next run at: 2")


@row("print_jobs() prints them, also to a file", "print_jobs")
def _(sched: Scheduler) -> None:
    out = io.StringIO()
    sched.print_jobs(out=out)
    sched.add_job(tick, "interval", hours=1, id="mine", next_run_time=None)
    sched.print_jobs(out=out)
    assert out.getvalue().splitlines() == [
        "Jobs in the ledger:",
        "    No scheduled jobs",
        "Jobs in the ledger:",
        "    mine (trigger: every 1h, paused)",
    ]


@row("modify_job() and Job.modify() change attributes", "modify_job", "modify")
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "interval", hours=1, id="mine", args=["x"], retry=2)
    assert job.modify(max_instances=6, name="Alternate name") == job
    assert (job.max_instances, job.name, job.kwargs) == (6, "Alternate name", {"word": "x"})
    sched.modify_job("mine", args=["y", 2], misfire_grace_time=5, coalesce=False)
    assert (job.kwargs, job.misfire_grace_time, job.coalesce) == ({"word": "y", "times": 2}, 5, False)
    sched.modify_job("mine", func=tock, args=(), kwargs={}, executor="processpool")
    assert (job.func, job.executor, sched.tasks["mine"].task.retry.attempts) == (tock, "process", 2)
    job.modify(func=max, args=[1, 2], executor="threadpool")
    job.modify(args=[3, 4])
    assert (job.func, job.args) == (max, (3, 4))


@row("modify(next_run_time=…) moves the next run, None pauses; modify(trigger=…) takes a trigger")
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "interval", hours=1, id="mine")
    assert job.modify(next_run_time=SOON).next_run_time == SOON
    assert job.modify(next_run_time=None).next_run_time is None
    assert job.modify(trigger=CronTrigger(hour=7, timezone=UTC)).trigger == cron("0 7 * * *", tz=UTC)
    once = job.modify(trigger=CronTrigger(hour=8, timezone=UTC), next_run_time=SOON)
    assert (
        str(once.trigger)
        == f"once, on {SOON:%Y-%m-%d %H:%M:%S}, UTC or at 08:00, UTC, from {SOON:%Y-%m-%d %H:%M:%S}"
    )


@row("a job without a trigger can be modified; it does not run again")
def _(sched: Scheduler) -> None:
    sched.task(name="by hand")(tick)
    sched.modify_job("by hand", kwargs={"word": "z"})
    assert sched.runs("by hand") == []
    assert sched.modify_job("by hand", next_run_time=SOON).next_run_time == SOON


@row("the id cannot be modified, nor what is no attribute of a job")
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "interval", hours=1, id="mine")
    with pytest.raises(ValueError, match="its id cannot be changed"):
        job.modify(id="yours")
    with pytest.raises(UsageError, match=r"job 'mine': unknown option 'max_instance' .*'max_instances'"):
        job.modify(max_instance=2)


@row("reschedule_job() and Job.reschedule() give it another trigger", "reschedule_job", "reschedule")
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "interval", hours=1, id="mine")
    assert sched.reschedule_job("mine", trigger="cron", minute="*/5").trigger == cron("*/5 * * * *")
    assert job.reschedule("interval", minutes=3).trigger == every("3m")


@row(
    "pause_job() clears the next run, resume_job() computes it anew",
    "pause_job",
    "resume_job",
    "pause",
    "resume",
)
def _(sched: Scheduler) -> None:
    job = sched.add_job(tick, "interval", hours=1, id="mine")
    assert sched.pause_job("mine").next_run_time is None
    assert sched.resume_job("mine").next_run_time is not None
    assert job.pause().next_run_time is None
    assert job.resume().next_run_time is not None


@row("remove_job() and Job.remove() unschedule it", "remove_job", "remove")
def _(sched: Scheduler) -> None:
    sched.add_job(tick, "interval", hours=1, id="a")
    sched.add_job(tick, "interval", hours=1, id="b").remove()
    sched.remove_job("a")
    assert ids(sched) == []


@row(
    "remove_all_jobs()",
    "remove_all_jobs",
    "EVENT_ALL_JOBS_REMOVED",
    reason="each removal is an event of its own",
)
def _(sched: Scheduler) -> None:
    received: list[int] = []
    sched.add_listener(lambda event: received.append(event.code), events.EVENT_JOB_REMOVED)
    sched.add_job(tick, "interval", hours=1, id="parent")
    sched.task(after="parent", name="child")(tock)
    sched.remove_all_jobs()
    assert ids(sched) == []
    sched.queries.flush_events()
    assert received == [events.EVENT_JOB_REMOVED] * 2


@row("a job that is not there: JobLookupError", "JobLookupError")
def _(sched: Scheduler) -> None:
    sched.add_job(tick, "interval", hours=1, id="mine")
    for act in (sched.remove_job, sched.pause_job, sched.resume_job, sched.modify_job):
        with pytest.raises(JobLookupError, match=r"no job has the id 'mien' .did you mean 'mine'"):
            act("mien")
    with pytest.raises(JobLookupError):
        sched.reschedule_job("mien", trigger="cron", hour=7)


@row("a job whose schedule has ended is removed", reason="its history stays; it is no job any more")
def _(sched: Scheduler) -> None:
    done = threading.Event()
    facts = Facts(sched)
    sched.add_job(done.set, id="once")
    facts.wait_for(facts.of(RunEnded, task="once"))
    assert (sched.get_job("once"), [str(run.state) for run in sched.runs("once")]) == (None, ["DONE"])


@row("Job.pending: whether it waits for the start; jobs may be added before", "pending")
def _(make: Callable[..., Scheduler]) -> None:
    sched, done = make(), threading.Event()
    job, now = sched.add_job(tick, "interval", hours=1), sched.add_job(done.set, id="now")
    out = io.StringIO()
    sched.print_jobs(out=out)
    assert out.getvalue().startswith("Pending jobs:\n    ")
    assert (job.pending, now.pending, sched.get_jobs(pending=False)) == (True, True, [])
    sched.start()
    assert not job.pending
    assert done.wait(60)


@row(
    "Job.func_ref and wakeup(), which are for its own parts",
    "func_ref",
    "wakeup",
    reason="no part needs them",
)
def _(sched: Scheduler) -> None:
    assert not hasattr(sched.add_job(tick, "interval", hours=1), "func_ref")
    with pytest.raises(AttributeError, match="has no wakeup: a scheduler wakes up by itself"):
        sched.wakeup()


# The scheduler


@row("start() returns at once; running tells", "start", "running")
def _(make: Callable[..., Scheduler]) -> None:
    sched = make()
    assert not sched.running
    sched.start()
    assert sched.running


@row("start() of what runs raises SchedulerAlreadyRunningError", reason="a cell that runs again may start it")
def _(sched: Scheduler) -> None:
    sched.start()
    assert sched.running


@row("start(paused=True): nothing runs until resume()", "pause", "resume")
def _(make: Callable[..., Scheduler]) -> None:
    sched, done, now = make(), threading.Event(), threading.Event()
    sched.add_job(done.set, "interval", seconds=0.05, id="often")
    sched.add_job(now.set, id="now")
    sched.start(paused=True)
    assert sched.paused
    assert sched.runs() == []
    sched.resume()
    assert done.wait(60)
    assert now.wait(60)
    sched.start(paused=True)
    assert sched.paused, "it ran already"


@row(
    "pause() and resume() of a scheduler",
    "pause",
    "resume",
    "EVENT_SCHEDULER_PAUSED",
    "EVENT_SCHEDULER_RESUMED",
)
def _(sched: Scheduler) -> None:
    received: list[int] = []
    sched.add_listener(lambda event: received.append(event.code), events.EVENT_SCHEDULER_PAUSED)
    job = sched.add_job(tick, "interval", hours=1)
    sched.pause()
    assert job.next_run_time is None
    sched.resume()
    assert job.next_run_time is not None
    sched.queries.flush_events()
    assert received == [events.EVENT_SCHEDULER_PAUSED]


@row("… last until the process ends", reason="they are kept in the ledger, and hold for every process at it")
def _(make: Callable[..., Scheduler]) -> None:
    for paused in (False, True):
        with make() as sched:
            assert sched.paused is paused
            sched.pause()


@row("pause() of a scheduler that is not running raises SchedulerNotRunningError")
def _(make: Callable[..., Scheduler]) -> None:
    with pytest.raises(NotRunningError, match="no scheduler runs at the ledger"):
        make().pause()


@row("shutdown() waits for what runs; shutdown(wait=False) does not", "shutdown")
def _(make: Callable[..., Scheduler]) -> None:
    sched, begun, gate = make(), threading.Event(), threading.Event()
    sched.start()

    def slow() -> str:
        begun.set()
        return "whole" if gate.wait(60) else "cut"

    sched.add_job(slow, id="slow")
    assert begun.wait(60)
    threading.Timer(0.05, gate.set).start()
    sched.shutdown()
    assert [str(run.state) for run in sched.runs("slow")] == ["DONE"]


@row("shutdown() of what does not run raises SchedulerNotRunningError", "SchedulerNotRunningError")
def _(make: Callable[..., Scheduler]) -> None:
    sched = make()
    with pytest.raises(SchedulerNotRunningError, match=r"stopped already .sched\.stop\(\) may be called"):
        sched.shutdown()
    sched.stop()


@row("state is a number: STATE_RUNNING", "state", reason="words: running, stopped, watching")
def _(sched: Scheduler) -> None:
    assert sched.state == "running"


@row("timezone= of a scheduler: a name or a zone", "timezone")
def _(make: Callable[..., Scheduler]) -> None:
    sched = make(timezone=pytz.timezone("Asia/Tokyo"))
    assert sched.add_job(tick, "cron", hour=7).next_run_time.astimezone(UTC).hour == 22
    first = sched.add_job(tick, "interval", hours=1, next_run_time="2126-01-01 07:00").next_run_time
    assert first == datetime(2125, 12, 31, 22, tzinfo=UTC)


@row("job_defaults= of a scheduler", "job_defaults")
def _(make: Callable[..., Scheduler]) -> None:
    job = make(job_defaults={"coalesce": False, "max_instances": 3}).add_job(tick, "interval", hours=1)
    assert (job.coalesce, job.max_instances) == (False, 3)


ELSEWHERE = {
    "jobstores": "jobs are kept in the ledger",
    "executors": "threads= and processes= say how many",
    "gconfig": r"give the options to Scheduler\(…\)",
    "logger": "logging.getLogger",
    "daemon": "run_forever",
    "jobstore_retry_interval": "tried again by itself",
}


@row("the other options of a scheduler", *ELSEWHERE, reason="each is refused with what to write instead")
def _(make: Callable[..., Scheduler]) -> None:
    for name, instead in ELSEWHERE.items():
        with pytest.raises(SettingsError, match=f"there is no {name}= here .*{instead}"):
            make(**{name: {}})
        with pytest.raises(SettingsError, match=f"there is no {name}= here .*{instead}"):
            schedkit.Scheduler(**{name: {}})
    with pytest.raises(SettingsError, match=ELSEWHERE["gconfig"]):
        schedkit.Scheduler({"apscheduler.timezone": "UTC"})


ABSENT = ("configure", "add_executor", "remove_executor", "add_jobstore", "remove_jobstore")
ABSENT_EVENTS = (
    "EVENT_EXECUTOR_ADDED",
    "EVENT_EXECUTOR_REMOVED",
    "EVENT_JOBSTORE_ADDED",
    "EVENT_JOBSTORE_REMOVED",
)


@row(
    "executors and job stores can be added",
    *ABSENT,
    *ABSENT_EVENTS,
    reason="there is one ledger; jobs name executors",
)
def _(sched: Scheduler) -> None:
    for name in ABSENT:
        with pytest.raises(AttributeError, match=f"Scheduler has no {name}: "):
            getattr(sched, name)
    for name in ("jobs", "timezone"):
        with pytest.raises(AttributeError, match=f"Scheduler has no {name}$"):
            getattr(sched, name)


@row("export_jobs() and import_jobs()", "export_jobs", "import_jobs", reason="the ledger is copied instead")
def _(sched: Scheduler) -> None:
    for name in ("export_jobs", "import_jobs"):
        with pytest.raises(AttributeError, match="`schedkit ledger backup FILE` copies it"):
            getattr(sched, name)


# Events


HEARD = (
    *(
        "EVENT_SCHEDULER_STARTED",
        "EVENT_SCHEDULER_START",
        "EVENT_SCHEDULER_SHUTDOWN",
        "EVENT_JOB_ADDED",
        "EVENT_JOB_MODIFIED",
    ),
    *("EVENT_JOB_REMOVED", "EVENT_JOB_SUBMITTED", "EVENT_JOB_EXECUTED", "EVENT_JOB_ERROR", "EVENT_ALL"),
    *("EVENT_JOB_MISSED", "EVENT_JOB_MAX_INSTANCES"),
)


@row(
    "add_listener(callback, mask) hears events, until remove_listener()",
    "add_listener",
    "remove_listener",
    *HEARD,
)
def _(make: Callable[..., Scheduler]) -> None:
    sched, received = make(), list[Any]()
    sched.add_listener(received.append)
    facts = Facts(sched)
    sched.start()
    sched.add_job(tick, id="once")
    facts.wait_for(facts.of(RunEnded, task="once"))
    sched.modify_job("once", name="Once")
    sched.remove_job("once")
    sched.queries.flush_events()
    codes = [event.code for event in received]
    for name in (
        "SCHEDULER_STARTED",
        "JOB_ADDED",
        "JOB_SUBMITTED",
        "JOB_EXECUTED",
        "JOB_MODIFIED",
        "JOB_REMOVED",
    ):
        assert getattr(events, f"EVENT_{name}") in codes, name
    (executed,) = (event for event in received if event.code == events.EVENT_JOB_EXECUTED)
    assert (executed.job_id, executed.jobstore, executed.retval) == ("once", "default", "tick")
    sched.remove_listener(received.append)
    sched.stop()
    assert len(received) == len(codes)


@row(
    "event.exception is the exception that the job raised",
    reason="it may come from another process: a RunFailedError that tells type, message and traceback",
)
def _(sched: Scheduler) -> None:
    received, facts = list[Any](), Facts(sched)
    sched.add_listener(received.append, events.EVENT_JOB_ERROR)
    sched.add_job(fail, id="bad")
    facts.wait_for(facts.of(RunEnded, task="bad"))
    sched.queries.flush_events()
    assert isinstance(received[0].exception, RunFailedError)
    assert "KeyError: 'no such column'" in str(received[0].exception)
    assert 'raise KeyError("no such column")' in received[0].traceback


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduler]:
    """A running scheduler for the rows that need no other."""
    with Scheduler(tmp_path_factory.mktemp("table") / "ledger.db") as sched:
        yield sched


@pytest.fixture
def where(tmp_path: Any) -> str:
    # The job API adds nothing to the store: one database is enough.
    return str(tmp_path / "ledger.db")


@pytest.mark.parametrize("documented", TABLE, ids=lambda found: found.documented)
def test_documented(documented: Row, shared: Scheduler, make: Callable[..., Scheduler]) -> None:
    if "make" in documented.shows.__code__.co_varnames[:1]:
        documented.shows(make)
        return
    shared.remove_all_jobs()
    documented.shows(shared)


def test_the_table_is_about_every_public_name_of_apscheduler() -> None:
    names = {name for name in dir(BaseScheduler) if not name.startswith("_")}
    names |= {name for name in dir(TheirJob) if not name.startswith("_")}
    names |= {name for name in dir(events) if name.startswith("EVENT_")}
    names |= {"JobLookupError", "ConflictingIdError", "SchedulerNotRunningError"}
    assert names - {name for found in TABLE for name in found.about} == set()
