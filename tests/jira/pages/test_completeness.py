"""The ids that have arrived, whatever the order of their copies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedkit.jira.pages import completeness
from schedkit.jira.pages.completeness import SeenIds, positions
from schedkit.jira.table.batch import Batch

# Batches of (id, updated in milliseconds).
BATCHES = st.lists(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), max_size=12), max_size=8)
IDS = st.lists(st.integers(1, 40), unique=True, max_size=20)


def batch(rows: list[tuple[int, int]]) -> Batch:
    ids, updated = ([row[part] for row in rows] for part in (0, 1))
    return Batch(np.array(ids, np.int64), np.array(updated, np.int64) * 1000, {})


@pytest.mark.parametrize("fresh", [1, 4, 10_000])
@given(batches=BATCHES, listed=IDS, since=st.integers(0, 9))
def test_seen_ids_are_a_dictionary_of_the_newest_copies(
    fresh: int, batches: list[list[tuple[int, int]]], listed: list[int], since: int
) -> None:
    """However few are sorted in at once."""
    expected: dict[int, int] = {}
    newer = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(completeness, "FRESH", fresh)
        seen = SeenIds()
        for rows in batches:
            for id, updated in rows:
                newer += updated > expected.get(id, updated)
                expected[id] = max(updated, expected.get(id, updated))
            seen.add(batch(rows))
    assert len(seen) == len(expected)
    assert seen.counts == (len(expected), newer)
    assert seen.duplicates == sum(map(len, batches)) - len(expected)
    assert seen.recent(since) == {id: at * 1000 for id, at in expected.items() if at >= since}
    assert seen.missing(listed) == [id for id in listed if id not in expected]
    assert seen.among(listed).tolist() == [id for id in listed if id in expected]
    assert seen.beyond(listed) == sorted(set(expected) - set(listed))
    later = [(id, 5) for id in listed]
    assert seen.older([batch(later)]) == [id for id in listed if expected.get(id, 5) < 5]


@given(ids=IDS, wanted=IDS)
def test_positions_leave_out_what_is_not_there(ids: list[int], wanted: list[int]) -> None:
    found = positions(np.array(ids, np.int64), wanted)
    assert [ids[at] for at in found] == [id for id in wanted if id in ids]
