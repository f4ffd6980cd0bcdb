"""Random histories of the engine: whatever happens, in whatever order, its promises hold."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

import pytest
from support.engine_histories import History

STEPS = 40
CHUNK = 250


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Tell nothing of the triggers that have no time left."""
    logger = logging.getLogger("schedkit")
    level = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(level)


def play(first: int, count: int) -> Counter[str]:
    happened: Counter[str] = Counter()
    for seed in range(first, first + count):
        history = History(seed)
        try:
            history.play(STEPS)
        except Exception as error:
            error.add_note(f"in the history of seed {seed}")
            raise
        happened += history.counts
    return happened


@pytest.mark.parametrize("first", range(0, 2000, CHUNK))
def test_whatever_happens_the_engine_keeps_its_promises(request: pytest.FixtureRequest, first: int) -> None:
    if first:  # what the first histories reach stands for all
        request.getfixturevalue("untraced")
    happened = play(first, CHUNK)
    # A history in which nothing goes wrong would judge little.
    assert happened["crashes"] > CHUNK / 4
    assert happened["rebuilt"] > CHUNK / 2
    assert happened["refused"]
    assert happened["stimuli"] > STEPS * CHUNK


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(10_000, 60_000, 2500))
def test_whatever_happens_at_length(first: int) -> None:
    play(first, 2500)
