"""Which runs hold the limited keys of a ledger of dictionaries, and which wait for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from schedkit.core.engine.changes import KeysClaimed, KeysDropped, KeysKept, LimitPut
from schedkit.core.engine.snapshot import Claim, Limit, Use

__all__ = ["ClaimsModel"]


class ClaimsModel:
    """The rows of limits and claims, granted one after the other."""

    def __init__(self) -> None:
        self.limits: dict[str, Limit] = {}
        self.held: dict[tuple[str, str, str], int] = {}  # key, run and life → rank
        self.waits: dict[tuple[str, str, str], int] = {}

    def write(self, changes: Iterable[Any]) -> None:
        """Write what a decision says of limits, in the order of a ledger."""
        changes = list(changes)
        for change in changes:
            if isinstance(change, LimitPut) and change.most is None:
                self.limits.pop(change.key, None)
            elif isinstance(change, LimitPut) and change.most is not None:
                self.limits[change.key] = Limit(change.most, change.actor)
        for change in changes:
            match change:
                case KeysDropped(run, life):
                    self._drop(lambda row, run=run, life=life: row[1:] == (run, life))
                case KeysKept(run, keys, life):
                    self.held.update({(key, run, life): 0 for key in keys})
                case KeysClaimed():
                    self._claim(change)

    def _claim(self, claim: KeysClaimed) -> None:
        rows = {(key, claim.run, claim.life): claim.rank for key in claim.keys}
        assert not rows.keys() & (self.held.keys() | self.waits.keys()), f"{claim} is claimed already"
        full = {row: rank for row, rank in rows.items() if self._full(claim, row[0])}
        if full:
            self.waits.update(full)
        else:
            self.held.update(rows)

    def _full(self, claim: KeysClaimed, key: str) -> bool:
        limit = self.limits.get(key)
        first = [
            rank
            for (at, _, life), rank in self.waits.items()
            if at == key and life != claim.life and rank < claim.rank
        ]
        used = self.used(key) + (len(first) if claim.yields else 0)
        return limit is not None and used >= limit.most

    def _drop(self, gone: Any) -> None:
        for rows in (self.held, self.waits):
            for row in [row for row in rows if gone(row)]:
                del rows[row]

    def forget(self, life: str) -> None:
        """Drop what a life has that is gone."""
        self._drop(lambda row: row[2] == life)

    def used(self, key: str) -> int:
        """Return how many runs hold a key."""
        return sum(at == key for at, _, _ in self.held)

    def of(self, life: str) -> list[Claim]:
        """Return what the runs in a life hold, and what they wait for."""
        return [
            Claim(key, run, held)
            for rows, held in ((self.held, True), (self.waits, False))
            for key, run, where in rows
            if where == life
        ]

    def refused(self, life: str, runs: Collection[str]) -> dict[str, frozenset[str]]:
        """Return which of these runs wait, each for which keys."""
        waits = [(run, key) for key, run, where in self.waits if where == life and run in runs]
        return {run: frozenset(key for other, key in waits if other == run) for run, _ in waits}

    def uses(self, keys: Iterable[str], life: str) -> dict[str, Use]:
        """Return how keys are used, as a life looks at it."""
        return {
            key: Use(
                self.used(key),
                tuple(
                    sorted(rank for (at, _, where), rank in self.waits.items() if at == key and where != life)
                ),
            )
            for key in keys
        }
