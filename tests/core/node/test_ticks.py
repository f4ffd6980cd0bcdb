"""The moments at which a process wakes that has nothing to do."""

from __future__ import annotations

import anyio
import pytest

from schedkit.core.node.ticks import next_tick, rest, seconds_to_tick


def test_ticks_of_several_lengths_coincide() -> None:
    ticks = {every: set[float]() for every in (0.2, 1.0)}
    for every, found in ticks.items():
        now = 100.0
        while now < 110:
            now = next_tick(every, now, 4711)
            found.add(round(now, 6))
    assert len(ticks[0.2]) == pytest.approx(50, abs=1)
    assert len(ticks[1.0]) == pytest.approx(10, abs=1)
    assert {tick for tick in ticks[1.0] if tick < 110} <= ticks[0.2]


def test_other_processes_wake_at_other_moments() -> None:
    assert next_tick(1.0, 100.5, 1) != pytest.approx(next_tick(1.0, 100.5, 2))


def test_a_timer_that_came_early_is_not_waited_for_again() -> None:
    tick = next_tick(1.0, 100.5, 1)
    assert next_tick(1.0, tick - 0.001, 1) == pytest.approx(tick + 1.0)
    assert next_tick(1.0, tick - 0.1, 1) == pytest.approx(tick)


def test_a_rest_ends_at_a_tick_or_later() -> None:
    async def main() -> None:
        before = anyio.current_time()
        at = before + seconds_to_tick(0.05)
        await rest(0.05)
        assert anyio.current_time() >= at - 0.001 or at > before + 0.05

    anyio.run(main)
