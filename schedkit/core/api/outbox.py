"""What a ledger keeps of alerts: those that could not be delivered yet, and marks of what was told.

Any thread may store, read and remove them.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as NotInTimeError
from typing import TypeVar

import sqlalchemy as sa

from schedkit.core.node.life import Life
from schedkit.core.node.node import Node
from schedkit.core.store.chores import chores_called, drop_chores, take_chore
from schedkit.core.store.outbox import Alert, keep_alert, remove_alert, take_alerts, waiting_alerts
from schedkit.errors import SchedkitError
from schedkit.values.instants import wall_now

__all__ = ["Marks", "Outbox"]

T = TypeVar("T")
_log = logging.getLogger("schedkit")
# How long who sends alerts waits for the ledger; then it continues without.
_SECONDS = 10.0
_NEVER = 2**62


class Outbox:
    """The alerts of one ledger that wait; nothing is kept or taken where no scheduler runs."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def keep(self, channel: str, title: str, body: str, kind: str) -> str:
        """Keep an alert that could not be delivered, and return its id; empty: it is not kept."""
        alert = Alert(channel=channel, title=title, body=body, kind=kind, at=wall_now())
        return _written(
            self._node, lambda connection, life: keep_alert(connection, life.lease.life, alert), ""
        )

    def take(self, channel: str) -> list[tuple[str, tuple[str, str, str]]]:
        """Return what is left for a channel by processes that have ended: ids, and title, body and kind."""
        store = self._node.ledger.store
        try:
            if self._node.life is None or not any(each.channel == channel for each in waiting_alerts(store)):
                return []
        except SchedkitError as error:
            _log.debug("the outbox could not be read: %s", error)
            return []
        nothing: list[tuple[str, Alert]] = []
        found = _written(
            self._node,
            lambda connection, life: take_alerts(store, connection, life.lease.life, channel),
            nothing,
        )
        return [(id, (alert.title, alert.body, alert.kind)) for id, alert in found]

    def done(self, id: str) -> None:
        """Remove an alert that was delivered."""
        _written(self._node, lambda connection, life: remove_alert(connection, id), None)


class Marks:
    """Names that one process of all at a ledger has taken, until they are dropped; kept over its end."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def called(self, start: str) -> list[str]:
        """Return the marks whose names begin so.

        Raises
        ------
        LedgerError
            If the ledger cannot be read.
        """
        with self._node.ledger.store.reading() as connection:
            return chores_called(connection, start)

    def take(self, name: str, *others: str) -> bool:
        """Take a mark, and others with it; False: a process has it already, or the ledger takes no writes."""

        def taken(connection: sa.Connection, life: Life) -> bool:
            mine = functools.partial(take_chore, connection, life=life.lease.life, now=0, again=_NEVER)
            if not mine(name=name):
                return False
            for other in others:
                mine(name=other)
            return True

        return _written(self._node, taken, False)

    def drop(self, names: Sequence[str]) -> int:
        """Drop marks; return how many of them there were."""
        if not names:
            return 0
        return _written(self._node, lambda connection, life: drop_chores(connection, list(names)), 0)


def _written(node: Node, function: Callable[[sa.Connection, Life], T], otherwise: T) -> T:
    """Return what a function returns that writes the ledger, `otherwise` if it cannot be written."""
    life = node.life
    if life is None:
        return otherwise
    try:
        return life.writer.call(lambda connection: function(connection, life)).result(_SECONDS)
    except (SchedkitError, NotInTimeError) as error:
        _log.debug("what is kept of alerts could not be written: %s", error)
        return otherwise
