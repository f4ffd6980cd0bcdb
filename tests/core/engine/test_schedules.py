"""Schedules in the order of their due times, however often they are put and dropped."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from schedkit.core.engine.schedules import Schedules
from schedkit.core.triggers.constructors import every
from schedkit.core.triggers.schedule import Schedule

TRIGGER = every("1m", start=datetime(2026, 1, 5, tzinfo=UTC))


def made(**due: int) -> Schedules:
    schedules = Schedules()
    for task, at in due.items():
        schedules.put(Schedule(task, TRIGGER), at)
    return schedules


def names(taken: list[Schedule]) -> list[str]:
    return [schedule.task for schedule in taken]


def test_only_due_schedules_are_taken_the_earliest_first() -> None:
    schedules = made(c=3, a=1, b=2)
    assert schedules.next_due() == 1
    assert names(schedules.take(2, 50)) == ["a", "b"]
    assert schedules.next_due() == 3
    assert "a" not in schedules
    assert "c" in schedules
    assert schedules["c"].task == "c"


def test_at_most_so_many_are_taken() -> None:
    schedules = made(c=3, a=1, b=2)
    assert names(schedules.take(9, 2)) == ["a", "b"]
    assert names(schedules.take(9, 2)) == ["c"]
    assert schedules.take(9, 2) == []
    assert schedules.next_due() is None


def test_one_that_is_put_again_is_due_once_at_its_new_time() -> None:
    schedules = made(a=1)
    schedules.put(Schedule("a", TRIGGER), 5)
    assert schedules.take(4, 50) == []
    assert schedules.due_times == {"a": 5}
    assert names(schedules.take(9, 50)) == ["a"]
    assert schedules.take(9, 50) == []


def test_what_is_dropped_is_not_due() -> None:
    schedules = made(a=1, b=2)
    schedules.drop("a")
    schedules.drop("a")
    assert schedules.next_due() == 2
    schedules.clear()
    assert schedules.next_due() is None
    assert schedules.due_times == {}


def test_replacing_for_ever_keeps_what_is_due() -> None:
    schedules = made(far=20_000)
    for due in range(1000):
        schedules.put(Schedule("a", TRIGGER), due)
    assert names(schedules.take(20_000, 50)) == ["a", "far"]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 50), st.booleans()), max_size=40))
def test_they_are_a_sorted_dictionary(steps: list[tuple[str, int, bool]]) -> None:
    schedules, model = Schedules(), dict[str, int]()
    for task, at, drop in steps:
        if drop:
            schedules.drop(task)
            model.pop(task, None)
        else:
            schedules.put(Schedule(task, TRIGGER), at)
            model[task] = at
    assert schedules.due_times == model
    assert schedules.next_due() == min(model.values(), default=None)
    taken = names(schedules.take(25, 100))
    assert sorted(taken) == sorted(task for task, at in model.items() if at <= 25)
    assert [model[task] for task in taken] == sorted(model[task] for task in taken)
