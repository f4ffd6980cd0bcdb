"""A script with a scheduler: `run_forever` keeps it alive, and one that ends before anything ran says so."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.node.node import Node
from schedkit.core.triggers.constructors import every
from schedkit.errors import BlockingCallError

SCRIPT = """
import sys
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.triggers.constructors import every

sched = Scheduler(sys.argv[1])

@sched.task(every("1h"))
def hourly(): ...

"""


@pytest.fixture
def where(tmp_path: Path) -> str:
    # What a script does depends on no database.
    return str(tmp_path / "ledger.db")


def ended(where: str, more: str) -> str:
    command = [sys.executable, "-c", SCRIPT + more, where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout == ""
    return done.stderr


def test_a_script_that_ends_after_start_is_told_that_nothing_has_run(where: str) -> None:
    told = ended(where, "sched.start()")
    assert told.startswith(
        "the script ends, and its scheduler with it: 1 scheduled task has not run (next: 'hourly'"
    )
    assert told.endswith("End the script with sched.run_forever(), or run it with `schedkit run FILE`\n")
    more = 'sched.task(every("2h"), name="other")(int); sched.start()'
    assert "2 scheduled tasks have not run (next: 'hourly'" in ended(where, more)


RAN = """
import threading
done = threading.Event()
sched.task(every("50ms"), name="often")(done.set)
sched.start()
done.wait(60)
"""


@pytest.mark.parametrize(
    "more", ["sched.start(); sched.pause()", "sched.start(); sched.remove('hourly')", RAN]
)
def test_a_script_whose_due_times_have_come_or_stand_is_told_nothing(where: str, more: str) -> None:
    assert ended(where, more) == ""


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_forever_stops_in_order_when_it_is_told_to_end(where: str, number: signal.Signals) -> None:
    more = "sched.task(every('50ms'), name='told')(lambda: print('up', flush=True)); sched.run_forever()"
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT + more, where],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as script:
        assert script.stdout is not None
        assert script.stdout.readline() == "up\n"
        script.send_signal(number)
        _, told = script.communicate(timeout=600)
    assert (script.returncode, told) == (0, "")
    with Scheduler(where).viewing() as sched:
        assert sched.nodes == []


def test_run_forever_ends_when_another_thread_stops_it(make: Callable[..., Scheduler]) -> None:
    sched, ran = make(), threading.Event()
    sched.task(every("50ms"), name="often")(ran.set)
    for on_main_thread in (True, False):
        ran.clear()
        stopper = threading.Thread(target=lambda: (ran.wait(60), sched.stop()))
        stopper.start()
        if on_main_thread:
            sched.run_forever()
        else:
            forever = threading.Thread(target=sched.run_forever)
            forever.start()
            forever.join(60)
            assert not forever.is_alive()
        stopper.join()
        assert ran.is_set()
        assert sched.state == "stopped"


def test_its_async_side_stops_when_it_is_cancelled(make: Callable[..., Scheduler]) -> None:
    sched, ran = make(), threading.Event()
    sched.task(every("50ms"), name="often")(ran.set)

    async def main() -> None:
        with pytest.raises(BlockingCallError):
            sched.run_forever()
        forever = asyncio.create_task(sched.aio.run_forever())
        await anyio.to_thread.run_sync(ran.wait, 60)
        forever.cancel()
        with pytest.raises(asyncio.CancelledError):
            await forever
        assert sched.state == "stopped"
        ran.clear()
        forever = asyncio.create_task(sched.aio.run_forever())
        await anyio.to_thread.run_sync(ran.wait, 60)
        await sched.aio.stop()
        await forever

    asyncio.run(main())
    assert sched.state == "stopped"


@pytest.fixture
def held_start(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """What tells that a scheduler is starting, and what lets it start."""
    begun, let = threading.Event(), threading.Event()
    declare = Node.declare

    async def held(self: Node, *args: Any, **options: Any) -> None:
        begun.set()
        await anyio.to_thread.run_sync(let.wait, 60)
        await declare(self, *args, **options)

    monkeypatch.setattr(Node, "declare", held)
    return begun, let


def test_its_async_side_stops_when_it_is_cancelled_while_it_starts(
    make: Callable[..., Scheduler], held_start: tuple[threading.Event, threading.Event]
) -> None:
    sched, (begun, let) = make(), held_start

    async def main() -> None:
        forever = asyncio.create_task(sched.aio.run_forever())
        await anyio.to_thread.run_sync(begun.wait, 60)
        forever.cancel()
        let.set()
        with pytest.raises(asyncio.CancelledError):
            await forever
        # What starts meanwhile continues, and would not watch.
        await sched.aio.watch()

    asyncio.run(main())
    assert sched.state == "watching"


def test_a_block_that_is_interrupted_while_it_starts_stops(
    make: Callable[..., Scheduler], held_start: tuple[threading.Event, threading.Event]
) -> None:
    sched, (begun, let) = make(), held_start

    def interrupt() -> None:
        assert begun.wait(60)
        os.kill(os.getpid(), signal.SIGINT)
        let.set()

    # A shell has its background jobs ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt), sched:
            threading.Event().wait(60)
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)
    sched.watch()
    assert sched.state == "watching"
