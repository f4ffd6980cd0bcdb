"""Instants as whole microseconds since 1970 (UTC): exact, ordered, the same in every database."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import overload

__all__ = ["SECOND", "from_micros", "to_micros", "wall_now"]

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def wall_now() -> int:
    """Return the present by this machine's clock, which may jump."""
    return int(time.time() * SECOND)


def to_micros(when: datetime) -> int:
    """Return an aware time as microseconds since 1970."""
    return (when - _EPOCH) // _MICROSECOND


@overload
def from_micros(micros: int) -> datetime: ...
@overload
def from_micros(micros: int | None) -> datetime | None: ...
def from_micros(micros: int | None) -> datetime | None:
    """Return microseconds since 1970 as an aware time in UTC, None for None."""
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)
