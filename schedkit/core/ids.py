"""Ids that sort by time: of runs and of commands."""

from __future__ import annotations

import threading
import time
from datetime import datetime

from schedkit.values.rng import chance

__all__ = ["id_at", "new_id"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u
_SINCE = 1_577_836_800_000  # 2020, in milliseconds
_CHANCE = (1 << 37) - 1
_TWO = [first + second for first in _ALPHABET for second in _ALPHABET]


class _Ids:
    """Makes ids of 16 letters: 42 bits of milliseconds since 2020, 38 of chance."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._chance = chance.getrandbits(37)

    def __call__(self) -> str:
        with self._lock:
            # A step of chance, not a draw: two processes differ by where they began. Two ids of one
            # process keep their order within a millisecond and across a clock set back.
            self._chance = (self._chance * 6364136223846793005 + 1442695040888963407) & _CHANCE
            made = (int(time.time() * 1000) - _SINCE) << 38 | self._chance
            self._last = made = max(made, self._last + 1)
        return _letters(made)


def _letters(number: int) -> str:
    return "".join([_TWO[number >> shift & 1023] for shift in range(70, -1, -10)])


def id_at(when: datetime) -> str:
    """Return the smallest id of a time."""
    return _letters(max(0, int(when.timestamp() * 1000) - _SINCE) << 38)


new_id = _Ids()
