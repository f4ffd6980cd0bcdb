"""Which runs may start now: a queue with limits.

Runs are ordered by rank: the due time less a head start for priority, so that ageing needs no sweep and
nothing starves. A run starts when all it needs is free: a slot of the scheduler's
`concurrency`, one of each of its keys (its task, its tags, a worker thread), and its task's rate. A
run that finds a key exhausted is parked with that key until a slot of the key is released.

Some keys are shared with other processes. A run that takes one is claiming until the ledger has granted it
(`confirm`) or refused it (`refuse`); a key that was refused is blocked until there is room again (`unblock`).
"""

from __future__ import annotations

import heapq
import itertools
from bisect import insort
from collections import Counter, deque
from collections.abc import Iterable, Mapping

import msgspec

from schedkit.core.engine.rates import next_start
from schedkit.core.model import Rate
from schedkit.core.states import HEAD_START_SECONDS
from schedkit.values.instants import SECOND

__all__ = ["AWAY", "Hindrance", "RunQueue", "Waiting", "away_key", "rank"]

# The kind of executor whose runs go to workers elsewhere, and the key of all of them.
AWAY = "dask"


def rank(due: int, priority: int) -> int:
    """Return the rank in the queue: a smaller one starts first."""
    return due - priority * HEAD_START_SECONDS * SECOND


def away_key(task: str) -> str:
    """Return the key of the runs of a task that the workers elsewhere have room for."""
    return f"{AWAY}:{task}"


