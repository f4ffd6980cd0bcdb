"""``schedkit run FILE`` on two machines, each with a copy of the file, at one ledger in PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.postgres_server import postgres_server
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler

# Who is killed is seen by its pid; who stands still with the machine is not to be taken for dead.
TASKS = """
from schedkit import Scheduler, every

@Scheduler(lease="10m").task(every("1s"))
def tick() -> None: ...
"""


@pytest.fixture
def ledger() -> Iterator[str]:
    """A ledger on a server."""
    with postgres_server() as server:
        yield str(server.get_uri())


@pytest.fixture
def looking(ledger: str) -> Iterator[Scheduler]:
    """Who looks at it from a third machine."""
    scheduler = Scheduler(ledger)
    scheduler.watch()
    yield scheduler
    scheduler.stop()


@contextmanager
def running(machine: Path, ledger: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the file of a machine."""
    machine.mkdir(exist_ok=True)
    (machine / "pyproject.toml").touch()
    (machine / "tasks.py").write_text(TASKS)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    words = ["-m", "schedkit", "run", "tasks.py", "--ledger", ledger]
    with subprocess.Popen([sys.executable, *words], cwd=machine, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def home(scheduler: Scheduler) -> int | None:
    found = scheduler.queries.home("tick")
    return None if found is None else found.pid


def standing_by(scheduler: Scheduler) -> set[int]:
    heirs = scheduler.queries.heirs()
    return {node.pid for node in scheduler.nodes if heirs.get(node.life) == ["tick"]}


def goes_on(scheduler: Scheduler) -> None:
    before = len(scheduler.runs("tick", limit=1000))
    wait_until(lambda: len(scheduler.runs("tick", limit=1000)) >= before + 2)


def test_one_is_home_and_the_other_its_heir(looking: Scheduler, ledger: str, tmp_path: Path) -> None:
    with running(tmp_path / "a", ledger) as first:
        wait_until(lambda: home(looking) == first.pid)
        with running(tmp_path / "b", ledger) as second:
            wait_until(lambda: standing_by(looking) == {second.pid})
            goes_on(looking)
            assert home(looking) == first.pid
            os.kill(first.pid, signal.SIGKILL)
            wait_until(lambda: home(looking) == second.pid)
            goes_on(looking)
            with running(tmp_path / "a", ledger) as again:  # the machine is back, with the same file
                wait_until(lambda: home(looking) == again.pid and standing_by(looking) == {second.pid})
                looking.end_node(str(again.pid))
                assert again.wait(60) == 0
            wait_until(lambda: home(looking) == second.pid)
            goes_on(looking)
            looking.end_node(str(second.pid))
            assert second.wait(60) == 0
    assert not looking.due_times("tick").scheduled.duplicated().any()
    assert {run.state.name for run in looking.runs("tick", limit=1000)} == {"DONE"}
