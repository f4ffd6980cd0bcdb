"""Schedules in the order of their due times."""

from __future__ import annotations

import heapq

from schedkit.core.triggers.schedule import Schedule

__all__ = ["Schedules"]


class Schedules:
    """A heap of schedules, the next due first.

    Their next times are kept in the tasks' rows; this holds only the order.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str]] = []
        self._known: dict[str, tuple[int, Schedule]] = {}
        # A schedule that is put again leaves its old entry in the heap; the serial shows which is valid.
        self._serial = 0

    def __contains__(self, task: str) -> bool:
        return task in self._known

    def __getitem__(self, task: str) -> Schedule:
        return self._known[task][1]

    @property
    def due_times(self) -> dict[str, int]:
        """When each schedule is due."""
        serials = {serial: task for task, (serial, _) in self._known.items()}
        return {serials[serial]: due for due, serial, _ in self._heap if serial in serials}

    def put(self, schedule: Schedule, due: int) -> None:
        """Add a schedule that is due at a time (microseconds since 1970), or change its time."""
        self._serial += 1
        self._known[schedule.task] = (self._serial, schedule)
        heapq.heappush(self._heap, (due, self._serial, schedule.task))
        if len(self._heap) > 64 + 2 * len(self._known):
            current = {serial for serial, _ in self._known.values()}
            self._heap = [entry for entry in self._heap if entry[1] in current]
            heapq.heapify(self._heap)

    def drop(self, task: str) -> None:
        """Remove a task's schedule, if there is one."""
        self._known.pop(task, None)

    def clear(self) -> None:
        """Remove all schedules."""
        self._known.clear()
        self._heap.clear()

    def take(self, now: int, most: int) -> list[Schedule]:
        """Remove at most `most` schedules that are due at `now` and return them, the earliest first."""
        found: list[Schedule] = []
        while len(found) < most:
            due = self.next_due()
            if due is None or due > now:
                break
            _, _, task = heapq.heappop(self._heap)
            found.append(self._known.pop(task)[1])
        return found

    def next_due(self) -> int | None:
        """Return when the next schedule is due."""
        while self._heap:
            due, serial, task = self._heap[0]
            known = self._known.get(task)
            if known is not None and known[0] == serial:
                return due
            heapq.heappop(self._heap)
        return None
