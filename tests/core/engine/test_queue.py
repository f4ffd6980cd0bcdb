"""The queue under generated traffic: limits hold, nothing that could start waits, order is kept."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from schedkit.core.engine.queue import RunQueue, Waiting, rank
from schedkit.core.model import Rate
from schedkit.core.states import HEAD_START_SECONDS, Priority
from schedkit.values.instants import SECOND

KEYS = ("task:a", "task:b", "tag:x", "tag:y", "thread")


class QueueMachine(RuleBasedStateMachine):
    """A model that knows every run beside the queue that is tested."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000 * SECOND
        self.names = itertools.count()
        self.waiting: dict[str, Waiting] = {}
        self.running: dict[str, Waiting] = {}
        self.starts: dict[str, list[int]] = {}

    @initialize(
        concurrency=st.integers(1, 4),
        limits=st.dictionaries(st.sampled_from(KEYS), st.integers(1, 3), max_size=5),
    )
    def begin(self, concurrency: int, limits: dict[str, int]) -> None:
        self.queue = RunQueue(concurrency, limits)

    @rule(
        seconds=st.sampled_from([0, 0, 0, 1, 30]),
        priority=st.sampled_from([0, 10, 20, -5]),
        keys=st.sets(st.sampled_from(KEYS), max_size=3),
        rated=st.booleans(),
    )
    def offer(self, seconds: int, priority: int, keys: set[str], rated: bool) -> None:
        due = self.now + seconds * SECOND
        run = Waiting(
            f"r{next(self.names)}",
            "rated" if rated else "free",
            rank(due, priority),
            due,
            tuple(sorted(keys)),
            Rate(2, 10.0) if rated else None,
        )
        self.waiting[run.id] = run
        self.queue.offer(run)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(sorted(self.waiting)))
        del self.waiting[run]
        self.queue.withdraw(run)
        assert run not in self.queue

    @rule(key=st.sampled_from(KEYS), most=st.none() | st.integers(1, 3))
    def limit(self, key: str, most: int | None) -> None:
        self.queue.limit(key, most)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(sorted(self.running)))
        del self.running[run]
        self.queue.release(run)
        self.queue.release(run)  # a second time is harmless

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)

    @rule()
    def start(self) -> None:
        started = self.queue.start(self.now)
        for run in started:
            assert self.waiting.pop(run.id) is run
            assert run.due <= self.now
            self.running[run.id] = run
            if run.rate is not None:
                self.starts.setdefault(run.task, []).append(self.now)
        # No limit is passed by a start, though one that was lowered meanwhile may be exceeded already.
        assert not started or len(self.running) <= self.queue.concurrency
        for run in started:
            for key in run.keys:
                assert self.used(key) <= self.queue.limits.get(key, math.inf), f"{run} is one too many"
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

    def recent(self, run: Waiting) -> list[int]:
        return [
            at
            for at in self.starts.get(run.task, ())
            if run.rate and at > self.now - run.rate.seconds * SECOND
        ]

    def could_start(self, run: Waiting) -> bool:
        limits = self.queue.limits
        return (
            run.due <= self.now
            and len(self.running) < self.queue.concurrency
            and all(key not in limits or self.used(key) < limits[key] for key in run.keys)
            and (run.rate is None or len(self.recent(run)) < run.rate.count)
        )

    @invariant()
    def it_knows_what_runs_and_waits(self) -> None:
        if not hasattr(self, "queue"):
            return
        assert set(self.queue.running) == set(self.running)
        assert {run.id for run in self.queue.waiting} == set(self.waiting)
        assert len(self.queue) == len(self.waiting)
        upcoming = self.queue.next_time()
        future = [run.due for run in self.waiting.values() if run.due > self.now]
        if future:
            assert upcoming is not None
            assert upcoming <= min(future)


class TestQueue(QueueMachine.TestCase):
    settings = settings(max_examples=25, stateful_step_count=30)


# Hypothesis keeps all that it has tried: three thousand at once take eight gigabytes.
@pytest.mark.thorough
@pytest.mark.parametrize("part", range(10))
def test_the_queue_at_length(part: int) -> None:
    run_state_machine_as_test(QueueMachine, settings=settings(max_examples=300, stateful_step_count=80))


def test_low_priority_never_starves() -> None:
    queue = RunQueue(concurrency=1)
    queue.offer(Waiting("low", "t", rank(0, Priority.LOW), 0))
    now, seen = 0, list[str]()
    # A HIGH run is always there, and takes ten seconds.
    while "low" not in seen:
        queue.offer(Waiting(f"high {now}", "t", rank(now, Priority.HIGH), now))
        (started,) = queue.start(now)
        seen.append(started.id)
        queue.release(started.id)
        now += 10 * SECOND
        assert now <= (Priority.HIGH * HEAD_START_SECONDS + 20) * SECOND


