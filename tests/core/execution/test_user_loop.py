"""The users' loop is watched: who keeps it busy is told once, and that it is over; time is an argument."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from schedkit.core.execution import user_loop
from schedkit.core.execution.user_loop import UserLoop


def test_who_blocks_the_loop_is_told_once_and_that_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(user_loop, "time", SimpleNamespace(monotonic=lambda: now[0]))
    told: list[tuple[str, float, str, bool]] = []
    loop = UserLoop(lambda *what: told.append(what))
    loop.watch()  # nothing has run on it yet
    entered, release, turned = threading.Event(), threading.Event(), threading.Event()

    async def blocks() -> None:
        entered.set()
        release.wait(60)

    async def turns() -> None:
        turned.set()

    def look_after(seconds: float) -> int:
        now[0] += seconds
        loop.watch()
        return len(told)

    try:
        loop.start(blocks, "crawl (run 7)")
        assert entered.wait(60)
        assert look_after(0) == 0
        assert look_after(0.9) == 0, "not yet"
        assert look_after(0.2) == 1
        name, spent, where, over = told[0]
        assert (name, round(spent, 6), over) == ("crawl (run 7)", 1.1, False)
        assert where.startswith(threading.__file__)
        assert look_after(5) == 1, "once"
        release.set()
        loop.start(turns, "next")
        assert turned.wait(60)
        assert look_after(1) == 2
        assert told[1] == ("crawl (run 7)", pytest.approx(7.1), "", True)
        assert look_after(0.1) == 2
    finally:
        release.set()
        loop.stop()
