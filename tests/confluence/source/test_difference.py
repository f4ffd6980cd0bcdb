"""What differs between two versions of a page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedkit.confluence.source.difference import difference

texts = st.text(alphabet="ab<", max_size=12)


@given(texts, texts)
def test_a_difference_is_one_span_and_makes_the_new_text(old: str, new: str) -> None:
    spans = difference(old, new)
    assert len(spans) == (old != new)
    for start, end, content in spans:
        assert old[:start] + content + old[end:] == new
        assert not (content and start < end and content[0] == old[start]), "it begins where they differ"
        assert not (content and start < end and content[-1] == old[end - 1]), "it ends where they differ"


@pytest.mark.parametrize(
    ("old", "new", "span"),
    [
        ("abc", "abXc", (2, 2, "X")),
        ("aa", "a", (1, 2, "")),
        ("", "x", (0, 0, "x")),
        ("xay", "xby", (1, 2, "b")),
    ],
)
def test_some_differences(old: str, new: str, span: tuple[int, int, str]) -> None:
    assert difference(old, new) == [span]
