"""Alerts that could not be delivered: they wait in the ledger until their receiver is back."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import sqlalchemy as sa

from schedkit.core.ids import id_at, new_id
from schedkit.core.store.database import Store
from schedkit.core.store.lives import living_in
from schedkit.core.store.schema import outbox
from schedkit.values.instants import from_micros

__all__ = [
    "HEARTBEAT",
    "MOST_AGE",
    "MOST_ALERTS",
    "Alert",
    "keep_alert",
    "remove_alert",
    "take_alerts",
    "waiting_alerts",
]

# What is older, or more, is deleted: alerts of last week, or a thousand at once, are of no use.
MOST_AGE, MOST_ALERTS = timedelta(days=7), 500


# The kind of an alert that stands for a heartbeat which was not sent; the next one that is sent removes it.
HEARTBEAT = "heartbeat"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A message for a channel that was first tried `at` that time (microseconds since 1970)."""

    channel: str
    title: str
    body: str
    kind: str
    at: int


def keep_alert(connection: sa.Connection, life: str, alert: Alert) -> str:
    """Add an alert that a life will send, and return its id; delete the oldest beyond age and number."""
    row = {"id": new_id(), "notification": _text(alert), "tries": 1, "next_at": alert.at, "life": life}
    connection.execute(outbox.insert(), [row])
    newest = sa.select(outbox.c.id).order_by(outbox.c.id.desc()).limit(MOST_ALERTS)
    kept = [id for (id,) in connection.execute(newest)]
    old = id_at(from_micros(alert.at) - MOST_AGE)
    connection.execute(outbox.delete().where((outbox.c.id < old) | outbox.c.id.not_in(kept)))
    return str(row["id"])


def take_alerts(store: Store, connection: sa.Connection, life: str, channel: str) -> list[tuple[str, Alert]]:
    """Have a life send what is left for a channel by processes that have ended, the oldest first."""
    living = {node.life for node in living_in(store, connection) if node.alive}
    rows = connection.execute(sa.select(outbox).order_by(outbox.c.id).with_for_update(skip_locked=True)).all()
    found = [(row.id, _alert(row.notification)) for row in rows if row.life not in living]
    mine = [(id, alert) for id, alert in found if alert.channel == channel]
    if mine:
        ids = [id for id, _ in mine]
        connection.execute(outbox.update().where(outbox.c.id.in_(ids)).values(life=life))
    return mine


def remove_alert(connection: sa.Connection, id: str) -> None:
    """Remove an alert that was delivered."""
    connection.execute(outbox.delete().where(outbox.c.id == id))


def waiting_alerts(store: Store) -> list[Alert]:
    """Return what waits, the oldest first."""
    with store.reading() as connection:
        found = connection.scalars(sa.select(outbox.c.notification).order_by(outbox.c.id)).all()
    with store.decoding():
        return [_alert(text) for text in found]


def _text(alert: Alert) -> str:
    return msgspec.json.encode(alert).decode()


def _alert(text: str) -> Alert:
    return msgspec.json.decode(text, type=Alert)
