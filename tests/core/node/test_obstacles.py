"""What keeps runs from starting is logged once, when it has lasted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.boards import board_now
from support.lives import life_of, set_clock
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.engine.obstacles import Hung, Obstacle, Obstacles
from schedkit.core.events import StoreAway
from schedkit.core.node.clock import Clock, ClockSteps, SetBack
from schedkit.core.node.obstacles import MOST_KEPT, LifeObstacles, ObstacleLog
from schedkit.core.triggers.constructors import every
from schedkit.values.instants import SECOND, from_micros

Make = Callable[..., Scheduler]
HOUR = 3600 * SECOND


def obstacle(kind: str = "hung", **fields: Any) -> Obstacle:
    return Obstacle(kind=kind, text="why", **{"wrong": True, **fields})


def test_what_is_wrong_is_logged_once_it_has_lasted_and_once_only() -> None:
    log, hung = ObstacleLog(), Obstacles([obstacle(task="a"), obstacle(task="b", run="r")])
    assert log.new(hung, 0, 100.0) == []
    assert log.new(hung, 0, 109.9) == []
    assert log.new(hung, 0, 110.0) == list(hung)
    assert log.new(hung, 0, 200.0) == []
    assert log.new(Obstacles(), 0, 201.0) == []
    assert log.new(hung, 0, 202.0) == [], "it has passed and begins again"
    assert log.new(hung, 0, 212.0) == list(hung)


def test_runs_that_wait_are_logged_after_a_minute() -> None:
    log, since = ObstacleLog(), from_micros(HOUR)
    busy = Obstacles([obstacle("concurrency", since=since, wrong=False), obstacle("paused", wrong=False)])
    assert log.new(busy, HOUR + 59 * SECOND, 0.0) == []
    assert log.new(busy, HOUR + 60 * SECOND, 1.0) == [busy[0]]


@pytest.mark.parametrize("kind", ["ledger", "clock", "blocked"])
def test_what_is_logged_at_once_elsewhere_is_not_repeated(kind: str) -> None:
    log, found = ObstacleLog(), Obstacles([obstacle(kind)])
    assert log.new(found, 0, 0.0) == log.new(found, 0, 1000.0) == []


def test_only_large_steps_back_are_told_and_until_the_clock_has_caught_up() -> None:
    steps = ClockSteps()
    assert steps.look(10 * HOUR, 0) is None
    assert steps.look(10 * HOUR - 50 * SECOND, 0) is None, "a time server's step"
    assert steps.look(9 * HOUR, SECOND) == SetBack(9 * HOUR, 3551.0, 10 * HOUR - 50 * SECOND)
    assert steps.look(8 * HOUR, SECOND) == SetBack(8 * HOUR, 3600.0, 10 * HOUR - 50 * SECOND)
    assert steps.back is not None
    assert steps.look(10 * HOUR, SECOND) is None
    assert steps.back is None
    assert steps.look(20 * HOUR, 2 * SECOND) is None, "forward"


class SteppingClock(Clock):
    """A clock that is set back by hand."""

    def __init__(self) -> None:
        self.back = 0

    def wall(self) -> int:
        return super().wall() - self.back


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_a_clock_set_back_is_told_with_the_next_due_time(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    sched, clock = make(tz="UTC"), SteppingClock()
    set_clock(sched, clock)
    sched.task(every("1h"), name="hourly")(lambda: None)
    sched.start()
    before = sched.tasks["hourly"].next_run
    assert before is not None
    clock.back = 26 * HOUR
    wait_until(lambda: any(each.kind == "clock" for each in sched.why()))
    (told,) = [each for each in sched.why() if each.kind == "clock"]
    assert told.text.startswith("the clock was set back by 1d 2h: ")
    assert told.text.endswith(f"the next due time is {before:%Y-%m-%d %H:%M}, of task 'hourly'")
    assert told in sched.why("hourly")
    wait_until(lambda: any("the clock was set back" in line for line in caplog.messages))
    assert board_now(sched)["scheduler"]["why"][0]["kind"] == "clock"
    clock.back = 0
    wait_until(lambda: not sched.why())


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_other_processes_are_told_of_what_lasts_and_of_so_many(sched: Scheduler) -> None:
    life, now = life_of(sched), Clock().wall()
    hung = [Hung(run=str(i), task="hang", why="timeout", started=now) for i in range(MOST_KEPT + 1)]
    away = StoreAway(at=from_micros(now), reason="locked")
    found = LifeObstacles(lambda: life.engine, lambda: hung, list, lambda: [away], Clock(), None)
    assert len(found.all()) == MOST_KEPT + 2
    assert [each.run for each in found.lasting()] == [str(i) for i in range(MOST_KEPT)]
