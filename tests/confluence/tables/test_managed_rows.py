"""The row that counts the others, and the head of the archived block."""

from __future__ import annotations

from support.confluence_pages import table
from support.confluence_tables import NAMES, cells, edit, page, report


def test_capped_rows_are_counted_and_linked() -> None:
    source = page(table(NAMES, [["K-3", "three", "mine"]]))
    frame = {"Key": [f"K-{n}" for n in range(1, 6)], "Summary": [f"s{n}" for n in range(1, 6)]}
    draft = edit(source, frame, cap=2, workbook="bugs.xlsx")
    assert [row[0] for row in cells(draft)] == ["Key", "K-1", "K-2", "K-3", "… and 2 more in bugs.xlsx"]
    assert report(draft).hidden == 2
    assert '<ri:attachment ri:filename="bugs.xlsx" />' in draft.new
    fewer = edit(draft.new, {k: v[:4] for k, v in frame.items()}, cap=2, workbook="bugs.xlsx")
    assert cells(fewer)[-1] == ["… and 1 more in bugs.xlsx", "", ""]
    whole = edit(fewer.new, frame, cap=None)
    assert [row[0] for row in cells(whole)] == ["Key", "K-1", "K-2", "K-3", "K-4", "K-5"]


def test_words_in_our_own_rows_are_not_lost() -> None:
    source = page(
        table(NAMES, [["K-1", "one", ""], ["… and 1 more", "", "where?"], ["Archived", "", "why?"]])
    )
    draft = edit(source, {"Key": ["K-1"], "Summary": ["one"]})
    assert cells(draft)[1:] == [
        ["K-1", "one", ""], ["Archived", "", ""], ["… and 1 more", "", "where?"], ["Archived", "", "why?"],
    ]  # fmt: skip
