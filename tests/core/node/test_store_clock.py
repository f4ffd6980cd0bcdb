"""Machines whose clocks are wrong keep the store's time (PostgreSQL)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from support.clocks import Later
from support.lives import die, life_of, set_clock
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.execution.run_context import RunContext
from schedkit.core.store.lives import OFFSET_NOISE
from schedkit.core.triggers.constructors import every
from schedkit.values.instants import wall_now

Make = Callable[..., Scheduler]
TIMES = 4


@pytest.fixture
def where(new_database: Callable[[], str]) -> str:
    """On SQLite all processes share a machine, and its clock."""
    return new_database()


def test_a_wrong_clock_makes_no_due_time_early_late_lost_or_double(make: Make) -> None:
    """The clocks of a task's home and of its heir are a minute off, one ahead and one behind."""
    starts: list[tuple[datetime, float]] = []
    ahead, behind = make(name="ahead"), make(name="behind")
    set_clock(ahead, Later(timedelta(seconds=60)))
    set_clock(behind, Later(timedelta(seconds=-60)))
    begin = datetime.now(UTC) + timedelta(seconds=2)

    def note(run: RunContext) -> None:
        assert run.scheduled_at is not None
        if run.attempt == 1:  # what the home had begun when it died begins again
            starts.append((run.scheduled_at, time.time()))

    for sched in (ahead, behind):
        sched.task(every("1s", start=begin), name="ticks", overlap="allow")(note)
        sched.start()
    wait_until(lambda: len(starts) >= TIMES)
    # The second is the home where both have a place, the file that was started; else it stands by.
    home, heir = (behind, ahead) if behind.at_home else (ahead, behind)
    die(home)
    wait_until(lambda: heir.at_home == ["ticks"])
    inherited = len(starts)
    wait_until(lambda: len(starts) >= inherited + TIMES)
    heir.stop()
    made = {run.scheduled_at for run in heir.runs("ticks", limit=1000)}
    passed = {
        row.scheduled + timedelta(seconds=number)
        for row in heir.due_times("ticks", ran=False).itertuples()
        for number in range(row.count)
    }
    due = [when for when, _ in starts]
    assert len(due) == len(set(due)), "none twice"
    first = min(made | passed)  # on a busy machine the declaration may come after the first time
    every_one = {first + timedelta(seconds=number) for number in range((max(due) - first).seconds + 1)}
    assert every_one <= made | passed, "none lost"
    assert all(at >= when.timestamp() - OFFSET_NOISE / 1e6 for when, at in starts), "none early"
    late = [at - when.timestamp() for when, at in starts]
    assert sorted(late)[len(late) // 2] < 1.0, "in time, but for those of the time without a home"


@pytest.mark.parametrize("wrong", [60, -60])
def test_the_offset_is_measured_at_birth_and_at_each_beat(make: Make, wrong: int) -> None:
    sched = make(name="wrong")
    set_clock(sched, Later(timedelta(seconds=wrong)))
    sched.start()
    life = life_of(sched)
    assert abs(life.decisions.clock.wall() - wall_now()) < 1_000_000
    assert abs(life.lease.offset + wrong * 1_000_000) < 1_000_000
