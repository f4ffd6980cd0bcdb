"""What keeps the runs of a life from starting, for screens, `sched.why()` and the log."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from datetime import tzinfo

from schedkit.core.engine.engine import Engine
from schedkit.core.engine.obstacles import (
    Hung,
    Moments,
    Obstacle,
    Obstacles,
    Unbegun,
    hung_obstacles,
    queue_obstacles,
    unbegun_obstacles,
)
from schedkit.core.events import LoopBlocked, StoreAway
from schedkit.core.node.clock import Clock, ClockSteps
from schedkit.values.durations import elapsed_text
from schedkit.values.instants import SECOND, to_micros

__all__ = ["LifeObstacles", "ObstacleLog"]

_log = logging.getLogger("schedkit")

# What is wrong for so long is logged, and runs that wait for so long though nothing is.
WRONG_SECONDS, WAITING_SECONDS = 10.0, 60.0
# Other processes are told of so many, the worst first.
MOST_KEPT = 20
# The writer logs the one, `look` the other.
_LOGGED_ELSEWHERE = {"ledger", "clock", "blocked"}


class LifeObstacles:
    """What keeps the runs of a life from starting.

    Parameters
    ----------
    engine : callable
        Returns the engine, which may be replaced.
    hung : callable
        Returns the attempts whose code still runs after their recorded end.
    unbegun : callable
        Returns the attempts whose code waits for its place though they were started.
    troubles : callable
        Returns the events about the store and the users' loop that are not over.
    tz : tzinfo or None
        The zone in which moments are shown.
    """

    def __init__(
        self,
        engine: Callable[[], Engine],
        hung: Callable[[], list[Hung]],
        unbegun: Callable[[], list[Unbegun]],
        troubles: Callable[[], list[StoreAway | LoopBlocked]],
        clock: Clock,
        tz: tzinfo | None,
    ) -> None:
        self._engine, self.hung, self.unbegun, self._troubles = engine, hung, unbegun, troubles
        self._clock, self._tz = clock, tz
        self._steps = ClockSteps()
        self._logged = ObstacleLog()

    def moments(self) -> Moments:
        """Return the present, and how moments are shown."""
        return Moments(self._clock.wall(), self._tz)

    def all(self) -> Obstacles:
        """Return all of them at this moment, the worst first; on any thread."""
        moments = self.moments()
        found = [*self._of_the_process(moments), *self._of_the_queue(moments)]
        return Obstacles(sorted(found, key=lambda each: not each.wrong))

    def lasting(self) -> Obstacles:
        """Return what other processes are to be told of: what is wrong, and what has lasted for a while."""
        wall = self._clock.wall()
        writable = (each for each in self.all() if each.kind != "ledger")
        found = (each for each in writable if each.wrong or _has_lasted(each, wall, 0.0))
        return Obstacles(itertools.islice(found, MOST_KEPT))

    def _of_the_process(self, moments: Moments) -> Iterator[Obstacle]:
        for event in self._troubles():
            at = moments.text(event.at)
            if isinstance(event, StoreAway):
                text = f"the ledger has taken no writes since {at}, and nothing starts: {event.reason}"
                yield Obstacle(kind="ledger", text=text, since=event.at, wrong=True)
            else:
                where = f" at {event.where}" if event.where else ""
                text = f"task {event.task!r} has blocked the other async tasks since {at}{where}"
                yield Obstacle(
                    kind="blocked", text=text, task=event.task, run=event.run, since=event.at, wrong=True
                )
        if (back := self._steps.back) is not None:
            text = (
                f"the clock was set back by {elapsed_text(back.seconds)}: due times up to "
                f"{moments.text(back.until)} were handled before, and none repeats; {self._next_due(moments)}"
            )
            yield Obstacle(kind="clock", text=text, wrong=True)

    def _of_the_queue(self, moments: Moments) -> Iterator[Obstacle]:
        hung = self.hung()
        yield from hung_obstacles(hung, moments)
        yield from unbegun_obstacles(self.unbegun(), moments)
        yield from queue_obstacles(self._engine().queue, hung, moments)

    def _next_due(self, moments: Moments) -> str:
        rows = list(self._engine().rows.values())
        upcoming = [(row.next, row.name) for row in rows if row.next is not None and not row.paused]
        if not upcoming:
            return "no task is due"
        next, task = min(upcoming)
        return f"the next due time is {moments.text(next)}, of task {task!r}"

    def look(self) -> None:
        """Log what is new; on our loop, now and then."""
        back = self._steps.look(self._clock.wall(), self._clock.steady())
        if back is not None:
            moments = self.moments()
            _log.warning(
                "the clock was set back by %s; no due time repeats: %s",
                elapsed_text(back.seconds),
                self._next_due(moments),
            )
        for obstacle in self._logged.new(self.all(), self._clock.wall(), time.monotonic()):
            _log.log(logging.WARNING if obstacle.wrong else logging.INFO, "%s", obstacle.text)


class ObstacleLog:
    """Decides which obstacles are logged: each once, when it has lasted for a while."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str, str], float] = {}
        self._told: set[tuple[str, str, str]] = set()

    def new(self, found: Obstacles, wall: int, steady: float) -> list[Obstacle]:
        """Return what is to be logged now.

        Parameters
        ----------
        wall : int
            The present in microseconds since 1970.
        steady : float
            Seconds on the monotonic clock.
        """
        keys = {(each.kind, each.task, each.run): each for each in found}
        self._since = {key: self._since.get(key, steady) for key in keys}
        self._told &= keys.keys()
        due = [
            key
            for key, each in keys.items()
            if key not in self._told
            and each.kind not in _LOGGED_ELSEWHERE
            and _has_lasted(each, wall, steady - self._since[key])
        ]
        self._told.update(due)
        return [keys[key] for key in due]


def _has_lasted(obstacle: Obstacle, wall: int, seen: float) -> bool:
    if obstacle.wrong:
        return seen >= WRONG_SECONDS
    return obstacle.since is not None and wall - to_micros(obstacle.since) >= WAITING_SECONDS * SECOND
