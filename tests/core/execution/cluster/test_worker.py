"""A worker's side of the relay, at a real Dask worker in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import cluster_tasks
from support.clusters import dask_scheduler, in_process_worker, last_pid_in
from support.waiting import wait_until

from schedkit.core.execution.cluster import worker as worker_module
from schedkit.core.execution.cluster.messages import (
    PLUGIN,
    Call,
    Heard,
    Load,
    Refused,
    Said,
    StopCall,
    decoded,
    encoded,
    pickled,
)
from schedkit.core.execution.cluster.worker import WorkerSide, carry_out, tell
from schedkit.core.model import Task
from schedkit.core.tasks.code import function_code
from schedkit.core.tasks.discover import module_tasks
from schedkit.values.processes import alive

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")

TASKS: dict[str, Task] = {task.name: task for task in module_tasks(cluster_tasks)}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with dask_scheduler() as cluster:
        yield cluster


@pytest.fixture
def side(cluster: Any) -> Iterator[WorkerSide]:
    with in_process_worker(cluster, TASKS) as dask:
        yield dask.plugins[PLUGIN].side


def call_of(side: WorkerSide, task: str, **changes: Any) -> Call:
    facts = {"id": "r", "task": task, "params": {}, "scheduled_at": None, "attempt": 1, "deliveries": {}}
    arguments = changes.pop("arguments", {})
    known: dict[str, Any] = {
        "home": "h",
        "worker": side.id,
        "asked": time.monotonic(),
        "id": "r-1",
        "task": task,
        "code": function_code(TASKS[task].function),
        "grace": 60.0,
        "data": pickled((arguments, False, facts)),
    }
    return Call(**{**known, **changes})


def hear(side: WorkerSide, lease: float) -> None:
    side.take(encoded(Heard(home="h", asked=time.monotonic(), lease=lease, age=0.0)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"worker": "another"}, "the worker has ended, and another one has its address"),
        ({"code": "other"}, "the worker has no task 'square' with this code"),
    ],
    ids=["worker", "code"],
)
def test_a_call_for_another_worker_or_other_code_is_refused(
    side: WorkerSide, changes: dict[str, Any], reason: str
) -> None:
    hear(side, 60.0)
    assert decoded(side.carry_out(call_of(side, "square", **changes), "key")) == Refused(reason=reason)


def test_a_call_of_a_home_that_is_not_heard_does_not_begin(
    side: WorkerSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "ANSWER_SECONDS", 0.1)
    found = decoded(side.carry_out(call_of(side, "square"), "key"))
    assert found == Refused(reason="its home did not answer the worker")


def test_a_call_of_a_home_that_has_fallen_silent_does_not_begin(
    side: WorkerSide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An heir may start the same run by the time it would be ended."""
    monkeypatch.setattr(worker_module, "ANSWER_SECONDS", 0.1)
    path = tmp_path / "written"
    side.take(encoded(Heard(home="h", asked=time.monotonic(), lease=600.0, age=0.6 * 600.0)))
    found = decoded(side.carry_out(call_of(side, "deaf", arguments={"path": str(path)}), "key"))
    assert found == Refused(reason="its home did not answer the worker")
    assert not path.exists()


def test_a_call_that_came_while_the_worker_stood_still_does_not_begin(
    side: WorkerSide, tmp_path: Path
) -> None:
    path = tmp_path / "written"
    hear(side, 60.0)  # by now its home lives, and has given the call up
    call = call_of(side, "deaf", arguments={"path": str(path)}, asked=time.monotonic() - 0.6 * 60.0)
    assert decoded(side.carry_out(call, "key")) == Refused(reason="the call came to the worker too late")
    assert not path.exists()


def test_a_call_that_nobody_wanted_before_it_began_does_not_begin(side: WorkerSide, tmp_path: Path) -> None:
    path = tmp_path / "written"
    hear(side, 60.0)
    side.unwanted("key")
    found = decoded(side.carry_out(call_of(side, "deaf", arguments={"path": str(path)}), "key"))
    assert found == Refused(reason="the connection of h to the cluster ended")
    assert not path.exists()


def test_a_call_whose_home_falls_silent_is_ended_whatever_its_grace(side: WorkerSide, tmp_path: Path) -> None:
    path, answers = tmp_path / "written", list[Any]()
    call = call_of(side, "deaf", arguments={"path": str(path)})
    hear(side, 60.0)
    thread = threading.Thread(target=lambda: answers.append(decoded(side.carry_out(call, "key"))))
    thread.start()
    pid = last_pid_in(path)
    hear(side, 1.0)  # and never again
    thread.join(60)
    assert isinstance(answers[0], Refused)
    assert "was not heard for " in answers[0].reason
    wait_until(lambda: not alive(pid, untold=False), "its process goes on")
    assert path.read_text() == f"{pid}\n"


def test_a_stop_that_comes_before_the_call_ends_it(side: WorkerSide, tmp_path: Path) -> None:
    hear(side, 60.0)
    side.take(encoded(StopCall(home="h", id="r-1")))
    call = call_of(side, "listening", arguments={"path": str(tmp_path / "written")})
    assert decoded(side.carry_out(call, "key")) == Said(call="r-1", kind="ended")


def test_a_large_answer_is_the_value_of_the_dask_task(side: WorkerSide) -> None:
    hear(side, 60.0)
    found = decoded(side.carry_out(call_of(side, "large"), "key"))
    assert isinstance(found, Said)
    assert len(found.content) > 1 << 20


def test_a_file_that_cannot_be_declared_is_told(side: WorkerSide) -> None:
    side.take(encoded(Load(files=["lost.py"])))
    assert side.hello().problems == ["lost.py: no"]


def test_dask_s_plain_worker_is_none_of_ours(cluster: Any) -> None:
    import distributed

    async def answers() -> tuple[bytes, bytes]:
        async with (
            distributed.Worker(cluster.scheduler_address, nthreads=1, dashboard=False) as plain,
            distributed.Client(cluster.scheduler_address, asynchronous=True, set_as_default=False) as client,
        ):
            told = await client.run(tell, b"", workers=[plain.address])
            call = Call(home="h", worker="w", asked=0.0, id="i", task="t", code="c", grace=1.0, data=b"")
            carried = await client.submit(carry_out, encoded(call), "key", workers=[plain.address])
            return told[plain.address], carried

    told, carried = cluster.sync(answers)
    assert told == b""
    assert decoded(carried) == Refused(reason="the worker is none of schedkit's")
