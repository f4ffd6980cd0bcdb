"""What an owner does beside its runs keeps out of the way of due times, and is done in the end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from schedkit.core.api.facade import Scheduler
from schedkit.core.node.house import MOVE_PATIENCE_SECONDS, House, lull
from schedkit.core.owner.known import Known
from schedkit.core.owner.owner import Owner
from schedkit.core.runner.plan import Planner, Waiting, rank
from schedkit.core.when.clock import Schedule, Timetable
from schedkit.core.when.triggers import every

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Moment:
    """As much of an owner as tells a calm moment from another."""

    def __init__(self) -> None:
        self._to_launch: deque[Any] = deque()
        self.timetable = Timetable()
        self.planner = Planner(5)

    def calm(self, seconds: float) -> bool:
        return Known.calm(cast(Known, self), NOON.timestamp() + seconds)


def test_a_moment_is_calm_until_something_is_due() -> None:
    moment = Moment()
    assert moment.calm(3600)
    first = NOON + timedelta(seconds=2)
    moment.timetable.put(Schedule("ticks", every("10s", start=first), first))
    assert moment.calm(2)
    assert not moment.calm(2.001)
    moment.planner.offer(Waiting("retry", "t", rank(NOON.timestamp() + 1, 10), NOON.timestamp() + 1))
    assert moment.calm(1)
    assert not moment.calm(1.001)


def test_no_moment_is_calm_between_a_due_time_and_its_start() -> None:
    moment = Moment()
    schedule = Schedule("ticks", every("10s", start=NOON), NOON)
    moment.timetable.put(schedule)
    assert moment.timetable.take(NOON) == [schedule]
    assert not moment.calm(0)  # being recorded
    moment.timetable.settle([schedule.at(NOON + timedelta(seconds=10))])
    assert moment.calm(0)
    moment._to_launch.append("recorded, and waits for its start")
    assert not moment.calm(0)


def test_a_lull_is_waited_for_and_not_for_ever() -> None:
    answers = iter([False, False, True])
    asked: list[float] = []

    def calm(before: float) -> bool:
        asked.append(before)
        return next(answers)

    asyncio.run(lull(cast(Owner, SimpleNamespace(calm=calm)), 0.003, 3600))
    assert len(asked) == 3
    answers = iter([False])  # it is not asked a second time
    asyncio.run(lull(cast(Owner, SimpleNamespace(calm=calm)), 0.003, 0.0))
    assert len(asked) == 4


class Kept:
    """A house whose owner is as calm, and has written as much, as it is told."""

    def __init__(self, checkpoint: Callable[[], object] = lambda: None) -> None:
        self.calm, self.moves = True, 0
        self.writer = SimpleNamespace(groups=1)

        def move() -> None:
            self.moves += 1
            checkpoint()

        store = SimpleNamespace(checkpoint=move)
        owner = SimpleNamespace(
            calm=lambda before: self.calm, writer=self.writer, ledger=SimpleNamespace(store=store)
        )
        self.house = House(cast(Owner, owner))
        self.now = self.house._moved_at

    def after(self, seconds: float) -> int:
        """Look again so many seconds later; return how often the log was moved in all."""
        self.now += seconds
        asyncio.run(self.house.move(self.now))
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
    monkeypatch.setattr(Known, "calm", lambda self, before: False)
    owner, viewer = make(name="owner"), make(name="viewer")
    owner.start()
    owner.task(name="asked")(lambda: 42)
    viewer.start()
    assert viewer.submit("asked").result("30s") == 42
