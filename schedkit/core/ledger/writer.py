"""The one thread that writes: it commits waiting changes in groups and never gives one up.

A group is one transaction. It begins by renewing the lease with the owner's epoch and the group's
number, so a process that is no longer the owner cannot write, and a commit whose answer was lost is
recognised afterwards by its number. A store that is locked, full or away makes the group wait; a change
that the store refuses is told so, and the others of its group are written without it.
"""

from __future__ import annotations

import functools
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from schedkit.core.ledger import schema
from schedkit.core.ledger.changes import GUARDED, ORDERED, Change, Op, Row
from schedkit.core.ledger.lease import Lease
from schedkit.core.ledger.sql import Sql
from schedkit.core.ledger.store import Store, reason
from schedkit.errors import LedgerError, NotOwnerError

__all__ = ["RefusedRowError", "StaleError", "Writer"]

T = TypeVar("T")
_log = logging.getLogger("schedkit")

MOST_PER_GROUP = 1000
SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 1.0


class StaleError(LedgerError):
    """What a change was decided on is no longer so: another attempt, another owner."""


class RefusedRowError(LedgerError):
    """A constraint of the ledger refuses a row, e.g. because it is there already."""


Committed = Callable[[list[tuple[Change, BaseException | None]]], object]


class _Work:
    """A function that wants a transaction of its own, e.g. to prune."""

    def __init__(self, function: Callable[[sa.Connection], Any]) -> None:
        self.function = function
        self.future: Future[Any] = Future()


