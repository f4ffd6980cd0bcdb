"""What a process that runs tasks tells of itself to one that only watches its ledger."""

from __future__ import annotations

import msgspec

from schedkit.core.engine.obstacles import Obstacle

__all__ = ["LedgerFigures", "ProcessReport"]


class LedgerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How the ledger answers now, and how a process writes to it.

    Attributes
    ----------
    read_seconds : float or None
        How long a read took just now; None: the ledger cannot be read.
    transactions, transaction_seconds
        How many transactions the process has begun, and how long they took; None: it runs nothing.
    beat_age : float or None
        How many seconds ago the ledger last confirmed that the process counts as alive; None: it runs
        nothing.
    """

    read_seconds: float | None = None
    transactions: int | None = None
    transaction_seconds: float = 0.0
    beat_age: float | None = None


class ProcessReport(msgspec.Struct, frozen=True, kw_only=True):
    """What only the process itself knows, and no ledger.

    Attributes
    ----------
    state : str
        "running" or "stopped"; empty: it was not heard yet.
    writes : LedgerFigures
        How it writes to the ledger.
    obstacles : sequence of Obstacle
        What keeps its runs from starting.
    """

    state: str = ""
    writes: LedgerFigures = LedgerFigures()
    obstacles: tuple[Obstacle, ...] = ()
