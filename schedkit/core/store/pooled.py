"""Pooled connections of a server: replaced when they are lent after the server has closed them.

SQLAlchemy's own check sends a statement before each use. An idle process reads the ledger each second, and
most of what that cost was the second round trip.
"""

from __future__ import annotations

import selectors
import time
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import InvalidatePoolError

__all__ = ["replace_lost"]

# A firewall may drop a connection that is idle for minutes, and tells neither side.
PROVEN_SECONDS = 30.0
_USED = "schedkit_used"
_Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)


def replace_lost(engine: sa.Engine) -> None:
    """Have an engine replace connections that are lost, before they are used again.

    One that was used not long ago is asked only if its socket has something to read: the server says goodbye,
    or has closed it.
    """
    sa.event.listen(engine, "checkin", _note_use)
    sa.event.listen(engine, "checkout", partial(_check, engine.dialect))


def _note_use(connection: Any, record: Any) -> None:
    record.info[_USED] = time.monotonic()


def _check(dialect: sa.Dialect, connection: Any, record: Any, proxy: object) -> None:
    used = record.info.get(_USED)
    if used is None:  # it was opened just now
        return
    try:
        if time.monotonic() - used > PROVEN_SECONDS or _has_news(connection):
            dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error


def _has_news(connection: Any) -> bool:
    with _Selector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        return bool(selector.select(0))
