"""Within how many seconds a share of the runs ended: as if all were put in order, by a sample or not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support import past

from schedkit.core.board.lengths import RunLengths, run_lengths
from schedkit.core.store.database import Store
from schedkit.core.store.schema import runs
from schedkit.values.instants import to_micros

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SINCE = NOW - timedelta(days=30)


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    store = Store(where)
    yield store
    store.close()


def asked(
    store: Store, total: int, *chosen: Any, most_in_order: int = 0, until: datetime = NOW
) -> RunLengths:
    with store.snapshot() as connection:
        return run_lengths(connection, chosen, SINCE, until, total, most_in_order=most_in_order)


def in_order(rows: list[dict[str, Any]]) -> tuple[float, ...]:
    lengths = sorted(row["finished_at"] - row["started_at"] for row in rows if row["finished_at"])
    return tuple(lengths[min(len(lengths) - 1, int(share * len(lengths)))] / 1e6 for share in (0.5, 0.95))


@pytest.mark.parametrize("different", [10**6, 7, 1])
def test_a_sample_finds_what_all_in_order_tell(store: Store, different: int) -> None:
    chance = random.Random(different)
    rows = [
        past.ended(number, f"task {number % 3}", NOW - timedelta(minutes=number), length)
        for number in range(3000)
        for length in [None if number % 50 == 0 else (1 + chance.randrange(different)) / 1e6 * 50]
    ]
    past.write(store, rows)
    first = min(row["started_at"] for row in rows)
    assert asked(store, len(rows)) == RunLengths(first, in_order(rows))
    assert asked(store, len(rows), most_in_order=5000) == RunLengths(first, in_order(rows))
    of_one = [row for row in rows if row["task"] == "task 1"]
    found = asked(store, len(of_one), runs.c.task == "task 1")
    assert found == RunLengths(min(row["started_at"] for row in of_one), in_order(of_one))


def test_a_sample_that_is_unlike_the_rest_is_not_believed(store: Store) -> None:
    before = NOW - timedelta(days=1)
    rows = [past.ended(number, "grows", before - timedelta(hours=number), 1 + number) for number in range(50)]
    late = [
        past.ended(100 + number, "grows", NOW - timedelta(seconds=number), 1000 + number)
        for number in range(200)
    ]
    past.write(store, [*rows, *late])
    # Only what came before the long ones is looked at for a sample.
    assert asked(store, 250, until=before).within == in_order([*rows, *late])


def test_runs_that_did_not_end_have_no_length(store: Store) -> None:
    row = past.ended(1, "running", NOW - timedelta(hours=1), None)
    past.write(store, [row])
    for most_in_order in (0, 10):
        found = asked(store, 1, most_in_order=most_in_order)
        assert found == RunLengths(to_micros(NOW - timedelta(hours=1)), (None, None))
