"""Pauses of the cyclic collector, counted across threads and always ended.

Work that makes many objects and no cycles gains nothing from collections: decoding 100,000 issues takes
2.3 to 2.9 times less CPU without them, and a full collection (30 ms in a small process, more in a kernel
full of frames) does least harm between due times. The first pause turns the collector off, the end of the
last turns it on again if it was on.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from schedkit.values.forks import register_fork_hook

__all__ = ["gc_paused", "pause_gc", "resume_gc"]

_lock = threading.Lock()
_depth = 0
_was_on = False


def pause_gc() -> None:
    """Begin a pause; each needs its `resume_gc`."""
    global _depth, _was_on
    with _lock:
        if _depth == 0:
            _was_on = gc.isenabled()
            gc.disable()
        _depth += 1


def resume_gc() -> None:
    """End a pause that `pause_gc` began."""
    global _depth
    with _lock:
        _depth -= 1
        if _depth == 0 and _was_on:
            gc.enable()


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause the cyclic collector for a ``with`` block, in however many threads at once."""
    pause_gc()
    try:
        yield
    finally:
        resume_gc()


def _forget_after_fork() -> None:
    # The threads that would end their pauses are not in the child.
    global _lock, _depth
    _lock = threading.Lock()
    if _depth and _was_on:
        gc.enable()
    _depth = 0


register_fork_hook(_forget_after_fork)
