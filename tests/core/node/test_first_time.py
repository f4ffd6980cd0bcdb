"""The first time of a schedule that is declared late, or has none left."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from core.conftest import Recorder

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import Fired, RunEnded
from schedkit.core.states import State
from schedkit.core.triggers.constructors import at, cron

Make = Callable[..., Scheduler]


def greet() -> None: ...


def test_a_moment_that_has_passed_when_it_is_declared_is_late_and_runs_once(make: Make) -> None:
    moment = datetime.now(UTC) - timedelta(hours=1)
    sched = make()
    recorder = Recorder(sched)
    sched.start()
    sched.task(at(moment), name="migrate")(lambda: None)
    (ended,) = recorder.wait_for(recorder.of(RunEnded, task="migrate", state=State.DONE))
    assert sched.run(ended.run).run.scheduled_at == moment
    sched.task(at(moment), name="migrate")(lambda: None)
    assert sched.tasks["migrate"].next_run is None
    sched.stop()

    again = make()
    again.task(at(moment), name="migrate")(lambda: None)
    again.start()
    assert again.tasks["migrate"].next_run is None
    assert len(again.runs("migrate")) == 1


def test_a_job_for_now_runs_now(sched: Scheduler, recorder: Recorder) -> None:
    sched.add_job(greet, "date", run_date=datetime.now(), id="now")
    recorder.wait_for(recorder.of(RunEnded, task="now"))


def test_a_moment_past_its_grace_is_recorded_as_missed(sched: Scheduler, recorder: Recorder) -> None:
    moment = datetime.now(UTC) - timedelta(hours=1)
    late = sched.task(at(moment), name="late", misfire_grace="1m")(lambda: None)
    recorder.wait_for(recorder.of(Fired, task="late"))
    assert list(late.due_times()["outcome"]) == ["missed"]
    assert late.runs() == []


def test_a_schedule_without_any_time_left_says_so(sched: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "schedkit"):
        sched.task(cron("0 7 * * *", end="2020-01-01"), name="over")(lambda: None)
        sched.task(cron("0 7 * * *", end="2020-01-01"), name="over")(lambda: None)
    (told,) = [record.getMessage() for record in caplog.records if "'over'" in record.getMessage()]
    assert "no future due time" in told
    assert "until 2020-01-01" in told
