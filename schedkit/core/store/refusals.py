"""Why the ledger does not take what was decided."""

from __future__ import annotations

from schedkit.errors import LedgerError

__all__ = ["RefusedRowError", "StaleError"]


class StaleError(LedgerError):
    """What a decision was based on is no longer so: another attempt, another next time."""


class RefusedRowError(LedgerError):
    """A constraint of the ledger refuses a row, e.g. because it is there already."""
