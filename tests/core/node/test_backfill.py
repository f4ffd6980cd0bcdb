"""Past due times are made up for: only those left, each once, whoever asks."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from core.conftest import Recorder
from crash.judge import judge_schedule

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.node.backfill import MOST_BACKFILL, due_times
from schedkit.core.states import State
from schedkit.core.store import schema
from schedkit.core.triggers.constructors import cron, every
from schedkit.errors import NotRunningError, SchedkitError, UsageError

Make = Callable[..., Scheduler]
DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def other(make: Make, sched: Scheduler) -> Scheduler:
    """A second scheduler at the ledger, which declares nothing."""
    second = make(name="other")
    second.start()
    return second


def commands(sched: Scheduler) -> list[str]:
    """Return the commands that wait at the ledger."""
    with sched.queries.ledger.store.reading() as connection:
        query = sa.select(schema.commands.c.id).where(schema.commands.c.answer.is_(None))
        return list(connection.scalars(query))


def hourly(sched: Scheduler) -> Callable[[], object]:
    return sched.task(cron("0 * * * *", tz="UTC"), name="hourly", overlap="allow")(lambda: 1)


def test_another_process_backfills_what_is_left_and_gets_the_runs(sched: Scheduler, other: Scheduler) -> None:
    hourly(sched)
    first = other.backfill("hourly", DAY, DAY + timedelta(hours=3))
    assert [run.result("60s") for run in first] == [1] * 4
    runs = {run.id: run for run in sched.runs("hourly")}
    assert [runs[run.id].scheduled_at for run in first] == [DAY + timedelta(hours=h) for h in range(4)]
    assert {(run.cause, run.actor) for run in runs.values()} == {("backfill", "other")}
    more = other.tasks["hourly"].backfill(DAY + timedelta(hours=2), DAY + timedelta(hours=5))
    assert len(more) == 2
    assert other.backfill("hourly", DAY, DAY + timedelta(hours=5)) == []
    assert sched.backfill("hourly", DAY, DAY + timedelta(hours=5)) == []


def test_another_process_is_told_why_nothing_can_be_made_up_for(sched: Scheduler, other: Scheduler) -> None:
    sched.pause()
    sched.task(name="bare")(lambda: 1)
    sched.task(every("1s", start=DAY), name="dense")(lambda: 1)
    with pytest.raises(SchedkitError, match="no task is called 'nobody'"):
        other.backfill("nobody", DAY, DAY)
    with pytest.raises(UsageError, match="has no schedule here"):
        other.backfill("bare", DAY, DAY)
    with pytest.raises(SchedkitError, match=f"more than {MOST_BACKFILL} due times") as refused:
        other.backfill("dense", DAY, DAY + timedelta(days=1))
    assert refused.value.hint == "backfill a shorter window"
    for either in (sched, other):
        with pytest.raises(UsageError, match="is after"):
            either.backfill("dense", DAY, DAY - timedelta(seconds=1))
    assert sched.runs() == []
    assert commands(sched) == []


def test_two_who_ask_at_once_share_the_times(sched: Scheduler, other: Scheduler) -> None:
    hourly(sched)
    together = threading.Barrier(4)

    def ask(who: Scheduler) -> int:
        together.wait(60)
        return len(who.backfill("hourly", DAY, DAY + timedelta(hours=199)))

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(ask, [sched, other, sched, other]))
    assert sum(made) == 200
    times = Counter(run.scheduled_at for run in sched.runs("hourly", limit=1000))
    assert len(times) == 200
    assert set(times.values()) == {1}


def test_times_that_the_clock_has_just_taken_are_not_taken_again(sched: Scheduler) -> None:
    recorder = Recorder(sched)
    sched.task(every("0.05s"), name="dense", overlap="allow", coalesce=False)(lambda: 1)
    ended = recorder.of(events.RunEnded, task="dense")
    for times in range(1, 41):
        recorder.wait_for(ended, times)
        now = datetime.now(UTC)
        # Nothing is left, but where the machine stood still so long that times were missed.
        sched.backfill("dense", now - timedelta(minutes=1), now)
    sched.pause("dense")
    assert sched.queries.flush_events()
    recorder.wait_for(ended, sum(map(recorder.of(events.RunQueued, task="dense"), recorder.events)))
    (row,) = sched.queries.ledger.tasks()
    runs = sched.runs("dense", limit=10_000)
    assert judge_schedule(sched.queries.ledger, row, runs)["run"] >= 40
    assert len({run.scheduled_at for run in runs}) == len(runs), "no time is taken twice"
    assert {run.state for run in runs} == {State.DONE}


def test_a_large_backfill_leaves_the_loop_free(sched: Scheduler) -> None:
    """Ten thousand runs come in a hundred at a time, and all are durable."""
    sched.task(every("1s", start=DAY), name="dense")(lambda: 1)
    made = sched.backfill("dense", DAY, DAY + timedelta(seconds=MOST_BACKFILL - 1))
    assert len(made) == MOST_BACKFILL
    assert len(sched.queries.ledger.scheduled("dense", DAY, DAY + timedelta(days=1))) == MOST_BACKFILL


def test_where_nobody_runs_nothing_is_asked(make: Make) -> None:
    looking = make()
    hourly(looking)
    with looking.viewing(), pytest.raises(NotRunningError, match="no scheduler runs"):
        looking.backfill("hourly", DAY, DAY)
    assert commands(looking) == []


def test_a_command_that_makes_no_sense_does_not_silence_the_others(
    sched: Scheduler, other: Scheduler
) -> None:
    hourly(sched)
    left = {
        other.queries.ledger.ask("cli", kind, data, task="hourly"): told
        for kind, data, told in (
            ("backfill", {"task": "hourly"}, "the command 'backfill' cannot be read"),
            ("submit", {"task": "hourly", "run": 5}, "the command 'submit' cannot be read"),
            ("dance", {}, "no command is called 'dance'"),
            # Readable, and beyond what a time can be.
            (
                "backfill",
                {"task": "hourly", "start": 10**18, "end": 10**18},
                "'backfill' failed: OverflowError",
            ),
        )
    }
    assert other.submit("hourly").result("60s") == 1
    for id, told in left.items():
        row = other.queries.ledger.command(id)
        assert row is not None
        assert row.answer is not None
        assert told in row.answer["error"]


def test_due_times_are_those_of_the_trigger_and_no_more(tmp_path: Path) -> None:
    trigger = cron("30 2 * * *", tz="Europe/Berlin").bind(DAY)
    gap = datetime(2026, 3, 29, tzinfo=UTC)  # on this night 02:30 does not exist
    times = due_times(trigger, gap - timedelta(days=1), gap + timedelta(days=2), "task 'x'")
    assert len(times) == len(set(times))
    assert times == sorted(times)
    assert due_times(trigger, times[0], times[0], "task 'x'") == times[:1]
    with pytest.raises(UsageError, match="task 'x': more than 10000"):
        due_times(every("1s").bind(DAY), DAY, DAY + timedelta(days=1), "task 'x'")


def test_a_day_without_a_zone_is_one_of_the_schedulers(make: Make) -> None:
    sched = make(tz="Pacific/Auckland")  # 13 hours ahead of UTC on this day
    sched.start()
    sched.task(cron("0 12 * * *", tz="UTC"), name="noon", overlap="allow")(lambda: 1)
    (run,) = sched.backfill("noon", "2026-01-02", "2026-01-02")
    assert run.id == sched.runs("noon")[0].id
    assert sched.runs("noon")[0].scheduled_at == datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_days_and_text_are_windows_too(sched: Scheduler) -> None:
    sched.task(cron("0 12 * * *", tz="UTC"), name="noon", overlap="allow")(lambda: 1)
    assert len(sched.backfill("noon", "2026-03-01", "2026-03-02")) == 2
    assert len(sched.backfill("noon", DAY.date() - timedelta(days=1), DAY.date())) == 1
    with pytest.raises(UsageError, match="start: 'yesterday' is not a date and time"):
        sched.backfill("noon", "yesterday", DAY)
    with pytest.raises(UsageError, match="end: 5 is not a date and time"):
        sched.tasks["noon"].backfill(DAY, 5)
