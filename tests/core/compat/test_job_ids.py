"""Ids of jobs that are added without one: the same calls give the same ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schedkit.core.compat.job_ids import JobIds
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.constructors import at, every

HOURS = [every(hours=hour) for hour in range(1, 9)]
NO_CELL = ("", "")


def tick() -> None: ...


def made(word: str) -> Callable[[], str]:
    return lambda: word


class Desk:
    """Adds jobs, as `add_job` does."""

    def __init__(self) -> None:
        self.over: set[str] = set()
        self.declared: set[str] = set()
        self.ids = JobIds(self.over.__contains__)

    def add(
        self,
        function: Callable[..., Any] = tick,
        trigger: Trigger | None = None,
        cell: tuple[str, str] = NO_CELL,
        **params: Any,
    ) -> str:
        id = self.ids.choose(function, trigger, params, taken=self.declared, cell=cell)
        self.declared.add(id)
        return id


def test_jobs_that_differ_have_ids_of_their_own_and_the_same_job_has_its_own_again() -> None:
    for _ in range(2):  # the second is the script that starts again
        desk = Desk()
        assert [desk.add(trigger=hour) for hour in HOURS[:3]] == ["tick", "tick-2", "tick-3"]
        assert desk.add(trigger=HOURS[1]) == "tick-2"
        assert desk.add(trigger=HOURS[0], word="x") == "tick-4"
        assert desk.add() == "tick-5"
        assert desk.add(made("a")) == "lambda"
        assert desk.add(made("b")) == "lambda-2"
        assert desk.add(made("a")) == "lambda"


def test_names_of_tasks_are_not_taken() -> None:
    desk = Desk()
    desk.declared |= {"tick", "tick-2"}
    assert desk.add() == "tick-3"


def test_the_id_of_a_job_that_was_removed_is_free() -> None:
    desk = Desk()
    assert [desk.add(trigger=hour) for hour in HOURS[:2]] == ["tick", "tick-2"]
    desk.declared.remove("tick")
    assert desk.add(trigger=HOURS[2]) == "tick"


def test_ids_of_jobs_that_ran_once_are_used_again() -> None:
    desk = Desk()
    days = [at(f"2126-01-{day:02}") for day in range(1, 30)]
    assert [desk.add(trigger=day) for day in days[:2]] == ["tick", "tick-2"]
    desk.over.add("tick")
    assert desk.add(trigger=days[2]) == "tick"
    desk.over.clear()
    assert desk.add(trigger=days[3]) == "tick-3"


def test_a_cell_that_runs_again_with_other_triggers_replaces_its_jobs_in_their_order() -> None:
    desk = Desk()
    assert [desk.add(trigger=hour, cell=("a", "1")) for hour in HOURS[:2]] == ["tick", "tick-2"]
    assert desk.add(trigger=HOURS[7], cell=("b", "2")) == "tick-3"
    assert [desk.add(trigger=hour, cell=("a", "3")) for hour in HOURS[3:6]] == ["tick", "tick-2", "tick-4"]
    # What is as it was keeps its id wherever it stands in the cell.
    assert [desk.add(trigger=hour, cell=("a", "4")) for hour in (HOURS[4], HOURS[6])] == ["tick-2", "tick"]
