"""The planner under generated traffic: limits hold, nothing that could start waits, order is kept."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from schedkit.core.owner.deadlines import Deadlines
from schedkit.core.runner.plan import Planner, Waiting, rank

from schedkit.core.model import Rate
from schedkit.core.states import HEAD_START_SECONDS, Priority

KEYS = ("task:a", "task:b", "tag:x", "tag:y", "thread")


class PlannerMachine(RuleBasedStateMachine):
    """A model that knows every run beside the planner that is tested."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.names = itertools.count()
        self.waiting: dict[str, Waiting] = {}
        self.running: dict[str, Waiting] = {}
        self.starts: dict[str, list[float]] = {}

    @initialize(
        concurrency=st.integers(1, 4),
        limits=st.dictionaries(st.sampled_from(KEYS), st.integers(1, 3), max_size=5),
    )
    def begin(self, concurrency: int, limits: dict[str, int]) -> None:
        self.planner = Planner(concurrency, limits)

    @rule(
        delay=st.sampled_from([0.0, 0.0, 0.0, 1.0, 30.0]),
        priority=st.sampled_from([0, 10, 20, -5]),
        keys=st.sets(st.sampled_from(KEYS), max_size=3),
        rated=st.booleans(),
    )
    def offer(self, delay: float, priority: int, keys: set[str], rated: bool) -> None:
        due = self.now + delay
        run = Waiting(
            f"r{next(self.names)}",
            "rated" if rated else "free",
            rank(due, priority),
            due,
            tuple(sorted(keys)),
            Rate(2, 10.0) if rated else None,
        )
        self.waiting[run.id] = run
        self.planner.offer(run)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(sorted(self.waiting)))
        del self.waiting[run]
        self.planner.withdraw(run)
        assert run not in self.planner

    @rule(key=st.sampled_from(KEYS), most=st.none() | st.integers(1, 3))
    def limit(self, key: str, most: int | None) -> None:
        self.planner.limit(key, most)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(sorted(self.running)))
        del self.running[run]
        self.planner.release(run)
        self.planner.release(run)  # a second time is harmless

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def start(self) -> None:
        started = self.planner.start(self.now)
        for run in started:
            assert self.waiting.pop(run.id) is run
            assert run.due <= self.now
            self.running[run.id] = run
            if run.rate is not None:
                self.starts.setdefault(run.task, []).append(self.now)
        # No limit is passed by a start, though one that was lowered meanwhile may be exceeded already.
        assert not started or len(self.running) <= self.planner.concurrency
        for run in started:
            for key in run.keys:
                assert self.used(key) <= self.planner.limits.get(key, math.inf), f"{run} is one too many"
            if run.rate is not None:
                assert len(self.recent(run)) <= run.rate.count
        # Nothing that could start is left waiting.
        for run in self.waiting.values():
            assert not self.could_start(run), f"{run} waits for nothing"
        # Of what competes for the same, the better rank went first.
        for run in started:
            for other in self.waiting.values():
                if (
                    other.keys == run.keys
                    and other.rate is None
                    and run.rate is None
                    and other.due <= self.now
                ):
                    assert run.rank <= other.rank

    def used(self, key: str) -> int:
        return sum(key in run.keys for run in self.running.values())

    def recent(self, run: Waiting) -> list[float]:
        return [at for at in self.starts.get(run.task, ()) if run.rate and at > self.now - run.rate.seconds]

    def could_start(self, run: Waiting) -> bool:
        limits = self.planner.limits
        return (
            run.due <= self.now
            and len(self.running) < self.planner.concurrency
            and all(key not in limits or self.used(key) < limits[key] for key in run.keys)
            and (run.rate is None or len(self.recent(run)) < run.rate.count)
        )

    @invariant()
    def it_knows_what_runs_and_waits(self) -> None:
        if not hasattr(self, "planner"):
            return
        assert set(self.planner.running) == set(self.running)
        assert {run.id for run in self.planner.waiting} == set(self.waiting)
        assert len(self.planner) == len(self.waiting)
        upcoming = self.planner.next_time()
        future = [run.due for run in self.waiting.values() if run.due > self.now]
        if future:
            assert upcoming is not None
            assert upcoming <= min(future)


