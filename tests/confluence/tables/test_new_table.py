"""A table where there was none."""

from __future__ import annotations

import pytest
from support.confluence_tables import NAMES, cells, edit, page


@pytest.mark.parametrize(
    "empty",
    [
        "<table />",
        "<table class='x'/>",
        "<table></table>",
        "<table><tbody /></table>",
        "<table><tbody></tbody></table>",
    ],
)
def test_an_empty_table_is_filled(empty: str) -> None:
    draft = edit(page(empty), {"Key": ["K-1"], "Summary": ["one"]}, keep=["Comment"], cap=1)
    assert cells(draft) == [NAMES, ["K-1", "one", ""]]
    assert draft.new.count("class='x'") == empty.count("class='x'")
