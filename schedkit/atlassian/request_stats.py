"""What a piece of work cost on the wire: counted in every open count, across tasks and threads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["RequestStats", "count", "count_requests"]


@dataclass(slots=True)
class RequestStats:
    """Requests sent, repeated and limited, bytes received (decompressed), and the seconds that it took."""

    requests: int = 0
    retries: int = 0
    limited: int = 0
    bytes: int = 0
    seconds: float = 0.0


_open: ContextVar[tuple[RequestStats, ...]] = ContextVar("schedkit_request_stats", default=())


@contextmanager
def count_requests() -> Iterator[RequestStats]:
    """Count the requests of a ``with`` block, and of the tasks started in it; its end tells the seconds."""
    stats = RequestStats()
    began = time.perf_counter()
    token = _open.set((*_open.get(), stats))
    try:
        yield stats
    finally:
        _open.reset(token)
        stats.seconds = time.perf_counter() - began


def count(*, requests: int = 0, retries: int = 0, limited: int = 0, size: int = 0) -> None:
    """Add to every open count. Only the service loop calls this, so plain additions do."""
    for stats in _open.get():
        stats.requests += requests
        stats.retries += retries
        stats.limited += limited
        stats.bytes += size
