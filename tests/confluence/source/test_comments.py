"""Inline comments' marks: whether they are all that differs, and how they are carried to a later page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.confluence_pages import hostile_pages

from schedkit.confluence.source.comments import carry_comments, only_comments_changed
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
        (f"<p>a {mark('1', 'b')}</p>", "<p>a b</p>", True),
        (f"<p>{mark('1', 'a')} b</p>", f"<p>a {mark('2', 'b')}</p>", True),
        ("<p>a</p>", f"<p>a</p><!-- {mark('1', 'x')} -->", False),
    ],
)
def test_only_marks_differ(before: str, late: str, only: bool) -> None:
    assert only_comments_changed(before, late) is only


@given(hostile_pages, st.data())
def test_a_mark_around_any_words(page: str, data: st.DataObject) -> None:
    runs = [token.span() for token in tokens(page) if token["text"]]
    if not runs:
        return
    start, end = data.draw(st.sampled_from(runs))
    late = page[:start] + mark("new", page[start:end]) + page[end:]
    assert only_comments_changed(page, late)
    assert not only_comments_changed(page, late + "x")
    assert only_comments_changed(late, page)
    assert carry_comments(page, late, page) == late
    assert carry_comments(late, page, late) == page
    assert carry_comments(page, late, "<p>new</p>" + page) == "<p>new</p>" + late
    assert carry_comments(page, late, page + "<p>new</p>") == late + "<p>new</p>"
    assert carry_comments(page, late + "x", page) is None
    assert carry_comments(page, late, page[: start + 1] + "<p>" + page[start + 1 :]) is None


@pytest.mark.parametrize(
    ("now", "carried"),
    [
        ("<p>a b</p>", f"<p>a {mark('1', 'b')}</p>"),
        ("<p>A b</p>", f"<p>A {mark('1', 'b')}</p>"),
        (f"<p>{mark('2', 'a')} b</p>", f"<p>{mark('2', 'a')} {mark('1', 'b')}</p>"),
        ("<p>a B and c</p>", f"<p>a {mark('1', 'B and c')}</p>"),
        ("<p>something else</p>", None),
        ("<p>a </p><p>b</p>", f"<p>a </p><p>{mark('1', 'b')}</p>"),
        ("<p>a b!</p>", f"<p>a {mark('1', 'b')}!</p>"),
        ("<p>a b</p><p>b</p>", f"<p>a {mark('1', 'b')}</p><p>b</p>"),
        ("<p>a</p><ul><li>b</li></ul>", None),
    ],
)
def test_a_mark_is_carried_to_a_page_that_was_saved_meanwhile(now: str, carried: str | None) -> None:
    assert carry_comments("<p>a b</p>", f"<p>a {mark('1', 'b')}</p>", now) == carried
