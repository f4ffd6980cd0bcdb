"""The due times of one trigger of a task, and what a ledger must say of each of them."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field

from schedkit.core.engine.changes import FireRecorded
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.wallclock import TICK
from schedkit.values.instants import from_micros, to_micros

__all__ = ["Era"]


@dataclass
class Era:
    """The due times of one trigger of a task, from its first on; those before `until` are settled."""

    task: str
    trigger: Trigger
    anchored: int
    since: int
    until: int | None
    runs: Counter[int] = field(default_factory=Counter)
    fires: list[FireRecorded] = field(default_factory=list)

    def times(self) -> list[int]:
        """Return its due times before `until`; None: all that there are, ten thousand at most."""
        until = self.until
        walk = map(to_micros, self.trigger.walk(from_micros(self.since) - TICK, 10_000))
        return list(itertools.takewhile(lambda time: until is None or time < until, walk))

    def check(self, others: set[int]) -> None:
        """Each time before `until` has one outcome; one that ran before this era began has its run."""
        times = self.times()
        covered: Counter[int] = Counter()
        for fire in self.fires:
            inside = [time for time in times if fire.first <= time <= fire.last]
            assert inside, f"{self.task}: {fire} covers no due time"
            assert (inside[0], inside[-1]) == (fire.first, fire.last), f"{self.task}: {fire} and {inside}"
            assert fire.count in (len(inside), None), f"{self.task}: {fire} covers {len(inside)} times"
            covered.update(inside)
        for time in times:
            found = covered[time] + self.runs[time]
            assert found == 1 or (found == 0 and time in others), (
                f"{self.task}: {from_micros(time)} has {self.runs[time]} runs, {covered[time]} fires"
            )
        assert self.runs.keys() <= set(times), f"{self.task}: runs at {self.runs.keys() - set(times)}"
