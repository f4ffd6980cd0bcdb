"""Fork hooks: called in the child, in order, once, and only for what lives."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading

import pytest

from schedkit.values.forks import register_fork_hook, undivided

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


class Counted:
    def __init__(self) -> None:
        self.forks = 0

    def forked(self) -> None:
        self.forks += 1
        register_fork_hook(self.forked)  # as an object does that makes itself anew


def _exit_code(of_child: object) -> int:
    child = os.fork()
    if not child:
        os._exit(of_child())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_hook_is_called_once_in_each_child() -> None:
    counted = Counted()
    register_fork_hook(counted.forked)
    register_fork_hook(counted.forked)
    assert _exit_code(lambda: counted.forks) == 1
    assert _exit_code(lambda: _exit_code(lambda: counted.forks)) == 2
    assert counted.forks == 0


def test_hooks_are_called_in_order_and_those_of_dead_objects_not_at_all() -> None:
    calls: list[int] = []
    register_fork_hook(lambda: calls.append(1))
    dying = Counted()
    register_fork_hook(dying.forked)
    del dying
    gc.collect()
    register_fork_hook(lambda: calls.append(2))
    assert _exit_code(lambda: 0 if calls == [1, 2] else 1) == 0


def test_a_fork_waits_until_no_thread_is_in_what_it_must_not_divide() -> None:
    entered, may_leave, left = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        with undivided():
            entered.set()
            may_leave.wait(60)
            left.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert entered.wait(60)
    threading.Timer(0.2, may_leave.set).start()
    assert _exit_code(lambda: 0 if left.is_set() else 1) == 0
    thread.join(60)
    assert _exit_code(lambda: 0) == 0, "the parent goes on"


def test_a_fork_does_not_wait_for_ever() -> None:
    entered, may_leave = threading.Event(), threading.Event()

    def work() -> None:
        with undivided():
            entered.set()
            may_leave.wait(60)

    def uses_it() -> int:
        with undivided():
            return 7

    thread = threading.Thread(target=work)
    thread.start()
    assert entered.wait(60)
    assert _exit_code(uses_it) == 7
    may_leave.set()
    thread.join(60)
    assert not thread.is_alive()


def test_a_child_of_a_process_with_a_running_loop_ends() -> None:
    """Its parent's loop is not there: waiting for it at exit would never end."""
    program = """
import os, sys, warnings
warnings.simplefilter("ignore")
from schedkit.loop import service

async def nothing():
    return 1

service().call(nothing)
child = os.fork()
if not child:
    sys.exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (ended.stdout.strip(), ended.returncode) == ("3", 0), ended.stderr


def test_nothing_is_written_when_a_process_ends() -> None:
    program = "import schedkit.app, schedkit.loop; schedkit.loop.service()"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("", "", 0)
