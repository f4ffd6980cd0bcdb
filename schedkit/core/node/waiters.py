"""Waiters in this process for the end of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from schedkit.core.engine.decision import Finished
from schedkit.core.promise import Promise

__all__ = ["LifeEnded", "Waiter", "Waiters"]


class LifeEnded(Exception):  # noqa: N818 - nothing went wrong
    """The life that promised a run's end is over: ask who answers now."""


class Waiter(Promise[Finished]):
    """The end of a run, promised.

    A class of its own: making one through an alias of the generic class costs seven times as much.
    """

    __slots__ = ("__weakref__",)


class Waiters:
    """Promises by the run that they wait for; safe to use from any thread."""

    def __init__(self) -> None:
        # No lock, for the reason that `Promise` has.
        self._by_run: dict[str, list[Waiter]] = {}

    def add(self, run: str) -> Waiter:
        """Return a promise that is settled when a run has ended."""
        waiter = Waiter()
        while True:
            waiting = self._by_run.setdefault(run, [])
            waiting.append(waiter)
            if self._by_run.get(run) is waiting:
                return waiter
            try:  # those of this run were told meanwhile, with this one or without it
                waiting.remove(waiter)
            except ValueError:
                return waiter

    def count(self, run: str) -> int:
        """Return how many wait for a run."""
        return len(self._by_run.get(run, ()))

    def settle(self, finished: Iterable[Finished]) -> None:
        """Settle the promises of runs that have ended."""
        for each in finished:
            if each.run.id in self._by_run:
                for waiter in self._taken(each.run.id):
                    waiter.settle(each)

    def fail(self, run: str, error: BaseException) -> None:
        """Tell who waits for a run why it does not come to be."""
        for waiter in self._taken(run):
            waiter.fail(error)

    def let_go(self) -> None:
        """Have all waiters wait again: their runs end in another process."""
        for run in list(self._by_run):
            self.fail(run, LifeEnded())

    def _taken(self, run: str) -> Iterator[Waiter]:
        waiting = self._by_run.pop(run, [])
        with suppress(IndexError):  # it is empty
            while True:
                yield waiting.pop(0)
