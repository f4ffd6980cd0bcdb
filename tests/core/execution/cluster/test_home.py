"""Attempts on the workers of a cluster, as their home sees them."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import cluster_tasks
from support.boards import board_now
from support.clocks import Later
from support.clusters import TASKS as FILE
from support.clusters import dask_scheduler, in_process_worker, last_pid_in
from support.lives import life_of
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry, Task
from schedkit.core.states import State
from schedkit.core.tasks.declare import replaced
from schedkit.core.tasks.discover import module_tasks
from schedkit.core.tasks.origin import declared_in
from schedkit.values.processes import alive

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")

TASKS: dict[str, Task] = {task.name: task for task in module_tasks(cluster_tasks)}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with dask_scheduler() as cluster:
        yield cluster


@pytest.fixture
def make(cluster: Any, tmp_path: Path) -> Iterator[Callable[..., Scheduler]]:
    """Makes homes of all the tasks."""
    made: list[Scheduler] = []

    def home(**options: Any) -> Scheduler:
        # A lease that no busy machine misses.
        options = {"dask": cluster.scheduler_address, "cancel_grace": "1s", "lease": "60s", **options}
        sched = Scheduler(tmp_path / f"ledger-{len(made)}.db", **options)
        made.append(sched)
        for task in TASKS.values():
            sched.add(task)
        sched.start()
        return sched

    yield home
    for sched in made:
        sched.stop("0.2s")
        sched.queries.ledger.store.close()


@pytest.fixture
def worker(cluster: Any) -> Iterator[Any]:
    with in_process_worker(cluster, TASKS, threads=2) as made:
        yield made


def busy_threads() -> list[str]:
    """Return the threads for tasks that do not wait for work."""
    frames = getattr(sys, "_current_frames")()  # noqa: B009 - that is its name
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("schedkit-task")]
    found = {thread.name: frames.get(thread.ident) for thread in threads}
    return [name for name, frame in found.items() if frame is not None and frame.f_code.co_name != "_run"]


def test_what_a_call_tells_comes_back_at_once_and_in_order(make: Any, worker: Any) -> None:
    sched = make()
    names: list[str] = []
    sched.subscribe(lambda event: names.append(type(event).__name__))
    run = sched.submit("talk", words=20)
    assert run.result("60s") == 20
    lines = [line["message"] for line in sched.queries.details(run.id)["log"]]
    assert [line for line in lines if line.startswith("word ")] == [f"word {n}" for n in range(20)]
    assert "printed" in lines  # by a way of its own
    assert any("logged" in line for line in lines)
    wait_until(lambda: "RunEnded" in names, "its end is not told")
    assert names.index("RunLogged") < names.index("RunEnded")


def test_what_a_task_starts_may_print_and_end_as_anywhere(make: Any, worker: Any) -> None:
    sched = make()
    run = sched.submit("starts_others")
    assert run.result("60s") == [0, 0, 0]
    lines = {line["message"] for line in sched.queries.details(run.id)["log"]}
    assert {"by a process", "by a thread", "by a program"} <= lines


def test_a_cancelled_call_that_listens_to_nothing_ends_with_its_process(
    make: Any, worker: Any, tmp_path: Path
) -> None:
    sched, path = make(), tmp_path / "written"
    run = sched.submit("deaf", path=str(path))
    pid = last_pid_in(path)
    run.cancel()
    assert run.wait("60s").state is State.CANCELLED
    wait_until(lambda: not alive(pid, untold=False), "its process goes on")
    assert path.read_text() == f"{pid}\n"


def test_a_call_that_listens_is_told_to_stop(make: Any, worker: Any, tmp_path: Path) -> None:
    sched, path = make(cancel_grace="60s"), tmp_path / "written"
    run = sched.submit("listening", path=str(path))
    last_pid_in(path)
    run.cancel()
    assert run.wait("60s").state is State.CANCELLED
    assert path.read_text() == "stopped\n"


def test_a_timeout_ends_the_process_and_the_next_attempt_begins(
    make: Any, worker: Any, tmp_path: Path
) -> None:
    sched, path = make(), tmp_path / "written"
    sched.add(replaced(TASKS["deaf"], timeout=1.0, retry=Retry(2, delay=0.0, on=(TimeoutError,))))
    run = sched.submit("deaf", path=str(path))
    assert run.wait("60s").state is State.TIMEOUT
    assert [str(attempt.outcome) for attempt in run.attempts] == ["timeout", "timeout"]
    ended = [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []
    for pid in ended:  # a slow machine may have ended them before they wrote it
        wait_until(lambda: not alive(int(pid), untold=False), "its process goes on")  # noqa: B023  # called at once


def test_a_call_that_waits_for_its_turn_on_a_worker_has_its_whole_time(
    make: Any, cluster: Any, worker: Any, tmp_path: Path
) -> None:
    """The worker is busy with tasks of others, of which Dask does not tell us."""
    import distributed

    sched, gate, path = make(), tmp_path / "gate", tmp_path / "written"
    sched.task(name="here")(int)
    sched.submit("square", n=1).result("60s")

    def until_the_gate_opens() -> None:
        while not gate.exists():
            time.sleep(0.01)

    with distributed.Client(cluster.scheduler_address, set_as_default=False) as others:
        waiting = [others.submit(until_the_gate_opens, pure=False) for _ in range(2)]
        wait_until(lambda: len(worker.state.executing) == 2, "the worker is not busy")
        sched.add(replaced(TASKS["gated"], timeout=1800.0))
        run = sched.submit("gated", path=str(path), gate=str(gate))
        wait_until(lambda: "its code waits for a worker" in str(sched.why(run)), str(sched.why(run)))
        assert "its code waits for a worker" in str(board_now(sched)["scheduler"]["why"])
        life = life_of(sched)
        life.decisions.clock = Later(steady=timedelta(hours=1))
        sched.submit("here").result("60s")
        assert sched.queries.run(run.id).state is State.RUNNING
        life.decisions.clock = Later()
        gate.touch()
        assert run.result("60s") == 1
        others.gather(waiting)
    last_pid_in(path)


def test_a_failure_is_told_as_it_was_raised(make: Any, worker: Any) -> None:
    ended = make().submit("fails").wait("60s")
    assert ended.state is State.FAILED
    assert ended.error is not None
    assert ended.error["type"] == "ValueError"
    assert "cluster_tasks.py" in ended.error["traceback"]


def test_a_process_that_dies_fails_its_run_and_leaves_the_worker_alive(make: Any, worker: Any) -> None:
    sched = make()
    ended = sched.submit("dies").wait("60s")
    assert ended.error is not None
    assert ended.error["type"] == "ChildDiedError"
    assert sched.submit("square", n=3).result("60s")[1] == 9


def test_large_values_come_back_too(make: Any, worker: Any) -> None:
    assert len(make().submit("large", megabytes=2).result("60s")) == 2 << 20


def test_a_run_waits_for_a_worker_that_has_its_task_and_says_so(make: Any, cluster: Any) -> None:
    sched = make()
    run = sched.submit("square", n=4)
    wait_until(lambda: "no worker is connected" in str(sched.why(run)), str(sched.why(run)))
    with in_process_worker(cluster, {}):
        wait_until(lambda: "does not have it" in str(sched.why(run)), str(sched.why(run)))
        assert sched.queries.run(run.id).state is State.QUEUED
    with in_process_worker(cluster, TASKS):
        assert run.result("60s")[1] == 16


def test_runs_elsewhere_take_neither_a_thread_nor_a_place_of_the_home(
    make: Any, cluster: Any, tmp_path: Path
) -> None:
    with in_process_worker(cluster, TASKS, threads=4):
        sched = make(concurrency=1, threads=1)
        sched.task(name="here")(lambda: 1)
        sched.submit("square", n=1).result("60s")
        runs = [sched.submit("listening", path=str(tmp_path / str(n))) for n in range(4)]
        for n in range(4):
            last_pid_in(tmp_path / str(n))
        assert sched.submit("here").result("60s") == 1
        wait_until(lambda: not busy_threads(), f"{busy_threads()} wait for them")
        for run in runs:
            run.cancel()
        assert {run.wait("60s").state for run in runs} == {State.CANCELLED}


def test_workers_and_where_attempts_ran_are_shown(make: Any, cluster: Any, tmp_path: Path) -> None:
    sched = make()
    with in_process_worker(cluster, TASKS, name="shown", threads=3):
        run = sched.submit("listening", path=str(tmp_path / "written"))
        last_pid_in(tmp_path / "written")
        wait_until(lambda: any(row.memory for row in sched.queries.workers()), "its memory is not told")
        (row,) = sched.queries.workers()
        assert (row.name, row.threads, row.running) == ("shown", 3, 1)
        head = board_now(sched)["scheduler"]
        (shown,) = head["workers"]
        assert (shown["name"], shown["host"], shown["tasks"], shown["problems"]) == (
            "shown",
            row.host,
            len(TASKS),
            [],
        )
        with Scheduler(tmp_path / "ledger-0.db").viewing() as watcher:
            wait_until(watcher.queries.workers, "other processes do not see it")
            (seen,) = watcher.queries.workers()
            assert (seen.name, seen.threads, seen.host) == ("shown", 3, row.host)
        run.cancel()
        run.wait("60s")
    (attempt,) = run.attempts
    assert attempt.worker == f"shown on {row.host}"


def test_runs_go_to_workers_with_the_resources_that_they_take(make: Any, cluster: Any) -> None:
    sched = make()
    with in_process_worker(cluster, TASKS, resources={"memory": 4e9}):
        run = sched.submit("needs_memory")
        wait_until(lambda: "has 4e+09 of memory" in str(sched.why(run)), str(sched.why(run)))
        with in_process_worker(cluster, TASKS, resources={"memory": 16e9}):
            run.result("60s")


def test_a_worker_that_ends_leaves_its_runs_interrupted_and_another_goes_on(
    make: Any, cluster: Any, tmp_path: Path
) -> None:
    sched, path, gate = make(lease="6s", interruptions=100), tmp_path / "written", tmp_path / "gate"
    with in_process_worker(cluster, TASKS):
        run = sched.submit("gated", path=str(path), gate=str(gate))
        first = last_pid_in(path)
    wait_until(lambda: not alive(first, untold=False))
    gate.touch()
    with in_process_worker(cluster, TASKS):
        assert run.wait("60s").state is State.DONE
    ended = sched.queries.run(run.id)
    assert ended.attempt == ended.interruptions + 1 > 1
    assert path.read_text().count("written by") == 1


def test_a_home_that_ends_has_its_calls_ended(make: Any, worker: Any, tmp_path: Path) -> None:
    sched, path = make(), tmp_path / "written"
    sched.submit("deaf", path=str(path))
    pid = last_pid_in(path)
    sched.stop("0s")
    wait_until(lambda: not alive(pid, untold=False), "its process goes on")
    assert path.read_text() == f"{pid}\n"


def test_what_a_call_has_delivered_is_in_the_ledger_before_it_goes_on(make: Any, worker: Any) -> None:
    sched = make()
    run = sched.submit("delivers")
    assert run.result("60s") == "went on"
    assert "delivered: page" in str(run.log)


def test_a_home_without_an_address_makes_a_cluster_of_its_own(tmp_path: Path) -> None:
    with Scheduler(tmp_path / "ledger.db", processes=2) as sched:
        with declared_in(FILE):
            sched.add(TASKS["square"])
        run = sched.submit("square", n=6)
        assert run.result("60s")[1] == 36
        assert [row.threads for row in sched.queries.workers()] == [2]


def test_a_cluster_that_cannot_be_reached_is_told_and_waited_for(tmp_path: Path) -> None:
    with Scheduler(tmp_path / "ledger.db", dask="tcp://127.0.0.1:9") as sched:
        sched.add(TASKS["square"])
        run = sched.submit("square", n=1)
        wait_until(lambda: "tcp://127.0.0.1:9 cannot be reached" in str(sched.why(run)), str(sched.why(run)))
        run.cancel()
