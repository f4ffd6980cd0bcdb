"""``schedkit serve`` as a process: it answers, and signals end it."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from support.ready_processes import COMMAND_LINE, ReadyProcess, command
from support.waiting import wait_until

TASKS = """
import time
from schedkit import Scheduler, context

sched = Scheduler()


@sched.task("0 2 * * *")
def nightly() -> str:
    return "done"


@sched.task
def stubborn() -> None:
    time.sleep(60)
"""


# As on Windows, which passes no sockets to a process by their numbers.
ONE_PROCESS = f"from schedkit.commands import serve; serve.TWO_PROCESSES = False; {COMMAND_LINE}"


@contextmanager
def serving(folder: Path, *words: str, program: str = COMMAND_LINE) -> Iterator[tuple[ReadyProcess, str]]:
    """Run the command in a folder; yield its process and its address."""
    arguments = ["serve", "--port", "0", "--ledger", "ledger.db", *words]
    told, telling = os.pipe()
    with open(told, encoding="utf-8") as lines, open(os.devnull, "r+b") as nothing:
        streams = (nothing.fileno(), nothing.fileno(), telling)
        with ReadyProcess(program, arguments, folder, streams) as running:
            os.close(telling)
            line = lines.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found, line + lines.read()
            yield running, found[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks.py").write_text(TASKS, encoding="utf-8")
    return tmp_path


def test_it_serves_the_tasks_of_files_and_ends_with_a_signal(folder: Path) -> None:
    with serving(folder, "tasks.py") as (running, url):
        assert httpx.get(f"{url}/scheduler/status", timeout=60).json()["task_count"] == 2
        with httpx.stream("GET", f"{url}/api/v1/events", timeout=60) as stream:
            next(stream.iter_lines())
            running.send_signal(signal.SIGTERM)
            assert running.wait() == 0


def test_a_second_signal_does_not_wait_for_runs(folder: Path) -> None:
    with serving(folder, "tasks.py") as (running, url):
        run = httpx.post(f"{url}/scheduler/tasks/stubborn/trigger", timeout=60).json()["run_id"]
        wait_until(lambda: httpx.get(f"{url}/api/v1/runs/{run}", timeout=60).json()["state"] == "RUNNING")
        running.send_signal(signal.SIGTERM)
        wait_until(lambda: refused(url))
        assert not running.ended()
        running.send_signal(signal.SIGTERM)
        assert running.wait() == 0


def test_alone_it_watches_what_another_process_runs(folder: Path) -> None:
    with serving(folder, "tasks.py"), serving(folder) as (watching, url):
        wait_until(lambda: httpx.get(f"{url}/scheduler/status", timeout=60).json()["is_running"])
        run = httpx.post(f"{url}/scheduler/tasks/nightly/trigger", timeout=60).json()["run_id"]
        wait_until(lambda: httpx.get(f"{url}/api/v1/runs/{run}", timeout=60).json()["state"] == "DONE")
        watching.send_signal(signal.SIGINT)
        assert watching.wait() == 0


def refused(url: str) -> bool:
    try:
        httpx.get(f"{url}/healthz", timeout=60)
    except httpx.TransportError:
        return True
    return False


def test_the_server_is_a_process_of_its_own_that_is_started_again(folder: Path) -> None:
    with serving(folder, "tasks.py") as (running, url):
        (first,) = children(running.pid)
        assert httpx.get(f"{url}/readyz", timeout=60).json() == {"status": "ok"}
        metrics = httpx.get(f"{url}/metrics", timeout=60).text
        assert "schedkit_ledger_transaction_seconds_count" in metrics
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: [pid for pid in children(running.pid) if pid != first])
        # The port was there all the time: who asked meanwhile is answered.
        assert httpx.get(f"{url}/scheduler/status", timeout=60).json()["task_count"] == 2
        running.send_signal(signal.SIGTERM)
        assert running.wait() == 0


def test_the_server_ends_with_the_process_that_runs_the_tasks(folder: Path) -> None:
    with serving(folder, "tasks.py") as (running, url):
        running.send_signal(signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
        wait_until(lambda: refused(url))


def test_one_process_runs_and_serves_where_two_cannot(folder: Path) -> None:
    with serving(folder, "tasks.py", program=ONE_PROCESS) as (running, url):
        assert children(running.pid) == []
        run = httpx.post(f"{url}/scheduler/tasks/nightly/trigger", timeout=60).json()["run_id"]
        wait_until(lambda: httpx.get(f"{url}/api/v1/runs/{run}", timeout=60).json()["state"] == "DONE")
        running.send_signal(signal.SIGTERM)
        assert running.wait() == 0


def test_a_port_that_is_taken_ends_the_command(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = command(["serve", "--port", port, "--ledger", "ledger.db", "tasks.py"], folder)
    assert ended.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and not yet taken note of the end of."""
    return [
        int(found)
        for thread in Path(f"/proc/{pid}/task").iterdir()
        for found in (thread / "children").read_text().split()
    ]
