"""Rows with the number of their last change."""

from __future__ import annotations

from schedkit.core.board.numbered_rows import NumberedRows


def test_what_changed_since_a_number_is_the_tail() -> None:
    rows = NumberedRows()
    rows.put("a", {"x": 1}, 1)
    rows.put("b", {"x": 2}, 2)
    rows.put("a", {"x": 3}, 3)
    assert rows.since(0) == {"a": {"x": 3}, "b": {"x": 2}}
    assert rows.since(2) == {"a": {"x": 3}}
    assert rows.since(3) == {}


def test_a_row_that_is_gone_is_a_change_until_it_is_forgotten() -> None:
    rows = NumberedRows()
    rows.put("a", {"x": 1}, 1)
    rows.put("a", None, 2)
    assert (rows.get("a"), rows.present(), rows.since(1)) == (None, [], {"a": None})
    assert rows.forget("a") == 2
    assert rows.since(0) == {}
