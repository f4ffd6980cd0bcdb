"""Stimuli come out in their order, and whoever waits for them is woken."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

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


def an_inbox() -> tuple[Inbox, list[tuple[Any, Exception]]]:
    """Return an inbox, and what it refuses: the numbers, each with the reason."""
    refused: list[tuple[Any, Exception]] = []

    def refuse(stimuli: Iterable[Stimulus], error: Exception) -> None:
        refused.extend((stimulus.token, error) for stimulus in stimuli)

    return Inbox(refuse), refused


async def test_what_comes_back_comes_first() -> None:
    inbox, refused = an_inbox()
    inbox.post(*numbered(3, 4))
    inbox.put_back(numbered(1, 2))
    assert len(inbox) == 4
    assert [stimulus.token for stimulus in inbox.take(10)] == [1, 2]
    assert [stimulus.token for stimulus in inbox.take(1)] == [3]
    inbox.put_back(numbered(0))
    over = RuntimeError("over")
    inbox.close(over)
    assert refused == [(0, over), (4, over)]
    assert not inbox


async def test_the_first_reason_to_close_counts() -> None:
    inbox, refused = an_inbox()
    first, second = RuntimeError("given up"), RuntimeError("stopped")
    inbox.close(first)
    inbox.close(second)
    inbox.post(*numbered(1, 2))
    assert refused == [(1, first), (2, first)]
    assert not inbox
    with anyio.fail_after(60):
        await inbox.emptied()


async def test_another_thread_ends_the_wait() -> None:
    inbox, _ = an_inbox()
    thread = threading.Thread(target=inbox.post, args=numbered(1))
    with anyio.fail_after(60):
        thread.start()
        while not inbox:
            await inbox.wait(60)
    thread.join()
    assert [stimulus.token for stimulus in inbox.take(1)] == [1]


async def test_several_wait_until_all_is_decided() -> None:
    (inbox, _), over = an_inbox(), list[int]()

    async def wait(number: int) -> None:
        await inbox.emptied()
        over.append(number)

    inbox.post(*numbered(1))
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
    inbox, _ = an_inbox()
    with anyio.fail_after(60):
        await inbox.emptied()
        await inbox.wait(0.001)
    assert inbox.take(5) == []
