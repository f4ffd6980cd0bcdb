"""The rows on the page, and the keys by which they are known."""

from __future__ import annotations

import pytest
from support.confluence_pages import table
from support.confluence_tables import NAMES, cells, edit, page, report

from schedkit.errors import RegionError


@pytest.mark.parametrize(
    "key",
    [
        '<a href="https://x/browse/K-1">K-1</a>',
        "<p><strong>K-1</strong></p>",
        "<a href='https://x/browse/K-1'>https://x/browse/K-1</a>",
        '<ac:structured-macro ac:name="jira"><ac:parameter ac:name="server">S</ac:parameter>'
        '<ac:parameter ac:name="key">K-1</ac:parameter></ac:structured-macro>',
    ],
)
def test_a_key_is_known_however_it_is_wrapped(key: str) -> None:
    draft = edit(page(table(NAMES, [[key, "one", "mine"]])), {"Key": ["K-1"], "Summary": ["uno"]})
    assert key in draft.new
    assert cells(draft)[1][1:] == ["uno", "mine"]


def test_rows_without_a_key_are_kept_with_what_people_wrote() -> None:
    source = page(table(NAMES, [["", "", "remember this"], ["K-1", "one", ""], ["", "", ""]]))
    draft = edit(source, {"Key": ["K-1"], "Summary": ["one"]})
    assert cells(draft)[1:] == [["K-1", "one", ""], ["Archived", "", ""], ["", "", "remember this"]]
    assert report(draft).archived == ["(no key)"]
    assert report(draft).removed == ["(no key)"]


def test_a_person_may_use_our_words() -> None:
    source = page(table(NAMES, [["Archived", "the project", "mine"]]))
    draft = edit(source, {"Key": ["Archived", "K-1"], "Summary": ["the project", "one"]})
    assert cells(draft)[1:] == [["Archived", "the project", "mine"], ["K-1", "one", ""]]


def test_keys_that_differ_in_case_blanks_or_dashes_are_matched_and_told() -> None:
    rows = [["k-1", "x", "c1"], ["K-2\u00a0", "x", "c2"], ["K\u20113", "x", "c3"], ["K-4", "x", ""]]
    draft = edit(page(table(NAMES, rows)), {"Key": [f"K-{n}" for n in range(1, 5)], "Summary": ["y"] * 4})
    assert [row[2] for row in cells(draft)[1:]] == ["c1", "c2", "c3", ""]
    assert report(draft).added == []
    assert report(draft).notes[:2] == [
        "row 'k-1' of the page is taken for 'K-1'", "row 'K\u20113' of the page is taken for 'K-3'",
    ]  # fmt: skip
    twice = page(table(NAMES, [["k-1", "x", "c1"], ["K -1", "x", "c2"]]))
    assert report(edit(twice, {"Key": ["K-1"], "Summary": ["y"]})).archived == ["k-1", "K -1"]


def test_several_columns_are_one_key() -> None:
    source = page(table(["Team", "Week", "N", "Comment"], [["A", "1", "5", "a1"], ["A", "2", "6", "a2"]]))
    frame = {"Team": ["A", "B"], "Week": ["2", "1"], "N": [7, 8]}
    draft = edit(source, frame, key=("Team", "Week"))
    assert cells(draft)[1:] == [
        ["A", "2", "7", "a2"], ["B", "1", "8", ""], ["Archived", "", "", ""], ["A", "1", "5", "a1"],
    ]  # fmt: skip
    assert (report(draft).added, report(draft).archived) == (["B / 1"], ["A / 1"])
    with pytest.raises(RegionError, match=r"the frame has Team / Week 'A / 1' twice .*\['Team', 'Week'\]"):
        edit(source, {"Team": ["A", "A"], "Week": ["1", "1"], "N": [1, 2]}, key=("Team", "Week"))
