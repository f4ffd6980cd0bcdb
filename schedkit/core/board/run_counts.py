"""What is counted of each task, from the whole ledger on: what metrics are made of."""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import func, select

from schedkit.core import events as ev
from schedkit.core.states import State
from schedkit.core.store.database import Store
from schedkit.core.store.queries import LAST_SEQ
from schedkit.core.store.schema import attempts, details, fires, runs
from schedkit.core.text import load
from schedkit.values.instants import SECOND

__all__ = ["BOUNDS", "Extractions", "Histogram", "RunCounts", "extraction_facts", "run_counts"]

# Times are counted up to these seconds: an extraction takes minutes, and a run may wait as long.
BOUNDS = (1, 5, 15, 60, 300, 900, 1800, 3600)
# More runs that end between two looks than these are not looked at.
MOST_SILENT = 5000

Micros = int


class Histogram(msgspec.Struct, frozen=True):
    """Times: how many, their seconds, and how many were no longer than each of `BOUNDS`."""

    count: int = 0
    seconds: float = 0.0
    within: tuple[int, ...] = (0,) * len(BOUNDS)

    @classmethod
    def of(cls, seconds: float) -> Histogram:
        """Return that of one time."""
        return cls(1, seconds, tuple(int(seconds <= bound) for bound in BOUNDS))

    def plus(self, other: Histogram) -> Histogram:
        """Return both together."""
        within = tuple(map(operator.add, self.within, other.within))
        return Histogram(self.count + other.count, self.seconds + other.seconds, within)


class Extractions(msgspec.Struct, frozen=True):
    """What extractions have cost and brought; `throttled` are answers 429 and the like."""

    count: int = 0
    requests: int = 0
    throttled: int = 0
    rows: int = 0

    def plus(self, other: Extractions) -> Extractions:
        """Return both together."""
        return Extractions(
            self.count + other.count,
            self.requests + other.requests,
            self.throttled + other.throttled,
            self.rows + other.rows,
        )


class RunCounts:
    """What has happened to each task up to an event of the log, by the tasks' names.

    Values are replaced and never changed: copies share them.

    Attributes
    ----------
    ended : dict
        How many runs have ended in each state.
    durations : dict
        How long the last attempts of ended runs took.
    lateness : dict
        How much later than their due time scheduled runs have first started.
    due_times : dict
        How many due times had which outcome: the state of their run in lower case, or missed, coalesced or
        overlapped.
    retries : dict
        How many attempts were not the first of their run.
    last_done : dict
        When a run was last DONE, in microseconds since 1970.
    extractions : dict
        What is known of extractions; it is not in the log, so it begins with the counting.
    """

    def __init__(
        self,
        ended: Mapping[str, Mapping[str, int]],
        seq: int,
        *,
        durations: Mapping[str, Histogram] | None = None,
        lateness: Mapping[str, Histogram] | None = None,
        due_times: Mapping[str, Mapping[str, int]] | None = None,
        retries: Mapping[str, int] | None = None,
        last_done: Mapping[str, Micros] | None = None,
        extractions: Mapping[str, Extractions] | None = None,
    ) -> None:
        self._seq = seq
        self.ended = dict(ended)
        self.durations = dict(durations or {})
        self.lateness = dict(lateness or {})
        self.due_times = dict(due_times or {})
        self.retries = dict(retries or {})
        self.last_done = dict(last_done or {})
        self.extractions = dict(extractions or {})
        # Runs of which an extraction was heard, until they end; and ended ones of which none was.
        self._heard: set[str] = set()
        self._silent: deque[str] = deque(maxlen=MOST_SILENT)

    def copy(self) -> RunCounts:
        """Return what is counted so far."""
        return RunCounts(
            self.ended,
            self._seq,
            durations=self.durations,
            lateness=self.lateness,
            due_times=self.due_times,
            retries=self.retries,
            last_done=self.last_done,
            extractions=self.extractions,
        )

    def add(self, event: ev.Event) -> None:
        """Count an event, unless the ledger had it already."""
        count = _COUNTED.get(type(event))
        if count is not None and (event.seq > self._seq or isinstance(event, ev.RunOutput)):
            count(self, event)

    def take_silent(self) -> list[str]:
        """Return, once, the runs that have ended without a word of an extraction; on any thread."""
        return [self._silent.popleft() for _ in range(len(self._silent))]

    def add_extraction(self, task: str, facts: Mapping[str, Any]) -> None:
        """Count an extraction by its facts, or several by what they add up to."""
        told = (facts.get(name, 0) for name in ("requests", "throttled", "returned"))
        number = facts.get("extractions", 1)
        one = Extractions(number, *(number if isinstance(number, int) else 0 for number in told))
        self.extractions[task] = self.extractions.get(task, Extractions()).plus(one)

    def _run_started(self, event: ev.RunStarted) -> None:
        run = event.after
        if run.attempt > 1:
            self.retries[run.task] = self.retries.get(run.task, 0) + 1
        elif run.cause == "schedule" and run.scheduled is not None and run.started is not None:
            late = Histogram.of(max(0, run.started - run.scheduled) / SECOND)
            self.lateness[run.task] = self.lateness.get(run.task, Histogram()).plus(late)

    def _run_ended(self, event: ev.RunEnded) -> None:
        run, state = event.after, str(event.after.state)
        _increase(self.ended, run.task, state)
        if run.scheduled is not None:
            _increase(self.due_times, run.task, state.lower())
        if (seconds := run.seconds) is not None:
            known = self.durations.get(run.task, Histogram())
            self.durations[run.task] = known.plus(Histogram.of(seconds))
        if run.state is State.DONE and run.finished is not None:
            self.last_done[run.task] = max(run.finished, self.last_done.get(run.task, 0))
        if run.id in self._heard:
            self._heard.discard(run.id)
        else:
            self._silent.append(run.id)

    def _fired(self, event: ev.Fired) -> None:
        _increase(self.due_times, event.task, str(event.outcome), event.count or 1)

    def _noted(self, event: ev.RunNoted) -> None:
        if event.kind == ev.EXTRACTION:
            self._heard.add(event.run)
            self.add_extraction(event.task, event.facts)


