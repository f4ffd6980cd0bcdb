"""Running attempts, and when each of them is to be checked."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

from schedkit.core.model import Task

__all__ = ["Active", "Deadlines"]


@dataclass(slots=True)
class Active:
    """An attempt whose end is not recorded; `why` and `actor` say why and by whom it was asked to stop.

    `wanted`: if it ends well all the same, it counts: it was not cancelled, only its task removed.
    """

    run: str
    attempt: int
    task: Task
    deadline: int | None
    why: str = ""
    actor: str = ""
    wanted: bool = False


class Deadlines:
    """When to check the attempts that are `active`, on the monotonic clock; at most one time for each."""

    def __init__(self, active: Mapping[str, Active]) -> None:
        self._active = active
        self._heap: list[tuple[int, str, int]] = []  # with the run and the number of its attempt

    def watch(self, run: str) -> None:
        """Have the active attempt of a run checked at its deadline, if it has one."""
        active = self._active[run]
        if active.deadline is None:
            return
        heapq.heappush(self._heap, (active.deadline, run, active.attempt))
        if len(self._heap) > 64 + 4 * len(self._active):
            # An attempt that has ended is not held until its deadline, which may be an hour away.
            self._heap = [entry for entry in self._heap if self._matters(*entry)]
            heapq.heapify(self._heap)

    def _matters(self, deadline: int, run: str, attempt: int) -> bool:
        active = self._active.get(run)
        return active is not None and active.attempt == attempt and active.deadline == deadline

    def next(self) -> int | None:
        """Return when the next attempt is to be checked."""
        while self._heap and not self._matters(*self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self, now: int) -> str | None:
        """Remove a deadline that has passed; return its run, None if there is none."""
        deadline = self.next()
        if deadline is None or deadline > now:
            return None
        return heapq.heappop(self._heap)[1]
