"""A duration has one reading and one spelling."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedkit.errors import UsageError
from schedkit.values.durations import duration_text, elapsed_text, parse_duration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5m", 300),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1.5h", 5400),
        ("90", 90),
        (" 90 ", 90),
        (90, 90),
        (0.25, 0.25),
        ("250ms", 0.25),
        ("90 days", 7_776_000),
        ("2 Weeks", 1_209_600),
        (timedelta(minutes=5), 300),
        (timedelta(seconds=-1), -1),
    ],
)
def test_every_spelling_is_its_seconds(value: Any, seconds: float) -> None:
    assert parse_duration(value) == pytest.approx(seconds)


NONSENSE = [
    *("", " ", "soon", "5x", "m", "5m nonsense", "-5s", "\u0663s", "9" * 200, "5m" * 100, b"5m"),
    *(True, None, [], 10**400, float("nan"), float("inf")),
]


@pytest.mark.parametrize("value", NONSENSE)
def test_what_is_none_is_refused_in_one_sentence(value: Any) -> None:
    with pytest.raises(UsageError, match=r"timeout: invalid duration .*\(use e\.g\. '10s', '5m'") as refused:
        parse_duration(value, "timeout")
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("value", ["10100 weeks", 4e9, timedelta(days=40_000)])
def test_more_than_a_century_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="longer than a century"):
        parse_duration(value)


@given(st.integers(0, 10**14))
def test_what_is_shown_is_read_as_the_same(microseconds: int) -> None:
    assert parse_duration(duration_text(microseconds / 1e6)) == pytest.approx(microseconds / 1e6, abs=1e-6)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (90, "1m 30s"), (5400, "1h 30m"), (90061, "1d 1h 1m 1s"), (1e-6, "1us"), (-90, "-1m 30s")],
)
def test_the_one_spelling(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.0421, "42ms"),
        (4.53, "4.5s"),
        (4.96, "5s"),
        (59.96, "1m"),
        (252.3, "4m 12s"),
        (3599.7, "1h"),
        (90061, "1d 1h 1m"),
    ],
)
def test_what_has_gone_by_is_rounded(seconds: float, text: str) -> None:
    assert elapsed_text(seconds) == text
