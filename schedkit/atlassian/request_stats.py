"""What a piece of work cost on the wire: counted in every open count, across tasks and threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["RequestStats", "count", "count_requests"]


@dataclass(slots=True)
class RequestStats:
    """Requests sent, repeated and limited, and bytes received (decompressed)."""

    requests: int = 0
    retries: int = 0
    limited: int = 0
    bytes: int = 0


_open: ContextVar[tuple[RequestStats, ...]] = ContextVar("schedkit_request_stats", default=())


@contextmanager
def count_requests() -> Iterator[RequestStats]:
    """Count the requests of a ``with`` block, and of the tasks started in it."""
    mine = RequestStats()
    token = _open.set((*_open.get(), mine))
    try:
        yield mine
    finally:
        _open.reset(token)


def count(*, requests: int = 0, retries: int = 0, limited: int = 0, size: int = 0) -> None:
    """Add to every open count. Only the service loop calls this, so plain additions do."""
    for each in _open.get():
        each.requests += requests
        each.retries += retries
        each.limited += limited
        each.bytes += size
