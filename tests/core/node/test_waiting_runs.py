"""Runs that wait for runs of their own give them their place: they would wait for ever else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.scheduler import Scheduler

Make = Callable[..., Scheduler]


@pytest.fixture
def where(tmp_path: Path) -> str:
    """What runs where does not depend on the database."""
    return str(tmp_path / "ledger.db")


def parted(sched: Scheduler, name: str, parts: int = 2) -> Callable[[], list[Any]]:
    """Return a task's function that waits for runs of the task `name`, one after the other."""
    return lambda: [sched.submit(name, number=number).result("60s") for number in range(parts)]


def double(number: int) -> int:
    return 2 * number


def test_as_many_runs_as_there_are_places_wait_for_runs_of_their_own(make: Make) -> None:
    sched = make(concurrency=3, threads=2)
    sched.start()
    sched.task(name="part")(double)
    for number in range(6):
        sched.task(name=f"report {number}")(parted(sched, "part"))
    reports = [sched.submit(f"report {number}") for number in range(6)]
    assert [report.result("60s") for report in reports] == [[0, 2]] * 6


def test_a_chain_of_runs_needs_one_place(make: Make) -> None:
    sched = make(concurrency=1)
    sched.start()
    sched.task(name="innermost")(double)
    sched.task(name="inner")(lambda number: sched.submit("innermost", number=number).result("60s") + 1)

    @sched.task(name="outer")
    async def outer() -> list[int]:
        first = await sched.aio.submit("inner", number=1)
        second = await sched.aio.submit("inner", number=2)
        return [await first, await second]

    assert outer.submit().result("60s") == [3, 5]


def test_one_that_is_tried_again_is_waited_for_to_its_end(make: Make) -> None:
    sched, tries = make(concurrency=1), list[int]()
    sched.start()

    @sched.task(name="part", retry={"attempts": 3, "delay": "20ms"})
    def part() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("not yet")
        return len(tries)

    sched.task(name="report")(lambda: sched.submit("part").result("60s"))
    assert sched.submit("report").result("60s") == 3


def test_a_place_is_lent_to_one_run_and_taken_back(make: Make) -> None:
    sched = make(concurrency=1)
    sched.start()
    inside, most, gate = list[str](), list[int](), threading.Event()

    @sched.task(name="work", overlap="allow")
    def work(name: str) -> None:
        inside.append(name)
        most.append(len(inside))
        inside.remove(name)

    @sched.task(name="report", overlap="allow")
    def report() -> None:
        parts: list[RunHandle] = sched.submit_many("work", [{"name": str(n)} for n in range(4)])
        for part in parts:
            part.result("60s")
        gate.wait(60)
        most.append(len(inside))

    others = report.submit(), report.submit()
    gate.set()
    for each in others:
        each.result("60s")
    assert max(most) == 1


def test_who_stops_waiting_has_its_place_again(make: Make) -> None:
    sched, gate = make(concurrency=1), threading.Event()
    sched.start()
    sched.task(name="part", tags="one")(double)
    sched.task(name="blocked", rate="1/h")(double)
    sched.submit("blocked", number=1).result("60s")

    @sched.task(name="report")
    def report() -> str:
        part = sched.submit("blocked", number=2)
        with pytest.raises(TimeoutError):
            part.result("50ms")
        gate.wait(60)
        return part.state.value

    waiting = report.submit()
    later = sched.submit("part", number=3)
    assert later.state == "QUEUED"
    gate.set()
    assert (waiting.result("60s"), later.result("60s")) == ("QUEUED", 6)
