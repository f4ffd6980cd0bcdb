"""What every benchmark shares: a row of the table, a stop watch, a child process of its own."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One figure: ours against a named peer measured in the same run.

    `ratio` is how many times better ours is (`better=">="`, the target is a floor), or how many times
    more it costs (`better="<="`, the target is a ceiling). `target` None: shown for comparison only.
    """

    name: str
    ours: float
    peer: float
    peer_name: str
    unit: str
    ratio: float
    target: float | None
    better: str = ">="

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.ratio >= self.target if self.better == ">=" else self.ratio <= self.target

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds (all threads of this process) of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def median(values: Iterable[float]) -> float:
    return statistics.median(values)
