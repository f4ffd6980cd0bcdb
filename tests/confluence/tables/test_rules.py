"""The values that say how a frame meets a table."""

from __future__ import annotations

import pytest

from schedkit.confluence.tables.rules import Change, Rules, header, joined_key


@pytest.mark.parametrize(
    ("key", "keys", "name"),
    [(None, (), ""), ("Key", ("Key",), "Key"), (("Team", "Week"), ("Team", "Week"), "Team / Week")],
)
def test_the_columns_of_a_key(key: str | tuple[str, ...] | None, keys: tuple[str, ...], name: str) -> None:
    assert (Rules(key).keys, Rules(key).key_name) == (keys, name)


@pytest.mark.parametrize(
    ("parts", "key"), [(["a"], "a"), (["a", "b"], "a / b"), (["", "b"], " / b"), (["", ""], "")]
)
def test_the_key_of_a_row(parts: list[str], key: str) -> None:
    assert joined_key(parts) == key


@pytest.mark.parametrize(("label", "shown"), [("A <b>", "A <b>"), (" two\n lines ", "two lines"), (5, "5")])
def test_a_header_reads_as_on_the_page(label: object, shown: str) -> None:
    assert header(label) == shown


def test_a_change_in_words() -> None:
    changed = Change(0, 1, "Status", "K-1", "<p>Open</p>", "<strong>Closed</strong>")
    assert (changed.before, changed.after) == ("Open", "Closed")
    assert changed._replace(old=None).before is None
