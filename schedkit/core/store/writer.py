"""The one thread that writes: it commits decisions in groups, in the order in which they were posted.

A group is one transaction. It begins with the fence and the group's number, so that a life that is gone
cannot write, and a commit whose answer was lost is recognised afterwards by its number. A store that is
locked, full or away makes the group wait.

What the ledger refuses ends the line: later decisions were based on it. They are dropped until whoever
posts them has read the ledger and says `restart`.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from enum import Enum
from typing import Any, TypeVar

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from schedkit.core.engine.decision import Decision
from schedkit.core.events import TO_COME
from schedkit.core.store.commits import Statements, commits_for
from schedkit.core.store.database import Store, reason
from schedkit.core.store.groups import rows_of
from schedkit.core.store.lives import LEASE_SECONDS, Lease
from schedkit.core.store.refusals import RefusedRowError
from schedkit.errors import LedgerError, LifeEndedError, NotRunningError
from schedkit.values.forks import undivided

__all__ = ["Refused", "Writer"]

T = TypeVar("T")
Refused = Mapping[str, frozenset[str]]
_log = logging.getLogger("schedkit")

MOST_PER_GROUP = 1000  # changes
BEATS = 5  # in the time of a lease; where a lock tells that a process lives, in that of a usual one
# Each commit looks whether the file is there, which gives up the interpreter. In a burst, of groups of so
# many changes, it is looked so often.
BURST, LOOK_SECONDS = 50, 0.05
SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 1.0


class _Word(Enum):
    RESTART = 1
    END = 2


class _Work:
    """A function that wants a transaction of its own, e.g. to prune; what it `decides` is written there."""

    def __init__(self, function: Callable[[sa.Connection], Any], decides: bool = False) -> None:
        self.function, self.decides = function, decides
        self.future: Future[Any] = Future()
        self.result: Any = None


class Writer:
    """Commits decisions in the order in which they were posted.

    All callables are called on the writer's thread, `refused` after its end on that of who posts.

    Parameters
    ----------
    committed : callable
        Called after each group with its decisions, whose events have their numbers, and with the runs whose
        claims of limited keys were refused, each with the keys that had no room; None: nothing was claimed.
    refused : callable
        Called with a decision that was not written, and the error. Those posted after it are dropped and
        not told, until `restart`; after the end each one is told.
    lost : callable
        Called once when this life is marked as gone.
    away, back : callable
        Called when the store stops and starts to take writes: with the reason, with the seconds.
    healthy : callable
        Asked before the life is told; a process whose loop stands still must not count as alive.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        *,
        committed: Callable[[list[Decision], Refused | None], object],
        refused: Callable[[Decision, Exception], object],
        lost: Callable[[], object],
        away: Callable[[str], object],
        back: Callable[[float], object],
        healthy: Callable[[], bool],
    ) -> None:
        self._store, self._lease = store, lease
        self._beat_seconds = (LEASE_SECONDS if store.sqlite else lease.seconds) / BEATS
        self._committed, self._refused = committed, refused
        self._lost, self._away, self._back = lost, away, back
        self._healthy = healthy
        self._commits = commits_for(store, lease)
        self._statements = Statements(store, lease)
        self._inbox: queue.SimpleQueue[Decision | _Work | _Word] = queue.SimpleQueue()
        self._connection: sa.Connection | None = None
        self._batch = self._groups = 0
        self._halted = False  # since a decision was refused
        self._ended: Exception | None = None  # why nothing is written any more
        self._over = False
        self._renewed = self._beaten = time.monotonic()
        self.seconds = 0.0  # of all transactions, waits for a store that was away included
        self._looked = 0.0
        self._in_burst = False
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._run, name="schedkit-writer", daemon=True)

    @property
    def transactions(self) -> int:
        """How many transactions have been begun, those of beats and of calls among them."""
        return self._batch

    @property
    def groups(self) -> int:
        """How many groups of decisions have been begun."""
        return self._groups

    @property
    def beat_age(self) -> float:
        """How many seconds ago the ledger last confirmed that this life counts as alive."""
        return time.monotonic() - self._beaten

    @property
    def ended(self) -> bool:
        """Whether nothing is written any more: stopped, gone, or given up waiting for the store."""
        return self._over or self._ended is not None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def post(self, decision: Decision) -> None:
        """Have a decision written; those that wait share a group. After the end it is refused."""
        self._put(decision)

    def restart(self) -> None:
        """Write again after a refusal: what is posted from now on."""
        self._put(_Word.RESTART)

    def call(self, function: Callable[[sa.Connection], T]) -> Future[T]:
        """Have ``function(connection)`` run in a transaction of its own, fenced like all others."""
        work = _Work(function)
        self._put(work)
        return work.future

    def decide(self, function: Callable[[sa.Connection], Decision]) -> Future[Decision]:
        """Have ``function(connection)`` run and what it decides written, in one transaction of its own.

        It is told by nobody: every engine hears of it from the log, that of this process too.
        """
        work = _Work(function, decides=True)
        self._put(work)
        return work.future

    def stop(self, patience: float) -> None:
        """Write what was posted, for at most `patience` seconds more if the store is away; then end."""
        self._deadline = time.monotonic() + patience
        self._inbox.put(_Word.END)
        self._thread.join(patience + 5.0)

    def _put(self, item: Decision | _Work | _Word) -> None:
        self._inbox.put(item)
        if self._over:  # else the thread comes to it, or refuses it at its end
            self._refuse_rest()

    def _refuse_rest(self) -> None:
        """Refuse what came after the end: nobody would write it, and who waits for it would wait for ever."""
        error = NotRunningError(
            f"ledger {self._store}: the scheduler here was stopped", hint="start it again"
        )
        while True:
            try:
                item = self._inbox.get_nowait()
            except queue.Empty:
                return
            if isinstance(item, _Work):
                self._fail(item, error)
            elif isinstance(item, Decision):
                self._refused(item, error)

    @staticmethod
    def _fail(work: _Work, error: Exception) -> None:
        if work.future.set_running_or_notify_cancel():  # else who asked for it waits no longer
            work.future.set_exception(error)

    # On the thread

    def _run(self) -> None:
        word: Decision | _Work | _Word | None = None
        while word is not _Word.END:
            group, word = self._next_group()
            if group:
                self._write(group)
            if isinstance(word, _Work):
                self._do(word)
            elif word is _Word.RESTART:
                self._halted = False
            self._renew_if_due()
        self._disconnect()
        self._over = True
        self._refuse_rest()

    def _next_group(self) -> tuple[list[Decision], Decision | _Work | _Word | None]:
        """Wait for decisions; return those that are there, and what came after them that is none."""
        group: list[Decision] = []
        changes = 0
        wait = self._renewed + self._beat_seconds - time.monotonic()
        try:
            item = self._inbox.get(timeout=max(0.0, wait))
            while isinstance(item, Decision):
                if not self._halted:
                    group.append(item)
                changes += len(item.changes)
                if changes >= MOST_PER_GROUP:
                    return group, None
                item = self._inbox.get_nowait()
        except queue.Empty:
            return group, None
        return group, item

    def _write(self, group: list[Decision]) -> None:
        """Write a group; if that is refused, its decisions one by one, up to the one that is the cause."""
        error, refused = self._commit(group)
        self._in_burst = sum(len(decision.changes) for decision in group) >= BURST
        if error is None:
            self._committed(group, refused)
        elif len(group) == 1:
            self._halted = self._ended is None
            self._refused(group[0], error)
        else:
            for decision in group:
                self._write([decision])
                if self._halted:
                    break

    def _commit(self, decisions: Sequence[Decision]) -> tuple[Exception | None, Refused | None]:
        """Write decisions in one transaction; return the error that refused them, and the refused claims."""
        base, refused = 0, None
        try:
            rows = rows_of(decisions)
            logged, claimed = "events" in rows, "claims" in rows

            def read(connection: sa.Connection) -> tuple[int, Refused | None]:
                return (
                    self._commits.base(connection) if logged else 0,
                    self._commits.refused(connection, rows) if claimed else None,
                )

            if rows:
                self._groups += 1
                base, refused = self._persistently(
                    lambda connection: self._commits.commit(connection, self._batch, rows),
                    read,
                )
                if logged:
                    _number(decisions, base)
        except Exception as error:
            return self._explained(error), None
        return None, refused

    def _do(self, work: _Work) -> None:
        if not work.future.set_running_or_notify_cancel():
            return  # who asked for it waits no longer

        def in_transaction(connection: sa.Connection) -> None:
            with connection.begin():
                self._lease.claim(connection, self._batch)
                work.result = work.function(connection)
                if work.decides:
                    self._statements.write(connection, self._batch, rows_of([work.result]), told_by="")

        try:
            base = self._persistently(in_transaction, self._commits.base if work.decides else _nothing)
            if work.decides:
                _number([work.result], base)
            work.future.set_result(work.result)
        except Exception as error:
            work.future.set_exception(self._explained(error))

    def _renew_if_due(self) -> None:
        if time.monotonic() - self._renewed < self._beat_seconds:
            return
        self._renewed = time.monotonic()
        if self._ended is None and self._healthy():
            try:
                self._persistently(self._beat, _nothing)
                self._beaten = time.monotonic()
            except Exception as error:
                _log.warning("the life at %s could not be told: %s", self._store, reason(error))

    def _beat(self, connection: sa.Connection) -> None:
        with connection.begin():
            self._lease.beat(connection)

    def _explained(self, error: Exception) -> Exception:
        """Return a driver's error as ours."""
        if not isinstance(error, SQLAlchemyError):
            return error
        ours = self._store.error_of(error)
        if isinstance(error, IntegrityError):
            ours = RefusedRowError(ours.message, hint=ours.hint)
        ours.__cause__ = error
        return ours

    def _persistently(
        self,
        transaction: Callable[[sa.Connection], object],
        read: Callable[[sa.Connection], T],
    ) -> T:
        """Carry out a transaction, and read what it has made, waiting out a store that is away."""
        if self._ended is not None:
            raise self._ended
        self._batch += 1
        pause, since, told = SHORTEST_PAUSE, time.monotonic(), False
        while True:
            try:
                with undivided():
                    # After a failure it may be committed all the same.
                    if not (told and self._was_committed()):
                        self._check_there()
                        transaction(self._connect())
                    made = read(self._connect())
                break
            except LifeEndedError as error:
                self._ended = error
                self._lost()
                raise
            except Exception as error:
                self._disconnect()
                if not self._store.passing(error):
                    raise
                if not told:
                    told = True
                    _log.warning("the ledger %s takes no writes, they wait: %s", self._store, reason(error))
                    self._away(reason(error))
                if self._deadline is not None and time.monotonic() >= self._deadline:
                    self._ended = LedgerError(
                        f"ledger {self._store}: {reason(error)}", hint="what was not written is lost"
                    )
                    raise self._ended from error
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        if told:
            _log.info("the ledger %s takes writes again", self._store)
            self._back(time.monotonic() - since)
        self.seconds += time.monotonic() - since
        return made

    def _check_there(self) -> None:
        now = time.monotonic()
        if not self._in_burst or now - self._looked > LOOK_SECONDS:
            self._store.check_there()
            self._looked = now

    def _was_committed(self) -> bool:
        connection = self._connect()
        with connection.begin():
            return self._lease.committed(connection, self._batch)

    def _connect(self) -> sa.Connection:
        if self._connection is None:
            self._connection = self._store.connect()
            self._commits.prepare(self._connection)
            self._store.guard()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            try:
                with undivided():
                    connection.invalidate()
                    connection.close()
            except Exception:
                _log.debug("closing a broken connection", exc_info=True)


def _nothing(connection: sa.Connection) -> int:
    """Read nothing of what a transaction has made."""
    return 0


def _number(decisions: Sequence[Decision], base: int) -> None:
    """Give the events of decisions the numbers that the ledger has given them."""
    for decision in decisions:
        for place, event in enumerate(decision.events):
            if event.seq == TO_COME:
                base += 1
                decision.events[place] = replace(event, seq=base)
