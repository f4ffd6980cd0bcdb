from __future__ import annotations

from typing import Any

import pytest

from schedkit.core.execution.cluster.messages import Hello, versions
from schedkit.core.execution.cluster.placement import Needs, Room, WorkerRow, choose, room

NEEDS = Needs(task="t", handler="t", code="c")


def row(worker: str, *, calls: int = 0, others: int = 0, **told: Any) -> WorkerRow:
    known: dict[str, Any] = {"threads": 2, "tasks": {"t": "c"}, "versions": dict(versions()), **told}
    known |= {"host": "h", "pid": 1, "pid_space": "s"}
    hello = Hello(worker=worker, address=f"tcp://{worker}", asked=0.0, name=worker, **known)
    return WorkerRow(hello=hello, seen=0.0, calls=calls, others=others)


def test_a_run_goes_to_the_worker_with_the_most_room() -> None:
    busy, idle, half = row("a", calls=2), row("b"), row("c", others=1)
    assert choose([busy, half, idle], NEEDS) == idle
    assert choose([busy, half], NEEDS) == half


def test_a_full_worker_gets_no_run() -> None:
    full = [row("a", calls=2), row("b", others=2), row("c", calls=1, others=1), row("d", calls=3)]
    assert choose(full, NEEDS) is None
    assert choose([*full, row("e", calls=1)], NEEDS) == row("e", calls=1)


def test_a_run_goes_only_to_a_worker_that_has_its_task_with_this_code() -> None:
    assert choose([row("a", tasks={}), row("b", tasks={"t": "other"})], NEEDS) is None
    requested = Needs(task="made by a request", handler="t", code="c")
    assert choose([row("a")], requested) == row("a")


def test_the_room_is_that_of_this_home() -> None:
    found = room([row("a", others=1), row("b", calls=2), row("c", threads=8, tasks={})], [NEEDS])
    assert found == Room(most=1 + 2 + 8, of_task={"t": 1 + 2})


def test_a_worker_that_dask_has_paused_gets_no_run_and_keeps_those_that_it_has() -> None:
    paused = row("a", threads=8, calls=1, takes=False)
    assert choose([paused], NEEDS) is None
    assert choose([paused, row("b", calls=1)], NEEDS) == row("b", calls=1)
    assert room([paused, row("b")], [NEEDS]) == Room(most=1 + 2, of_task={"t": 1 + 2})


def test_resources_limit_how_many_runs_fit_on_a_worker() -> None:
    needs = Needs(task="t", handler="t", code="c", resources={"memory": 8e9})
    small, large = row("a", resources={"memory": 4e9}), row("b", threads=4, resources={"memory": 20e9})
    assert choose([small, large], needs) == large
    assert room([small, large], [needs]).of_task == {"t": 2}
    assert "has 4e+09 of memory, and task 't' needs 8e+09" in room([small], [needs]).why["t"]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "no worker has task 't': no worker is connected; start one with `schedkit worker FILE`"),
        ([row("a", tasks={})], "no worker has task 't': worker a (pid 1 on h) does not have it"),
        ([row("a", tasks={"t": "x"})], "worker a (pid 1 on h) has other code under this name"),
        (
            [row("a", tasks={}, problems=["tasks.py:3: ModuleNotFoundError: No module named 'sklearn'"])],
            "could not declare a task: tasks.py:3: ModuleNotFoundError: No module named 'sklearn'",
        ),
        (
            [row("a", versions={**versions(), "Python": "3.1"})],
            "has Python 3.1, and this process has Python 3",
        ),
        ([row("a", versions={**versions(), "pandas": "0.1"})], "has pandas 0.1, and this process has pandas"),
        ([row(str(n), tasks={}) for n in range(5)], "and 2 more"),
        ([row("a", takes=False)], "worker a (pid 1 on h) takes no tasks: Dask has paused it for its memory"),
    ],
    ids=["none", "no task", "other code", "module", "Python", "pandas", "many", "paused"],
)
def test_it_is_said_why_no_worker_can_carry_a_task_out(rows: list[WorkerRow], why: str) -> None:
    assert why in room(rows, [NEEDS]).why["t"]


def test_a_cluster_that_cannot_be_reached_says_so_for_each_task() -> None:
    assert room([], [NEEDS], away="tcp://x cannot be reached").why == {"t": "tcp://x cannot be reached"}
