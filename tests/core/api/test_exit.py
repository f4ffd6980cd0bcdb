"""A process that ends without `stop` stops its schedulers all the same, and says nothing."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from schedkit.core.api.at_exit import stop_all
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State

SCRIPT = """
import sys, threading
from schedkit.core.api.scheduler import Scheduler

sched = Scheduler(sys.argv[1])
started = threading.Event()

@sched.task()
def endless(run):
    started.set()
    while True:
        run.progress("wait", 1)
        threading.Event().wait(0.01)

@sched.task()
async def quick():
    return 1

sched.start()
quick.submit().result(60)
endless.submit()
started.wait(60)
"""


def test_a_script_that_ends_stops_its_scheduler(tmp_path: Path) -> None:
    ledger = tmp_path / "exit.db"
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(ledger)], capture_output=True, text=True, timeout=60, check=True
    )
    assert (ended.stdout, ended.stderr) == ("", "")
    with Scheduler(ledger).viewing() as sched:
        (run,) = sched.runs("endless")
        assert (run.state, run.reason) == (State.QUEUED, "the scheduler was stopped")
        assert sched.nodes == []


FORKING_SCRIPT = """
import multiprocessing, sys
from schedkit.core.api.scheduler import Scheduler

sched = Scheduler(sys.argv[1])
sched.start()
sched.task(name="next")(lambda: 1)
child = multiprocessing.get_context("fork").Process(target=int)
child.start()
child.join(60)
print(child.exitcode, sched.submit("next").result(60), [node.here for node in sched.nodes])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
def test_a_forked_process_that_ends_stops_nothing(tmp_path: Path) -> None:
    ended = subprocess.run(
        # Newer Pythons warn of every fork of a process with threads.
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING_SCRIPT, str(tmp_path / "exit.db")],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert (ended.stdout, ended.stderr) == ("0 1 [True]\n", "")


WEB_SCRIPT = """
import concurrent.futures, sys, threading
from schedkit import every
from schedkit.core.api.scheduler import Scheduler

sched, ticks = Scheduler(sys.argv[1]), threading.Semaphore(0)

@sched.task(every("0.05s"))
async def tick():
    ticks.release()
    return 1

def web():
    ended.wait(60)
    for _ in range(3):
        assert ticks.acquire(timeout=60)
    print(sched.state, sched.submit("tick").result(60))

pool = concurrent.futures.ThreadPoolExecutor(1)  # idle workers keep nothing alive
pool.submit(int).result()
ended = threading.Event()
threading.Thread(target=web, name="web").start()
threading.Thread(target=threading.main_thread().join).start()  # nor does who waits for the main thread
sched.start()
ended.set()
"""


def test_while_other_threads_live_the_scheduler_goes_on_after_the_main_thread(tmp_path: Path) -> None:
    ledger = tmp_path / "exit.db"
    ended = subprocess.run(
        [sys.executable, "-c", WEB_SCRIPT, str(ledger)],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    assert (ended.stdout, ended.stderr) == ("running 1\n", "")
    with Scheduler(ledger).viewing() as sched:
        assert sched.nodes == []


PRELOAD_SCRIPT = """
import os, sys
from schedkit.core.api.scheduler import Scheduler

sched = Scheduler(sys.argv[1])
sched.task(name="one")(lambda: 1)
sched.start()
children = [os.fork() for _ in range(2)]
if 0 in children:
    sys.exit(7)  # as a worker of gunicorn --preload does
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
print(sched.state, sched.submit("one").result(60))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
def test_a_forked_process_that_exits_as_python_does_ends(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PRELOAD_SCRIPT, str(tmp_path / "exit.db")],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert (ended.stdout, ended.stderr) == ("[7, 7]\nrunning 1\n", "")


def test_a_stop_that_fails_at_exit_harms_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, never_started, other = (Scheduler(tmp_path / f"{name}.db") for name in "abc")
    broken.start()
    other.start()
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR, "schedkit"):

        def fail(deadline: str) -> None:
            raise OSError(f"no disk within {deadline}")

        patch.setattr(broken, "stop", fail)
        stop_all([broken, never_started, other])
    assert "could not be stopped at exit" in caplog.text
    assert other.state == "stopped"
    broken.stop()
