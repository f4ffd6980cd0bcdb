"""Changes of one instant are taken in the order in which they follow from each other."""

from __future__ import annotations

import itertools
from typing import Any

import pandas as pd
import pytest
from support.flow_ties import UNTIL, day, entry, frames

from schedkit import flow
from schedkit.flow.ties import MOST, chain


@pytest.mark.parametrize(
    ("entries", "stays"),
    [
        # Imported, with times to the second and numbers the other way round.
        ([entry(1, day(6), ("3", "6")), entry(2, day(6), ("1", "3"))], ["To Do", "Doing", "Done"]),
        # Two changes of one field in one entry.
        ([entry(1, day(6), ("3", "6"), ("1", "3"))], ["To Do", "Doing", "Done"]),
        # What came before tells which is first.
        (
            [entry(1, day(5), ("1", "3")), entry(2, day(6), ("1", "6")), entry(3, day(6), ("3", "1"))],
            ["To Do", "Doing", "To Do", "Done"],
        ),
        # There and back: the numbers tell.
        ([entry(1, day(6), ("6", "1")), entry(2, day(6), ("1", "6"))], ["Done", "To Do", "Done"]),
        # What does not follow from each other stays in the order of its numbers.
        ([entry(1, day(6), ("1", "3")), entry(2, day(6), ("1", "6"))], ["To Do", "Doing", "Done"]),
    ],
)
def test_statuses_of_one_instant(entries: list[dict[str, Any]], stays: list[str]) -> None:
    issues, changes = frames(*entries)
    assert flow.status_spans(issues, changes, until=UNTIL)["Status"].tolist() == stays
    finished = flow.cycle_times(issues, changes, until=UNTIL)["Finished"].iloc[0]
    assert finished == pd.Timestamp(day(6))
    by_name = changes.drop(columns=["From Id", "To Id"])
    assert flow.status_spans(issues, by_name, until=UNTIL)["Status"].tolist() == stays


def test_each_order_of_a_chain_is_put_right() -> None:
    links = list(itertools.pairwise("abcdef"))
    for shuffled in itertools.permutations(links):
        places = chain(shuffled)
        assert places is not None
        assert [shuffled[place] for place in places] == links


def test_changes_that_are_too_many_or_no_chain_stay() -> None:
    many = [("3", "1") if n % 2 else ("1", "3") for n in range(MOST + 1)]
    issues, changes = frames(*(entry(n, day(6), move) for n, move in enumerate(reversed(many))))
    assert len(flow.status_spans(issues, changes, until=UNTIL)) == MOST + 2
    assert chain([("a", "b"), ("c", "d")]) is None