class Waiting(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A run that wants to start at `due` (microseconds since 1970) or later.

    It needs a slot of each of its `keys`, of which those `shared` are the ledger's to grant. It counts
    towards those `counted` too, without waiting for them. `tags` are the keys of all its tags, of which the
    limited ones are shared. One that runs `away` takes no place of the `concurrency`.
    """

    id: str
    task: str
    rank: int
    due: int
    keys: tuple[str, ...] = ()
    rate: Rate | None = None
    shared: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    away: bool = False


class Hindrance(msgspec.Struct, frozen=True):
    """Why a run does not start now.

    Attributes
    ----------
    kind : str
        "due" (later), "concurrency", "limit" (of a key) or "rate".
    key : str
        The key, or the rate as text.
    until : int
        When it passes, microseconds since 1970; 0: when another run ends.
    """

    kind: str
    key: str = ""
    until: int = 0


_Entry = tuple[int, int, Waiting]


class RunQueue:
    """Decides which waiting runs start.

    Parameters
    ----------
    concurrency : int
        Runs at once, in all.
    limits : mapping of str to int
        Runs at once for each key; a key that is not in it is free.

    Attributes
    ----------
    why : dict of str to str
        For a key that is full: why, where its limit does not say it.

    Examples
    --------
    >>> queue = RunQueue(concurrency=1)
    >>> queue.offer(Waiting("a", "t", rank(0, 0), 0))
    >>> queue.offer(Waiting("b", "t", rank(1, 20), 1))
    >>> [run.id for run in queue.start(now=2)]
    ['b']
    """

    def __init__(self, concurrency: int, limits: Mapping[str, int] | None = None) -> None:
        self.concurrency = concurrency
        self.limits: dict[str, int] = dict(limits or {})
        self.why: dict[str, str] = {}
        self.running: dict[str, Waiting] = {}
        self._abroad: dict[str, Waiting] = {}
        self._used: dict[str, int] = {}
        self._waiting: dict[str, Waiting] = {}
        self._ready: list[_Entry] = []
        self._ready_away: list[_Entry] = []
        self._away = 0  # of those that are running
        self._timers: list[_Entry] = []
        self._parked: dict[str, list[_Entry]] = {}
        self._freed: set[str] = set()
        self._starts: dict[str, deque[int]] = {}
        self._blocked: set[str] = set()
        self._claiming: Counter[str] = Counter()  # runs of each task with a rate
        self._lent: dict[str, str] = {}  # a run → the one that waits for its end, in whose place it may start
        self._count = itertools.count()  # equal ranks start in the order of their offers

    def __contains__(self, run: str) -> bool:
        return run in self._waiting

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting(self) -> Iterable[Waiting]:
        """Every run that waits for a slot, a key or its time; in no order, and on any thread."""
        return list(self._waiting.values())

    def hindrance(self, run: Waiting, now: int) -> Hindrance | None:
        """Return why a run that waits does not start now, None if it may; on any thread."""
        if run.due > now:
            return Hindrance("due", until=run.due)
        full = [key for key in run.keys if self._full(key)]
        if full:
            return Hindrance("limit", next((key for key in full if key in self.why), full[0]))
        if not run.away and run.id not in self._lent and self._places_taken() >= self.concurrency:
            return Hindrance("concurrency")
        # A copy: what is too old to count is dropped from it.
        free_at = next_start(run.rate, deque(self._starts.get(run.task, ())), now)
        return Hindrance("rate", str(run.rate), free_at) if free_at > now else None

    def get(self, run: str) -> Waiting | None:
        """Return a run that waits, None if it does not."""
        return self._waiting.get(run)

    def used(self, key: str) -> int:
        """Return how many runs hold a key, those that are running in other processes too."""
        return self._used.get(key, 0)

    @property
    def blocked(self) -> frozenset[str]:
        """The shared keys that other processes have used up."""
        return frozenset(self._blocked)

    def limit(self, key: str, most: int | None) -> None:
        """Set how many runs may hold `key` at once; None: any number."""
        self._blocked.discard(key)
        if most is None:
            self.limits.pop(key, None)
        else:
            self.limits[key] = most
        # Only keys with a queue: a set that once held every task's key stays slow to walk for good.
        if key in self._parked:
            self._freed.add(key)

    def remember_starts(self, task: str, starts: Iterable[int]) -> None:
        """Count starts that happened before this queue existed towards their task's rate."""
        # Several may have started in the same microsecond; those that are known already count once.
        known = Counter(self._starts.get(task, ())) | Counter(starts)
        self._starts[task] = deque(sorted(known.elements()))

    def offer(self, run: Waiting) -> None:
        """Queue a run; queued again, it is replaced."""
        self._waiting[run.id] = run
        heapq.heappush(self._timers, (run.due, next(self._count), run))

    def withdraw(self, run: str) -> None:
        """Forget a run that waits."""
        waited = self._waiting.pop(run, None)
        if waited is not None:
            # It may have been the next one to leave the queue of a key.
            self._freed.update(key for key in waited.keys if key in self._parked)

    def start(self, now: int, most: int | None = None) -> list[Waiting]:
        """Return the runs that start now, in order; they hold their slots until `release`."""
        while self._timers and self._timers[0][0] <= now:
            _, order, waiting = heapq.heappop(self._timers)
            if self._wants(waiting):
                self._make_ready((waiting.rank, order, waiting))
        if self._freed:
            self._unpark()
        started, before = self._start_in_lent_places(now, most) if self._lent else [], -1
        while before != len(started):
            before = len(started)
            while self._ready and self._places_taken() < self.concurrency and len(started) != most:
                self._start_or_park(self._ready, now, started)
            while self._ready_away and len(started) != most:
                self._start_or_park(self._ready_away, now, started)
        return started

    def _make_ready(self, entry: _Entry) -> None:
        heapq.heappush(self._ready_away if entry[2].away else self._ready, entry)

    def _start_or_park(self, ready: list[_Entry], now: int, started: list[Waiting]) -> None:
        """Start the first run of a heap, or have it wait for what it lacks."""
        entry = heapq.heappop(ready)
        waiting = entry[2]
        if self._wants(waiting):
            full = next((key for key in waiting.keys if self._full(key)), None)
            ready_at = now
            if full is None and waiting.rate is not None:
                ready_at = next_start(waiting.rate, self._starts.get(waiting.task), now)
                if self._claimed_up(waiting, now):
                    full = _claim_key(waiting.task)
            if full is not None:
                heapq.heappush(self._parked.setdefault(full, []), entry)
            elif ready_at > now:
                heapq.heappush(self._timers, (ready_at, entry[1], waiting))
            else:
                self._take(waiting, now)
                started.append(waiting)
        if not ready and self._freed:
            self._unpark()

    def _start_in_lent_places(self, now: int, most: int | None) -> list[Waiting]:
        """Start runs for which running ones wait; their limits hold, but for the place and its thread."""
        started: list[Waiting] = []
        for waiting in [self._waiting[run] for run in self._lent if run in self._waiting]:
            full = any(self._full(key) for key in waiting.keys if key != "thread")
            full = full or self._claimed_up(waiting, now)
            late = max(waiting.due, next_start(waiting.rate, self._starts.get(waiting.task), now)) > now
            if not full and not late and len(started) != most:
                self._take(waiting, now)
                started.append(waiting)
        return started

    def _places_taken(self) -> int:
        return len(self.running) - self._away - sum(run in self.running for run in self._lent)

    def lend(self, run: str, to: str) -> None:
        """Let a run start in the place of a running one, which waits for its end."""
        if run in self.running:
            self._lent[to] = run

    def take_back(self, run: str, to: str) -> None:
        """Let it start only in a place of its own, as no run waits for it any more."""
        if self._lent.get(to) == run:
            del self._lent[to]

    def _wants(self, waiting: Waiting) -> bool:
        # Withdrawn runs stay in the heaps until they come up.
        return self._waiting.get(waiting.id) is waiting

    def _unpark(self) -> None:
        """Move runs parked with a freed key back into the queue, as many as the key has slots for."""
        for key in tuple(self._freed):
            if key in self._blocked:
                self._freed.discard(key)
                continue
            parked = self._parked.get(key)
            room = len(parked or ()) if key not in self.limits else self.limits[key] - self._used.get(key, 0)
            while parked and room > 0:
                entry = heapq.heappop(parked)
                if self._wants(entry[2]):
                    self._make_ready(entry)
                    room -= 1
            if not parked:
                self._parked.pop(key, None)
            if not parked or self._full(key):
                self._freed.discard(key)

    def _full(self, key: str) -> bool:
        most = self.limits.get(key)
        return (most is not None and self._used.get(key, 0) >= most) or key in self._blocked

    def _claimed_up(self, waiting: Waiting, now: int) -> bool:
        """Tell whether a rate has room only until the claims of other runs of the task are settled."""
        claiming, rate = self._claiming.get(waiting.task, 0), waiting.rate
        if not claiming or rate is None:
            return False
        starts = self._starts.get(waiting.task, ())
        since = now - round(rate.seconds * SECOND)
        recent = sum(start > since for start in starts)
        return recent < rate.count <= recent + claiming

    def _take(self, waiting: Waiting, now: int) -> None:
        del self._waiting[waiting.id]
        self.running[waiting.id] = waiting
        self._away += waiting.away
        self._hold(waiting)
        if waiting.rate is None:
            return
        if waiting.shared:
            self._claiming[waiting.task] += 1
        else:
            self._note_start(waiting.task, now)

    def _note_start(self, task: str, now: int) -> None:
        # In their order, though the clock may have been set back.
        insort(self._starts.setdefault(task, deque()), now)

    def _hold(self, run: Waiting) -> None:
        for key in run.keys:
            self._used[key] = self._used.get(key, 0) + 1
        for key in run.counted:
            self._used[key] = self._used.get(key, 0) + 1

    def confirm(self, run: str, now: int) -> None:
        """Let a claiming run start: all its shared keys were granted."""
        self._settle(run)
        waiting = self.running[run]
        if waiting.rate is not None:
            self._note_start(waiting.task, now)

    def refuse(self, run: str, keys: Iterable[str]) -> None:
        """Queue a claiming run again: these keys are used up by other processes, and blocked."""
        waiting = self.withhold(run)
        self._blocked.update(keys)
        self._waiting[run] = waiting
        self._make_ready((waiting.rank, next(self._count), waiting))

    def withhold(self, run: str) -> Waiting:
        """Release the slots of a claiming run, which does not start."""
        self._settle(run)
        waiting = self.running[run]
        self.release(run)
        return waiting

    def _settle(self, run: str) -> None:
        waiting = self.running[run]
        if waiting.rate is not None:
            self._claiming[waiting.task] -= 1
            if not self._claiming[waiting.task]:
                del self._claiming[waiting.task]
            self._freed.add(_claim_key(waiting.task))

    def block(self, keys: Iterable[str]) -> None:
        """Let no run claim these shared keys for now."""
        self._blocked.update(keys)

    def unblock(self, key: str) -> None:
        """Let runs claim a shared key again."""
        self._blocked.discard(key)
        if key in self._parked:
            self._freed.add(key)

    def hold(self, run: Waiting) -> None:
        """Have a run hold its slots without a check of the limits: it runs already."""
        if run.id not in self.running:
            self.running[run.id] = run
            self._away += run.away
            self._hold(run)

    def hold_keys(self, run: Waiting) -> None:
        """Have a run that is running in another process hold its keys, but no slot here."""
        if run.id not in self._abroad:
            self._abroad[run.id] = run
            self._hold(run)

    def release(self, run: str) -> None:
        """Release the slots of a run whose code has ended."""
        if (held := self.running.pop(run, None)) is not None:
            self._away -= held.away
        elif (held := self._abroad.pop(run, None)) is None:
            return
        for to in [to for to, lender in self._lent.items() if lender == run]:
            del self._lent[to]
        for keys in (held.keys, held.counted):
            for key in keys:
                self._used[key] -= 1
                if not self._used[key]:
                    del self._used[key]
                if key in self._parked:
                    self._freed.add(key)

    def next_time(self) -> int | None:
        """Return the earliest time for which a run waits, None without one."""
        while self._timers and not self._wants(self._timers[0][2]):
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None


def _claim_key(task: str) -> str:
    """Return the key with which runs wait for claims of their task to be settled."""
    return f"claims:{task}"