class TestPlanner(PlannerMachine.TestCase):
    settings = settings(max_examples=25, stateful_step_count=30)


@pytest.mark.thorough
class TestPlannerAtLength(PlannerMachine.TestCase):
    settings = settings(max_examples=3000, stateful_step_count=80)


def test_low_priority_never_starves() -> None:
    planner = Planner(concurrency=1)
    planner.offer(Waiting("low", "t", rank(0.0, Priority.LOW), 0.0))
    now, seen = 0.0, list[str]()
    # A HIGH run is always there, and takes ten seconds.
    while "low" not in seen:
        planner.offer(Waiting(f"high {now}", "t", rank(now, Priority.HIGH), now))
        (started,) = planner.start(now)
        seen.append(started.id)
        planner.release(started.id)
        now += 10.0
        assert now <= Priority.HIGH * HEAD_START_SECONDS + 20


@pytest.mark.parametrize("most", [2, None])
def test_a_limit_that_is_raised_lets_start_what_waited_for_it(most: int | None) -> None:
    planner = Planner(concurrency=5, limits={"k": 1})
    for name in "ab":
        planner.offer(Waiting(name, name, 0.0, 0.0, ("k",)))
    assert [run.id for run in planner.start(1.0)] == ["a"]
    assert planner.start(2.0) == []
    planner.limit("k", most)
    assert [run.id for run in planner.start(3.0)] == ["b"]


def test_a_place_that_is_given_back_is_taken_by_the_next() -> None:
    planner = Planner(concurrency=5, limits={"k": 1})
    for name in "abc":
        planner.offer(Waiting(name, name, 0.0, 0.0, ("k",)))
    for name in "abc":
        assert [run.id for run in planner.start(1.0)] == [name]
        planner.release(name)
    assert planner.running == {}


def test_a_rate_is_remembered() -> None:
    planner = Planner(concurrency=5)
    planner.remember_starts("t", [99.0, 95.0])
    planner.offer(Waiting("a", "t", 0.0, 0.0, rate=Rate(2, 10.0)))
    assert planner.start(100.0) == []
    assert planner.next_time() == 105.0
    assert [run.id for run in planner.start(105.0)] == ["a"]


class Loop:
    """A loop whose time is an argument."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Any] = []

    def time(self) -> float:
        return self.now

    def call_at(self, at: float, call: Any) -> Any:
        timer = Timer(at, call)
        self.timers.append(timer)
        return timer

    def advance(self, to: float) -> None:
        while due := [t for t in self.timers if t.at <= to and not t.cancelled]:
            first = min(due, key=lambda t: t.at)
            self.timers.remove(first)
            self.now = first.at
            first.call()
        self.now = to


class Timer:
    def __init__(self, at: float, call: Any) -> None:
        self.at, self.call, self.cancelled = at, call, False

    def cancel(self) -> None:
        self.cancelled = True

    def when(self) -> float:
        return self.at


def test_deadlines_pass_in_order_and_ended_things_are_let_go() -> None:
    loop, passed, alive = Loop(), list[str](), {"a", "b", "c"}
    deadlines = Deadlines[str](loop, passed.append, alive.__contains__)  # type: ignore[arg-type]
    for at, what in [(5.0, "b"), (2.0, "a"), (9.0, "gone"), (8.0, "c")]:
        deadlines.add(at, what)
    loop.advance(3.0)
    assert passed == ["a"]
    loop.advance(20.0)
    assert passed == ["a", "b", "c"]
    for number in range(1000):
        deadlines.add(3600.0, f"ended {number}")
    assert len(deadlines._heap) <= 65
