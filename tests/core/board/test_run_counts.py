"""What is counted of each task, event by event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace
from support.run_events import T0, RunEvents
from support.waiting import wait_until

from schedkit.core import events as ev
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.board.run_counts import Extractions, Histogram, RunCounts, run_counts
from schedkit.core.model import Retry
from schedkit.core.states import DueOutcome, State
from schedkit.core.triggers.constructors import at
from schedkit.values.instants import to_micros

PATIENCE = 60.0


def counted(*events: ev.Event, since: int = 0) -> RunCounts:
    """Return what is counted of events, which are numbered from 1."""
    counts = RunCounts({}, since)
    for number, event in enumerate(events, 1):
        counts.add(event if isinstance(event, ev.RunOutput) else replace(event, seq=number))
    return counts


def test_a_scheduled_run_that_starts_late() -> None:
    tell = RunEvents()
    queued = tell.queued("r1", scheduled=to_micros(T0), cause="schedule")
    counts = counted(queued, tell.started("r1", second=4.5))
    assert counts.lateness == {"a": Histogram(1, 4.5, (0, 1, 1, 1, 1, 1, 1, 1))}
    assert counts.retries == {}


def test_only_first_starts_of_schedules_are_late_or_not() -> None:
    tell = RunEvents()
    asked = (tell.queued("r1"), tell.started("r1", second=9))
    filled = (tell.queued("r2", scheduled=to_micros(T0), cause="backfill"), tell.started("r2", second=9))
    counts = counted(
        *asked, *filled, tell.retrying("r2", second=10), tell.started("r2", second=20, attempt=2)
    )
    assert (counts.lateness, counts.retries) == ({}, {"a": 1})


def test_a_clock_set_back_makes_no_negative_lateness() -> None:
    tell = RunEvents()
    queued = tell.queued("r1", scheduled=to_micros(T0 + timedelta(minutes=1)), cause="schedule")
    assert counted(queued, tell.started("r1")).lateness == {"a": Histogram.of(0.0)}


def test_ends_of_runs() -> None:
    tell = RunEvents()
    scheduled = {"scheduled": to_micros(T0), "cause": "schedule"}
    events = [
        tell.queued("r1", **scheduled),
        tell.started("r1"),
        tell.ended("r1", second=3),
        tell.queued("r2", **scheduled),
        tell.ended("r2", second=8, state=State.SKIPPED),
        tell.queued("r3"),
        tell.started("r3", second=10),
        tell.ended("r3", second=30, state=State.TIMEOUT),
    ]
    counts = counted(*events)
    assert counts.ended == {"a": {"DONE": 1, "SKIPPED": 1, "TIMEOUT": 1}}
    assert counts.due_times == {"a": {"done": 1, "skipped": 1}}
    assert counts.durations == {"a": Histogram(2, 22.0, (0, 1, 1, 2, 2, 2, 2, 2))}
    assert counts.last_done == {"a": to_micros(T0 + timedelta(seconds=3))}


def test_the_last_success_is_the_latest_whatever_the_order_of_events() -> None:
    tell = RunEvents()
    counts = counted(tell.ended("r1", second=50), tell.ended("r2", second=20))
    assert counts.last_done == {"a": to_micros(T0 + timedelta(seconds=50))}


def test_due_times_without_a_run() -> None:
    def fired(outcome: DueOutcome, count: int | None) -> ev.Fired:
        return ev.Fired(at=T0, task="a", scheduled_at=T0, until=T0, count=count, outcome=outcome)

    missed, endless = fired(DueOutcome.MISSED, 3), fired(DueOutcome.COALESCED, None)
    assert counted(missed, missed, endless).due_times == {"a": {"missed": 6, "coalesced": 1}}


def test_extractions_add_up_and_other_facts_do_not_count() -> None:
    tell = RunEvents()
    facts = {"requests": 12, "throttled": 1, "returned": 500, "jql": "x"}
    events = [
        tell.noted("r1", kind="extraction", facts=facts),
        tell.noted("r1", kind="extraction", facts={**facts, "requests": "many"}),
        tell.noted("r1", kind="report", facts={"rows": 3}),
        tell.logged("r1", message="x"),
    ]
    assert counted(*events).extractions == {"a": Extractions(2, 12, 2, 1000)}


def test_what_the_ledger_had_is_not_counted_again_and_copies_stay_as_they_are() -> None:
    tell = RunEvents()
    counts = counted(tell.ended("r1"), tell.ended("r2"), since=1)
    kept = counts.copy()
    counts.add(replace(tell.ended("r3"), seq=9))
    assert (kept.ended, counts.ended) == ({"a": {"DONE": 1}}, {"a": {"DONE": 2}})


def test_what_the_ledger_tells_is_what_its_events_tell(sched: Scheduler) -> None:
    board = sched.screens.live_board()
    board.counts(lambda: RunCounts({}, 0))
    now, tries = datetime.now(UTC), list[str]()

    @sched.task(at(now), retry=Retry(attempts=3, delay=0))
    def due() -> None:
        tries.append("due")
        if len(tries) < 3:
            raise ConnectionError("not yet")

    @sched.task(at(now))
    def plain() -> str:
        return "done"

    @sched.task(at(now - timedelta(hours=1)), misfire_grace="1m")
    def overdue() -> None: ...

    @sched.task
    def asked() -> None:
        raise ValueError("never")

    sched.submit("asked").wait()
    wait_until(lambda: {"due", "plain"} <= {run.task for run in sched.runs() if run.state.final}, PATIENCE)
    assert sched.queries.flush_events(PATIENCE)
    told = board.counts(lambda: RunCounts({}, 0))
    found = run_counts(sched.queries.ledger.store)
    assert (found.ended, found.due_times, found.retries, found.last_done) == (
        told.ended,
        told.due_times,
        told.retries,
        told.last_done,
    )
    assert (found.retries, found.ended["asked"]) == ({"due": 2}, {"FAILED": 1})
    assert (found.due_times["due"], found.due_times["overdue"]) == ({"done": 1}, {"missed": 1})
    assert {task: times.count for task, times in found.lateness.items()} == {"due": 1, "plain": 1}
    for mine, theirs in ((found.lateness, told.lateness), (found.durations, told.durations)):
        assert {task: (times.count, times.within) for task, times in mine.items()} == {
            task: (times.count, times.within) for task, times in theirs.items()
        }
        assert all(abs(times.seconds - theirs[task].seconds) < 1e-5 for task, times in mine.items())
