"""The alerts of a ledger that could not be delivered yet; any thread may store, read and remove them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import TimeoutError as NotInTimeError
from typing import TypeVar

import sqlalchemy as sa

from schedkit.core.node.life import Life
from schedkit.core.node.node import Node
from schedkit.core.store.outbox import Alert, keep_alert, remove_alert, take_alerts, waiting_alerts
from schedkit.errors import SchedkitError
from schedkit.values.instants import wall_now

__all__ = ["Outbox"]

T = TypeVar("T")
_log = logging.getLogger("schedkit")
# How long who sends alerts waits for the ledger; then it continues without.
_SECONDS = 10.0


class Outbox:
    """The alerts of one ledger that wait; nothing is kept or taken where no scheduler runs."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def keep(self, channel: str, title: str, body: str, kind: str) -> str:
        """Keep an alert that could not be delivered, and return its id; empty: it is not kept."""
        alert = Alert(channel=channel, title=title, body=body, kind=kind, at=wall_now())
        return self._write(lambda connection, life: keep_alert(connection, life.lease.life, alert), "")

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
        found = self._write(
            lambda connection, life: take_alerts(store, connection, life.lease.life, channel), nothing
        )
        return [(id, (alert.title, alert.body, alert.kind)) for id, alert in found]

    def done(self, id: str) -> None:
        """Remove an alert that was delivered."""
        self._write(lambda connection, life: remove_alert(connection, id), None)

    def _write(self, function: Callable[[sa.Connection, Life], T], otherwise: T) -> T:
        life = self._node.life
        if life is None:
            return otherwise
        try:
            return life.writer.call(lambda connection: function(connection, life)).result(_SECONDS)
        except (SchedkitError, NotInTimeError) as error:
            _log.debug("the outbox could not be written: %s", error)
            return otherwise
