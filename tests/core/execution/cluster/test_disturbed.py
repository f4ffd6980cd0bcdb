"""What happens to workers and clusters, as users of Dask have reported it, and to runs meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import cluster_tasks
from support.clusters import TASKS as FILE
from support.clusters import dask_scheduler, in_process_worker, last_pid_in, worker
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Task
from schedkit.core.states import Outcome, State
from schedkit.core.tasks.discover import module_tasks
from schedkit.values.processes import alive

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")

TASKS: dict[str, Task] = {task.name: task for task in module_tasks(cluster_tasks)}


@pytest.fixture
def cluster() -> Iterator[Any]:
    with dask_scheduler() as cluster:
        yield cluster


@contextmanager
def home_at(address: str, folder: Path) -> Iterator[Scheduler]:
    sched = Scheduler(folder / "ledger.db", dask=address, cancel_grace="1s", lease="6s")
    for task in TASKS.values():
        sched.add(task)
    sched.start()
    try:
        yield sched
    finally:
        sched.stop("0.2s")
        sched.queries.ledger.store.close()


@pytest.fixture
def sched(cluster: Any, tmp_path: Path) -> Iterator[Scheduler]:
    with home_at(cluster.scheduler_address, tmp_path) as sched:
        yield sched


def set_status(cluster: Any, dask: Any, status: str) -> None:
    from distributed.core import Status

    async def change() -> None:
        dask.status = Status[status]

    cluster.sync(change)


def test_a_run_is_not_given_to_a_worker_that_dask_has_paused(sched: Scheduler, cluster: Any) -> None:
    """Its memory is nearly full: Dask gives it nothing until that is over, and would keep a run waiting."""
    # Without a limit, or it would not be paused for long.
    with in_process_worker(cluster, TASKS, memory_limit=0) as dask:
        sched.submit("square", n=1).result("60s")
        set_status(cluster, dask, "paused")
        for _ in range(2):  # what it tells of itself next may be older
            (row,) = sched.queries.workers()
            wait_until(lambda: sched.queries.workers()[0].seen > row.seen)  # noqa: B023  # called at once
        run = sched.submit("square", n=2)
        wait_until(lambda: "takes no tasks" in str(sched.why(run)), str(sched.why(run)))
        assert sched.queries.run(run.id).state is State.QUEUED
        set_status(cluster, dask, "running")
        assert run.result("60s")[1] == 4


def test_a_run_of_a_worker_that_is_scaled_down_goes_on_elsewhere(
    sched: Scheduler, cluster: Any, tmp_path: Path
) -> None:
    """dask/distributed#1352, #4069: the job failed with CancelledError or KilledWorker, at random."""
    import distributed

    path, gate = tmp_path / "written", tmp_path / "gate"
    with in_process_worker(cluster, TASKS) as dask:
        run = sched.submit("gated", path=str(path), gate=str(gate))
        first = last_pid_in(path)
        with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
            client.retire_workers([dask.address], close_workers=True)
    assert not alive(first, untold=False)
    gate.touch()
    with in_process_worker(cluster, TASKS):
        assert run.wait("60s").state is State.DONE
    assert [attempt.outcome for attempt in run.attempts][-2:] == [Outcome.INTERRUPTED, Outcome.DONE]
    assert path.read_text().count("written by") == 1


@contextmanager
def dask_worker(address: str, *options: str) -> Iterator[Any]:
    """Dask's own worker with its nanny, which is one of ours by a preload."""
    preload = ("--preload", "schedkit.commands.worker", str(FILE))
    command = [
        sys.executable,
        "-m",
        "distributed.cli.dask_worker",
        address,
        "--nthreads",
        "2",
        "--no-dashboard",
    ]
    with subprocess.Popen(
        [*command, *options, *preload],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_a_run_of_a_worker_that_its_nanny_restarts_goes_on_there(
    sched: Scheduler, cluster: Any, tmp_path: Path
) -> None:
    """dask/distributed#2694: out of memory. The nanny kills the worker and starts another one."""
    path, gate = tmp_path / "written", tmp_path / "gate"
    with dask_worker(cluster.scheduler_address):
        run = sched.submit("gated", path=str(path), gate=str(gate))
        first = last_pid_in(path)
        (row,) = sched.queries.workers()
        os.kill(row.pid, signal.SIGKILL)
        wait_until(lambda: not alive(first, untold=False), "its process goes on")
        gate.touch()
        assert run.wait("60s").state is State.DONE
        (again,) = sched.queries.workers()
        assert again.pid != row.pid
    assert path.read_text().count("written by") == 1


def test_a_run_survives_that_others_restart_the_cluster(
    sched: Scheduler, cluster: Any, tmp_path: Path
) -> None:
    """dask/distributed#7312: `client.restart()` ends all workers, and forgets what all clients have asked."""
    import distributed

    path, gate = tmp_path / "written", tmp_path / "gate"
    with dask_worker(cluster.scheduler_address):
        run = sched.submit("gated", path=str(path), gate=str(gate))
        first = last_pid_in(path)
        with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
            client.restart(wait_for_workers=False)
        wait_until(lambda: not alive(first, untold=False), "its process goes on")
        gate.touch()
        assert run.wait("60s").state is State.DONE
    assert path.read_text().count("written by") == 1


@contextmanager
def scheduler_process(port: int = 0) -> Iterator[Any]:
    """Dask's scheduler as a process of its own; yields it and its address."""
    program = (
        "import sys, distributed\n"
        "options = {'host': '127.0.0.1', 'dashboard_address': '127.0.0.1:0', 'silence_logs': 50}\n"
        f"with distributed.LocalCluster(n_workers=0, scheduler_port={port}, **options) as it:\n"
        "    print(it.scheduler_address, flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_home_hears_the_workers_of_a_scheduler_that_was_started_anew(tmp_path: Path) -> None:
    """Dask's client connects to it by itself, but is told nothing: the new one knows of no topic."""
    path, gate = tmp_path / "written", tmp_path / "gate"
    with ExitStack() as stack:
        first, address = stack.enter_context(scheduler_process())
        sched = stack.enter_context(home_at(address, tmp_path))
        with worker(address, "first"):
            run = sched.submit("gated", path=str(path), gate=str(gate))
            pid = last_pid_in(path)
            first.kill()
            # At once: the client gives up after some seconds, and another one is made.
            _, again = stack.enter_context(scheduler_process(int(address.rpartition(":")[2])))
            assert again == address
            wait_until(lambda: not alive(pid, untold=False), "its process goes on")
        gate.touch()
        with worker(again, "second"):
            assert run.wait("60s").state is State.DONE
    assert path.read_text().count("written by") == 1
