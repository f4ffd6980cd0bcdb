"""`schedkit worker`, as processes of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import cluster_tasks
from support.clusters import TASKS, dask_scheduler, last_pid_in, start_worker, worker
from support.waiting import wait_until

from schedkit.cli import main
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State
from schedkit.core.tasks.discover import module_tasks
from schedkit.values.processes import alive

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with dask_scheduler() as cluster:
        yield cluster


@pytest.fixture
def sched(cluster: Any, tmp_path: Path) -> Iterator[Scheduler]:
    # A busy machine may cut a worker off as often as it wants.
    options: dict[str, Any] = {"lease": "3s", "cancel_grace": "1s", "interruptions": 100}
    sched = Scheduler(tmp_path / "ledger.db", dask=cluster.scheduler_address, **options)
    for task in module_tasks(cluster_tasks):
        sched.add(task)
    sched.start()
    yield sched
    sched.stop("0.2s")
    sched.queries.ledger.store.close()


def test_runs_of_a_killed_worker_are_interrupted_and_go_on_elsewhere(
    sched: Scheduler, cluster: Any, tmp_path: Path
) -> None:
    path, gate = tmp_path / "written", tmp_path / "gate"
    with worker(cluster.scheduler_address, "first") as first:
        run = sched.submit("gated", path=str(path), gate=str(gate))
        pid = last_pid_in(path)
        first.kill()
        first.wait()
    gate.touch()
    with worker(cluster.scheduler_address, "second"):
        ended = run.wait("60s")
    assert (ended.state, ended.attempt) == (State.DONE, ended.interruptions + 1), ended.error
    assert not alive(pid, untold=False)
    # A busy machine may have cut a worker off for a moment, too.
    of = [attempt.worker.split()[0] for attempt in run.attempts]
    assert (of, {of[0], of[-1]}) == (sorted(of), {"first", "second"})


def test_a_worker_that_stands_still_beyond_the_lease_changes_nothing_when_it_wakes(
    sched: Scheduler, cluster: Any, tmp_path: Path
) -> None:
    path, gate = tmp_path / "written", tmp_path / "gate"
    with worker(cluster.scheduler_address, "stopped") as stopped:
        run = sched.submit("gated", path=str(path), gate=str(gate))
        child = last_pid_in(path)
        for pid in (stopped.pid, child):
            os.kill(pid, signal.SIGSTOP)
        stood = sched.queries.run(run.id).attempt
        wait_until(lambda: sched.queries.run(run.id).interruptions >= stood, "it is not given up")
        gate.touch()
        with worker(cluster.scheduler_address, "other"):
            assert run.wait("60s").state is State.DONE
            for pid in (stopped.pid, child):
                os.kill(pid, signal.SIGCONT)
            # Its process is killed, or is ready for another call after this one has been refused.
            wait_until(
                lambda: not alive(child, untold=False) or f"over: attempt {stood}\n" in path.read_text(),
                "its call goes on",
            )
    *before, last = run.attempts
    written = [line for line in path.read_text().splitlines() if line.startswith("written")]
    assert written == [f"written by attempt {last.number}"]
    assert {str(attempt.outcome) for attempt in before} == {"interrupted"}
    assert str(last.outcome) == "done"


@pytest.mark.thorough
def test_a_killed_home_has_its_calls_ended(cluster: Any, tmp_path: Path) -> None:
    program = (
        "import sys; from support import cluster_tasks; from schedkit.core.api.scheduler import Scheduler\n"
        "from schedkit.core.tasks.discover import module_tasks\n"
        "sched = Scheduler(sys.argv[1], dask=sys.argv[2])\n"
        "for task in module_tasks(cluster_tasks): sched.add(task)\n"
        "sched.start(); sched.submit('deaf', path=sys.argv[3]); sched.run_forever()\n"
    )
    path = tmp_path / "written"
    with worker(cluster.scheduler_address, "lasting"):
        arguments = [str(tmp_path / "ledger.db"), cluster.scheduler_address, str(path)]
        home = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.DEVNULL,
        )
        pid = last_pid_in(path)
        home.kill()
        home.wait()
        wait_until(lambda: not alive(pid, untold=False), "its process goes on")
    assert path.read_text() == f"{pid}\n"


def test_a_worker_ends_on_a_signal_and_when_its_cluster_ends() -> None:
    with dask_scheduler() as cluster, worker(cluster.scheduler_address, "told") as told:
        told.send_signal(signal.SIGTERM)
        assert told.wait(60) == 0
        left = start_worker(cluster.scheduler_address, "left")
        assert left.stderr is not None
        assert left.stderr.readline().startswith("worker left of")
    with left:
        assert left.wait(60) == 1
        assert "has ended" in left.stderr.read()


def test_a_file_that_declares_nothing_is_refused_before_the_worker_joins(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("import schedkit\n")
    (tmp_path / "broken.py").write_text("import schedkit\nimport no_such_module\n")
    for name, said in (("empty.py", "declares no task"), ("broken.py", "broken.py:2: ModuleNotFoundError")):
        process = start_worker("tcp://127.0.0.1:9", "none", tmp_path / name)
        with process:
            assert said in process.stderr.read()
        assert process.returncode == 2


@pytest.mark.thorough
def test_a_file_with_a_scheduler_of_its_own_declares_its_tasks_and_starts_nothing(
    cluster: Any, tmp_path: Path
) -> None:
    file = tmp_path / "script.py"
    file.write_text(
        "import schedkit\n"
        f"sched = schedkit.Scheduler({str(tmp_path / 'own.db')!r})\n"
        "@sched.task('* * * * *', runs_in='dask')\n"
        "def tick() -> int:\n    return 1\n"
        "sched.start()\n"
    )
    with worker(cluster.scheduler_address, "script", file):
        pass
    assert not (tmp_path / "own.db").exists()


@pytest.mark.thorough
def test_dask_s_own_worker_becomes_one_by_a_preload(sched: Scheduler, cluster: Any) -> None:
    command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address]
    command += ["--no-dashboard", "--nthreads", "1", "--preload", "schedkit.commands.worker", str(TASKS)]
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert sched.submit("square", n=5).result("60s")[1] == 25
        finally:
            process.terminate()


@pytest.mark.thorough
def test_a_script_without_an_address_makes_a_cluster_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(
        "import sys, schedkit\n"
        f"sched = schedkit.Scheduler({str(tmp_path / 'own.db')!r}, processes=2)\n"
        "@sched.task(runs_in='dask')\n"
        "def double(n: int) -> int:\n    return 2 * n\n"
        "if __name__ == '__main__':\n"
        "    with sched:\n"
        "        print(double.submit(n=21).result('60s'))\n"
    )
    done = subprocess.run(
        [sys.executable, str(file)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=tmp_path,
        check=False,
    )
    assert done.stdout.splitlines()[-1:] == ["42"], done.stderr


def test_a_worker_says_that_others_can_use_its_cluster(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "empty.txt").write_text("")
    assert main(["worker", "--dask", "tcp://dask.invalid:8786", "empty.txt"]) == 2, "it declares no tasks"
    told = " ".join(capsys.readouterr().err.split())
    assert "warning: tcp://dask.invalid:8786 is neither encrypted nor protected" in told
