"""Text is cut, shown and compared the same way everywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedkit.values.text import clean, clip, did_you_mean, near_matches, one_line, safe_repr


@given(st.text(), st.integers(1, 50))
def test_a_clipped_text_fits_and_begins_as_it_did(text: str, limit: int) -> None:
    short = clip(text, limit)
    assert len(short) <= limit
    assert short == text if len(text) <= limit else text.startswith(short.removesuffix("…"))


@given(st.text(), st.integers(1, 80))
def test_one_line_holds_nothing_that_a_terminal_obeys(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert line.isprintable()


def test_one_line_joins_lines_and_marks_control_characters() -> None:
    assert one_line("a\n  b\tc") == "a b c"
    assert one_line("\x1b[2Jgone") == "\ufffd[2Jgone"


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_clean_text_can_be_stored(text: str) -> None:
    stored = clean(text)
    assert "\x00" not in stored
    assert stored.encode("utf-8").decode() == stored


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_a_repr_never_raises_and_stays_on_one_line() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert safe_repr(Hostile()).startswith("<Hostile")
    assert safe_repr(loop)
    assert len(safe_repr("x" * 10_000_000)) <= 120
    assert len(safe_repr(list(range(1000)))) <= 120
    assert "\n" not in safe_repr("a\nb")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("timout", "did you mean 'timeout'?"),
        ("TIMEOUT", "did you mean 'timeout'?"),
        (" Retri ", "did you mean 'retry'?"),
        ("zzz", "known: timeout, retry"),
        (5, "known: timeout, retry"),
    ],
)
def test_a_hint_names_near_matches_or_all(name: object, hint: str) -> None:
    assert did_you_mean(name, ["timeout", "retry"]) == hint


def test_a_hint_of_nothing_known_and_of_the_callers_own() -> None:
    assert did_you_mean("x", []) == "there are none"
    assert did_you_mean("x", ["timeout"], otherwise="add it") == "add it"
    assert len(did_you_mean("x", [f"column {n}" for n in range(10_000)])) < 450


def test_a_long_name_is_compared_in_no_time() -> None:
    assert near_matches("x" * 1_000_000, ["timeout"]) == []
