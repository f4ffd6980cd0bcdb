"""Limits that hold for all processes at one ledger together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from core.conftest import Recorder
from support.boards import board_now
from support.lives import die
from support.waiting import wait_until

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State
from schedkit.core.tasks.origin import declared_in
from schedkit.errors import RetryableError

Make = Callable[..., Scheduler]
WAITS = {"state": State.QUEUED, "waiting_for": ("tag:db",)}


class Room:
    """Where runs of several processes meet."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.most = 0
        self._inside = 0
        self._lock = threading.Lock()

    def task(self, who: str) -> Callable[[], None]:
        """Return a function that goes in and out."""

        def enter() -> None:
            with self._lock:
                self._inside += 1
                self.most = max(self.most, self._inside)
                self.order.append(who)
            with self._lock:
                self._inside -= 1

        return enter


class Held:
    """A run that stays until it is let go."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Semaphore(0), threading.Event()

    def __call__(self) -> str:
        self.entered.release()
        assert self.release.wait(60)
        return "done"


def test_two_processes_share_the_place_of_a_tag(make: Make) -> None:
    room = Room()
    both = [make(name=name, limits={"db": 1}) for name in ("one", "other")]
    for sched in both:
        sched.start()
    for sched in both:
        sched.task(name=sched.name, tags="db")(room.task(sched.name))
    runs = [sched.submit(sched.name) for _ in range(3) for sched in both]
    for run in runs:
        assert run.wait("60s").state is State.DONE
    assert room.most == 1
    assert sorted(room.order) == ["one"] * 3 + ["other"] * 3


def test_who_does_not_declare_a_limit_keeps_to_it_and_shows_for_what_a_run_waits(make: Make) -> None:
    one, other = make(name="one", limits={"db": 1}, processes=2), make(name="other", processes=3)
    one.start()
    other.start()
    held, recorder = Held(), Recorder(one)
    one.task(name="held", tags="db")(held)
    other.task(name="waits", tags="db")(lambda: "after it")
    first = one.submit("held")
    assert held.entered.acquire(timeout=60)
    second = other.submit("waits")
    recorder.wait_for(recorder.of(events.RunQueued, run=second.id, **WAITS))
    for sched in (one, other):
        (row,) = [row for row in board_now(sched)["runs"] if row["id"] == second.id]
        assert row["waiting_for"] == "another run tagged db"
        assert board_now(sched)["scheduler"]["limits"]["tag:db"] == 1
    assert board_now(other)["scheduler"]["limits"]["process"] == 3, "these are of each process"
    held.release.set()
    assert (first.result("60s"), second.result("60s")) == ("done", "after it")
    assert second.run.waiting_for == ()


def test_the_place_of_a_process_that_was_killed_is_free_when_its_death_is_seen(make: Make) -> None:
    first, second = make(name="first", limits={"db": 1}), make(name="second", limits={"db": 1})
    first.start()
    second.start()
    held, recorder = Held(), Recorder(second)
    first.task(name="held", tags="db")(held)
    second.task(name="waits", tags="db")(lambda: "after it")
    first.submit("held")
    assert held.entered.acquire(timeout=60)
    run = second.submit("waits")
    recorder.wait_for(recorder.of(events.RunQueued, run=run.id, **WAITS))
    die(first)
    assert run.result("60s") == "after it"
    held.release.set()


def test_another_declaration_of_a_limit_is_told_and_holds_for_all(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = make(name="one", limits={"db": 2}), make(name="other", limits={"db": 1})
    one.start()
    wait_until(lambda: "tag:db" in one.queries.ledger.limits(), "it is written after the start")
    other.start()
    shown = [
        "the limit of tag 'db' is 1 now, for all processes; it was 2, declared by one",
        "the limit of tag 'db' is 1 now, for all processes, as other declared; here it was 2",
    ]
    wait_until(lambda: set(shown) <= set(caplog.messages))
    assert [board_now(sched)["scheduler"]["limits"]["tag:db"] for sched in (one, other)] == [1, 1]
    other.stop("1s")
    one.stop("1s")
    one.start()
    assert board_now(one)["scheduler"]["limits"]["tag:db"] == 2, "nobody else is there"


def test_a_limit_that_is_declared_while_runs_go_on_counts_them(make: Make) -> None:
    one, other = make(name="one"), make(name="other", limits={"db": 1})
    one.start()
    held, recorder = Held(), Recorder(other)
    one.task(name="held", tags="db")(held)
    first = one.submit("held")
    assert held.entered.acquire(timeout=60)
    other.start()
    wait_until(lambda: board_now(one)["scheduler"]["limits"].get("tag:db") == 1)
    second = one.submit("held")
    other.task(name="waits", tags="db")(lambda: "after it")
    third = other.submit("waits")
    recorder.wait_for(recorder.of(events.RunQueued, run=third.id, **WAITS))
    assert (first.state, second.state) == (State.RUNNING, State.QUEUED)
    held.release.set()
    for run in (first, second, third):
        run.wait("60s")
    assert third.result("60s") == "after it"


def test_a_rate_counts_every_start_wherever_it_was(make: Make) -> None:
    """A task that moves brings along how often it has started, each attempt for itself."""
    tries: list[str] = []

    def once_more() -> None:
        tries.append("tried")
        raise RetryableError("not yet")

    def declare(sched: Scheduler, function: Any) -> None:
        with declared_in("/a.py"):
            sched.task(name="one", rate="2/1h", retry={"attempts": 2, "delay": 0})(function)

    first, second = make(name="first"), make(name="second")
    first.start()
    declare(first, once_more)
    first.submit("one").wait("60s")
    assert tries == ["tried", "tried"]
    recorder = Recorder(second)
    second.start()
    declare(second, lambda: None)
    assert second.at_home == ["one"]
    run = second.submit("one")
    recorder.wait_for(recorder.of(events.RunQueued, run=run.id))
    assert run.state is State.QUEUED
    assert run.cancel()
