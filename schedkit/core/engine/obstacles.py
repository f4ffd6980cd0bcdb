"""What keeps runs from starting: full limits, rates, code that does not end. Pure; for screens and people."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo

import msgspec

from schedkit.core.engine.queue import AWAY, Hindrance, RunQueue, Waiting
from schedkit.values.instants import from_micros
from schedkit.values.timezones import local_timezone

__all__ = [
    "Hung",
    "Moments",
    "Obstacle",
    "Obstacles",
    "Unbegun",
    "hung_obstacles",
    "queue_obstacles",
    "run_obstacle",
    "unbegun_obstacles",
]

# Of a long queue, so many runs are looked at: a screen asks several times a second.
MOST_LOOKED_AT = 500
_MOST_NAMED = 3
# What code waits for, by the kind of its executor.
_PLACES = {
    AWAY: "a worker",
    "executor": "a place in its executor",
    "process": "a child process",
    "loop": "the loop that the async tasks share",
}


class Obstacle(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that keeps runs from starting.

    Attributes
    ----------
    kind : str
        "stopped", "ledger", "clock", "paused", "home", "hung", "blocked", "concurrency", "limit", "rate",
        "parents", "retry", "due", "running" or "ended"; "begin": what was started waits where it is to run;
        "outbox": alerts cannot be delivered.
    text : str
        All of it as a sentence.
    task, run : str
        Whose it is; empty: of no single one.
    since : datetime or None
        Since when (aware, UTC), if that is known.
    wrong : bool
        Somebody has to do something; else it passes by itself.
    """

    kind: str
    text: str
    task: str = ""
    run: str = ""
    since: datetime | None = None
    wrong: bool = False

    def __str__(self) -> str:
        return self.text


class Obstacles(tuple[Obstacle, ...]):
    """Obstacles, the worst first; shown as a line for each.

    Examples
    --------
    >>> Obstacles()
    nothing keeps runs from starting
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or "nothing keeps runs from starting"

    __str__ = __repr__


class Hung(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt whose end is recorded while its code still runs; `started` is in microseconds since 1970.

    `why` is "timeout", "cancel" or "stop".
    """

    run: str
    task: str
    why: str
    started: int


