"""The process of the server, beside the one that runs the tasks."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import msgspec
import pytest
from support.waiting import wait_until

from schedkit.commands import server_process
from schedkit.commands.serve_beside import READY, Instructions, main
from schedkit.commands.server_process import ServerProcess
from schedkit.core.api.scheduler import Scheduler
from schedkit.errors import UnavailableError
from schedkit.server import ServerOptions
from schedkit.server import node_report as heard
from schedkit.server.node_report import node_report
from schedkit.server.serving import address, listen
from schedkit.values.processes import alive


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scheduler]:
    """A scheduler of a project's folder that runs a task."""
    monkeypatch.chdir(tmp_path)
    sched = Scheduler(str(tmp_path / "ledger.db"))
    sched.task(name="one")(lambda: 1)
    sched.start()
    yield sched
    sched.stop()


def test_what_the_process_does(runs: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, where it can be looked at."""
    monkeypatch.setattr(heard, "SILENT_SECONDS", 600.0)  # it is told once
    listening, (ours, theirs) = listen(ServerOptions(port=0)), socket.socketpair()
    url = address(listening)
    told = Instructions(ledger=str(runs.ledger), options=ServerOptions(port=0), listening=listening.detach())
    with ThreadPoolExecutor(1) as threads, ours:
        code = threads.submit(main, theirs)
        ours.sendall(msgspec.json.encode(told) + b"\n" + node_report(runs))
        assert ours.recv(len(READY)) == READY
        assert httpx.get(f"{url}/readyz", timeout=60).json() == {"status": "ok"}
        run = httpx.post(f"{url}/scheduler/tasks/one/trigger", timeout=60).json()["run_id"]
        wait_until(lambda: httpx.get(f"{url}/api/v1/runs/{run}", timeout=60).json()["state"] == "DONE")
        ours.shutdown(socket.SHUT_WR)
        assert code.result(60) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/readyz", timeout=60)


def test_a_process_whose_starter_died_before_it_began_ends(
    runs: Scheduler, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And what is wrong with the settings has been logged by that starter."""
    gone, channel = socket.socketpair()
    gone.close()
    assert main(channel) == 0
    site = "only_here: {kind: jira, url: http://127.0.0.1:9, token: abc}"
    (tmp_path / "schedkit.yaml").write_text(f"sites: {{{site}}}", encoding="utf-8")
    ours, theirs = socket.socketpair()
    told = Instructions(ledger=str(runs.ledger), options=ServerOptions(port=0), listening=0)
    ours.sendall(msgspec.json.encode(told) + b"\n")
    ours.close()
    assert main(theirs) == 0
    assert "only_here" not in caplog.text


def test_a_ledger_that_cannot_be_opened(
    runs: Scheduler, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "damaged.db").write_text("no database " * 500, encoding="utf-8")
    server = ServerProcess(ServerOptions(port=0), str(tmp_path / "damaged.db"))
    try:
        with pytest.raises(UnavailableError, match="the server's process ended with exit code 1"):
            server.ready(runs)
    finally:
        server.stop()
    assert "damaged.db" in capfd.readouterr().err


def test_a_process_that_hangs_is_ended_and_another_one_begins(
    runs: Scheduler, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server_process, "FIRST_PAUSE_SECONDS", 0.0)
    server = ServerProcess(ServerOptions(port=0), str(runs.ledger))
    try:
        server.ready(runs)
        first = server.pid
        os.kill(first, signal.SIGSTOP)

        def another() -> bool:
            server.look(runs)
            return server.pid != first

        wait_until(another)
        server.look(runs)
        assert httpx.get(f"{server.url}/readyz", timeout=60).status_code == 200
    finally:
        server.stop()
    assert (
        "the server's process ended with exit code -9; it is started again in 0 s" in capfd.readouterr().err
    )


def test_one_that_does_not_end_is_killed(runs: Scheduler) -> None:
    server = ServerProcess(ServerOptions(port=0), str(runs.ledger))
    server.ready(runs)
    os.kill(server.pid, signal.SIGSTOP)
    server.stop(patience=0.2)
    assert not alive(server.pid, untold=True)
