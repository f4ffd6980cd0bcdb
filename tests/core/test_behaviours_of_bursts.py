"""Behaviour 10 of the ten (see test_behaviours.py): a thousand at once, and our loop still turns."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.lives import life_of

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.engine.decision import Decision
from schedkit.core.engine.engine import MOST_STARTS, Engine
from schedkit.core.events import RunEnded
from schedkit.core.store import schema
from schedkit.core.triggers.constructors import every
from schedkit.loop import service

COUNT = 1000


class Turns:
    """Numbers the turns of our loop, and counts the starts that are decided in each."""

    def __init__(self) -> None:
        self.number = 0
        self.starts = Counter[int]()
        self.going = True

    async def begin(self) -> None:
        loop = asyncio.get_running_loop()

        def turn() -> None:
            self.number += 1
            if self.going:
                loop.call_soon(turn)

        turn()

    def counted(self, decide: Callable[..., Decision]) -> Callable[..., Decision]:
        def counting(*arguments: Any, **how: bool) -> Decision:
            decision = decide(*arguments, **how)
            self.starts[self.number] += len(decision.starts)
            return decision

        return counting


@pytest.mark.parametrize("how", ["due at one instant", "submitted at once", "left by the process before"])
def test_behaviour_10_a_burst_of_1000_never_holds_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Counted in turns of the loop, not in seconds: however slow the machine, others have their turn."""
    turns = Turns()
    monkeypatch.setattr(Engine, "handle_all", turns.counted(Engine.handle_all))
    sched, before = (Scheduler(tmp_path / "ledger.db", concurrency=COUNT, name=name) for name in "ab")
    ended = threading.Semaphore(0)
    sched.subscribe(lambda event: ended.release() if type(event) is RunEnded else None)

    async def nothing() -> None:
        pass

    for one in (before, sched):
        for n in range(COUNT if how == "due at one instant" else 1):
            one.task(every("1h"), name=f"t{n}", overlap="allow")(nothing)
    with before:
        life = life_of(before)
        if how == "due at one instant":  # it passed while nobody was there
            put_back = schema.tasks.update().values(next_at=schema.tasks.c.next_at - 3_600_000_000)
            life.writer.call(lambda connection: connection.execute(put_back)).result(60)
        elif how == "left by the process before":
            life.engine.queue.concurrency = 0  # it comes to nothing any more
            before.submit_many("t0", [{}] * COUNT)
    service().call(turns.begin)
    with sched:
        if how == "submitted at once":
            sched.submit_many("t0", [{}] * COUNT)
        for _ in range(COUNT):
            assert ended.acquire(timeout=60)
    turns.going = False
    assert sum(turns.starts.values()) == COUNT
    assert max(turns.starts.values()) <= MOST_STARTS
