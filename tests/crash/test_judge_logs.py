"""The judge of logs finds what a scheduler that gives up says, and nothing in what may be said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from crash.judge_logs import judge_logs, log_for
from support.waiting import wait_until

TESTS = Path(__file__).parents[1]

# A scheduler that fails in one of the ways that leave its rows whole, or in none.
PROGRAM = """
import logging
import sys
import threading
from crash.living import run_until_killed
from crash.nursery import fork_for_each_line
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.engine.engine import Engine
from schedkit.core.node import failures
from schedkit.core.node.maintenance import Maintenance

def broken(*args, **more):
    raise RuntimeError("broken")

def main(way):
    sched = Scheduler(sys.argv[1])
    if way == "a part fails":
        Maintenance.turn = broken
    sched.start()
    if way == "the engine fails":
        failures.FIRST_PAUSE_SECONDS = 0.001
        Engine.handle_all = broken
    elif way == "it stops":
        threading.Thread(target=sched.stop).start()
    elif way == "a thread fails":
        threading.Thread(target=broken).start()
    elif way == "a task fails":
        sched.task(name="one")(broken).submit().wait("60s")
    logging.warning("done")
    run_until_killed(sched)

fork_for_each_line(main)
"""


def said_by_one_killed(folder: Path, way: str, last: str) -> None:
    """Let a scheduler fail in one way, and end it once its log has a text."""
    command = [sys.executable, "-c", PROGRAM, str(folder / "ledger.db")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": TESTS}
    with log_for(folder, "one") as log, subprocess.Popen(command, stderr=log, **pipes) as program:
        try:
            program.stdin.write(f"{way}\n")
            program.stdin.flush()
            program.stdout.readline()
            wait_until(lambda: last in (folder / "one.log").read_text())
        finally:
            program.kill()  # its child ends with it


@pytest.mark.parametrize("way", ["nothing fails", "a task fails"])
def test_what_may_be_said(tmp_path: Path, way: str) -> None:
    said_by_one_killed(tmp_path, way, "done")
    assert judge_logs(tmp_path) >= 1


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("a part fails", "CRITICAL schedkit: the scheduler failed; restart it: broken"),
        ("the engine fails", "CRITICAL schedkit: ledger .* nothing can be decided any more"),
        ("it stops", "CRITICAL root: the scheduler ended by itself"),
        ("a thread fails", "RuntimeError: broken"),
    ],
)
def test_what_may_not_be_said(tmp_path: Path, way: str, told: str) -> None:
    elsewhere = tmp_path / "judged here"  # not by the fixture, which looks into the test's folder itself
    elsewhere.mkdir()
    said_by_one_killed(elsewhere, way, told.rpartition(".*")[2])
    with pytest.raises(AssertionError, match=told):
        judge_logs(elsewhere)


def test_a_process_that_stood_still_may_say_so(tmp_path: Path) -> None:
    line = "2026-01-01 00:00:00,000 1 ERROR schedkit: x took this process for dead, as after a long stop"
    (tmp_path / "a.log").write_text(f"{line}\n")
    assert judge_logs(tmp_path) == 1
    (tmp_path / "a.log").write_text(line.replace("took", "did not take"))
    with pytest.raises(AssertionError, match=r"1 errors in a\.log"):
        judge_logs(tmp_path)
    (tmp_path / "a.log").unlink()
