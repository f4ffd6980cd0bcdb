"""A task that is declared again: waiting runs keep the new rules, due times the zone that holds now."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.triggers.constructors import at, calendar, cron, every

Make = Callable[..., Scheduler]


@pytest.fixture
def where(tmp_path: Path) -> str:
    """What runs where does not depend on the database."""
    return str(tmp_path / "ledger.db")


class Crowd:
    """Counts how many are inside at once."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self._lock = threading.Lock()
        self._alone = threading.Event()

    def enter(self) -> None:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self._alone.wait(0.02)  # long enough for whoever may come too
        with self._lock:
            self.inside -= 1


DAILY = cron("0 0 * * *", tz="UTC")
RULES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"overlap": "allow"}, {"overlap": "allow", "tags": "db"}),
    ({"overlap": "allow"}, {"max_instances": 1}),
    ({"max_instances": 5}, {"max_instances": 1}),
    ({"overlap": "allow", "rate": "100/s"}, {"max_instances": 1, "rate": None}),
]


@pytest.mark.parametrize(("before", "after"), RULES)
def test_runs_that_wait_keep_to_the_limits_of_the_new_declaration(
    make: Make, before: dict[str, Any], after: dict[str, Any]
) -> None:
    sched = make(concurrency=5, limits={"db": 1})
    sched.start()
    gate, crowd = threading.Event(), Crowd()
    sched.task(name="block", overlap="allow")(lambda: gate.wait(60))
    blocks = sched.submit_many("block", [{}] * 5)
    sched.task(DAILY, name="work", **before)(crowd.enter)
    runs = sched.backfill("work", "2025-01-01T00:00+00:00", "2025-01-08T00:00+00:00")
    sched.task(DAILY, name="work", **after)(crowd.enter)
    gate.set()
    for run in [*blocks, *runs]:
        run.result("60s")
    assert crowd.most == 1


def test_runs_that_wait_may_make_use_of_a_wider_limit(make: Make) -> None:
    sched = make(concurrency=5)
    sched.start()
    together = threading.Barrier(4)
    first, gate = threading.Event(), threading.Event()

    def hold() -> None:
        first.set()
        gate.wait(60)

    sched.task(DAILY, name="work")(hold)
    runs = sched.backfill("work", "2025-01-01T00:00+00:00", "2025-01-05T00:00+00:00")
    assert first.wait(60)
    sched.task(DAILY, name="work", overlap="allow")(lambda: together.wait(60))
    for run in runs[1:]:
        run.result("60s")
    gate.set()
    runs[0].result("60s")


def test_runs_that_wait_keep_to_a_new_rate(make: Make) -> None:
    sched = make(concurrency=5)
    sched.start()
    gate = threading.Event()
    sched.task(name="block", overlap="allow")(lambda: gate.wait(60))
    blocks = sched.submit_many("block", [{}] * 5)
    sched.task(name="work", overlap="allow")(lambda: None)
    runs = sched.submit_many("work", [{}] * 3)
    sched.task(name="work", overlap="allow", rate="1/0.2s")(lambda: None)
    gate.set()
    for run in [*blocks, *runs]:
        run.result("60s")
    starts = sorted(run.run.started_at for run in runs)
    assert min((after - before).total_seconds() for before, after in itertools.pairwise(starts)) >= 0.2


WALL_TIMES = {
    "cron": ("0 7 * * *", "at 07:00"),
    "at": (at("2126-03-01 07:00"), "once, on 2126-03-01 07:00"),
    "calendar": (calendar(days=1, at="07:00"), "every day at 07:00"),
}


@pytest.mark.parametrize("kind", WALL_TIMES)
def test_a_changed_zone_moves_the_next_due_time_at_once(make: Make, kind: str) -> None:
    trigger, words = WALL_TIMES[kind]
    for zone in ("Asia/Tokyo", "America/New_York"):
        with make(tz=zone) as sched:
            sched.task(trigger, name="daily")(int)
            coming = sched.tasks["daily"].next_run
            assert coming is not None
            assert coming.astimezone(ZoneInfo(zone)).hour == 7
            with sched.queries.viewing():
                row = sched.queries.ledger.task("daily")
            assert row is not None
            assert row.schedule_text == f"{words}, {zone}"


def test_a_changed_zone_moves_neither_elapsed_time_nor_an_aware_moment(make: Make) -> None:
    known = set()
    for zone in ("Asia/Tokyo", "America/New_York"):
        with make(tz=zone) as sched:
            sched.task(every("1h"), name="hourly")(int)
            sched.task(at("2126-03-01 07:00", tz="UTC"), name="once")(int)
            sched.task(cron("0 7 * * *", tz="Europe/Berlin"), name="daily")(int)
            known.add(tuple(sched.tasks[name].next_run for name in ("hourly", "once", "daily")))
    assert len(known) == 1


def test_a_moment_that_has_happened_does_not_happen_again_in_a_zone_where_it_is_to_come(make: Make) -> None:
    moment = datetime.now(ZoneInfo("Asia/Tokyo")).replace(tzinfo=None, microsecond=0)
    with make(tz="Asia/Tokyo") as sched:
        done = threading.Event()
        sched.task(at(moment), name="once")(done.set)
        assert done.wait(60)
        (run,) = sched.runs("once")
        sched.run(run.id).wait("60s")
    with make(tz="America/New_York") as sched:
        sched.task(at(moment), name="once")(done.set)
        assert sched.tasks["once"].next_run is None
