"""Reads the limits of the whole ledger, and what is used of them: which runs hold a limited key or wait."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import select

from schedkit.core.engine.snapshot import Claim, Limit, Use
from schedkit.core.store.queries import LIVE
from schedkit.core.store.schema import attempts, claims, limits, runs

__all__ = ["read_claims", "read_limits", "read_starts", "read_uses"]


def read_limits(connection: sa.Connection) -> dict[str, Limit]:
    """Return the limits by key."""
    return {key: Limit(most, actor) for key, most, actor in connection.execute(select(limits))}


def read_claims(connection: sa.Connection, life: str) -> list[Claim]:
    """Return what runs in a life hold of limited keys, and what they wait for."""
    query = select(claims.c.key, claims.c.run, claims.c.held).where(claims.c.life == life)
    return [Claim(key, run, bool(held)) for key, run, held in connection.execute(query)]


def read_uses(connection: sa.Connection, keys: Collection[str], life: str) -> dict[str, Use]:
    """Return how many runs hold each key, and the ranks of those of other lives that wait for it."""
    query = select(claims.c.key, claims.c.life, claims.c.rank, claims.c.held).where(claims.c.key.in_(keys))
    held: dict[str, int] = dict.fromkeys(keys, 0)
    ahead: dict[str, list[int]] = {key: [] for key in keys}
    for key, where, rank, holds in connection.execute(query):
        if holds:
            held[key] += 1
        elif where != life:
            ahead[key].append(rank)
    return {key: Use(held[key], tuple(sorted(ahead[key]))) for key in keys}


def read_starts(connection: sa.Connection, task: str, count: int) -> list[int]:
    """Return the latest starts of the attempts of a task, so many at most."""
    mine = select(runs.c.id).where(runs.c.task == task)
    # The start of a run is that of its last attempt; between two attempts it has none.
    recent = mine.where(runs.c.started_at.is_not(None)).order_by(runs.c.started_at.desc()).limit(count)
    live = mine.where(LIVE)
    query = (
        select(attempts.c.started_at)
        .where(attempts.c.run.in_(recent) | attempts.c.run.in_(live))
        .order_by(attempts.c.started_at.desc())
        .limit(count)
    )
    return list(connection.scalars(query))
