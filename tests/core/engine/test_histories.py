"""Random histories of the engine: whatever happens, in whatever order, its promises hold."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

import pytest
from support.engine_histories import History

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
    assert happened["refused"]
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
