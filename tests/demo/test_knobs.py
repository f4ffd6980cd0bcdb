"""Knobs as text."""

from __future__ import annotations

import pytest

from schedkit.demo import Faults, parse_faults, parse_latency
from schedkit.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("150ms", 0.15), ("0.2s", 0.2), ("2", 2.0), (0.5, 0.5), (0, 0.0), (" 1.5 s ", 1.5)]
)
def test_latency(text: str | float, seconds: float) -> None:
    assert parse_latency(text) == seconds


@pytest.mark.parametrize("text", ["fast", "-1", "150 m", "", "1e3"])
def test_latency_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match=f"latency '{text}' is not a duration.*write 150ms"):
        parse_latency(text)


def test_faults() -> None:
    assert parse_faults("") == Faults()
    assert parse_faults("rate=0.1,kinds=429|503|reset|truncate|html") == Faults(
        0.1, ("429", "503", "reset", "truncate", "html")
    )
    assert parse_faults("kinds=lost, method=put, path=/content, times=1, after=0s, stall=50ms") == Faults(
        1.0, ("lost",), "/content", "PUT", 1, 0.0, 0.05
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rate", "'rate' is not understood"),
        ("speed=1", "'speed=1' is not understood.*rate, kinds, path"),
        ("rate=2", "rate '2' is not between 0 and 1"),
        ("rate=x", "rate 'x' is not between 0 and 1"),
        ("kinds=429|nope", "no kind 'nope'.*kinds are 429"),
        ("times=-1", "times '-1' is not a whole number"),
        ("after=soon", "latency 'soon' is not a duration"),
    ],
)
def test_faults_that_are_none(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_faults(text)
