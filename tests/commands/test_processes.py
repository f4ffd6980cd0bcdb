"""The processes of one command: their lines with their names, ready one after another, ended in order."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from schedkit.commands.processes import Processes
from schedkit.errors import UnavailableError

READY = "import sys, time; print('ready', flush=True); time.sleep(600)"
# It ends when it is told to, and says so.
POLITE = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print('ended', flush=True), sys.exit(0)))
print('ready', flush=True)
time.sleep(600)
"""


def start(processes: Processes, name: str, program: str, folder: Path, *, quiet: bool = False) -> int:
    return processes.start(name, [sys.executable, "-c", program], folder, os.environ, quiet=quiet)


def test_their_lines_bear_their_names_and_they_end_in_the_opposite_order(tmp_path: Path) -> None:
    said: list[str] = []
    with Processes(said.append) as processes:
        pids = [start(processes, name, POLITE, tmp_path) for name in ("first", "second")]
        pids.append(start(processes, "third", POLITE, tmp_path, quiet=True))
        assert [processes.line(name, "read", 60) for name in ("first", "second", "third")] == ["ready"] * 3
        assert processes.all_live()
    assert [line for line in said if "ended" in line] == ["second: ended", "first: ended"]
    assert not any(map(psutil.pid_exists, pids))


def test_one_that_does_not_start_or_has_ended_is_told_with_its_last_line(tmp_path: Path) -> None:
    with Processes(print) as processes:
        start(processes, "worker", "print('no cluster', flush=True)", tmp_path)
        with pytest.raises(UnavailableError, match="worker has ended: no cluster"):
            processes.line("worker", "ready", 60)
        with pytest.raises(UnavailableError, match="worker has ended with exit code 0: no cluster"):
            processes.all_live()
    with Processes(print) as processes:
        start(processes, "node", READY, tmp_path)
        processes.line("node", "ready", 60)
        with pytest.raises(UnavailableError, match=r"node is not ready after 0 s: ready"):
            processes.line("node", "never", 0)


def test_one_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schedkit.commands.processes.END_SECONDS", 0.0)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)"
    with Processes(print) as processes:
        pid = start(processes, "deaf", f"{deaf}; time.sleep(600)", tmp_path)
        processes.line("deaf", "ready", 60)
    assert not psutil.pid_exists(pid)
