"""The writer thread: commits decisions in groups, in the order in which they were posted.

A group is one transaction. It begins with the fence, so that a life marked as gone cannot write, and with the
number of the group, by which a commit whose answer was lost is recognised afterwards. While the store is
locked, full or unreachable, the group waits.

When the ledger refuses a decision, the later ones are dropped, as they were based on it, until the caller has
read the ledger again and calls `restart`.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from enum import Enum
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from schedkit.core.engine.decision import Decision
from schedkit.core.events import TO_COME
from schedkit.core.store.commits import Outcome, Refused, Statements, commits_for
from schedkit.core.store.database import Store
from schedkit.core.store.driver_errors import reason
from schedkit.core.store.groups import Rows, rows_of
from schedkit.core.store.lives import LEASE_SECONDS, Lease
from schedkit.core.store.refusals import RefusedRowError
from schedkit.errors import LedgerError, LifeEndedError, NotRunningError
from schedkit.values.forks import undivided

__all__ = ["Writer"]

T = TypeVar("T")
_log = logging.getLogger("schedkit")

MOST_PER_GROUP = 1000  # changes
BEATS = 5  # in the time of a lease; where a lock tells that a process lives, in that of a usual one
# Each commit checks that the file exists, which releases the interpreter's lock. In a burst of groups of this
# many changes, the check is made at this interval.
BURST, LOOK_SECONDS = 50, 0.05
SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 1.0


class _Word(Enum):
    RESTART = 1
    END = 2


class _Work:
    """A function for a transaction of its own, e.g. to prune; a decision it returns is written there too."""

    def __init__(self, function: Callable[[sa.Connection], Any], decides: bool = False) -> None:
        self.function, self.decides = function, decides
        self.future: Future[Any] = Future()
        self.result: Any = None
        self.rows: Rows = {}  # of the decision


_Item = Decision | _Work | _Word


class Writer:
    """Commits decisions in the order in which they were posted.

    The callables are called on the writer's thread; after its end, `refused` on the thread that posts.

    Parameters
    ----------
    committed : callable
        Called after each group with its decisions, whose events now have numbers, and with the runs whose
        claims of limited keys were refused, each with its full keys; None: nothing was claimed.
    refused : callable
        Called with a decision that was not written, and the error. Decisions posted after it are dropped
        without a call until `restart`; after the end it is called for each one.
    lost : callable
        Called once this life is found to be marked as gone.
    away, back : callable
        Called when the store stops accepting writes, with the reason, and when it accepts them again, with
        the seconds in between.
    healthy : callable
        Called before each sign of life; a process whose event loop is stuck must not count as alive.
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
        self._inbox: queue.SimpleQueue[_Item] = queue.SimpleQueue()
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

    def post(self, item: _Item) -> None:
        """Queue a decision, or other work; decisions in a row share a group. After the end it is refused."""
        self._inbox.put(item)
        if self._over:  # otherwise the thread takes it, or refuses it at its end
            self._refuse_rest()

    def restart(self) -> None:
        """Accept decisions again after a refusal."""
        self.post(_Word.RESTART)

    def call(self, function: Callable[[sa.Connection], T]) -> Future[T]:
        """Run ``function(connection)`` on the writer's thread, in a fenced transaction of its own."""
        work = _Work(function)
        self.post(work)
        return work.future

    def decide(self, function: Callable[[sa.Connection], Decision]) -> Future[Decision]:
        """Run ``function(connection)`` and write the decision that it returns, in one transaction of its own.

        Its events carry no life: every engine reads them from the log, including that of this process.
        """
        work = _Work(function, decides=True)
        self.post(work)
        return work.future

    def stop(self, patience: float) -> None:
        """Write what was posted, waiting at most `patience` seconds for an unreachable store; then end."""
        self._deadline = time.monotonic() + patience
        self._inbox.put(_Word.END)
        self._thread.join(patience + 5.0)

    def _refuse_rest(self) -> None:
        """Refuse items posted after the end, so that their callers do not wait for ever."""
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
        if work.future.set_running_or_notify_cancel():  # otherwise the caller has cancelled it
            work.future.set_exception(error)

    # On the thread

    def _run(self) -> None:
        word: _Item | None = None
        while word is not _Word.END:
            group, word = self._next_group()
            if group:
                self._write(group)
            if isinstance(word, _Work):
                self._do(word)
            elif word is _Word.RESTART:
                self._halted = False
            if time.monotonic() - self._renewed >= self._beat_seconds:
                self._renew()
        self._disconnect()
        self._over = True
        self._refuse_rest()

    def _next_group(self) -> tuple[list[Decision], _Item | None]:
        """Wait for decisions; return those in the queue, and the item behind them that is no decision."""
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
        """Write a group in one transaction.

        If it is refused, its decisions are written one by one, up to the refused one.
        """
        made, refusal = Outcome(0, None), None
        try:
            if rows := rows_of(group):
                self._groups += 1
                made = self._persistently(
                    lambda connection: self._commits.commit(connection, self._batch, rows),
                    partial(self._commits.outcome, rows=rows),
                )
                _number(group, made.base)
        except Exception as error:
            refusal = self._explained(error)
        self._in_burst = sum(len(decision.changes) for decision in group) >= BURST
        if refusal is None:
            self._committed(group, made.refused)
        elif len(group) == 1:
            self._halted = self._ended is None
            self._refused(group[0], refusal)
        else:
            for decision in group:
                self._write([decision])
                if self._halted:
                    break

    def _do(self, work: _Work) -> None:
        if not work.future.set_running_or_notify_cancel():
            return  # the caller has cancelled it

        def in_transaction(connection: sa.Connection) -> None:
            with connection.begin():
                self._lease.claim(connection, self._batch)
                work.result = work.function(connection)
                if work.decides:
                    work.rows = rows_of([work.result])
                    self._statements.write(connection, self._batch, work.rows, told_by="")

        def outcome(connection: sa.Connection) -> Outcome:
            return self._commits.outcome(connection, work.rows)

        try:
            made = self._persistently(in_transaction, outcome if work.decides else _nothing)
            if work.decides:
                _number([work.result], made.base)
            work.future.set_result(work.result)
        except Exception as error:
            work.future.set_exception(self._explained(error))

    def _renew(self) -> None:
        self._renewed = time.monotonic()
        if self._ended is None and self._healthy():
            try:
                self._persistently(self._beat, _nothing)
                self._beaten = time.monotonic()
            except Exception as error:
                _log.warning("cannot write a sign of life to %s: %s", self._store, reason(error))

    def _beat(self, connection: sa.Connection) -> None:
        # PostgreSQL commits a single statement itself: one round trip instead of three.
        with connection.begin() if self._store.sqlite else self._store.autocommit(connection):
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
        """Carry out a transaction and read its outcome, waiting while the store is unreachable."""
        if self._ended is not None:
            raise self._ended
        self._batch += 1
        pause, since, told = SHORTEST_PAUSE, time.monotonic(), False
        while True:
            try:
                with undivided():
                    connection = self._connect()
                    # A commit that failed may have succeeded on the server.
                    if not (told and self._was_committed(connection)):
                        transaction(connection)
                    made = read(connection)
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

    def _connect(self) -> sa.Connection:
        """Return the connection, after a look whether the file that it has open is still there."""
        now = time.monotonic()
        if self._connection is None:
            self._connection = self._store.connect()  # which looks itself
            self._commits.prepare(self._connection)
            self._store.guard()
        elif not self._in_burst or now - self._looked > LOOK_SECONDS:
            self._store.check_there()
            self._looked = now
        return self._connection

    def _was_committed(self, connection: sa.Connection) -> bool:
        with connection.begin():
            return self._lease.committed(connection, self._batch)

    def _disconnect(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            try:
                with undivided():
                    connection.invalidate()
                    connection.close()
            except Exception:
                _log.debug("closing a broken connection", exc_info=True)


def _nothing(connection: sa.Connection) -> Outcome:
    """Read no outcome of a transaction."""
    return Outcome(0, None)


def _number(decisions: Sequence[Decision], base: int) -> None:
    """Give the events of decisions the numbers that the ledger has given them."""
    for decision in decisions:
        for place, event in enumerate(decision.events):
            if event.seq == TO_COME:
                base += 1
                decision.events[place] = replace(event, seq=base)
