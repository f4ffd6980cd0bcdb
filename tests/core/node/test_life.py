"""The clocks of a node's life: what a jump of the wall clock does to due times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from core.conftest import Recorder
from support.clocks import Later
from support.lives import life_of

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.node.decisions import LONGEST_NAP_SECONDS
from schedkit.core.triggers.constructors import every


@pytest.fixture
def where(tmp_path: Path) -> str:
    """It is the same on any database."""
    return str(tmp_path / "ledger.db")


def test_a_jump_forward_is_noticed_within_a_nap(sched: Scheduler, recorder: Recorder) -> None:
    """Nobody tells it that the clock was set: it looks at least so often."""
    start = datetime.now(UTC) + timedelta(hours=1)
    sched.task(every("1h", start=start), name="hourly")(lambda: 1)
    life_of(sched).decisions.clock = Later(timedelta(hours=3, minutes=1))
    recorder.wait_for(recorder.of(events.RunEnded, task="hourly"), timeout=LONGEST_NAP_SECONDS + 20)
    (run,) = sched.runs("hourly")
    assert run.scheduled_at == start + timedelta(hours=2)
    (fired,) = recorder.wait_for(recorder.of(events.Fired, task="hourly"))
    assert (fired.outcome, fired.count) == ("coalesced", 2)


def test_a_jump_back_repeats_nothing(sched: Scheduler, recorder: Recorder) -> None:
    life = life_of(sched)
    start = datetime.now(UTC) + timedelta(hours=1)
    sched.task(every("1h", start=start), name="hourly")(lambda: 1)
    life.decisions.clock = Later(timedelta(hours=2, minutes=1))
    recorder.wait_for(recorder.of(events.RunEnded, task="hourly"))
    life.decisions.clock = Later()
    life.post()
    sched.task(name="asked")(lambda: 1)
    assert sched.submit("asked").result("60s") == 1  # it goes on
    life.decisions.clock = Later(timedelta(hours=3, minutes=1))
    recorder.wait_for(recorder.of(events.RunEnded, task="hourly"), 2)
    times = [run.scheduled_at for run in sched.runs("hourly")]
    assert times == [start + timedelta(hours=2), start + timedelta(hours=1)]
