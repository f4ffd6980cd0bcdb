"""Within how many seconds a share of the runs ended: exact, without putting all of them in order.

To put 2,000,000 lengths in order takes SQLite 1.6 s. A sample tells between which two the wanted ones lie:
one pass counts what is shorter, another one reads what lies between.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import func, select

from schedkit.core.ids import id_at
from schedkit.core.store.schema import runs

__all__ = ["RunLengths", "run_lengths"]

SHARES = (0.5, 0.95)
# So many are put in order faster than a sample of them is taken.
MOST_IN_ORDER = 50_000
# A sample of that many runs from each of so many moments of the window; of them, the wanted one is taken to
# lie between those that are so far from it as a share of all. Where it does not, all are put in order.
MOMENTS, FROM_EACH, MARGIN = 50, 400, 0.01

_LENGTH = runs.c.finished_at - runs.c.started_at  # null: it was not started, or did not end


class RunLengths(NamedTuple):
    """When the first of the runs was started, and the seconds within which each of `SHARES` ended."""

    first: int | None
    within: tuple[float | None, ...]


def run_lengths(
    connection: sa.Connection,
    chosen: Sequence[sa.ColumnElement[bool]],
    since: datetime,
    until: datetime,
    total: int,
    *,
    most_in_order: int = MOST_IN_ORDER,
) -> RunLengths:
    """Return the lengths of chosen runs queued since a moment, which are `total`.

    Parameters
    ----------
    connection : Connection
        On which all reads see the ledger at the same moment.
    chosen : sequence of conditions
        Which runs, besides when they were queued.
    until : datetime
        Up to when there are runs.
    most_in_order : int
        Of more runs a sample is taken.
    """
    wanted = sa.and_(runs.c.id >= id_at(since), *chosen)
    sample = _sample(connection, chosen, since, until) if total > most_in_order else []
    brackets = _brackets(sample)
    shorter = [func.count().filter(low > _LENGTH) for low, _ in brackets]
    query = select(func.count(_LENGTH), func.min(runs.c.started_at), *shorter).where(wanted)
    ended, first, *counts = connection.execute(query).one()
    if not ended:
        return RunLengths(first, (None,) * len(SHARES))
    places = [min(ended - 1, int(share * ended)) for share in SHARES]
    found = _between(connection, wanted, places, brackets, counts)
    if any(place not in found for place in places):
        found = _in_order(connection, wanted, places)
    return RunLengths(first, tuple(found[place] / 1e6 for place in places))


def _sample(
    connection: sa.Connection, chosen: Sequence[sa.ColumnElement[bool]], since: datetime, until: datetime
) -> list[int]:
    """Return some lengths in order."""
    step = (until - since) / MOMENTS
    found: list[int] = []
    for number in range(MOMENTS):
        begin = since + number * step
        inside = sa.and_(runs.c.id >= id_at(begin), runs.c.id < id_at(begin + step))
        query = select(_LENGTH).where(inside, *chosen, _LENGTH.is_not(None)).limit(FROM_EACH)
        found += connection.scalars(query)
    return sorted(found)


def _brackets(sample: Sequence[int]) -> list[tuple[int, int]]:
    """Return between which lengths each share of all is to be expected."""
    last = len(sample) - 1
    return [
        (sample[max(0, int((share - MARGIN) * last))], sample[min(last, int((share + MARGIN) * last) + 1)])
        for share in (SHARES if sample else ())
    ]


def _between(
    connection: sa.Connection,
    wanted: sa.ColumnElement[bool],
    places: list[int],
    brackets: list[tuple[int, int]],
    counts: list[int],
) -> dict[int, int]:
    """Return the lengths at places of the order, of those that lie in their brackets."""
    if not brackets:
        return {}
    inside = sa.or_(*(_LENGTH.between(low, high) for low, high in brackets))
    read = sorted(connection.scalars(select(_LENGTH).where(wanted, inside)))
    found = {}
    for place, (low, high), shorter in zip(places, brackets, counts, strict=True):
        begin, end = bisect_left(read, low), bisect_right(read, high)
        if shorter <= place < shorter + end - begin:
            found[place] = read[begin + place - shorter]
    return found


def _in_order(connection: sa.Connection, wanted: sa.ColumnElement[bool], places: list[int]) -> dict[int, int]:
    """Return the lengths at places of the order."""
    number = (func.row_number().over(order_by=_LENGTH) - 1).label("number")
    ordered = select(_LENGTH.label("length"), number).where(wanted, _LENGTH.is_not(None)).subquery()
    query = select(ordered.c.number, ordered.c.length).where(ordered.c.number.in_(places))
    return {row.number: int(row.length) for row in connection.execute(query)}
