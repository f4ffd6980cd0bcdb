"""A forked child is another process: it asks the parent, which runs the tasks, and does not hang."""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from support.lives import node_of

from schedkit.core.api.scheduler import Scheduler

Make = Callable[..., Scheduler]

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


def in_a_fork(work: Callable[[], Any]) -> Any:
    """Return what `work` returns in a forked child, or says."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        # A child that hangs shows its threads and ends. SIGALRM would call the handler of its parent's test.
        faulthandler.dump_traceback_later(60, exit=True, file=sys.__stderr__)
        try:
            answer = work()
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return json.loads(said or b'"nothing: it hung"')


def test_a_child_asks_its_parent(make: Make) -> None:
    sched = make(name="parent")
    sched.start()
    task = sched.task(name="one")(lambda n: n + 1)
    assert task.submit(n=1).result("60s") == 2
    assert in_a_fork(lambda: [sched.state, sched.at_home, str(sched.tasks["one"].home).split()[0]]) == [
        "stopped",
        [],
        "parent",
    ]
    assert in_a_fork(lambda: task.submit(n=2).result("60s")) == 3
    assert in_a_fork(sched.pause) is None
    assert sched.paused
    assert in_a_fork(lambda: [sched.watch(), sched.state, task.submit(n=3).result("60s"), sched.stop()]) == [
        None,
        "watching",
        4,
        None,
    ]
    assert sched.state == "running"
    assert task.submit(n=4).result("60s") == 5


def test_a_child_may_run_what_its_parent_has_stopped_running(make: Make) -> None:
    sched = make(name="parent")
    sched.start()
    task = sched.task(name="one")(lambda: os.getpid())
    sched.submit("one").result("60s")
    sched.stop()

    def alone() -> list[Any]:
        with sched:
            return [sched.state, task.submit().result("60s") == os.getpid()]

    assert in_a_fork(alone) == ["running", True]
    with sched:
        assert task.submit().result("60s") == os.getpid()


def test_what_a_fork_forgets(make: Make) -> None:
    """As the child does it; here it can be looked at."""
    sched = make(name="parent")
    sched.task(name="one")(lambda: 1)
    sched.start()
    sched.stop()
    # A child leaves its connections to the parent; here they are this one's.
    sched.queries.ledger.store.close()
    node_of(sched).forked()
    assert (sched.state, list(sched.tasks)) == ("stopped", ["one"])
    with sched:
        assert sched.submit("one").result("60s") == 1
