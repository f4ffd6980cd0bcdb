"""A result that another thread sets later."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Generic, TypeVar

__all__ = ["Countdown", "Promise"]

T = TypeVar("T")


class Promise(Generic[T]):
    """What a `concurrent.futures.Future` is, made for bursts in which most of them are not waited for.

    A future brings a condition, two locks and a queue with it, for every run that is submitted; this makes a
    lock when a thread waits, and a future when a loop does. The first answer counts.

    Examples
    --------
    >>> promise = Promise[int]()
    >>> promise.settle(3)
    >>> promise.result()
    3
    """

    # No lock: a thread that loses the interpreter while it holds one would delay the thread that settles a
    # thousand of these. Single operations on a list are atomic.
    __slots__ = ("_answer", "_error", "_open", "_settled", "_waiting")

    def __init__(self) -> None:
        self._open = [True]  # the thread that takes this out may answer
        self._settled = False
        self._answer: T | None = None
        self._error: BaseException | None = None
        self._waiting: list[threading.Lock | Future[T]] = []

    def settle(self, answer: T) -> None:
        """Answer it."""
        self._settle(answer, None)

    def fail(self, error: BaseException) -> None:
        """Answer it with what `result` is to raise."""
        self._settle(None, error)

    def cancel(self) -> bool:
        """Answer that waiting was cancelled; False if it has been answered."""
        return self._settle(None, CancelledError())

    def _settle(self, answer: T | None, error: BaseException | None) -> bool:
        try:
            self._open.pop()
        except IndexError:
            return False
        self._answer, self._error = answer, error
        self._settled = True
        self._tell_waiting()
        return True

    def done(self) -> bool:
        """Tell whether it has been answered."""
        return self._settled

    @property
    def awaited(self) -> bool:
        """Whether a caller waits for the answer."""
        return bool(self._waiting)

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
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
            # The answering thread checks afterwards who waits: one of the two sees the other.
            if not self._settled and not gate.acquire(timeout=-1 if timeout is None else max(timeout, 0.0)):
                with suppress(ValueError):  # it was answered just now
                    self._waiting.remove(gate)
                raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._answer  # type: ignore[return-value]  # settled without an error: it is the answer

    def future(self) -> Future[T]:
        """Return a new future with the same answer, which a loop can await."""
        future: Future[T] = Future()
        self._waiting.append(future)
        if self._settled:
            self._tell_waiting()
        return future

    def _tell_waiting(self) -> None:
        while True:
            try:
                waiting = self._waiting.pop()
            except IndexError:
                return
            if not isinstance(waiting, Future):
                waiting.release()
            elif not waiting.set_running_or_notify_cancel():
                continue  # its loop is closed
            elif self._error is not None:
                waiting.set_exception(self._error)
            else:
                waiting.set_result(self._answer)  # type: ignore[arg-type]  # no error: it is the answer


class Countdown(Promise[None]):
    """Settled when it was settled so many times; failed when it has failed once."""

    __slots__ = ("_left", "_lock")

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = count
        self._lock = threading.Lock()
        if not count:
            super().settle(None)

    def settle(self, answer: object) -> None:
        """Count one answer."""
        with self._lock:
            self._left -= 1
            over = not self._left
        if over:
            super().settle(None)
