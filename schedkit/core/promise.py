"""An answer that comes later, from another thread."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future
from typing import Generic, TypeVar

__all__ = ["Promise"]

T = TypeVar("T")

# Held for a few instructions, whichever promise it is about.
_guard = threading.Lock()


class Promise(Generic[T]):
    """What a `concurrent.futures.Future` is, made for a burst in which nobody waits for most of them.

    A future brings a condition, two locks and a queue with it, for every run that is submitted; this makes a
    lock when somebody waits, and a future when a loop does. The first answer counts.

    Examples
    --------
    >>> promise = Promise[int]()
    >>> promise.settle(3)
    >>> promise.result()
    3
    """

    __slots__ = ("_answer", "_error", "_future", "_gate", "_settled")

    def __init__(self) -> None:
        self._settled = False
        self._answer: T | None = None
        self._error: BaseException | None = None
        self._gate: threading.Lock | None = None
        self._future: Future[T] | None = None

    def settle(self, answer: T) -> None:
        """Answer it."""
        self._settle(answer, None)

    def fail(self, error: BaseException) -> None:
        """Answer it with what `result` is to raise."""
        self._settle(None, error)

    def cancel(self) -> bool:
        """Answer that nobody waits any more; False if it has been answered."""
        return self._settle(None, CancelledError())

    def _settle(self, answer: T | None, error: BaseException | None) -> bool:
        with _guard:
            if self._settled:
                return False
            self._answer, self._error, self._settled = answer, error, True
            gate, future = self._gate, self._future
        if gate is not None:
            gate.release()
        if future is not None:
            self._pass_on(future)
        return True

    def done(self) -> bool:
        """Tell whether it has been answered."""
        return self._settled

    def result(self, timeout: float | None = None) -> T:
        """Wait for the answer at most `timeout` seconds (None: for ever) and return it.

        Raises
        ------
        TimeoutError
            If there is none by then.
        concurrent.futures.CancelledError
            If it was cancelled.
        """
        if not self._settled:
            with _guard:
                gate = self._gate
                if gate is None:
                    gate = self._gate = threading.Lock()
                    if not self._settled:
                        gate.acquire()
            if not gate.acquire(timeout=-1 if timeout is None else max(timeout, 0.0)):
                raise TimeoutError
            gate.release()  # for the next one who waits
        if self._error is not None:
            raise self._error
        return self._answer  # type: ignore[return-value]  # settled without an error: it is the answer

    def future(self) -> Future[T]:
        """Return a future with the same answer, which a loop can await."""
        with _guard:
            known = self._future
            if known is None:
                known = self._future = Future()
            settled = self._settled
        if settled and not known.done():
            self._pass_on(known)
        return known

    def _pass_on(self, future: Future[T]) -> None:
        if not future.set_running_or_notify_cancel():
            return  # whoever awaited it has gone
        if self._error is not None:
            future.set_exception(self._error)
        else:
            future.set_result(self._answer)  # type: ignore[arg-type]  # as above