_COUNTED: Mapping[type[ev.Event], Callable[[RunCounts, Any], None]] = {
    ev.RunStarted: RunCounts._run_started,
    ev.RunEnded: RunCounts._run_ended,
    ev.Fired: RunCounts._fired,
    ev.RunNoted: RunCounts._noted,
}


def _increase(counts: dict[str, Mapping[str, int]], task: str, what: str, by: int = 1) -> None:
    known = counts.get(task, {})
    counts[task] = {**known, what: known.get(what, 0) + by}


def run_counts(store: Store) -> RunCounts:
    """Return what is counted of each task up to now; reads the whole history."""
    with store.snapshot() as connection, store.decoding():
        found = RunCounts({}, connection.scalar(LAST_SEQ) or 0)
        _read_runs(connection, found)
        _read_first_starts(connection, found)
        unused = select(fires.c.task, fires.c.outcome, func.sum(func.coalesce(fires.c.count, 1)))
        for task, outcome, count in connection.execute(unused.group_by(fires.c.task, fires.c.outcome)):
            _increase(found.due_times, task, outcome, int(count))
        return found


_COLUMNS = 2 + len(BOUNDS)
_SCHEDULED = (runs.c.cause == "schedule") & runs.c.scheduled_at.is_not(None)
# The present attempt of such a run is its first; of others only the table of attempts tells it.
_AT_FIRST = (runs.c.attempt == 1) & runs.c.started_at.is_not(None)


def _times(length: sa.ColumnElement[int]) -> list[Any]:
    """Return the columns of a `Histogram` of a length in microseconds."""
    within = (func.sum(sa.case((length <= bound * SECOND, 1), else_=0)) for bound in BOUNDS)
    return [func.count(length), func.sum(length), *within]


def _add_times(histograms: dict[str, Histogram], task: str, count: int, micros: Any, *within: Any) -> None:
    if count:
        found = Histogram(count, float(micros) / SECOND, tuple(map(int, within)))
        histograms[task] = histograms.get(task, Histogram()).plus(found)


def _late(started: sa.ColumnElement[int], where: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    """Return how long after its due time a run started, null where it is not asked for."""
    late = started - runs.c.scheduled_at
    # The last value is that of the type: PostgreSQL compares no longer ones with a short one.
    return sa.case((where & (late > 0), late), (where, sa.literal(0, sa.BigInteger)))


def _read_runs(connection: sa.Connection, found: RunCounts) -> None:
    """Count what the table of runs tells, in one pass."""
    length = sa.case((runs.c.finished_at.is_not(None), runs.c.finished_at - runs.c.started_at))
    figures = (
        *(func.count(runs.c.finished_at), func.count(runs.c.scheduled_at), func.max(runs.c.finished_at)),
        func.sum(sa.case((runs.c.attempt > 1, runs.c.attempt - 1), else_=0)),
        *_times(length),
        *_times(_late(runs.c.started_at, _SCHEDULED & _AT_FIRST)),
    )
    query = select(runs.c.task, runs.c.state, *figures).group_by(runs.c.task, runs.c.state)
    for task, state, ended, scheduled, last, retries, *times in connection.execute(query):
        if ended:
            _increase(found.ended, task, state, ended)
        if ended and scheduled:
            _increase(found.due_times, task, state.lower(), scheduled)
        if state == State.DONE:
            found.last_done[task] = last
        if retries:
            found.retries[task] = found.retries.get(task, 0) + int(retries)
        _add_times(found.durations, task, *times[:_COLUMNS])
        _add_times(found.lateness, task, *times[_COLUMNS:])


def _read_first_starts(connection: sa.Connection, found: RunCounts) -> None:
    """Count the first starts of scheduled runs that have begun another attempt, or are about to."""
    others = runs.join(attempts, (attempts.c.run == runs.c.id) & (attempts.c.number == 1))
    late = _late(attempts.c.started_at, sa.true())
    query = select(runs.c.task, *_times(late)).select_from(others).group_by(runs.c.task)
    for task, *times in connection.execute(query.where(_SCHEDULED, sa.not_(_AT_FIRST), runs.c.attempt > 0)):
        _add_times(found.lateness, task, *times)


def extraction_facts(store: Store, wanted: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the task and the facts of the extractions of those runs that had any, added up in each run."""
    joined = details.join(runs, details.c.run == runs.c.id)
    query = select(runs.c.task, details.c.facts).select_from(joined)
    query = query.where(details.c.run.in_(wanted), details.c.facts.like(f'%"{ev.EXTRACTION}"%'))
    with store.reading() as connection, store.decoding():
        for task, text in connection.execute(query):
            kept = load(text)
            facts = kept.get(ev.ALL_EXTRACTIONS) or kept.get(ev.EXTRACTION)
            if isinstance(facts, dict):
                yield task, facts
