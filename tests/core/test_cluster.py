"""A Dask cluster as the engine of a task: an executor like any other, and no second queue."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from support.dask_cluster import dask_client

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with dask_client() as client:
        yield client


def square(n: int) -> tuple[int, int]:
    return os.getpid(), n * n


def die(run: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_tasks_run_on_the_cluster_and_a_lost_worker_fails_the_attempt(sched: Scheduler, client: Any) -> None:
    executor = client.get_executor()
    sched.task(runs_in=executor)(square)
    pid, value = sched.submit("square", n=7).result("5m")
    assert value == 49
    assert pid != os.getpid()
    sched.task(runs_in=executor)(die)
    ended = sched.submit("die").wait("5m")
    assert ended.state is State.FAILED
    assert ended.error is not None
    assert "KilledWorker" in ended.error["type"]
    assert sched.submit("square", n=3).result("5m")[1] == 9, "the cluster and the schedule go on"
