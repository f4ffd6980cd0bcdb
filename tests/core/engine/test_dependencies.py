"""Which runs wait for which: paired in their order, decided once, forgotten where a task waits no more."""

from __future__ import annotations

import pytest

from schedkit.core.engine.dependencies import DependencyTracker, Verdict, Wait
from schedkit.core.engine.snapshot import WaitRow
from schedkit.core.states import State


@pytest.fixture
def tracker() -> DependencyTracker:
    return DependencyTracker()


def test_the_nth_run_is_paired_with_the_nth(tracker: DependencyTracker) -> None:
    tracker.expect("c1", "child", {"a": Wait("a1"), "b": Wait(None)})
    assert tracker.bind("child", "a", "a2") is None, "c1 has its a already"
    tracker.expect("c2", "child", {"a": Wait("a2"), "b": Wait(None)})
    assert tracker.ended("a1", State.FAILED) == [Verdict("c1", "a", State.FAILED)]
    assert tracker.bind("child", "b", "b1") == "c1", "a run that was skipped still takes its partner"
    assert tracker.bind("child", "b", "b2") == "c2"
    assert list(tracker.missing("c2")) == ["a", "b"]
    assert tracker.ended("b1", State.DONE) == []
    assert tracker.ended("a2", State.DONE) == []
    assert tracker.ended("b2", State.DONE) == [Verdict("c2")]
    assert tracker.runs_of("b2") == []
    assert tracker.rows() == []


@pytest.mark.parametrize(
    ("how", "state", "verdict"),
    [
        ("success", State.DONE, Verdict("c")),
        ("success", State.SKIPPED, Verdict("c", "a", State.SKIPPED)),
        ("any", State.FAILED, Verdict("c")),
        ("any", State.CANCELLED, Verdict("c")),
    ],
)
def test_a_parents_end_decides(tracker: DependencyTracker, how: str, state: State, verdict: Verdict) -> None:
    tracker.expect("c", "child", {"a": Wait("a1", how)})
    assert tracker.runs_of("a1") == ["c"]
    assert tracker.ended("a1", state) == [verdict]
    assert tracker.ended("a1", state) == [], "once"


def test_nothing_more_is_decided_about_a_run_that_is_judged(tracker: DependencyTracker) -> None:
    tracker.expect("c", "child", {"a": Wait("a1"), "b": Wait(None)})
    tracker.judge("c")
    tracker.judge("nobody")
    assert tracker.ended("a1", State.DONE) == []
    assert tracker.rows() == [
        WaitRow("c", "child", "a", "a1", "success"),
        WaitRow("c", "child", "b", None, "success"),
    ]
    assert tracker.bind("child", "b", "b1") == "c"
    assert tracker.rows() == []


def test_a_task_forgets_the_parents_it_is_declared_without(tracker: DependencyTracker) -> None:
    tracker.expect("c1", "child", {"a": Wait("a1"), "b": Wait("b1", ended=State.DONE)})
    tracker.expect("c2", "child", {"a": Wait("a1"), "b": Wait(None)})
    tracker.expect("o", "other", {"a": Wait("a1")})
    assert tracker.forget("child", keep={"b"}) == ({"c1": ["a"], "c2": ["a"]}, {"c1"})
    assert tracker.runs_of("a1") == ["o"]
    assert list(tracker.missing("c2")) == ["b"]
    assert tracker.forget("child", keep={"b"}) == ({}, set())
    assert tracker.forget("child", keep={"b"}, to_come=False) == ({"c2": ["b"]}, {"c2"})
    assert tracker.bind("child", "b", "b2") is None
    assert tracker.forget("nobody") == ({}, set())
    assert [row.run for row in tracker.rows()] == ["o"]


def test_a_judged_run_forgets_too_and_takes_no_partner(tracker: DependencyTracker) -> None:
    tracker.expect("c1", "child", {"a": Wait("a1"), "b": Wait(None)})
    tracker.expect("c2", "child", {"a": Wait("a1"), "b": Wait(None)})
    tracker.judge("c1")
    forgotten, free = tracker.forget("child", keep={"a"})
    assert forgotten == {"c1": ["b"], "c2": ["b"]}
    assert free == set(), "c2 still waits for a, and c1 is decided"
    assert tracker.ended("a1", State.DONE) == [Verdict("c2")]
    assert tracker.rows() == []
