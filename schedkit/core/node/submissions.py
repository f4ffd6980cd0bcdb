"""Runs on their way to the engine, many at a time, and when all of them are durable."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from schedkit.core.engine.stimuli import Submit
from schedkit.core.node.life import Life
from schedkit.core.node.waiters import Waiter
from schedkit.core.promise import Promise

__all__ = ["submit_all"]


def submit_all(
    life: Life, wanted: Sequence[Mapping[str, Any]], **common: Any
) -> tuple[list[Waiter], Promise[None]]:
    """Submit runs from any thread.

    Parameters
    ----------
    wanted : sequence of mapping
        What is each run's own, as fields of `Submit`, e.g. its ``run`` and its ``params``.
    **common
        What they have in common.

    Returns
    -------
    waiters, durable
        A promise of the end of each run, and one that is settled when all of them are durable.
    """
    durable = _Countdown(len(wanted))
    submits = [Submit(token=durable, **common, **own) for own in wanted]
    waiters = [Waiter() for _ in submits]
    for submit, waiter in zip(submits, waiters, strict=True):
        life.waiters.add(submit.run, waiter)
    life.post(*submits)
    return waiters, durable


class _Countdown(Promise[None]):
    """Settled when so many stimuli are durable, or one was refused."""

    __slots__ = ("_left", "_lock")

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = count
        self._lock = threading.Lock()
        if not count:
            super().settle(None)

    def settle(self, answer: object) -> None:
        """Count one of them."""
        with self._lock:
            self._left -= 1
            over = not self._left
        if over:
            super().settle(None)
