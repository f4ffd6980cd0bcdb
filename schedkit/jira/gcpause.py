"""Decoding makes many objects and no cycles: the cyclic collector only costs time meanwhile.

Measured on 100,000 issues: 2.3 to 2.9 times less CPU. Several threads decode at once, so the pauses are
counted: the first turns the collector off, the last turns it on again if it was on.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["gc_paused"]

_lock = threading.Lock()
_depth = 0
_was_on = False


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause the cyclic collector for a ``with`` block, in however many threads at once."""
    global _depth, _was_on
    with _lock:
        if _depth == 0:
            _was_on = gc.isenabled()
            gc.disable()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0 and _was_on:
                gc.enable()
