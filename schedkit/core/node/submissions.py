"""Runs on their way to the owner, many at a time, and when all of them are durable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from schedkit.core.owner.known import Waiter
from schedkit.core.owner.owner import Owner
from schedkit.core.promise import Promise
from schedkit.core.run import Run

__all__ = ["post_runs", "settling"]


def post_runs(owner: Owner, runs: Sequence[Run]) -> tuple[list[Waiter], Promise[None]]:
    """Submit runs from any thread.

    Returns
    -------
    waiters, durable
        A promise of the end of each run, and one that is settled when all of them are durable.
    """
    durable = _Countdown(len(runs))
    waiters: list[Waiter] = []
    for run in runs:
        waiter = Waiter()
        waiters.append(waiter)
        owner.door.put(_Submission(owner, run, waiter, durable.one))
    return waiters, durable


def settling(durable: Promise[None]) -> Callable[[BaseException | None], None]:
    """Return a receipt that settles `durable`; who waits for it may have given up."""

    def settle(error: BaseException | None) -> None:
        if error is None:
            durable.settle(None)
        else:
            durable.fail(error)

    return settle


class _Submission:
    """One submitted run on its way to the owner."""

    __slots__ = ("owner", "receipt", "run", "waiter")

    def __init__(self, owner: Owner, run: Run, waiter: Waiter, receipt: Callable[[Any], object]) -> None:
        self.owner, self.run, self.waiter, self.receipt = owner, run, waiter, receipt

    def __call__(self) -> None:
        self.owner.submit(self.run, self.waiter, self.receipt)


class _Countdown(Promise[None]):
    """Settled when so many changes are durable, or one was refused."""

    __slots__ = ("_left",)

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = count
        if not count:
            self.settle(None)

    def one(self, error: BaseException | None) -> None:
        # Called on the writer's thread only.
        self._left -= 1
        if error is not None:
            self.fail(error)
        elif not self._left:
            self.settle(None)
