"""How late: a tick among many schedules, staggered and simultaneous schedules, beside a blocked kernel."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bench.clock_runs import child
from bench.common import Row, median, seconds
from bench.kernel_run import beside_a_kernel
from bench.neighbours import lateness
from schedkit.values.instants import to_micros

RUNS = 5
START = datetime(2026, 1, 5, tzinfo=UTC)


def rows() -> Iterator[Row]:
    """Yield the clock's figures."""
    yield tick_among(100_000)
    yield ledger_tick_among(100_000)
    yield from staggered()
    yield from burst()
    yield beside_kernel()
    yield beside_a_busy_process()


def tick_among(many: int) -> Row:
    """One look at the clock with 100 due: among 100 schedules and among many."""
    few_ms, many_ms = (_tick_ms(count) for count in (100, many))
    return Row(
        f"tick: 100 due of {many:,} against 100 due of 100",
        many_ms,
        few_ms,
        "schedkit, 100 schedules",
        "ms",
        many_ms / few_ms,
        1.5,
        "<=",
    )


def _tick_ms(count: int) -> float:
    from schedkit.core.engine.schedules import Schedules
    from schedkit.core.triggers.constructors import every
    from schedkit.core.triggers.schedule import Schedule, settle

    hour = timedelta(hours=1)
    schedules, second = Schedules(), timedelta(seconds=1)
    for i in range(count):
        first = START if i < 100 else START + hour
        schedules.put(Schedule(f"t{i}", every("1s", start=first)), to_micros(first))
    taken: list[float] = []
    gc.collect()
    gc.disable()
    for step in range(200):
        now = START + timedelta(seconds=step)

        def tick(now: datetime = now) -> None:
            due = schedules.take(to_micros(now), 1000)
            assert len(due) == 100
            for schedule in due:
                following = settle(schedule, now, now, 0).next_at
                assert following == now + second
                schedules.put(schedule, to_micros(following))

        taken.append(seconds(tick))
    gc.enable()
    return median(taken) * 1000


def ledger_tick_among(many: int) -> Row:
    """The same through the whole engine on SQLite: how late 100 runs a second start."""
    run = {"count": 100, "period": 1.0, "seconds": 10, "freeze": True}
    few = child("ours", lead=5, **run)["late"]
    among = child("ours", lead=120, sleeping=many - 100, **run)["late"]
    # The first second pays for opening the ledger.
    few_ms, many_ms = (median(late[100:]) * 1000 for late in (few, among))
    return Row(
        f"100 runs a second among {many:,} schedules against among 100: median lateness",
        many_ms,
        few_ms,
        "schedkit, 100 schedules",
        "ms",
        many_ms / few_ms,
        1.5,
        "<=",
    )


def staggered() -> Iterator[Row]:
    """1000 schedules every 5 s, one every 5 ms; ours on SQLite, APScheduler in memory and on SQLite.

    The sides and a loop that only waits take turns, and a ratio is the median of the turns' ratios.
    """
    run = {"stagger": 0.005, "seconds": 11}
    turns = []
    for _ in range(RUNS):
        late = (
            child("idle", **run),
            child("ours", lead=10, **run),
            child("apscheduler", **run),
            child("apscheduler", lead=10, store=True, **run),
        )
        turns.append([percentile(each["late"], 0.99) * 1000 for each in late])
    control, mine, *peers = (median(side) for side in zip(*turns, strict=True))
    for place, (peer, keeps, target) in enumerate(
        zip(peers, ("memory", "SQLite WAL"), (2.0, 1.0), strict=True)
    ):
        yield Row(
            f"1000 staggered schedules every 5 s: lateness p99 (control {control:.1f} ms)",
            mine,
            peer,
            f"APScheduler 3.11, {keeps}",
            "ms",
            median(turn[1] / turn[2 + place] for turn in turns),
            target,
            "<=",
        )


def burst() -> Iterator[Row]:
    """1000 schedules due at one instant, both on SQLite WAL; maxima are medians of five runs."""
    ours, frozen, theirs, control = ([], [], [], [])
    for _ in range(RUNS):
        control.append(child("idle"))
        ours.append(child("ours", lead=10))
        frozen.append(child("ours", lead=10, freeze=True))
        theirs.append(child("apscheduler", lead=10, store=True))
    idle_late, idle_gap = (median(worst(control, what)) for what in ("late", "gap"))
    peer = median(worst(theirs, "late")) - idle_late
    for runs, how in ((ours, ""), (frozen, ", collector frozen")):
        mine = median(worst(runs, "late")) - idle_late
        yield Row(
            f"1000 schedules due in one second: worst lateness{how}",
            mine * 1000,
            peer * 1000,
            "APScheduler 3.11, SQLite WAL",
            "ms",
            mine / peer,
            0.5 if not how else None,
            "<=",
        )
    peer_gap = median(worst(theirs, "gap")) - idle_gap
    for runs, how in ((ours, ""), (frozen, ", collector frozen")):
        gap = (median(worst(runs, "gap")) - idle_gap) * 1000
        yield Row(
            f"1000 schedules due in one second: worst gap of our loop (20 ms){how}",
            gap,
            peer_gap * 1000,
            "APScheduler 3.11; ratio is to 20 ms",
            "ms",
            gap / 20.0,
            1.0 if not how else None,
            "<=",
        )


def beside_kernel() -> Row:
    """The worst lateness of a 50 ms schedule while a cell sleeps 5 s."""
    found = beside_a_kernel()
    return Row(
        "beside a kernel in time.sleep(5): worst lateness of a 50 ms schedule",
        found["ours"] * 1000,
        found["kernel"] * 1000,
        "a task on the kernel's own loop",
        "ms",
        found["kernel"] / found["ours"],
        100.0,
    )


def beside_a_busy_process() -> Row:
    """How late schedules start whose process shares a ledger with one whose cell holds its interpreter."""
    beside = median([lateness() for _ in range(3)])
    alone = median([lateness(beside=False) for _ in range(3)])
    return Row(
        "beside a process whose cell makes C calls of 12 to 30 ms: lateness p99 of 120 runs a second",
        beside,
        alone,
        "alone at the ledger; ratio is to 50 ms",
        "ms",
        beside / 50.0,
        1.0,
        "<=",
    )


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


def worst(runs: list[dict[str, object]], what: str) -> list[float]:
    """The worst of each run."""
    return [max(run[what]) if what == "late" else run[what] for run in runs]