@pytest.mark.parametrize("most", [2, None])
def test_a_limit_that_is_raised_lets_start_what_waited_for_it(most: int | None) -> None:
    queue = RunQueue(concurrency=5, limits={"k": 1})
    for name in "ab":
        queue.offer(Waiting(name, name, 0, 0, ("k",)))
    assert [run.id for run in queue.start(1)] == ["a"]
    assert queue.start(2) == []
    queue.limit("k", most)
    assert [run.id for run in queue.start(3)] == ["b"]


def test_a_place_that_is_given_back_is_taken_by_the_next() -> None:
    queue = RunQueue(concurrency=5, limits={"k": 1})
    for name in "abc":
        queue.offer(Waiting(name, name, 0, 0, ("k",)))
    for name in "abc":
        assert [run.id for run in queue.start(1)] == [name]
        queue.release(name)
    assert queue.running == {}


def test_a_rate_is_remembered() -> None:
    queue = RunQueue(concurrency=5)
    queue.remember_starts("t", [99 * SECOND, 95 * SECOND])
    queue.offer(Waiting("a", "t", 0, 0, rate=Rate(2, 10.0)))
    assert queue.start(100 * SECOND) == []
    assert queue.next_time() == 105 * SECOND
    assert [run.id for run in queue.start(105 * SECOND)] == ["a"]


def test_starts_that_are_told_again_count_once_and_those_of_one_moment_each() -> None:
    queue = RunQueue(concurrency=5)
    for name in "ab":
        queue.offer(Waiting(name, "t", 0, 0, rate=Rate(2, 10.0)))
    assert len(queue.start(SECOND)) == 2
    queue.remember_starts("t", [SECOND, SECOND])  # as the ledger tells them when the task is declared again
    queue.offer(Waiting("c", "t", 0, 0, rate=Rate(2, 10.0)))
    assert queue.start(2 * SECOND) == []
    assert queue.next_time() == 11 * SECOND


def test_a_rate_holds_when_the_clock_was_set_back() -> None:
    queue = RunQueue(concurrency=5)
    for number, now in enumerate((100 * SECOND, 50 * SECOND, 104 * SECOND)):
        queue.offer(Waiting(str(number), "t", 0, 0, rate=Rate(2, 10.0)))
        assert [run.id for run in queue.start(now)] == [str(number)], "the start at 50 s is over at 104 s"


def test_at_most_so_many_start_at_once() -> None:
    queue = RunQueue(concurrency=5)
    for name in "abc":
        queue.offer(Waiting(name, name, 0, 0))
    assert [run.id for run in queue.start(1, most=2)] == ["a", "b"]
    assert [run.id for run in queue.start(1, most=2)] == ["c"]


def test_what_runs_already_holds_its_places_though_there_is_no_room() -> None:
    queue = RunQueue(concurrency=1, limits={"k": 1})
    for name in "ab":
        queue.hold(Waiting(name, name, 0, 0, ("k",)))
        queue.hold(Waiting(name, name, 0, 0, ("k",)))  # a second time is harmless
    queue.offer(Waiting("c", "c", 0, 0, ("k",)))
    for name in "ab":
        assert queue.start(1) == []
        queue.release(name)
    assert [run.id for run in queue.start(1)] == ["c"]


def test_a_run_starts_in_the_place_of_the_one_that_waits_for_it() -> None:
    queue = RunQueue(1, {"thread": 1, "tag:x": 1})

    def offer(id: str, *keys: str, due: int = 0) -> None:
        queue.offer(Waiting(id, id, rank(due, 0), due, keys))

    def started(now: int = 1) -> list[str]:
        return [run.id for run in queue.start(now)]

    offer("parent", "thread", "tag:x")
    assert started() == ["parent"]
    for id in ("other", "child", "grandchild"):
        offer(id, "thread")
    offer("later", "thread", due=5)
    offer("tagged", "thread", "tag:x")
    queue.lend("nobody", "other")
    assert started() == [], "only what runs can lend its place"
    queue.lend("parent", "child")
    assert started() == ["child"]
    queue.lend("child", "grandchild")
    assert started() == ["grandchild"]
    queue.lend("grandchild", "tagged")
    queue.lend("grandchild", "later")
    assert started() == [], "another limit is full, and the other's time has not come"
    assert started(now=5) == ["later"]
    for id in ("later", "grandchild"):
        queue.release(id)
    queue.lend("child", "other")
    queue.take_back("child", "other")
    queue.release("child")
    queue.take_back("parent", "child")
    assert started() == []
    queue.release("parent")
    assert started() == ["other"]
