"""The ends of other processes, told by the system."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import anyio
import anyio.lowlevel
import pytest

from schedkit.core.node.death_watch import DeathWatch

needs_pidfds = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the system does not tell")


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends when it is told."""
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as started:
        yield started


@needs_pidfds
def test_who_waits_is_woken_when_one_ends(other: subprocess.Popen[bytes]) -> None:
    async def wait() -> bool:
        deaths, pids = DeathWatch(), {other.pid}
        deaths.watch(pids)
        assert deaths.watches_all(pids)
        other.kill()
        with anyio.fail_after(60):
            await deaths.wait(3600)
        return deaths.watches_all(pids)

    assert not anyio.run(wait)  # it is told once


@needs_pidfds
def test_one_that_is_watched_no_more_wakes_nobody(other: subprocess.Popen[bytes]) -> None:
    async def wait() -> float:
        deaths = DeathWatch()
        deaths.watch({other.pid, os.getpid()})
        deaths.watch({os.getpid()})
        other.kill()
        other.wait()
        began = anyio.current_time()
        await deaths.wait(0.1)
        deaths.watch(set())
        return anyio.current_time() - began

    assert anyio.run(wait) > 0.09


def test_what_cannot_be_watched_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def watched(pid: int) -> bool:
        deaths = DeathWatch()
        deaths.watch({pid})
        found = deaths.watches_all({pid})
        deaths.watch(set())
        return found

    assert not anyio.run(watched, 2**22 + 1)  # above the highest number of a process
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert not anyio.run(watched, os.getpid())


def test_it_can_be_woken() -> None:
    async def wait() -> None:
        deaths = DeathWatch()
        deaths.wake()
        with anyio.fail_after(60):
            await deaths.wait(3600)

    anyio.run(wait)


@needs_pidfds
@pytest.mark.parametrize("turns", range(5))
def test_one_that_is_forgotten_in_the_moment_of_its_end(other: subprocess.Popen[bytes], turns: int) -> None:
    async def forget() -> None:
        deaths = DeathWatch()
        deaths.watch({other.pid})
        async with anyio.create_task_group() as group:
            group.start_soon(deaths.wait, 60.0)
            await anyio.wait_all_tasks_blocked()
            other.kill()
            other.wait()
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            deaths.watch(frozenset())
            deaths.wake()

    anyio.run(forget)
