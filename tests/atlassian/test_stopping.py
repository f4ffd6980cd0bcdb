"""Cancelling: a read is left behind at once, a write's outcome is waited for."""

from __future__ import annotations

import threading

import anyio
import anyio.to_thread
import pytest

from schedkit.atlassian import Request
from schedkit.loop import service


@pytest.mark.parametrize(
    ("request_", "left_behind"),
    [
        (Request("GET", "/issue"), True),
        (Request("POST", "/search", json={}, idempotent=True), True),
        (Request("POST", "/comment", json={}), False),
        (Request("PUT", "/issue", json={}), False),
    ],
)
def test_what_is_cancelled_under_way(site, scripted, request_: Request, left_behind: bool) -> None:
    arrived, finish = threading.Event(), threading.Event()
    answered: list[int] = []

    def script(asked, n):
        arrived.set()
        finish.wait(60)
        answered.append(n)
        return scripted.reply()

    scripted.script = script

    async def cancel() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(site.send, request_)
            await anyio.to_thread.run_sync(arrived.wait, 5)
            group.cancel_scope.cancel()
            if not left_behind:
                finish.set()

    service().call(cancel)
    assert answered == ([] if left_behind else [0])
    finish.set()
