"""A cell that came through a workbook shows the same value; only a real change counts."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedkit.jira.write.compare import alike, same_moment, split_names, unchanged

STAMP = pd.Timestamp("2026-01-02T03:04:05.678Z")


@pytest.mark.parametrize(
    ("cell", "held", "store", "same"),
    [
        ("Linux, ARM", ("Linux, ARM",), "list", True),
        ("Linux, ARM, Windows", ("Linux, ARM", "Windows"), "list", True),
        ("Linux", ("Linux, ARM",), "list", False),
        (None, (), "list", True),
        (float("nan"), (), "list", True),
        ("", (), "list", True),
        (("b", "a"), ("a", "b"), "list", True),
        (["a", "b"], ("a", "b"), "list", True),
        ("", None, "text", True),
        (pd.NA, None, "text", True),
        ("a\r\nb", "a\nb", "text", True),
        ("a\rb ", "a\nb", "text", True),
        ("x" * 32_767, "x" * 40_000, "text", True),
        ("x" * 32_766 + "…", "x" * 40_000, "text", True),
        ("x" * 32_766 + "y", "x" * 40_000, "text", False),
        ("x" * 100, "x" * 40_000, "text", False),
        (0.1 + 0.2, 0.3, "float", True),
        ("3", 3.0, "float", True),
        (3, 4, "int", False),
        (STAMP.floor("s"), STAMP, "datetime", True),
        (STAMP.floor("s") + pd.Timedelta("1s"), STAMP, "datetime", True),
        (STAMP + pd.Timedelta("5ms"), STAMP, "datetime", False),
        (STAMP.tz_convert("Asia/Tokyo"), STAMP, "datetime", True),
        ("2026-01-02", pd.Timestamp("2026-01-02"), "date", True),
        ("Low", "High", "category", False),
    ],
)
def test_unchanged(cell: object, held: object, store: str, same: bool) -> None:
    assert unchanged(cell, held, store) is same


def test_what_is_no_value_for_the_column() -> None:
    with pytest.raises(ValueError, match="soon"):
        unchanged("soon", STAMP, "datetime")


def test_a_moment_without_its_fraction() -> None:
    assert same_moment(STAMP.floor("s"), STAMP)
    assert not same_moment(STAMP.floor("s") - pd.Timedelta("1s"), STAMP)


NAMES = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(str.strip).filter(bool),
    unique=True,
    max_size=4,
)


@given(NAMES)
def test_a_list_shown_as_text_is_unchanged(names: list[str]) -> None:
    assert unchanged(", ".join(names), tuple(names), "list")


@pytest.mark.parametrize(
    ("text", "known", "names"),
    [
        ("Linux, ARM, Windows", ["Linux, ARM", "Windows"], ("Linux, ARM", "Windows")),
        ("a, b, c", ["a, b", "a, b, c"], ("a, b, c",)),
        ("a,b", ["a, b"], ("a, b",)),
        ("a, , b,", [], ("a", "b")),
        ("O'Brien, Seán, Sam", ["O'Brien, Seán"], ("O'Brien, Seán", "Sam")),
        ("", [], ()),
    ],
)
def test_names_with_commas_are_known(text: str, known: list[str], names: tuple[str, ...]) -> None:
    assert split_names(text, known) == names


def test_alike() -> None:
    assert alike(None, "")
    assert not alike(None, "x")
    assert not alike("1", 1)
