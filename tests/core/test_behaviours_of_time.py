"""Behaviours 7 and 8 of the ten (see test_behaviours.py): every kind of lateness, clocks that change."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schedkit.core.states import DueOutcome, Overlap
from schedkit.core.triggers.constructors import cron, every
from schedkit.core.triggers.schedule import Schedule, settle

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

# Seconds: no grace, less than any lateness here, a part of it, exactly that of one time, more than all of it.
GRACES = [None, 1, 30, 150, 210, 400]
MATRIX = [*itertools.product(GRACES, [True, False], [1, 2, 3], range(5), Overlap, [1, 2, 100])]


def one_by_one(
    grace: float | None, coalesce: bool, most: int, active: int, overlap: Overlap, catch_up: int
) -> Iterator[tuple[int, str]]:
    """What becomes of each of the times 0 to 5 at 5:30, decided for one after the other."""
    times = range(6)
    in_time = [m for m in times if grace is None or 330 - 60 * m <= grace]
    busy = active >= most
    for m in times:
        if m not in in_time:
            yield m, "missed"
        elif (overlap is Overlap.SKIP and busy) or (overlap is Overlap.QUEUE and active >= most + catch_up):
            yield m, "overlapped"
        elif m == in_time[-1]:
            yield m, "run"
        elif coalesce or overlap is Overlap.CANCEL:
            yield m, "coalesced"
        else:
            yield m, "run" if m in in_time[-catch_up:] else "missed"


def test_behaviour_7_misfire_by_coalesce_by_max_instances() -> None:
    """All 2,160 combinations with the overlap policies, the number alive and the cap; time is an argument."""
    assert len(MATRIX) == 2160
    for case in MATRIX:
        grace, coalesce, most, active, overlap, catch_up = case
        trigger = every(MINUTE, start=START)
        schedule = Schedule(
            "t", trigger, grace=grace, coalesce=coalesce, max_instances=most, overlap=overlap,
            catch_up=catch_up,
        )  # fmt: skip
        settled = settle(schedule, START, START + 5.5 * MINUTE, active)
        told: list[tuple[int, str]] = []
        for fire in settled.fires:
            first, last = ((t - START) // MINUTE for t in (fire.first, fire.last))
            told += [(m, str(fire.kind)) for m in range(first, last + 1)]
            assert fire.count == last - first + 1
            assert fire.cancels == (
                fire.kind is DueOutcome.RUN and overlap is Overlap.CANCEL and active >= most
            )
        assert told == list(one_by_one(*case)), case
        assert settled.next_at == START + 6 * MINUTE, "each time is left behind, whatever became of it"


BERLIN = ZoneInfo("Europe/Berlin")
NIGHTLY = cron("30 2 * * *", tz="Europe/Berlin").bind(START)


def looked_at(
    *moments: datetime, grace: float | None = None, coalesce: bool = False
) -> list[tuple[str, str]]:
    """Look at the clock at these moments, from the first on; return every outcome with its wall time."""
    schedule = Schedule("t", NIGHTLY, grace=grace, coalesce=coalesce)
    next_at = NIGHTLY.next(moments[0])
    told = []
    for moment in moments[1:]:
        assert next_at is not None
        settled = settle(schedule, next_at, moment, 0)
        next_at = settled.next_at
        told += [(str(f.kind), f.last.astimezone(BERLIN).strftime("%m-%d %H:%M %z")) for f in settled.fires]
    return told


def day(month: int, day: int, hour: int = 0, minute: int = 0, fold: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN, fold=fold).astimezone(UTC)


# On 29 March 2026 the clocks of Berlin go from 2:00 to 3:00, on 25 October from 3:00 to 2:00.
GAP = ("run", "03-29 03:00 +0200")
FOLD = ("run", "10-25 02:30 +0200")


@pytest.mark.parametrize(
    ("moments", "told"),
    [
        # Awake all night, looking every ten minutes or in the very hour.
        ([day(3, 29) + i * 10 * MINUTE for i in range(40)], [GAP]),
        ([day(10, 25) + i * 10 * MINUTE for i in range(40)], [FOLD]),
        ([day(3, 29), day(3, 29, 1, 59), day(3, 29, 3)], [GAP]),
        # A laptop that slept through the change, or through several nights around it.
        ([day(3, 28, 12), day(3, 29, 9)], [GAP]),
        ([day(10, 24, 12), day(10, 25, 9)], [FOLD]),
        (
            [day(3, 27, 12), day(3, 30, 9)],
            [("run", "03-28 02:30 +0100"), GAP, ("run", "03-30 02:30 +0200")],
        ),
        # One that fell asleep in the first pass of the repeated hour and woke in the second, and back.
        ([day(10, 25, 2, 10), day(10, 25, 2, 40), day(10, 25, 2, 40, fold=1), day(10, 26)], [FOLD]),
        ([day(10, 25, 2, 40), day(10, 25, 2, 40, fold=1), day(10, 26)], []),
        # The wall clock is set back over a time that has run, by an hour and by a month, and comes forward.
        ([day(4, 1), day(4, 1, 3), day(4, 1, 2), day(4, 1, 3)], [("run", "04-01 02:30 +0200")]),
        ([day(4, 1), day(4, 1, 3), day(3, 1, 2), day(4, 1, 4)], [("run", "04-01 02:30 +0200")]),
        # And set forward over one: it is late, neither lost nor early.
        ([day(4, 1, 1), day(4, 1, 1, 1), day(4, 1, 5)], [("run", "04-01 02:30 +0200")]),
    ],
)  # fmt: skip
def test_behaviour_8_gap_fold_jumps_and_sleep(moments: list[datetime], told: list[tuple[str, str]]) -> None:
    assert looked_at(*moments) == told


def test_behaviour_8_a_long_sleep_is_judged_by_grace_and_coalesce() -> None:
    asleep = day(3, 27, 12), day(3, 30, 9)
    assert looked_at(*asleep, coalesce=True) == [
        ("coalesced", "03-29 03:00 +0200"),
        ("run", "03-30 02:30 +0200"),
    ]
    assert looked_at(*asleep, grace=3600) == [("missed", "03-30 02:30 +0200")]
    # Lateness is elapsed time, whatever the clocks did.
    from_gap = (day(3, 30, 9) - day(3, 29, 3)).total_seconds()
    assert looked_at(*asleep, grace=from_gap)[1:] == [GAP, ("run", "03-30 02:30 +0200")]
    assert looked_at(*asleep, grace=from_gap - 1)[1:] == [("run", "03-30 02:30 +0200")]
