"""When: schedules ordered by due time, and the short loop that has what is due recorded.

Nothing here reads a clock or a store; both are arguments. What becomes of a due time is decided in
`schedkit.core.when.dispositions`; the recorder commits it, and if that fails the old schedule stays.
"""

from __future__ import annotations

import heapq
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime

import anyio
import anyio.lowlevel

from schedkit.core.when.dispositions import Fire, Schedule, Tick, due, skipped
from schedkit.values.durations import duration_text

__all__ = ["Fire", "Schedule", "Tick", "Timetable", "due", "run_clock", "skipped"]

logger = logging.getLogger(__name__)

# The longest sleep: a jump of the wall clock, or a laptop that slept, is noticed within it.
LONGEST_NAP_SECONDS = 1.0
# Schedules decided at once; more would hold the loop too long. The ledger commits several together.
BATCH = 50
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


class Timetable:
    """Schedules ordered by due time; taking the due ones costs nothing for the others.

    Used on one loop only. A schedule taken with `take` stays known as taken until it is settled; if it
    is put or dropped meanwhile, that wins.
    """

    def __init__(self, schedules: Iterable[Schedule] = ()) -> None:
        self._heap: list[tuple[datetime, int, str]] = []
        self._entries: dict[str, tuple[int, Schedule]] = {}
        self._taken: set[str] = set()
        self._serial = 0
        self._changed = anyio.Event()
        for schedule in schedules:
            self.put(schedule)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, task: str) -> bool:
        return task in self._entries

    def __getitem__(self, task: str) -> Schedule:
        return self._entries[task][1]

    def put(self, schedule: Schedule) -> None:
        """Add a schedule, or replace the one of the same task."""
        self._taken.discard(schedule.task)
        self._push(schedule)
        self._changed.set()

    def drop(self, task: str) -> None:
        """Forget a task's schedule, if there is one."""
        self._taken.discard(task)
        self._entries.pop(task, None)

    def take(self, now: datetime, limit: int = BATCH) -> list[Schedule]:
        """Return at most `limit` schedules that are due at `now`, the earliest first."""
        found: list[Schedule] = []
        while self._heap and self._heap[0][0] <= now and len(found) < limit:
            _, serial, task = heapq.heappop(self._heap)
            entry = self._entries.get(task)
            if entry is not None and entry[0] == serial:
                self._taken.add(task)
                found.append(entry[1])
        return found

    @property
    def taken(self) -> bool:
        """Whether any schedule is taken: its due time is being recorded."""
        return bool(self._taken)

    def took(self, task: str) -> bool:
        """Tell whether a task's schedule is taken, and was neither put nor dropped since."""
        return task in self._taken

    def settle(self, schedules: Iterable[Schedule]) -> None:
        """Put back what was taken, unless it was put or dropped meanwhile."""
        for schedule in schedules:
            if schedule.task in self._taken:
                self._taken.discard(schedule.task)
                self._push(schedule)
                self._changed.set()

    def next_due(self) -> datetime | None:
        """Return when the next schedule is due."""
        while self._heap:
            due_at, serial, task = self._heap[0]
            entry = self._entries.get(task)
            if entry is not None and entry[0] == serial:
                return due_at
            heapq.heappop(self._heap)
        return None

    async def changed(self, timeout: float) -> None:
        """Wait until a schedule is put or comes back, at most `timeout` seconds."""
        with anyio.move_on_after(timeout):
            await self._changed.wait()
        self._changed = anyio.Event()

    def _push(self, schedule: Schedule) -> None:
        self._serial += 1
        self._entries[schedule.task] = (self._serial, schedule)
        due_at = schedule.due_at
        if due_at is not None:
            heapq.heappush(self._heap, (due_at, self._serial, schedule.task))
        if len(self._heap) > 64 + 2 * len(self._entries):
            # Replaced entries are left in the heap until they would be due; do not let them pile up.
            live = {serial for serial, _ in self._entries.values()}
            self._heap = [entry for entry in self._heap if entry[1] in live]
            heapq.heapify(self._heap)


def utc_now() -> datetime:
    """Return the present, UTC."""
    return datetime.now(UTC)


async def run_clock(
    timetable: Timetable,
    *,
    record: Callable[[Tick], Awaitable[None]],
    active: Callable[[str], int],
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Take what is due, have it recorded, advance; sleep until more is due or something changes.

    Runs until it is cancelled. Recording that fails advances nothing: the same times are looked at
    again, with the then present time, after a short pause.

    Parameters
    ----------
    record : async callable
        Commits a tick's dispositions and advances in one transaction.
    active : callable
        Task name → its runs that have not ended.
    now : callable
        The wall clock. It may jump: back, and nothing runs twice; forward, and times passed over are
        late, which is what grace and coalesce are about.
    """
    trouble = _Trouble()

    async def commit(tick: Tick) -> None:
        try:
            await record(tick)
        except Exception as error:
            timetable.settle(tick.before)
            trouble.noticed(error)
        else:
            timetable.settle(tick.after)
            trouble.over()

    async with anyio.create_task_group() as group:
        while True:
            await trouble.pause()
            moment = now()
            schedules = timetable.take(moment)
            if schedules:
                # Recorded while the next portion is decided: a schedule that was taken comes back only
                # when it is settled, so no two ticks are ever about the same one.
                tick = due(schedules, moment, active)
                for task, error in tick.broken:
                    logger.error(
                        "the trigger of task %r failed and gives no further time until the task is declared "
                        "again or rescheduled: %s",
                        task,
                        error,
                    )
                group.start_soon(commit, tick)
                await anyio.lowlevel.checkpoint()
                continue
            upcoming = timetable.next_due()
            wait = LONGEST_NAP_SECONDS if upcoming is None else (upcoming - moment).total_seconds()
            await timetable.changed(min(max(wait, 0.0), LONGEST_NAP_SECONDS))


class _Trouble:
    """How long to leave a store alone that does not record: longer each time, until it does."""

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0

    def noticed(self, error: Exception) -> None:
        """Note a failure; several portions that fail together count once."""
        if time.monotonic() < self._until:
            return
        pause = min(FIRST_PAUSE_SECONDS * 2**self._failures, LONGEST_PAUSE_SECONDS)
        self._failures += 1
        self._until = time.monotonic() + pause
        logger.warning("due times could not be recorded, trying again in %s: %s", duration_text(pause), error)

    def over(self) -> None:
        """Note a success."""
        self._failures = 0

    async def pause(self) -> None:
        """Wait until the store may be tried again."""
        while (left := self._until - time.monotonic()) > 0:
            await anyio.sleep(left)