class Unbegun(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that was started, in microseconds since 1970, and whose code waits for its place.

    `executor` is the kind of its executor.
    """

    run: str
    task: str
    executor: str
    started: int

    @property
    def waits_for(self) -> str:
        """What it waits for, in words."""
        return _PLACES.get(self.executor, "its place")


class Moments:
    """Moments as they are shown: in the scheduler's zone, with the day unless it is today."""

    def __init__(self, now: int, tz: tzinfo | None) -> None:
        self._tz = tz or local_timezone()
        self.now = now
        self._today = from_micros(now).astimezone(self._tz).date()

    def text(self, at: datetime | int) -> str:
        """Return a moment as text.

        Examples
        --------
        >>> from datetime import UTC
        >>> Moments(0, UTC).text(61_000_000)
        '00:01:01'
        """
        local = (from_micros(at) if isinstance(at, int) else at).astimezone(self._tz)
        return f"{local:%H:%M:%S}" if local.date() == self._today else f"{local:%Y-%m-%d %H:%M}"


def hung_obstacles(hung: Iterable[Hung], moments: Moments) -> Iterator[Obstacle]:
    """Yield the code that still runs after the recorded end of its attempt."""
    words = {"timeout": "timed out", "cancel": "was cancelled", "stop": "was stopped"}
    for each in hung:
        yield Obstacle(
            kind="hung",
            text=f"task {each.task!r}: run {each.run} {words[each.why]}, but its code, which began at "
            f"{moments.text(each.started)}, has not ended and keeps its place",
            task=each.task,
            run=each.run,
            since=from_micros(each.started),
            wrong=True,
        )


def unbegun_obstacles(unbegun: Iterable[Unbegun], moments: Moments) -> Iterator[Obstacle]:
    """Yield the attempts whose code waits for its place though they were started."""
    for each in unbegun:
        yield Obstacle(
            kind="begin",
            text=f"task {each.task!r}: run {each.run} was started at {moments.text(each.started)}, and its "
            f"code waits for {each.waits_for}",
            task=each.task,
            run=each.run,
            since=from_micros(each.started),
        )


def queue_obstacles(queue: RunQueue, hung: Sequence[Hung], moments: Moments) -> Iterator[Obstacle]:
    """Yield what the runs of a queue wait for whose time has come; on any thread."""
    found: dict[Hindrance, list[Waiting]] = {}
    waiting = itertools.islice(queue.waiting, MOST_LOOKED_AT)
    for run in waiting:
        hindrance = queue.hindrance(run, moments.now)
        if hindrance is not None and hindrance.kind != "due":
            found.setdefault(hindrance, []).append(run)
    for hindrance, runs in found.items():
        yield _of_several(hindrance, runs, queue, hung, moments)


def _of_several(
    hindrance: Hindrance, runs: Sequence[Waiting], queue: RunQueue, hung: Sequence[Hung], moments: Moments
) -> Obstacle:
    tasks = {run.task for run in runs}
    (task,) = tasks if len(tasks) == 1 else ("",)
    number, verb = ("1 run", "waits") if len(runs) == 1 else (f"{len(runs)} runs", "wait")
    of_task = f" of task {task!r}" if task else ""
    stuck = _stuck(hindrance, queue, hung)
    return Obstacle(
        kind=hindrance.kind,
        text=f"{number}{of_task} {verb}: {_limit_text(hindrance, queue, moments)}{_holders_text(stuck)}",
        task=task,
        since=from_micros(min(run.due for run in runs)),
        wrong=bool(stuck) or hindrance.key in queue.why,
    )


def run_obstacle(run: Waiting, queue: RunQueue, hung: Sequence[Hung], moments: Moments) -> Obstacle | None:
    """Return what one run of a queue waits for, None if it starts now."""
    hindrance = queue.hindrance(run, moments.now)
    if hindrance is None:
        return None
    stuck = _stuck(hindrance, queue, hung)
    return Obstacle(
        kind=hindrance.kind,
        text=f"run {run.id} of task {run.task!r} waits: {_limit_text(hindrance, queue, moments)}"
        f"{_holders_text(stuck)}",
        task=run.task,
        run=run.id,
        since=from_micros(run.due),
        wrong=bool(stuck) or hindrance.key in queue.why,
    )


def _limit_text(hindrance: Hindrance, queue: RunQueue, moments: Moments) -> str:
    key = hindrance.key
    match hindrance.kind:
        case "due":
            return f"it is due at {moments.text(hindrance.until)}"
        case "rate":
            return f"its rate, {key}, lets the next one start at {moments.text(hindrance.until)}"
        case "concurrency":
            return f"all places are taken (concurrency={queue.concurrency})"
    if key in queue.why:
        return queue.why[key]
    kind, _, name = key.partition(":")
    most = queue.limits.get(key, 0)
    if kind == AWAY:
        return f"the workers have no room for more ({most} at once)"
    if kind == "task":
        return f"{queue.used(key)} of it are running, and at most {most} may at once (max_instances)"
    if kind == "tag" and key in queue.blocked:
        return f"at most {most} with the tag {name!r} may run at once in all processes, and others do"
    if kind == "tag":
        return f"{queue.used(key)} with the tag {name!r} are running, and at most {most} may at once"
    places = {"process": ("child processes", "processes"), "thread": ("threads", "threads")}
    what, option = places.get(kind, (kind, kind))
    return f"all places in {what} are taken ({option}={most})"


def _stuck(hindrance: Hindrance, queue: RunQueue, hung: Sequence[Hung]) -> list[Hung]:
    """Return the hung attempts that hold a place that is wanted."""
    held = [(each, queue.running.get(each.run)) for each in hung]
    return [
        each
        for each, holder in held
        if holder is not None
        and (hindrance.kind == "concurrency" or hindrance.key in (*holder.keys, *holder.counted))
    ]


def _holders_text(stuck: Sequence[Hung]) -> str:
    if not stuck:
        return ""
    names = list(dict.fromkeys(repr(each.task) for each in stuck))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f", {len(stuck)} of them by code that does not end: {', '.join(names[:_MOST_NAMED])}{more}"
