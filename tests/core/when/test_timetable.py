"""The timetable and the loop around it: never early, never lost, woken by changes, patient with a store."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedkit.core.when.clock import Fire, Schedule, Tick, Timetable, run_clock

from schedkit.core.when import clock
from schedkit.core.when.triggers import Trigger, every
from schedkit.core.when.wallclock import TICK
from schedkit.errors import LedgerError

START = datetime(2026, 1, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def schedule(task: str, seconds: float = 0.0, interval: float = 60.0) -> Schedule:
    first = START + seconds * SECOND
    return Schedule(task, every(interval, start=first), first)


def names(schedules: list[Schedule]) -> list[str]:
    return [s.task for s in schedules]


async def test_only_due_schedules_are_taken_the_earliest_first() -> None:
    table = Timetable([schedule("c", 3), schedule("a", 1), schedule("b", 2)])
    assert table.next_due() == START + SECOND
    assert names(table.take(START + 2 * SECOND)) == ["a", "b"]
    assert table.next_due() == START + 3 * SECOND
    assert names(table.take(START + 9 * SECOND, limit=0)) == []
    assert len(table) == 3
    assert "a" in table
    assert table["a"].next_at == START + SECOND


async def test_settling_puts_back_what_was_taken() -> None:
    table = Timetable([schedule("a")])
    taken = table.take(START)
    assert table.next_due() is None
    table.settle(taken)
    assert table.next_due() == START
    table.settle(taken)  # not taken now: nothing to put back
    assert names(table.take(START)) == ["a"]


async def test_what_comes_back_wakes_who_waits_for_a_change() -> None:
    """Else a schedule of less than a nap would be late by the rest of the nap, every time."""
    table = Timetable([schedule("a")])
    taken = table.take(START)
    await table.changed(0.0)
    table.settle(taken)
    with anyio.fail_after(5):
        await table.changed(60.0)


async def test_what_is_put_or_dropped_meanwhile_wins() -> None:
    table = Timetable([schedule("put"), schedule("dropped")])
    taken = table.take(START)
    table.put(schedule("put", 30))
    table.drop("dropped")
    table.settle(taken)
    assert table.next_due() == START + 30 * SECOND
    assert "dropped" not in table
    table.drop("dropped")


async def test_a_replaced_schedule_does_not_fire_at_its_old_time() -> None:
    table = Timetable([schedule("a", 1)])
    table.put(schedule("a", 5))
    assert table.take(START + 4 * SECOND) == []
    assert table.next_due() == START + 5 * SECOND
    assert names(table.take(START + 5 * SECOND)) == ["a"]


async def test_replacing_for_ever_costs_no_memory() -> None:
    table = Timetable([schedule("far", 10_000)])
    for i in range(1000):
        table.put(schedule("a", i))
    assert len(table._heap) < 80
    assert names(table.take(START + 20_000 * SECOND)) == ["a", "far"]


async def test_a_finished_schedule_rests() -> None:
    table = Timetable([Schedule("done", every("1s", start=START), None)])
    assert table.next_due() is None
    assert "done" in table


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 50), st.booleans()), max_size=40))
def test_the_timetable_is_a_sorted_dictionary(steps: list[tuple[str, int, bool]]) -> None:
    table, model = Timetable(), dict[str, int]()
    for task, at, drop in steps:
        if drop:
            table.drop(task)
            model.pop(task, None)
        else:
            table.put(schedule(task, at))
            model[task] = at
    assert len(table) == len(model)
    assert table.next_due() == (START + min(model.values()) * SECOND if model else None)
    taken = table.take(START + 25 * SECOND, limit=100)
    assert sorted(names(taken)) == sorted(t for t, at in model.items() if at <= 25)
    assert [s.next_at for s in taken] == sorted(s.next_at for s in taken if s.next_at)


class Journal:
    """Records ticks; fails as often as it is told to; ends the clock after enough fires."""

    def __init__(self, enough: int, failures: int = 0) -> None:
        self.fires: list[Fire] = []
        self.enough, self.failures = enough, failures
        self.done = anyio.Event()

    async def record(self, tick: Tick) -> None:
        if self.failures:
            self.failures -= 1
            raise LedgerError("database is locked")  # as the writer says it
        self.fires += tick.fires
        if len(self.fires) >= self.enough:
            self.done.set()


async def run(table: Timetable, journal: Journal, now: Callable[[], datetime], limit: float = 5.0) -> None:
    with anyio.fail_after(limit):
        async with anyio.create_task_group() as group:

            async def clock() -> None:
                await run_clock(table, record=journal.record, active=lambda task: 0, now=now)

            group.start_soon(clock)
            await journal.done.wait()
            group.cancel_scope.cancel()


async def test_the_loop_fires_on_time_and_never_early() -> None:
    start = datetime.now(UTC) + timedelta(milliseconds=30)
    table = Timetable([Schedule("quick", every("20ms", start=start), start)])
    journal, lateness = Journal(5), list[float]()

    async def record(tick: Tick) -> None:
        lateness.extend((datetime.now(UTC) - f.last).total_seconds() for f in tick.fires)
        await Journal.record(journal, tick)

    journal.record = record  # type: ignore[method-assign]  # the same journal, with a stop watch
    await run(table, journal, clock.utc_now)
    assert min(lateness) >= 0
    firsts = [f.first for f in journal.fires]
    assert firsts == sorted(set(firsts))


async def test_a_store_that_fails_loses_no_time(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="schedkit.core.when.clock")
    table, journal = Timetable([schedule("a")]), Journal(1, failures=2)
    await run(table, journal, lambda: START)
    assert [(f.first, str(f.kind)) for f in journal.fires] == [(START, "run")]
    assert [r.message for r in caplog.records] == [
        "due times could not be recorded, trying again in 100ms: database is locked",
        "due times could not be recorded, trying again in 200ms: database is locked",
    ]
    assert table["a"].next_at == START + 60 * SECOND


async def test_a_new_schedule_wakes_the_loop() -> None:
    table, journal = Timetable(), Journal(1)
    now = START

    async def add_later() -> None:
        await anyio.wait_all_tasks_blocked()
        table.put(schedule("a"))

    with anyio.fail_after(clock.LONGEST_NAP_SECONDS * 0.9):
        async with anyio.create_task_group() as group:
            group.start_soon(add_later)
            await run(table, journal, lambda: now)
    assert journal.fires[0].task == "a"


@pytest.fixture
def short_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "LONGEST_NAP_SECONDS", 0.05)


@pytest.mark.usefixtures("short_naps")
async def test_a_jump_forward_is_noticed_within_a_nap() -> None:
    """A laptop that slept: the monotonic clock stood still, the wall clock did not."""
    table, journal = Timetable([schedule("hourly", 3600, 3600)]), Journal(2)
    jumps = iter([START, START])
    later = START + timedelta(hours=5, minutes=30)
    await run(table, journal, lambda: next(jumps, later))
    assert [(str(f.kind), f.count) for f in journal.fires] == [("coalesced", 4), ("run", 1)]
    assert table["hourly"].next_at == START + timedelta(hours=6)


@pytest.mark.usefixtures("short_naps")
async def test_a_jump_back_repeats_nothing() -> None:
    table, journal = Timetable([schedule("a", 0, 1)]), Journal(3)
    times = iter([START + 2 * SECOND, START - 60 * SECOND, START + SECOND, START + 2 * SECOND])
    await run(table, journal, lambda: next(times, START + 3 * SECOND))
    assert [(str(f.kind), f.first, f.last) for f in journal.fires] == [
        ("coalesced", START, START + SECOND),
        ("run", START + 2 * SECOND, START + 2 * SECOND),
        ("run", START + 3 * SECOND, START + 3 * SECOND),
    ]


async def test_many_due_schedules_are_recorded_in_portions() -> None:
    table, portions = Timetable([schedule(f"t{i}") for i in range(450)]), list[int]()
    journal = Journal(450)

    async def record(tick: Tick) -> None:
        portions.append(len(tick.before))
        await Journal.record(journal, tick)

    journal.record = record  # type: ignore[method-assign]  # the same journal, counting
    await run(table, journal, lambda: START)
    assert portions == [50] * 9
    assert len({f.task for f in journal.fires}) == 450


def until(trigger: Trigger, first: datetime, last: datetime) -> list[datetime]:
    return list(itertools.takewhile(lambda t: t <= last, trigger.walk(first - TICK, 10_000)))


@settings(max_examples=25)
@given(
    steps=st.lists(st.integers(0, 400), min_size=1, max_size=8),
    failures=st.lists(st.booleans(), max_size=12),
    intervals=st.lists(st.sampled_from([7.0, 60.0, 61.5, 300.0]), min_size=1, max_size=4),
)
def test_no_failure_of_the_store_loses_or_repeats_a_time(
    steps: list[int], failures: list[bool], intervals: list[float]
) -> None:
    """The wall clock advances in leaps, recording fails now and then: every time is told exactly once."""
    told: dict[str, list[tuple[datetime, datetime]]] = {}
    fails = iter(failures)
    moment = START

    async def record(tick: Tick) -> None:
        await anyio.lowlevel.checkpoint()
        if next(fails, False):
            raise OSError("database is locked")
        for fire in tick.fires:
            told.setdefault(fire.task, []).append((fire.first, fire.last))

    async def story() -> None:
        nonlocal moment
        table = Timetable(schedule(f"t{i}", i, interval) for i, interval in enumerate(intervals))
        async with anyio.create_task_group() as group:

            async def run_it() -> None:
                await run_clock(table, record=record, active=lambda task: 0, now=lambda: moment)

            group.start_soon(run_it)
            for step in steps:
                moment += step * SECOND
                table.put(schedule("wake", 10**7))
                while (upcoming := table.next_due()) is None or upcoming <= moment:
                    await anyio.sleep(0.001)
                await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "FIRST_PAUSE_SECONDS", 0.0)
        anyio.run(story)
    for i, interval in enumerate(intervals):
        trigger = schedule(f"t{i}", i, interval).trigger
        covered = [t for first, last in told.get(f"t{i}", []) for t in until(trigger, first, last)]
        expected = [t for t in trigger.walk(START - SECOND, len(covered) + 1) if t <= moment]
        assert covered == expected
