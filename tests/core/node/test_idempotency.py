"""A run that is asked for by a key is made once, whoever asks again: here, elsewhere, at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schedkit import context
from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.triggers.constructors import cron


@pytest.fixture
def sched(tmp_path: Path) -> Iterator[Scheduler]:
    with Scheduler(str(tmp_path / "ledger.db")) as scheduler:
        declare(scheduler)
        yield scheduler


def declare(scheduler: Scheduler) -> None:
    @scheduler.task(tags="work")
    def work(number: int = 0) -> int:
        return number


def asked(sched: Scheduler, key: str, number: int) -> RunHandle:
    with context.acting_as("", key=key):
        return sched.submit("work", number=number)


def test_it_is_the_same_run(sched: Scheduler) -> None:
    first = asked(sched, "k", 1)
    again = asked(sched, "k", 2)
    assert (again.id, again.result("60s")) == (first.id, 1)
    assert asked(sched, "k", 3).id == first.id
    assert asked(sched, "other", 4).result("60s") == 4
    assert sched.submit("work", number=5).result("60s") == 5
    assert len(sched.runs()) == 3


def test_after_a_restart(tmp_path: Path) -> None:
    ids = set()
    for _ in range(2):
        with Scheduler(str(tmp_path / "ledger.db")) as sched:
            declare(sched)
            ids.add(asked(sched, "k", 1).id)
    assert len(ids) == 1


def test_many_at_one_moment(sched: Scheduler) -> None:
    ready = threading.Barrier(8)

    def ask(number: int) -> str:
        ready.wait(60)
        return asked(sched, "k", number).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert len(sched.runs()) == 1


def test_asked_of_another_process_by_two(sched: Scheduler, tmp_path: Path) -> None:
    """Each of them looks before the other has asked."""
    watchers = [Scheduler(str(tmp_path / "ledger.db")) for _ in range(2)]
    for watcher in watchers:
        watcher.watch()
    ready = threading.Barrier(2)

    def ask(watcher: Scheduler) -> str:
        ready.wait(60)
        return asked(watcher, "k", 1).id

    try:
        with ThreadPoolExecutor(2) as pool:
            ids = set(pool.map(ask, watchers))
        assert len(ids) == 1
        assert [run.id for run in sched.runs()] == list(ids)
    finally:
        for watcher in watchers:
            watcher.stop()


def test_requests_and_retries(sched: Scheduler) -> None:
    def request() -> str:
        with context.acting_as("", key="request"):
            made = sched.add_request({"tags": ["work"], "parameters": {"number": 3}})
        assert isinstance(made, RunHandle)
        return made.id

    first = request()
    sched.run(first).result("60s")
    assert request() == first
    with context.acting_as("", key="retry"):
        again = sched.retry(first)
        assert sched.retry(first).id == again.id != first


def test_a_task_that_runs_now_and_then_is_run_once(sched: Scheduler) -> None:
    body = {"name": "nightly", "task": "work", "task_type": "IMMEDIATE", "cron_expr": "0 1 * * *"}
    for _ in range(2):
        with context.acting_as("", key="k"):
            sched.add_request(body)
    assert sched.tasks["nightly"].task.trigger == cron("0 1 * * *")
    assert len(sched.runs("nightly")) == 1
