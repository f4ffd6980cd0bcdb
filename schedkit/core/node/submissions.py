"""Runs on their way to the engine, many at a time, and when all of them are durable."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from schedkit.core.engine.stimuli import Submit
from schedkit.core.ids import new_id
from schedkit.core.node.life import Life
from schedkit.core.node.waiters import Waiter
from schedkit.core.promise import Promise

__all__ = ["Submitted", "submit_all"]

Submitted = tuple[list[str], list[Waiter], Promise[None]]


def submit_all(life: Life, task: str, wanted: Iterable[dict[str, Any]], **common: Any) -> Submitted:
    """Submit runs of a task from any thread.

    Parameters
    ----------
    wanted : iterable of dict
        What is each run's own, as fields of `Submit`, e.g. its ``params``.
    **common
        What they have in common.

    Returns
    -------
    ids, waiters, durable
        The id of each run, a promise of its end, and one that is settled when all of them are durable.
    """
    own = list(wanted)
    durable = _Countdown(len(own))
    submits = [Submit(run=new_id(), task=task, token=durable, **common, **each) for each in own]
    waiters = [Waiter() for _ in submits]
    for submit, waiter in zip(submits, waiters, strict=True):
        life.waiters.add(submit.run, waiter)
    life.post(*submits)
    return [submit.run for submit in submits], waiters, durable


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
