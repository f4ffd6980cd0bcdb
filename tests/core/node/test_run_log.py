"""Each failed run makes one record of the `logging` module, and a run's own log can be read there."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry

pytestmark = pytest.mark.parametrize("where", ["sqlite"], indirect=True)
Records = Callable[[], list[logging.LogRecord]]


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Records:
    """Returns what is logged about runs."""
    return lambda: [record for record in caplog.records if record.name == "schedkit.runs"]


def test_a_failed_run_is_one_error(sched: Scheduler, records: Records) -> None:
    def bad() -> None:
        raise ValueError("no such\nproject")

    sched.task(name="good")(lambda: 1)
    sched.task(name="bad")(bad)
    run = sched.submit("bad")
    run.wait("60s")
    sched.submit("good").wait("60s")
    wait_until(records)
    assert sched.queries.flush_events()
    (record,) = records()
    assert record.levelno == logging.ERROR
    assert record.getMessage() == f"task 'bad' failed: run {run.id}: ValueError: no such project"
    facts = vars(record)
    assert (facts["task"], facts["run"], facts["error"]) == ("bad", run.id, "ValueError: no such project")


def test_attempts_that_are_followed_by_others_are_warnings(sched: Scheduler, records: Records) -> None:
    def bad() -> None:
        raise ConnectionError("away")

    sched.task(name="bad", retry=Retry(attempts=2, delay=0))(bad)
    run = sched.submit("bad")
    run.wait("60s")
    wait_until(lambda: len(records()) == 2)
    assert [(record.levelname, record.getMessage()) for record in records()] == [
        (
            "WARNING",
            f"task 'bad': attempt 1 of run {run.id} failed and is followed by another: ConnectionError: away",
        ),
        ("ERROR", f"task 'bad' failed: run {run.id}: ConnectionError: away"),
    ]


def test_a_timeout_is_an_error(sched: Scheduler, records: Records) -> None:
    def slow(run: object) -> None:
        while not run.should_stop():
            pass

    sched.task(name="slow", timeout="0.05s")(slow)
    run = sched.submit("slow")
    run.wait("60s")
    wait_until(records)
    assert records()[0].getMessage().startswith(f"task 'slow' timed out: run {run.id}: TimeoutError: ")


def test_the_log_of_a_run_is_logged_at_its_levels(
    sched: Scheduler, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    def talks(run: object) -> None:
        run.log("page 1")
        run.log("warning", "page 2 is missing")

    sched.task(name="talks")(talks)
    with caplog.at_level(logging.WARNING, "schedkit.runs"):
        first = sched.submit("talks")
        first.wait("60s")
        wait_until(records)
        assert sched.queries.flush_events()
    with caplog.at_level(logging.INFO, "schedkit.runs"):
        second = sched.submit("talks")
        second.wait("60s")
        wait_until(lambda: len(records()) == 3)
    assert [(record.levelname, record.getMessage()) for record in records()] == [
        ("WARNING", f"talks, run {first.id}: page 2 is missing"),
        ("INFO", f"talks, run {second.id}: page 1"),
        ("WARNING", f"talks, run {second.id}: page 2 is missing"),
    ]


def test_without_a_handler_nothing_is_printed(sched: Scheduler, capfd: pytest.CaptureFixture[str]) -> None:
    def bad() -> None:
        raise ValueError("quiet")

    sched.task(name="bad")(bad)
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        sched.submit("bad").wait("60s")
        assert sched.queries.flush_events()
    finally:
        root.handlers = handlers
    assert "quiet" not in "".join(capfd.readouterr())
