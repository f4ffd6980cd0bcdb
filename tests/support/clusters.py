"""A Dask scheduler in this process, and workers of schedkit's in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.waiting import wait_until

__all__ = [
    "TASKS",
    "dask_scheduler",
    "in_process_worker",
    "last_pid_in",
    "start_worker",
    "worker",
]

TASKS = Path(__file__).with_name("cluster_tasks.py")


def last_pid_in(path: Path) -> int:
    """Return the pid that a task has written last, a line each, once there is one."""

    def pids() -> list[str]:
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [line for line in lines if line.endswith("\n") and line.strip().isdigit()]

    wait_until(pids, "the task did not begin")
    return int(pids()[-1])


@contextmanager
def dask_scheduler() -> Iterator[Any]:
    """A Dask cluster without workers; without Dask the test is skipped."""
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    cluster = distributed.LocalCluster(
        n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
    )
    with cluster:
        yield cluster


def start_worker(address: str, name: str, *files: Path, threads: int = 2, more: tuple[str, ...] = ()) -> Any:
    """Start a worker; its first line of standard error says that it is there."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "schedkit", "worker", "--dask", address, "--name", name),
            *("--threads", str(threads), *more, *map(str, files or (TASKS,))),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def worker(
    address: str, name: str, *files: Path, threads: int = 2, more: tuple[str, ...] = ()
) -> Iterator[Any]:
    """A worker that has joined the cluster."""
    with start_worker(address, name, *files, threads=threads, more=more) as process:
        try:
            assert process.stderr is not None
            first = process.stderr.readline()
            assert first.startswith(f"worker {name} of"), first + process.stderr.read()
            yield process
        finally:
            process.kill()


@contextmanager
def in_process_worker(
    cluster: Any, tasks: dict[str, Any], *, threads: int = 2, **options: Any
) -> Iterator[Any]:
    """A Dask worker in this process that has these tasks; its calls run in child processes all the same."""
    import distributed

    from schedkit.core.execution.cluster.plugin import plugin as plugin_of
    from schedkit.core.execution.cluster.worker import WorkerSide

    async def begin() -> Any:
        plugin = plugin_of(lambda dask: WorkerSide(lambda: tasks, lambda path: [f"{path}: no"], dask))
        return await distributed.Worker(
            cluster.scheduler_address, nthreads=threads, plugins=[plugin], dashboard=False, **options
        )

    made = cluster.sync(begin)
    try:
        yield made
    finally:
        cluster.sync(made.close)
