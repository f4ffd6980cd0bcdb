"""Ids sort by time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schedkit.core.ids import id_at, new_id


def test_ids_sort_by_time() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=5)
    made = [new_id() for _ in range(2000)]
    assert made == sorted(set(made))
    assert {len(id) for id in made} == {16}
    assert id_at(before) < made[0]
    assert made[-1] < id_at(datetime.now(UTC) + timedelta(milliseconds=50))
