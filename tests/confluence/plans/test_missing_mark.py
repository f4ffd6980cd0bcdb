"""The line that says since when a page's value has no rows."""

from __future__ import annotations

import pytest
from support.confluence_pages import anchor

from schedkit.confluence.plans.missing_mark import MARK, MissingMark
from schedkit.confluence.source.reading import text
from schedkit.errors import RegionError

PAGE = (
    "<ac:layout><ac:layout-section><ac:layout-cell><p>x</p></ac:layout-cell></ac:layout-section></ac:layout>"
)


@pytest.mark.parametrize("page", ["<p>x</p>", "", PAGE])
def test_it_is_put_once_and_taken_off_again(page: str) -> None:
    marked = MissingMark("2026-11-29")(page, "page 1")
    assert "No rows since 2026-11-29" in text(marked.new)
    later = MissingMark("2026-12-01")(marked.new, "page 1")
    assert not later.changed, "the first day stands"
    back = MissingMark("")(marked.new, "page 1")
    assert text(back.new) == text(page)
    assert not MissingMark("")(back.new, "page 1").changed
    again = MissingMark("2026-12-24")(back.new, "page 1")
    assert "No rows since 2026-12-24" in text(again.new)
    assert again.new.count(f">{MARK}<") == 1


def test_a_page_that_was_never_marked_is_left_alone() -> None:
    assert not MissingMark("")("<p>x</p>", "page 1").changed


def test_half_a_mark_is_refused_with_its_place() -> None:
    with pytest.raises(RegionError, match=f"no single place of the placeholder '{MARK}'"):
        MissingMark("2026-11-29")(f"<p>{anchor(MARK)}</p>", "page 1")
