"""Inline comments' marks, and whether they are all that was added."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.confluence_pages import hostile_pages

from schedkit.confluence.source.comments import only_comments_added
from schedkit.confluence.source.storage import tokens


def mark(ref: str, content: str) -> str:
    return f'<ac:inline-comment-marker ac:ref="{ref}">{content}</ac:inline-comment-marker>'


@pytest.mark.parametrize(
    ("before", "late", "only"),
    [
        ("<p>a b</p>", f"<p>a {mark('1', 'b')}</p>", True),
        (f"<p>{mark('1', 'a')} b</p>", f"<p>{mark('1', mark('2', 'a'))} {mark('3', 'b')}</p>", True),
        (f"<p>{mark('1', 'a')} b</p>", f"<p>{mark('2', mark('1', 'a'))} b</p>", True),
        ("<p>a</p>", '<p>a<ac:inline-comment-marker ac:ref="1" /></p>', True),
        ("<p>a b</p>", "<p>a b</p>", False),
        ("<p>a b</p>", f"<p>a {mark('1', 'c')}</p>", False),
        (f"<p>a {mark('1', 'b')}</p>", "<p>a b</p>", False),
        ("<p>a</p>", f"<p>a</p><!-- {mark('1', 'x')} -->", False),
    ],
)
def test_only_marks_added(before: str, late: str, only: bool) -> None:
    assert only_comments_added(before, late) is only


@given(hostile_pages, st.data())
def test_a_mark_around_any_words(page: str, data: st.DataObject) -> None:
    runs = [token.span() for token in tokens(page) if token["text"]]
    if not runs:
        return
    start, end = data.draw(st.sampled_from(runs))
    late = page[:start] + mark("new", page[start:end]) + page[end:]
    assert only_comments_added(page, late)
    assert not only_comments_added(page, late + "x")