class Writer:
    """Commits changes in the order in which they were posted.

    Parameters
    ----------
    committed : callable
        Called on the writer's thread after each group with its changes and what refused each (None).
    lost : callable
        Called once when another process has become the owner.
    away, back : callable
        Called when the store stops and starts to take writes: with the reason, with the seconds.
    healthy : callable
        Asked before the lease is renewed without anything to write; an owner whose loop stands still
        must not keep it.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        *,
        committed: Committed,
        lost: Callable[[], object],
        away: Callable[[str], object],
        back: Callable[[float], object],
        healthy: Callable[[], bool],
    ) -> None:
        self._store, self._lease = store, lease
        self._committed, self._lost, self._away, self._back = committed, lost, away, back
        self._healthy = healthy
        self._sql = Sql(store.dialect)
        self._inbox: queue.SimpleQueue[Sequence[Change] | _Work | None] = queue.SimpleQueue()
        self._connection: sa.Connection | None = None
        self._batch = 0
        self._ended = False
        self._over = False
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._run, name="schedkit-writer", daemon=True)

    @property
    def groups(self) -> int:
        """How many groups have been begun."""
        return self._batch

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def post(self, changes: Sequence[Change]) -> None:
        """Have changes written; they share a group if they can. After the end they are refused."""
        self._put(changes)

    def call(self, function: Callable[[sa.Connection], T]) -> Future[T]:
        """Have ``function(connection)`` run in a transaction of its own, fenced like all others."""
        work = _Work(function)
        self._put(work)
        return work.future

    def _put(self, item: Sequence[Change] | _Work) -> None:
        self._inbox.put(item)
        if self._over:  # else the thread comes to it, or refuses it at its end
            self._refuse_rest()

    def _refuse_rest(self) -> None:
        """Refuse what came after the end: nobody would write it, and who waits for it would wait for ever."""
        error = NotOwnerError(f"ledger {self._store}: the scheduler here was stopped", hint="start it again")
        while True:
            try:
                item = self._inbox.get_nowait()
            except queue.Empty:
                return
            if isinstance(item, _Work):
                if item.future.set_running_or_notify_cancel():
                    item.future.set_exception(error)
            elif item:
                self._tell([(change, error) for change in item])

    def stop(self, patience: float) -> None:
        """Write what was posted, for at most `patience` seconds more if the store is away; then end."""
        self._deadline = time.monotonic() + patience
        self._inbox.put(None)
        self._thread.join(patience + 5.0)

    def _run(self) -> None:
        pause = self._lease.seconds / 4
        while True:
            try:
                first = self._inbox.get(timeout=pause)
            except queue.Empty:
                if self._healthy():
                    self._write([])
                continue
            changes: list[Change] = []
            item: Sequence[Change] | _Work | None = first
            while item is not None and not isinstance(item, _Work):
                changes.extend(item)
                if len(changes) >= MOST_PER_GROUP:
                    break
                try:
                    item = self._inbox.get_nowait()
                except queue.Empty:
                    break
            if changes:
                self._write(changes)
                self._sql.prepare()
            if isinstance(item, _Work):
                self._do(item)
            if item is None:
                break
        self._disconnect()
        self._over = True
        self._refuse_rest()

    def _do(self, work: _Work) -> None:
        if not work.future.set_running_or_notify_cancel():
            return  # who asked for it waits no longer
        try:
            work.future.set_result(self._persistently(work.function))
        except Exception as error:
            work.future.set_exception(self._explained(error))

    def _explained(self, error: Exception) -> Exception:
        """Return a driver's error as ours."""
        if not isinstance(error, SQLAlchemyError):
            return error
        ours = self._store.error_of(error)
        if isinstance(error, IntegrityError):
            ours = RefusedRowError(ours.message, hint=ours.hint)
        ours.__cause__ = error
        return ours

    def _write(self, changes: list[Change]) -> None:
        refused: dict[int, BaseException] = {}
        try:
            self._persistently(functools.partial(self._apply, changes=changes))
        except (SQLAlchemyError, StaleError):
            # Something in the group is refused for good: find it, write the others.
            for index, change in enumerate(changes):
                try:
                    self._persistently(functools.partial(self._apply, changes=[change]))
                except Exception as refusal:
                    refused[index] = self._explained(refusal)
        except Exception as failure:
            refused = dict.fromkeys(range(len(changes)), failure)
        self._tell([(change, refused.get(index)) for index, change in enumerate(changes)])

    def _tell(self, outcome: list[tuple[Change, BaseException | None]]) -> None:
        for change, cause in outcome:
            if change.receipt is not None:
                change.receipt(cause)
        if outcome:
            self._committed(outcome)

    def _persistently(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a fenced transaction, waiting out a store that is away."""
        if self._ended:
            raise NotOwnerError(f"ledger {self._store}: another process owns it now")
        self._batch += 1
        pause, since, told = SHORTEST_PAUSE, time.monotonic(), False
        committing = False  # whether the last failure left the commit's outcome open
        while True:
            try:
                if not (committing and self._was_committed()):
                    committing = False
                    self._store.check_there()
                    connection = self._connect()
                    with connection.begin():
                        self._claim(connection)
                        result = work(connection)
                        committing = True
                break
            except NotOwnerError:
                self._ended = True
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
                    raise LedgerError(
                        f"ledger {self._store}: {reason(error)}", hint="what was not written is lost"
                    ) from error
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        if told:
            _log.info("the ledger %s takes writes again", self._store)
            self._back(time.monotonic() - since)
        return result

    def _claim(self, connection: sa.Connection) -> None:
        if not self._lease.claim(connection, self._batch):
            raise NotOwnerError(f"ledger {self._store}: another process owns it now")

    def _was_committed(self) -> bool:
        with self._connect().begin() as transaction:
            row = transaction.connection.execute(sa.select(schema.lease)).mappings().one()
        if row["epoch"] != self._lease.epoch:
            raise NotOwnerError(f"ledger {self._store}: another process owns it now")
        return bool(row["batch"] == self._batch)

    def _apply(self, connection: sa.Connection, changes: Sequence[Change]) -> None:
        groups: dict[Op, list[Row]] = {}
        highest = Op.PUT_TASK
        for change in changes:
            if highest and any(op in ORDERED and op < highest for op, _ in change.ops):
                self._flush(connection, groups)
                groups, highest = {}, Op.PUT_TASK
            for op, row in change.ops:
                groups.setdefault(op, []).append(row)
                if op in ORDERED and op > highest:
                    highest = op
        self._flush(connection, groups)

    def _flush(self, connection: sa.Connection, groups: dict[Op, list[Row]]) -> None:
        for op in sorted(groups):
            rows = groups[op]
            touched = self._sql.write(connection, op, rows)
            if op in GUARDED and touched != len(rows):
                raise StaleError(f"ledger {self._store}: {op.name} no longer applies")

    def _connect(self) -> sa.Connection:
        if self._connection is None:
            self._connection = self._store.connect()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            try:
                connection.invalidate()
                connection.close()
            except Exception:
                _log.debug("closing a broken connection", exc_info=True)
