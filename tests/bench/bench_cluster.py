"""Runs on the workers of a Dask cluster, beside Dask's own executor on the same machine."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from support.waiting import wait_until

from bench.common import Row

THREADS = 8  # of a worker
ROUNDS, CALLS, SLEEPS, WORDS, STOPS = 3, 200, 60, 30, 10
FILE = Path(__file__).with_name("cluster_file.py")


def rows() -> Iterator[Row]:
    """Yield the figures; none where Dask is not installed."""
    if find_spec("distributed") is None:
        return
    with ExitStack() as stack:
        address = stack.enter_context(cluster())
        one = stack.enter_context(worker(address, "one"))
        sched = stack.enter_context(home(address))
        sched.submit("nothing").result("60s")
        ours, peer, same = no_ops(sched, address)
        yield Row("no-op runs through Dask", ours, peer, "Dask's executor", "runs/s", ours / peer, 0.8, ">=")
        name = "no-op runs through Dask, as many at once"
        yield Row(name, ours, same, "Dask's executor", "runs/s", ours / same, 0.8, ">=")
        yield _target("a worker's message is seen, median", words(sched), 250.0)
        yield _target("a stop is heard by a worker, median", stops(sched), 250.0)
        sleeps(sched)  # a child process that was stopped is not used again, and others are started here
        alone = sleeps(sched)
        stack.enter_context(worker(address, "two"))
        wait_until(lambda: len(sched.queries.workers()) == 2)
        sleeps(sched)
        both = sleeps(sched)
        assert one.poll() is None
        yield Row("60 sleeping tasks on two workers", alone, both, "on one", "s", alone / both, 1.8, ">=")


def _target(name: str, ms: float, most: float) -> Row:
    return Row(name, ms, most, "the target", "ms", ms / most, 1.0, "<=")


def no_ops(sched: Any, address: str) -> tuple[float, float, float]:
    """Return runs a second here, and calls a second of Dask's executor, medians of alternating rounds.

    Dask's executor has all calls at once, and sends many in one message; then, as the runs here, only as many
    as the worker carries out at once.
    """
    import distributed

    ours, peer, same = [], [], []
    with distributed.Client(address, set_as_default=False) as client:
        executor = client.get_executor(pure=False)
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            for run in sched.submit_many("nothing", [{} for _ in range(CALLS)]):
                run.result("5m")
            ours.append(CALLS / (time.perf_counter() - begun))
            peer.append(_calls_per_second(executor, CALLS))
            same.append(_calls_per_second(executor, THREADS))
    return statistics.median(ours), statistics.median(peer), statistics.median(same)


def _calls_per_second(executor: Any, at_once: int) -> float:
    """Return how many calls of nothing an executor makes a second, with so many under way at most."""
    places, futures = threading.Semaphore(at_once), []
    begun = time.perf_counter()
    for _ in range(CALLS):
        places.acquire()
        futures.append(executor.submit(int))
        futures[-1].add_done_callback(lambda _: places.release())
    for future in futures:
        future.result()
    return CALLS / (time.perf_counter() - begun)


def words(sched: Any) -> float:
    """Return how many milliseconds a message takes to a listener here."""
    late: list[float] = []

    def hear(event: Any) -> None:
        message = getattr(event, "message", "")
        if message.startswith("told at "):
            late.append(1000 * (time.monotonic() - float(message.rpartition(" ")[2])))

    unsubscribe = sched.subscribe(hear)
    sched.submit("talks", words=WORDS).result("5m")
    wait_until(lambda: len(late) >= WORDS)
    unsubscribe()
    return statistics.median(late)


def stops(sched: Any) -> float:
    """Return how many milliseconds it takes until code on a worker hears that it is to stop."""
    late: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(STOPS):
            path = Path(folder) / str(number)
            run = sched.submit("listens", path=str(path))
            wait_until(path.exists)
            begun = time.monotonic()
            run.cancel()
            run.wait("60s")
            late.append(1000 * (float(path.read_text()) - begun))
    return statistics.median(late)


def sleeps(sched: Any) -> float:
    """Return how many seconds many sleeping one-second tasks take."""
    begun = time.perf_counter()
    for run in sched.submit_many("sleeps", [{} for _ in range(SLEEPS)]):
        run.result("5m")
    return time.perf_counter() - begun


@contextmanager
def cluster() -> Iterator[str]:
    """Dask's scheduler, in a process of its own."""
    program = (
        "import sys, distributed\n"
        "options = {'host': '127.0.0.1', 'dashboard_address': '127.0.0.1:0'}\n"
        "with distributed.LocalCluster(n_workers=0, **options) as it:\n"
        "    print(it.scheduler_address, flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@contextmanager
def worker(address: str, name: str) -> Iterator[Any]:
    """A worker for eight calls at once."""
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "schedkit", "worker", "--dask", address, "--name", name),
            *("--threads", str(THREADS), str(FILE)),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def home(address: str) -> Iterator[Any]:
    """A scheduler whose tasks the workers have."""
    from bench import cluster_file
    from schedkit.core.api.scheduler import Scheduler
    from schedkit.core.tasks.discover import module_tasks

    with tempfile.TemporaryDirectory() as folder:
        sched = Scheduler(Path(folder) / "ledger.db", dask=address)
        for task in module_tasks(cluster_file):
            sched.add(task)
        with sched:
            yield sched
