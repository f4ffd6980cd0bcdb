"""The ledger of a scheduler, as another process opens it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.store.database import Store
from schedkit.core.store.reader import Ledger

__all__ = ["ledger_of"]


@contextmanager
def ledger_of(sched: Scheduler) -> Iterator[Ledger]:
    """Open a scheduler's ledger beside it."""
    store = Store(sched.process.address)
    try:
        yield Ledger(store)
    finally:
        store.close()
