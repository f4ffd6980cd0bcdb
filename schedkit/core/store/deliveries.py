"""What runs have delivered, so that another attempt of a run does not deliver it again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from schedkit.core.store.database import Store
from schedkit.core.store.schema import deliveries
from schedkit.values.instants import wall_now

__all__ = ["Deliveries"]


class Deliveries:
    """The deliveries that are in the ledger.

    Parameters
    ----------
    call : callable
        Has a function run in a transaction of its own, as `Writer.call`.
    """

    def __init__(self, store: Store, call: Callable[[Callable[[sa.Connection], Any]], Future[Any]]) -> None:
        self._store, self._call = store, call

    def of(self, run: str) -> dict[str, str]:
        """Return what was delivered for a run, by step."""
        query = select(deliveries.c.step, deliveries.c.what).where(deliveries.c.run == run)
        with self._store.reading() as connection:
            return {row.step: row.what for row in connection.execute(query)}

    def record(self, run: str, step: str, what: str) -> None:
        """Record a delivery; it is in the ledger when this returns.

        Raises
        ------
        LedgerError, NotRunningError
            It could not be recorded.
        """

        def write(connection: sa.Connection) -> None:
            known = (deliveries.c.run == run) & (deliveries.c.step == step)
            connection.execute(deliveries.delete().where(known))
            row = {"run": run, "step": step, "what": what, "done_at": wall_now()}
            connection.execute(deliveries.insert(), [row])

        self._call(write).result()
