"""What a life does beside its runs keeps out of the way of due times, and is done in the end."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from core.conftest import Recorder
from support.faulty import locked
from support.lives import life_of, node_of

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import RunRetrying
from schedkit.core.ids import new_id
from schedkit.core.model import Retry
from schedkit.core.node.commands import SubmitRun
from schedkit.core.node.life import Life
from schedkit.core.node.maintenance import MOVE_PATIENCE_SECONDS, Maintenance, wait_idle
from schedkit.core.triggers.constructors import every
from schedkit.errors import RetryableError
from schedkit.loop import service


@pytest.fixture
def where(tmp_path: Path) -> str:
    """It is the same on any database."""
    return str(tmp_path / "ledger.db")


def test_a_moment_is_calm_until_something_is_due(sched: Scheduler) -> None:
    life = life_of(sched)
    now = time.time()

    async def calm(seconds: float) -> bool:
        await life.decided()
        await asyncio.wrap_future(life.writer.call(lambda connection: None))
        return life.calm(seconds)

    assert service().call(calm, 3600)
    first = datetime.fromtimestamp(now + 1000, UTC)
    sched.task(every("10s", start=first), name="ticks")(lambda: 1)
    assert service().call(calm, 900)
    assert not service().call(calm, 1001)
    sched.task(name="flaky", retry=Retry(attempts=2, delay=500, max_delay=500))(fail)
    recorder = Recorder(sched)
    sched.submit("flaky")
    recorder.wait_for(recorder.of(RunRetrying))
    assert service().call(calm, 400)
    assert not service().call(calm, 600)


def fail() -> None:
    raise RetryableError("again")


def test_no_moment_is_calm_before_what_was_decided_is_written(sched: Scheduler) -> None:
    life = life_of(sched)
    sched.task(name="one")(lambda: 1)
    with locked(sched.ledger):
        made = node_of(sched).dispatcher.submit([SubmitRun(run=new_id(), task="one")])
        assert made is not None
        service().call(life.decided)
        assert not life.calm(0)
    assert made[0][0].result(60).value == 1


def test_a_lull_is_waited_for_and_not_for_ever() -> None:
    answers = iter([False, False, True])
    asked: list[float] = []

    def calm(seconds: float) -> bool:
        asked.append(seconds)
        return next(answers)

    asyncio.run(wait_idle(cast(Life, SimpleNamespace(calm=calm)), 0.003, 3600))
    assert len(asked) == 3
    answers = iter([False])  # it is not asked a second time
    asyncio.run(wait_idle(cast(Life, SimpleNamespace(calm=calm)), 0.003, 0.0))
    assert len(asked) == 4


class Kept:
    """The housekeeping of a life that is as calm, and has written as much, as it is told."""

    def __init__(self, checkpoint: Callable[[], object] = lambda: None) -> None:
        self.calm, self.moves = True, 0
        self.writer = SimpleNamespace(groups=1)

        def move() -> None:
            self.moves += 1
            checkpoint()

        store = SimpleNamespace(checkpoint=move)
        life = SimpleNamespace(
            calm=lambda seconds: self.calm, writer=self.writer, ledger=SimpleNamespace(store=store)
        )
        self.maintenance = Maintenance(cast(Life, life))
        self.now = self.maintenance._moved_at

    def after(self, seconds: float) -> int:
        """Look again so many seconds later; return how often the log was moved in all."""
        self.now += seconds
        asyncio.run(self.maintenance.move(self.now))
        return self.moves


def test_the_log_is_moved_in_a_lull_and_only_if_something_was_written() -> None:
    kept = Kept()
    assert kept.after(0.5) == 1
    assert kept.after(3600) == 1
    kept.writer.groups = 2
    assert kept.after(0.5) == 2


def test_without_a_lull_the_log_is_moved_when_patience_ends() -> None:
    kept = Kept()
    kept.calm = False
    assert kept.after(0.5) == 0
    assert kept.after(MOVE_PATIENCE_SECONDS) == 1
    kept.writer.groups = 2
    assert kept.after(MOVE_PATIENCE_SECONDS - 0.1) == 1
    assert kept.after(0.1) == 2


def test_a_log_that_could_not_be_moved_is_moved_the_next_time() -> None:
    errors = iter([sqlite3.OperationalError("disk is full"), None])

    def refuse() -> None:
        error = next(errors)
        if error is not None:
            raise error

    kept = Kept(refuse)
    assert kept.after(0.5) == 1
    assert kept.after(0.5) == 2
    assert kept.after(0.5) == 2


def test_commands_are_carried_out_though_there_is_never_a_lull(
    make: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Life, "calm", lambda self, seconds: False)
    home, other = make(name="home"), make(name="other")
    home.start()
    home.task(name="asked")(lambda: 42)
    other.start()
    assert other.submit("asked").result("60s") == 42
