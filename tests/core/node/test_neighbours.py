"""How soon the end of another process is noticed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from schedkit.core.node import neighbours
from schedkit.core.node.neighbours import Neighbours
from schedkit.core.store import schema
from schedkit.core.store.database import Store
from schedkit.core.store.lives import living

LIVE = """
import sys
from schedkit.core.store.database import Store
from schedkit.core.store.lives import Lease
store = Store(sys.argv[1])
store.open()
lease = Lease(store, "other")
lease.begin()
print("lives", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "ledger.db")
    made.open()
    yield made
    made.close()


@pytest.mark.parametrize("container", [False, True], ids=["of this machine", "of another container"])
def test_the_end_of_another_process_is_noticed(
    store: Store, monkeypatch: pytest.MonkeyPatch, container: bool
) -> None:
    """In each container there is a process 1: the system tells the end of this one here, not of the other."""
    monkeypatch.setattr(neighbours, "TOLD_LIFE_SECONDS", 3600)

    async def notice(pid: int) -> None:
        others, noticed = Neighbours(store), anyio.Event()

        async def census() -> None:
            noticed.set()

        async with anyio.create_task_group() as group:
            others.know(living(store), "this one")
            group.start_soon(others.watch_lives, 15.0, census)
            await anyio.wait_all_tasks_blocked()
            os.kill(pid, signal.SIGKILL)
            with anyio.fail_after(60):
                await noticed.wait()
            group.cancel_scope.cancel()
        others.know([], "this one")

    command = [sys.executable, "-c", LIVE, str(store.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"lives\n"
        if container:
            there = {"pid": os.getpid(), "pid_space": "another container"}
            with store.connect() as connection, connection.begin():
                connection.execute(schema.nodes.update().values(there))
        anyio.run(notice, process.pid)
