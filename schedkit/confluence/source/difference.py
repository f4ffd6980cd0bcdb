"""Where two versions of a page differ."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["difference"]


def difference(old: str, new: str) -> list[tuple[int, int, str]]:
    """Return the one span of `old` outside of which both are equal; none if they are equal throughout."""
    if old == new:
        return []
    shorter = min(len(old), len(new))
    begin = _longest(shorter, lambda n: old[:n] == new[:n])
    behind = _longest(shorter - begin, lambda n: old[len(old) - n :] == new[len(new) - n :])
    return [(begin, len(old) - behind, new[begin : len(new) - behind])]


def _longest(most: int, equal: Callable[[int], bool]) -> int:
    """Return the greatest length up to `most` at which two texts are equal, by halving."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if equal(middle) else (least, middle - 1)
    return least
