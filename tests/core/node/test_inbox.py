"""Stimuli come out in their order, and whoever waits for them is woken."""

from __future__ import annotations

import threading

import anyio
import pytest

from schedkit.core.engine.stimuli import Drain, Stimulus
from schedkit.core.node.inbox import Inbox

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def numbered(*numbers: int) -> list[Stimulus]:
    return [Drain(token=number) for number in numbers]


async def test_what_comes_back_comes_first() -> None:
    inbox = Inbox()
    inbox.put(numbered(3, 4))
    inbox.put_back(numbered(1, 2))
    assert len(inbox) == 4
    assert [stimulus.token for stimulus in inbox.take(10)] == [1, 2]
    assert [stimulus.token for stimulus in inbox.take(1)] == [3]
    inbox.put_back(numbered(0))
    assert [stimulus.token for stimulus in inbox.clear()] == [0, 4]
    assert not inbox


async def test_another_thread_ends_the_wait() -> None:
    inbox = Inbox()
    thread = threading.Thread(target=inbox.put, args=(numbered(1),))
    with anyio.fail_after(60):
        thread.start()
        while not inbox:
            await inbox.wait(60)
    thread.join()
    assert [stimulus.token for stimulus in inbox.take(1)] == [1]


async def test_several_wait_until_all_is_decided() -> None:
    inbox, over = Inbox(), list[int]()

    async def wait(number: int) -> None:
        await inbox.emptied()
        over.append(number)

    inbox.put(numbered(1))
    inbox.taken()  # not yet: it is still there
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(wait, 1)
            group.start_soon(wait, 2)
            await anyio.wait_all_tasks_blocked()
            assert over == []
            inbox.take(1)
            inbox.taken()
    assert sorted(over) == [1, 2]


async def test_nobody_waits_for_what_is_not_there() -> None:
    inbox = Inbox()
    with anyio.fail_after(60):
        await inbox.emptied()
        await inbox.wait(0.001)
    assert inbox.take(5) == []
