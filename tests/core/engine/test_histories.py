"""Random histories of the engine: whatever happens, in whatever order, its promises hold."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from support.engine_desk import LIFE, Desk, rescheduled
from support.engine_histories import History
from support.engine_ledger import LedgerModel, RefusedError
from support.engine_tasks import START, declaration

from schedkit.core.engine.changes import TaskPut
from schedkit.core.engine.decision import Decision
from schedkit.core.engine.stimuli import Ended, Pause, Stimulus
from schedkit.core.model import Task
from schedkit.core.states import Outcome
from schedkit.core.triggers.constructors import every
from schedkit.values.instants import SECOND

STEPS = 40
ONE, TWO = 260, 175  # histories of a test, of one process and of two at one ledger


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Tell nothing of the triggers that have no time left."""
    logger = logging.getLogger("schedkit")
    level = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(level)


def play(first: int, count: int, processes: int) -> Counter[str]:
    happened: Counter[str] = Counter()
    for seed in range(first, first + count):
        history = History(seed, processes)
        try:
            history.play(STEPS)
        except Exception as error:
            error.add_note(f"in the history of seed {seed} of {processes}")
            raise
        happened += history.counts
    # Histories in which nothing goes wrong would judge little.
    assert happened["crashes"] > count / 4
    assert happened["rebuilt"] > count / 2
    assert happened["refused"] or processes > 1  # with two it is rare: one in a hundred histories
    assert happened["asked"] > count / 10
    assert happened["timeouts"] > count / 20
    assert happened["stimuli"] > STEPS * count
    return happened


@pytest.mark.parametrize("first", range(0, 5 * ONE, ONE))
def test_whatever_happens_the_engine_keeps_its_promises(first: int) -> None:
    play(first, ONE, 1)


@pytest.mark.parametrize("first", range(0, 4 * TWO, TWO))
def test_whatever_happens_to_two_processes_they_keep_them_together(first: int) -> None:
    happened = play(first, TWO, 2)
    assert happened["heard"] > TWO * 5
    assert happened["moved"] > TWO / 2
    assert happened["stale"] > TWO / 10
    assert happened["outdated"]
    assert happened["buried"] > TWO / 4
    assert happened["abroad"], "no run goes on where its task was at home"
    assert happened["claims"] > TWO
    assert happened["refused claims"] > TWO / 10


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(10_000, 40_000, 2500))
def test_whatever_happens_at_length(first: int) -> None:
    play(first, 2500, 1)


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(10_000, 30_000, 2500))
def test_whatever_happens_to_two_processes_at_length(first: int) -> None:
    play(first, 2500, 2)


# What is judged of due times

EVERY_13S = every("13s", start=START)


class Judged:
    """An engine and the ledger to which each of its decisions is written."""

    def __init__(self) -> None:
        self.desk, self.ledger = Desk(), LedgerModel()

    def ask(self, *stimuli: Stimulus, after: float = 0.0) -> Decision:
        decision = self.desk.ask(*stimuli, after=after)
        self.ledger.apply(decision, self.desk.now, LIFE)
        return decision


@pytest.fixture
def judged() -> Judged:
    """A task every 13 seconds, which has run once."""
    judged = Judged()
    judged.ask(declaration(Task(name="t", trigger=EVERY_13S)))
    judged.ask(after=13)
    assert judged.ledger.scheduled == {("t", judged.desk.now): "made1"}
    judged.ask(Ended(run="made1", attempt=1, outcome=Outcome.DONE))
    return judged


def test_a_task_is_given_its_trigger_again_at_the_time_of_its_anchor(judged: Judged) -> None:
    """The clock is set back to the microsecond at which the task was first given it."""
    first = judged.ledger.tasks["t"]
    judged.ask(rescheduled("t", EVERY_13S), after=-13)
    again = judged.ledger.tasks["t"]
    assert (again.anchored, again.next) == (first.anchored, judged.desk.now + 13 * SECOND)
    judged.ledger.check()
    judged.ask(rescheduled("t", every("7s")))  # before the time comes that has its run
    judged.ledger.check()


def test_a_time_that_comes_again_runs_once(judged: Judged) -> None:
    judged.ask(rescheduled("t", EVERY_13S), after=-13)
    with pytest.raises(RefusedError):
        judged.ask(after=13)
    judged.ledger.check()


def test_a_schedule_that_goes_on_does_not_go_back(judged: Judged) -> None:
    decision = judged.desk.ask(Pause(task="t", actor="me"))
    (place,) = [i for i, change in enumerate(decision.changes) if isinstance(change, TaskPut)]
    row = judged.ledger.tasks["t"]
    decision.changes[place] = TaskPut(replace(row, next=judged.desk.now), row.home)
    with pytest.raises(AssertionError, match="t goes back from"):
        judged.ledger.apply(decision, judged.desk.now, LIFE)
