"""Errors for decisions that the ledger refuses."""

from __future__ import annotations

from schedkit.errors import LedgerError

__all__ = ["RefusedRowError", "StaleError"]


class StaleError(LedgerError):
    """A decision was based on an outdated state: another attempt, another next time."""


class RefusedRowError(LedgerError):
    """A constraint of the ledger refuses a row, e.g. because it is there already."""
