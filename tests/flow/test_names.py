"""Names that hold commas, within texts that join names with commas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedkit.flow.names import names_by_id, split_names

NAMES = {"1": "One", "2": "Two, too", "3": "Three, [3], and more", "4": ", Four"}


def joined(*ids: str) -> str:
    return ", ".join(NAMES[id] for id in ids)


@pytest.mark.parametrize(
    ("values", "known"),
    [
        ([("1",), ("1", "2"), ("1", "2", "3")], {}),
        ([("3", "1", "2"), ("1", "2"), ("2",)], {}),
        ([("2", "3")], {"3": NAMES["3"]}),
    ],
)
def test_names_follow_from_each_other(values: list[tuple[str, ...]], known: dict[str, str]) -> None:
    found = names_by_id(values, [joined(*ids) for ids in values], known)
    assert found == {id: NAMES[id] for ids in values for id in ids}
    for ids in values:
        assert split_names(joined(*ids), ids, found) == tuple(NAMES[id] for id in ids)


def test_what_nothing_tells_stays_whole() -> None:
    values = [("2", "3"), None, ("7", "8"), ("1",)]
    texts = [joined("2", "3"), "alone", None, "One"]
    assert names_by_id(values, texts, {"9": "x"}) == {"9": "x", "1": "One"}
    assert split_names(joined("2", "3"), ("2", "3"), {}) == (joined("2", "3"),)
    assert split_names("A, B", ("2", "3"), {"2": "renamed", "3": "since"}) == ("A", "B")
    assert split_names("A, B", None, {}) == ("A, B",)
    assert split_names(None, ("1",), {}) == ()
    assert names_by_id([("2", "3")], ["other, words"], {"3": "renamed"}) == {"3": "renamed"}


@given(st.lists(st.lists(st.sampled_from(list(NAMES)), min_size=1, max_size=4, unique=True), max_size=6))
def test_no_name_is_invented(values: list[list[str]]) -> None:
    keys = [tuple(ids) for ids in values]
    for id, name in names_by_id(keys, [joined(*ids) for ids in keys], {}).items():
        assert name == NAMES[id]
