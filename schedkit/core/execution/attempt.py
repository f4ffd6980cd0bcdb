"""A running attempt, and the protocol of everything that can run one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from schedkit.core.execution.run_context import RunContext
from schedkit.core.model import Task
from schedkit.core.run import Run
from schedkit.core.states import Outcome
from schedkit.values.instants import SECOND

__all__ = ["Ending", "Execution", "Handle", "TaskExecutor"]


class Ending(msgspec.Struct, frozen=True):
    """How the code of an attempt ended; `skipped` says that the run itself found nothing to do."""

    outcome: Outcome
    value: Any = None
    cause: BaseException | None = None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    retryable: bool = False
    skipped: bool = False
    reason: str = ""


class Handle(Protocol):
    """What an executor returns for an attempt that it has started."""

    def stop(self, reason: str) -> None:
        """Make its code end, as far as the executor can; from any thread, any number of times.

        Parameters
        ----------
        reason : str
            "cancel", "timeout" or "stop".
        """


class TaskExecutor(Protocol):
    """Runs attempts: on a loop, in threads, in other processes, on other machines.

    While its code runs, what it tells of itself (`progress`, `log`, `fact`, `artifact`) is passed to the
    attempt's `context`, from wherever it runs. Where it has to wait, `Execution.code_waits` and `code_begins`
    say so. Its end is told once, by `Execution.end`, whatever happens.
    """

    def start(self, attempt: Execution) -> Handle:
        """Start an attempt and return at once."""


class Execution:
    """One attempt from its start until its code has ended.

    Attributes
    ----------
    context : RunContext
        Takes in what the code tells of itself, and tells it whether to stop.
    started : int
        When it was started, in microseconds on a clock that never jumps.
    begun : int or None
        When its code began, on that clock; None: it has not.
    why, actor : str
        What it was asked to stop for ("", "cancel", "timeout" or "stop"), and by whom.
    wanted : bool
        If its code ends well all the same, that counts.
    worker : str
        Where its code runs, if that is away from this process and known.
    recorded : float or None
        When its end was recorded while its code still runs, on the monotonic clock; None: it was not.
    """

    __slots__ = (
        "_ended",
        "_handle",
        "_on_begin",
        "_on_end",
        "actor",
        "begun",
        "context",
        "recorded",
        "run",
        "started",
        "task",
        "wanted",
        "why",
        "worker",
    )

    def __init__(
        self,
        run: Run,
        task: Task,
        context: RunContext,
        started: int,
        on_end: Callable[[Execution, Ending], object],
    ) -> None:
        self.run, self.task, self.context, self.started = run, task, context, started
        self.why = self.actor = self.worker = ""
        self.wanted = False
        self.recorded: float | None = None
        self.begun: int | None = None
        self._on_begin: Callable[[Execution, int], object] | None = None
        self._on_end = on_end
        self._handle: Handle | None = None
        self._ended = False

    @property
    def unwanted(self) -> bool:
        """Whether a value that its code returns is dropped: it was cancelled, or has its end recorded."""
        return self.recorded is not None or (self.why == "cancel" and not self.wanted)

    def record_end(self) -> None:
        """Note that its end is recorded while its code still runs."""
        if self.recorded is None:
            self.recorded = time.monotonic()

    def code_begins(self, ago: float = 0.0) -> None:
        """Note that its code begins, or began so many seconds ago: its timeout counts from there."""
        self.begun = at = int((time.monotonic() - ago) * SECOND)
        if (tell := self._on_begin) is not None:
            tell(self, at)

    def code_waits(self) -> None:
        """Note that its code goes on elsewhere, and has not begun there."""
        self.begun = None

    def tell_begin(self, tell: Callable[[Execution, int], object]) -> None:
        """Have told when its code began: now, or once it has; more than once where both are at once."""
        self._on_begin = tell
        if (at := self.begun) is not None:
            tell(self, at)

    def take(self, handle: Handle) -> None:
        """Take the handle of its executor."""
        self._handle = handle
        if self.why:  # asked for between its claim and here
            handle.stop(self.why)
        if self._ended:  # before its executor returned
            self._handle = None

    def stop(self, why: str, actor: str = "", *, wanted: bool = False) -> None:
        """Ask its code to end; the first reason counts, but what is cancelled must not run again."""
        if not self.why or (self.why == "stop" and why == "cancel"):
            self.why, self.actor, self.wanted = why, actor, wanted
        elif why == "cancel" and not wanted:
            self.wanted = False
        self.context.stop()
        if (handle := self._handle) is not None:
            handle.stop(why)

    def end(self, ending: Ending) -> None:
        """Tell how its code ended; called once, from any thread."""
        self._ended = True
        # The handle may lead back here: a circle for each run, which the collector would have to find.
        self._handle = None
        self._on_end(self, ending)
