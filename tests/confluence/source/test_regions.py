"""How regions are spelled."""

from __future__ import annotations

import pytest

from schedkit.confluence.source.regions import Anchor, Heading, LocalId, Macro, Nth, Region, region
from schedkit.errors import RegionError


@pytest.mark.parametrize(
    "value", [Anchor("a"), LocalId("i"), Macro("m"), Macro("m", "v"), Heading("h"), Heading("a/b", 2), Nth(3)]
)
def test_regions_and_their_spelling(value: Region) -> None:
    assert region(str(value)) == value
    assert region(value) is value


def test_a_slash_in_a_heading_is_not_a_number() -> None:
    assert region("heading:Q1/Q2") == Heading("Q1/Q2")
    assert region("heading:Q1/0") == Heading("Q1/0")


@pytest.mark.parametrize("spelled", ["", "anchor:", "table:1", "nth:0", "nth:x", "open-bugs"])
def test_misspelt_regions_are_refused(spelled: str) -> None:
    with pytest.raises(RegionError, match="is not a region") as caught:
        region(spelled)
    assert "heading:TEXT/2" in caught.value.hint
