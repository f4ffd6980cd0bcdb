"""One name, declared by several processes: a test for each case that is decided in `core/node/homes.py`.

The cases of one code and of a new process at one place are in `test_homes.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.lives import die
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.tasks.origin import declared_in
from schedkit.errors import DeclarationError

Make = Callable[..., Scheduler]
PLACE, COPY = "/daily.ipynb", "/copy.ipynb"


def first_code() -> str:
    return "first"


def edited_code() -> str:
    return "edited"


def other_code() -> str:
    return "other"


def declare(sched: Scheduler, function: Callable[[], Any], place: str, **how: Any) -> None:
    with declared_in(place):
        sched.task(name="one", **how)(function)


@pytest.fixture
def other(make: Make, sched: Scheduler) -> Scheduler:
    """A second process at the ledger of `sched`."""
    second = make(name="other")
    second.start()
    return second


def value(sched: Scheduler) -> object:
    return sched.submit("one").result("60s")


def test_the_home_declares_freely(sched: Scheduler, other: Scheduler) -> None:
    declare(sched, first_code, PLACE)
    declare(sched, edited_code, PLACE)
    assert (sched.at_home, value(sched)) == (["one"], "edited")


def test_a_later_process_of_the_place_is_home_also_while_an_heir_holds_the_task(
    sched: Scheduler, other: Scheduler, make: Make
) -> None:
    """A kernel is restarted after an edit; a copy of the notebook went on meanwhile."""
    declare(sched, first_code, PLACE)
    declare(other, first_code, COPY)
    sched.stop("1s")
    wait_until(lambda: other.at_home == ["one"])
    restarted = make(name="restarted")
    restarted.start()
    declare(restarted, edited_code, PLACE)
    assert (restarted.at_home, value(other)) == (["one"], "edited")
    wait_until(lambda: (other.at_home, other.standing_by) == ([], []))


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_what_a_person_moved_stays_there_and_the_cell_offers_to_bring_it_back(
    sched: Scheduler, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """A notebook's tasks were moved to its background process, which executes the same file."""
    declare(sched, first_code, PLACE)
    background = make(name="daily in the background")
    background.start()
    background.bring_home()
    declare(background, first_code, PLACE)
    wait_until(lambda: sched.standing_by == ["one"])
    caplog.clear()
    declare(sched, first_code, PLACE)
    told = "\n".join(caplog.messages)
    assert "'one': run by daily in the background (pid " in told
    assert "sched.bring_home() has it run here" in told
    words = r"task 'one' was moved to daily in the background \(pid .*, which runs other code under this name"
    with pytest.raises(DeclarationError, match=words) as refused:
        declare(sched, edited_code, PLACE)
    assert "sched.bring_home(), then run the cell or file again" in refused.value.hint
    assert value(sched) == "first"
    sched.bring_home()
    declare(sched, edited_code, PLACE)
    assert (sched.at_home, value(sched)) == (["one"], "edited")


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_other_code_is_refused_while_an_heir_lives(sched: Scheduler, other: Scheduler, make: Make) -> None:
    declare(sched, first_code, PLACE)
    declare(other, first_code, COPY)
    die(sched)
    third = make(name="third")
    third.start()
    wait_until(lambda: other.at_home == ["one"])
    with pytest.raises(DeclarationError, match=r"task 'one' is run by other \(pid .*, with other code"):
        declare(third, other_code, "/third.ipynb")
    assert value(third) == "first"


def test_where_neither_lives_other_code_becomes_home_and_says_whose_it_replaced(
    sched: Scheduler, other: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    declare(sched, first_code, PLACE)
    sched.stop("1s")
    wait_until(lambda: [node.name for node in other.nodes] == ["other"])
    declare(other, other_code, COPY)
    told = f"task 'one': the code here replaces that of {PLACE}, which runs no more"
    assert told in caplog.messages
    assert (other.at_home, value(other)) == (["one"], "other")
    other.stop("1s")
    caplog.clear()
    other.start()
    declare(other, edited_code, COPY)
    assert not [line for line in caplog.messages if "replaces" in line], "an edit of the same notebook"
    assert value(other) == "edited"


def test_replace_moves_a_task_once_for_each_run_of_the_cell(sched: Scheduler, other: Scheduler) -> None:
    declare(sched, first_code, PLACE)
    declare(other, other_code, COPY, replace=True)
    assert (other.at_home, value(sched)) == (["one"], "other")
    wait_until(lambda: not sched.at_home)
    declare(sched, first_code, PLACE, replace=True)
    wait_until(lambda: not other.at_home)
    other.stop("1s")
    other.start()  # its cell has not run again
    assert (other.at_home, value(other)) == ([], "first")
    declare(other, other_code, COPY, replace=True)
    assert (other.at_home, value(other)) == (["one"], "other")
