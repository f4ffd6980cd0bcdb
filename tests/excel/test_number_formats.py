"""What number formats show."""

from __future__ import annotations

import pytest

from schedkit.excel.number_formats import kind_of_format


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", "n"),
        ("0.00E+00", "n"),
        ('#,##0 "days"', "n"),
        ("[Red]0;[Blue]-0", "n"),
        ("@", "n"),
        ("yyyy-mm-dd", "d"),
        ("d. mmm yyyy hh:mm", "d"),
        ("[$-407]mmmm", "d"),
        ("[<0]General;yyyy", "n"),
        ("hh:mm:ss", "h"),
        ("mm:ss.0", "h"),
        ("[h]:mm", "t"),
        ("[mm]", "t"),
    ],
)
def test_codes_are_known_by_their_first_section(code: str, kind: str) -> None:
    assert kind_of_format(code) == kind
