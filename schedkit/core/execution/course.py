"""The course of an attempt whose function is called elsewhere: prepared and concluded on threads here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any

from schedkit.core.execution.attempt import Execution
from schedkit.core.execution.execute import BlockingCaller, perform
from schedkit.core.execution.results import Results
from schedkit.core.execution.threads import Threads

__all__ = ["RemoteCourse", "ended"]


class RemoteCourse(BlockingCaller):
    """Carries an attempt out as far as it goes; no thread waits while the function is called elsewhere.

    Parameters
    ----------
    call : callable
        Begins the call of the function with these arguments, and returns what becomes of its value.
    over : callable, optional
        Is called before the end of the attempt is told.
    """

    suspends = True

    def __init__(
        self,
        attempt: Execution,
        threads: Threads,
        results: Results,
        call: Callable[[dict[str, Any]], Awaitable[Any]],
        over: Callable[[], object] = lambda: None,
    ) -> None:
        self._attempt, self._threads, self._call, self._over = attempt, threads, call, over
        self._course = perform(attempt, results, self)
        self._context = copy_context()  # one for all threads that carry it out

    def advance(self) -> None:
        """Carry the attempt out as far as it goes without waiting."""
        try:
            future = self._context.run(self._course.send, None)
        except StopIteration as done:
            self._over()
            self._attempt.end(done.value)
        else:
            future.add_done_callback(lambda _: self._threads.submit(self.advance))

    def call(self, attempt: Execution, arguments: dict[str, Any]) -> Awaitable[Any]:
        return self._call(arguments)


class ended:  # noqa: N801  # reads as a verb: await ended(future)
    """Suspends a course until a future has ended."""

    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def __await__(self) -> Generator[Future[Any], None, None]:
        yield self._future
