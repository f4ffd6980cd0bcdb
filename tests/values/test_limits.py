"""Bounds."""

from __future__ import annotations

import pytest

from schedkit.values.limits import (
    MAX_ANSWER_BYTES,
    MAX_UNPACK_RATIO,
    UNPACK_FREE_BYTES,
    unpacked_limit,
)


@pytest.mark.parametrize(
    ("packed", "most"),
    [
        (0, UNPACK_FREE_BYTES),
        (UNPACK_FREE_BYTES // MAX_UNPACK_RATIO, UNPACK_FREE_BYTES),
        (1024 * 1024, MAX_UNPACK_RATIO * 1024 * 1024),
        (1024 * 1024 * 1024, MAX_ANSWER_BYTES),
    ],
)
def test_what_may_be_unpacked_follows_the_ratio_between_two_bounds(packed: int, most: int) -> None:
    assert unpacked_limit(packed) == most


def test_data_of_another_kind_has_its_own_bound() -> None:
    assert unpacked_limit(10**12, most=10**10) == 10**10
