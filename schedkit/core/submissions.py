"""Runs on their way to the owner, many at a time, and when all of them are durable."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import Any

from schedkit.core.model import Run
from schedkit.core.owner import Owner
from schedkit.core.owner_known import Waiter

__all__ = ["post_runs", "settling"]


def post_runs(owner: Owner, runs: Sequence[Run]) -> tuple[list[Waiter], Future[None]]:
    """Submit runs from any thread.

    Returns
    -------
    waiters, durable
        A future of the end of each run, and one that is done when all of them are durable.
    """
    durable = _Countdown(len(runs))
    waiters: list[Waiter] = []
    for run in runs:
        waiter: Waiter = Future()
        waiters.append(waiter)
        owner.door.put(_Submission(owner, run, waiter, durable.one))
    return waiters, durable.future


def settling(future: Future[None]) -> Callable[[BaseException | None], None]:
    """Return a receipt that settles `future`; who waits for it may have given up, which cancels it."""

    def settle(error: BaseException | None) -> None:
        with contextlib.suppress(InvalidStateError):
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

    return settle


class _Submission:
    """One submitted run on its way to the owner."""

    __slots__ = ("owner", "receipt", "run", "waiter")

    def __init__(self, owner: Owner, run: Run, waiter: Waiter, receipt: Callable[[Any], object]) -> None:
        self.owner, self.run, self.waiter, self.receipt = owner, run, waiter, receipt

    def __call__(self) -> None:
        self.owner.submit(self.run, self.waiter, self.receipt)


class _Countdown:
    """A future that is done when so many changes are durable, or one was refused."""

    def __init__(self, count: int) -> None:
        self.future: Future[None] = Future()
        self._settle = settling(self.future)
        self._left = count
        if not count:
            self.future.set_result(None)

    def one(self, error: BaseException | None) -> None:
        # Called on the writer's thread only.
        self._left -= 1
        if not self.future.done() and (error is not None or not self._left):
            self._settle(error)
