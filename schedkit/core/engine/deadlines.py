"""Running attempts, and when each of them is to be checked.

A timeout counts from when the code of an attempt began. Most begin at once: an attempt is checked as if all
did, and only then is it asked when its own began. A full pool, a child process that is being started or a
worker that is lost may have kept it.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

from schedkit.core.engine.stimuli import Began
from schedkit.core.model import Task
from schedkit.values.instants import SECOND

__all__ = ["Active", "Deadlines"]


@dataclass(slots=True)
class Active:
    """An attempt whose end is not recorded; `why` and `actor` say why and by whom it was asked to stop.

    `wanted`: if it ends well all the same, it counts: it was not cancelled, only its task removed. Without a
    deadline it has no timeout, or is asked when its code began.
    """

    run: str
    attempt: int
    task: Task
    deadline: int | None
    why: str = ""
    actor: str = ""
    wanted: bool = False
    begun: bool = False  # it is known when its code began, and its deadline is that of its timeout


class Deadlines:
    """When to check the attempts that are `active`, on the monotonic clock; at most one time for each."""

    def __init__(self, active: dict[str, Active]) -> None:
        self._active = active
        self._heap: list[tuple[int, str, int]] = []  # with the run and the number of its attempt

    def add(self, run: str, attempt: int, task: Task, began: int, *, known: bool = False) -> Active:
        """Add an attempt that began at that time; `known`: so did its code."""
        deadline = None if task.timeout is None else began + round(task.timeout * SECOND)
        added = self._active[run] = Active(run, attempt, task, deadline, begun=known)
        self.watch(run)
        return added

    def has_begun(self, active: Active) -> bool:
        """Tell whether a deadline that has passed is that of an attempt; else it waits for `begin`."""
        if active.begun or (active.why == "cancel" and not active.wanted):
            return True
        active.deadline = None
        return False

    def begin(self, stimulus: Began) -> dict[str, Any]:
        """Have an attempt checked by when its code began."""
        active = self._active.get(stimulus.run)
        if active is None or active.attempt != stimulus.attempt or active.begun:
            return {}
        active.begun = True
        if active.task.timeout is not None and not (active.why == "cancel" and not active.wanted):
            active.deadline = stimulus.at + round(active.task.timeout * SECOND)
            self.watch(active.run)
        return {}

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
