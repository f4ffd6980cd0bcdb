"""What becomes of a due time: the misfire, coalesce and max_instances matrix, with time as an argument."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedkit.core.model import Task
from schedkit.core.states import DueOutcome, Overlap
from schedkit.core.triggers.constructors import any_of, at, calendar, cron, every
from schedkit.core.triggers.data import custom_trigger, of
from schedkit.core.triggers.schedule import Fire, Schedule, Settled, settle, skipped

START = datetime(2026, 1, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RUN, MISSED = DueOutcome.RUN, DueOutcome.MISSED
COALESCED, OVERLAPPED = DueOutcome.COALESCED, DueOutcome.OVERLAPPED


def minutely(**options: object) -> Schedule:
    return Schedule("job", every("1m", start=START), **options)


def told(settled: Settled) -> list[tuple[str, int, int]]:
    """Each outcome with the minutes of its first and last time."""
    return [
        (str(f.kind), round((f.first - START) / MINUTE), round((f.last - START) / MINUTE))
        for f in settled.fires
    ]


def look(schedule: Schedule, minutes: float, active: int = 0) -> Settled:
    return settle(schedule, START, START + minutes * MINUTE, active)


def test_nothing_is_due_before_its_time() -> None:
    assert settle(minutely(), START, START - timedelta(microseconds=1), 0) == Settled((), START)


def test_one_time_on_time() -> None:
    assert look(minutely(), 0) == Settled((Fire("job", RUN, START, START, START),), START + MINUTE)


def test_a_finished_trigger_has_no_next_time() -> None:
    settled = settle(Schedule("once", at(START)), START, START + 5 * MINUTE, 0)
    assert told(settled) == [("run", 0, 0)]
    assert settled.next_at is None


# Five and a half minutes late: the times 0, 1, 2, 3, 4 and 5 are due.
MATRIX = [
    # grace, coalesce, max_instances, active → outcomes
    (None, True, 1, 0, [("coalesced", 0, 4), ("run", 5, 5)]),
    (None, True, 1, 1, [("overlapped", 0, 5)]),
    (None, True, 3, 2, [("coalesced", 0, 4), ("run", 5, 5)]),
    (None, True, 3, 3, [("overlapped", 0, 5)]),
    (None, False, 1, 0, [("run", m, m) for m in range(6)]),
    (None, False, 1, 1, [("overlapped", 0, 5)]),
    (None, False, 3, 2, [("run", m, m) for m in range(6)]),
    (150, True, 1, 0, [("missed", 0, 2), ("coalesced", 3, 4), ("run", 5, 5)]),
    (150, True, 1, 1, [("missed", 0, 2), ("overlapped", 3, 5)]),
    (150, False, 1, 0, [("missed", 0, 2), ("run", 3, 3), ("run", 4, 4), ("run", 5, 5)]),
    (150, False, 3, 3, [("missed", 0, 2), ("overlapped", 3, 5)]),
    (1, True, 1, 0, [("missed", 0, 5)]),
    (1, True, 1, 1, [("missed", 0, 5)]),
    (1, False, 1, 0, [("missed", 0, 5)]),
    (30, True, 1, 0, [("missed", 0, 4), ("run", 5, 5)]),
    (30, True, 1, 1, [("missed", 0, 4), ("overlapped", 5, 5)]),
]


@pytest.mark.parametrize(("grace", "coalesce", "max_instances", "active", "expected"), MATRIX)
def test_the_misfire_matrix(
    grace: float | None,
    coalesce: bool,
    max_instances: int,
    active: int,
    expected: list[tuple[str, int, int]],
) -> None:
    schedule = minutely(grace=grace, coalesce=coalesce, max_instances=max_instances)
    settled = look(schedule, 5.5, active)
    assert told(settled) == expected
    assert settled.next_at == START + 6 * MINUTE


def test_late_by_exactly_the_grace_still_runs() -> None:
    assert told(look(minutely(grace=30), 0.5)) == [("run", 0, 0)]
    late = settle(minutely(grace=30), START, START + timedelta(seconds=30.001), 0)
    assert told(late) == [("missed", 0, 0)]


def test_overlap_policies() -> None:
    busy = {"active": 1}
    assert told(look(minutely(overlap=Overlap.QUEUE), 0, **busy)) == [("run", 0, 0)]
    assert told(look(minutely(overlap=Overlap.ALLOW), 0, **busy)) == [("run", 0, 0)]
    assert told(look(minutely(overlap=Overlap.SKIP), 0, **busy)) == [("overlapped", 0, 0)]
    cancelling = look(minutely(overlap=Overlap.CANCEL), 0, **busy)
    assert told(cancelling) == [("run", 0, 0)]
    assert cancelling.fires[0].cancels
    assert not look(minutely(overlap=Overlap.CANCEL), 0).fires[0].cancels


def test_a_cancelling_policy_starts_only_the_newest() -> None:
    # Each of several late runs would cancel the one before it.
    settled = look(minutely(overlap=Overlap.CANCEL, coalesce=False), 2, active=1)
    assert told(settled) == [("coalesced", 0, 1), ("run", 2, 2)]


def test_a_queue_is_bounded_by_the_catch_up_cap() -> None:
    schedule = minutely(overlap=Overlap.QUEUE, catch_up=3)
    assert told(look(schedule, 0, active=3)) == [("run", 0, 0)]
    settled = look(schedule, 0, active=4)
    assert told(settled) == [("overlapped", 0, 0)]
    assert settled.fires[0].reason == "4 running or waiting"


def test_the_catch_up_cap_keeps_the_newest() -> None:
    settled = look(minutely(coalesce=False, catch_up=2), 5.5)
    assert told(settled) == [("missed", 0, 3), ("run", 4, 4), ("run", 5, 5)]
    assert settled.fires[0].reason == "only the last 2 are caught up"


def test_a_week_of_seconds_costs_no_more_than_a_minute_of_them() -> None:
    calls = 0

    class Counting(type(every("1s"))):
        def _within(self, after: datetime) -> datetime | None:
            nonlocal calls
            calls += 1
            found: datetime | None = super()._within(after)
            return found

    bound = every("1s", start=START)
    trigger = Counting(bound.interval, tz=bound.bind(START).tz, start=START)
    for coalesce in (True, False):
        calls = 0
        schedule = Schedule("job", trigger, coalesce=coalesce, grace=3600)
        settled = settle(schedule, START, START + timedelta(days=7), 0)
        assert sum(f.count or 0 for f in settled.fires) == 604_801
        assert calls < 250


def test_reasons_name_the_numbers() -> None:
    settled = look(minutely(grace=90), 5.5, active=1)
    assert [f.reason for f in settled.fires] == ["more than 1m 30s late", "1 still running"]
    stood_for = look(minutely(), 1).fires[0]
    assert stood_for.reason == "the run of 2026-01-05T00:01:00+00:00 stands for it"


def test_times_of_a_pause_are_missed() -> None:
    settled = skipped(minutely(), START, START + 5.5 * MINUTE, "paused")
    assert told(settled) == [("missed", 0, 5)]
    assert settled.fires[0].reason == "paused"
    assert settled.next_at == START + 6 * MINUTE
    assert skipped(minutely(), START, START - MINUTE, "paused") == Settled((), START)
    assert skipped(Schedule("once", at(START)), START, START, "paused").next_at is None


def test_a_schedule_from_a_task() -> None:
    task = Task(name="t", trigger=every("1h", jitter="5s"), misfire_grace=60, jitter=2, catch_up=7)
    schedule = Schedule.of(task, START)
    assert schedule.trigger.next(START) == START + 60 * MINUTE, "it counts from its declaration"
    assert (schedule.grace, schedule.jitter, schedule.catch_up) == (60, 5, 7)


def test_jitter_puts_off_the_run_and_never_the_key() -> None:
    schedule = minutely(jitter=20)
    due_at = schedule.due_time(START)
    assert START < due_at < START + timedelta(seconds=20)
    assert schedule.due_time(START) == due_at
    assert Schedule("other", schedule.trigger, jitter=20).due_time(START) != due_at
    assert settle(schedule, START, due_at - timedelta(microseconds=1), 0).fires == ()
    fire = settle(schedule, START, due_at, 0).fires[0]
    assert (fire.first, fire.due_at) == (START, due_at)
    spread = {minutely(jitter=20).due_time(START + m * MINUTE) - START - m * MINUTE for m in range(50)}
    assert len(spread) == 50
    assert minutely().due_time(START) == START


def test_grace_counts_from_the_jittered_time() -> None:
    schedule = minutely(jitter=20, grace=10)
    due_at = schedule.due_time(START)
    assert settle(schedule, START, due_at + timedelta(seconds=10), 0).fires[0].kind is RUN
    assert settle(schedule, START, due_at + timedelta(seconds=11), 0).fires[0].kind is MISSED


def test_a_trigger_that_fails_runs_the_time_that_is_due_and_no_other() -> None:
    @custom_trigger("outcomes: brittle")
    class Brittle:
        def to_data(self) -> dict[str, Any]:
            return {}

        def get_next_fire_time(self, previous: datetime | None, now: datetime) -> Any:
            raise ZeroDivisionError("no such day")

    settled = settle(Schedule("job", of(Brittle())), START, START, 0)
    assert told(settled) == [("run", 0, 0)]
    assert settled.next_at is None
    assert "no such day" in str(settled.error)


triggers = st.sampled_from(
    [
        every("1m", start=START),
        every("17s", start=START, end=START + timedelta(minutes=30)),
        cron("*/2 * * * *", tz="UTC"),
        cron("*/5 0 * * *", tz="Europe/Berlin"),
        calendar(days=1, at="00:10", start="2026-01-05", tz="UTC"),
        any_of(every("90s", start=START), cron("* * * * *", tz="UTC")),
        at(START + timedelta(minutes=3)),
    ]
)
schedules = st.builds(
    Schedule,
    task=st.just("job"),
    trigger=triggers,
    grace=st.one_of(st.none(), st.integers(1, 600)),
    coalesce=st.booleans(),
    catch_up=st.integers(1, 12),
    max_instances=st.integers(1, 3),
    overlap=st.sampled_from(Overlap),
    jitter=st.sampled_from([0.0, 0.0, 5.0, 90.0]),
)


@settings(max_examples=60)
@given(schedules, st.lists(st.integers(0, 1200), min_size=1, max_size=6), st.integers(0, 4))
def test_every_due_time_has_exactly_one_outcome(schedule: Schedule, gaps: list[int], active: int) -> None:
    """Whatever the policy and however late each look: nothing lost, nothing twice, nothing invented."""
    before = START - timedelta(seconds=1)
    next_at = schedule.trigger.next(before)
    now = START
    covered: list[datetime] = []
    for gap in gaps:
        now += timedelta(seconds=gap)
        if next_at is None:
            break
        settled = settle(schedule, next_at, now, active)
        for fire in settled.fires:
            walk = schedule.trigger.walk(fire.first - timedelta(microseconds=1), 200)
            times = list(itertools.takewhile(lambda t, last=fire.last: t <= last, walk))
            assert times[0] == fire.first
            assert times[-1] == fire.last
            assert fire.count == len(times)
            assert fire.kind is not RUN or fire.count == 1
            assert schedule.due_time(fire.last) == fire.due_at <= now
            covered += times
        runs = [f for f in settled.fires if f.kind is RUN]
        assert len(runs) <= (schedule.catch_up if not schedule.coalesce else 1)
        if active >= schedule.max_instances and schedule.overlap is Overlap.SKIP:
            assert runs == []
        next_at = settled.next_at
        assert next_at is None or schedule.due_time(next_at) > now
    walked = list(schedule.trigger.walk(before, len(covered) + 1))
    assert covered == walked[: len(covered)]
    assert next_at == (walked[len(covered)] if len(walked) > len(covered) else None)
