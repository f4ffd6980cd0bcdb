"""A running attempt: where it runs, its deadline, and how it is asked to stop."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from schedkit.core.engine.retries import tries
from schedkit.core.execution.execute import Ending, await_hook, call_hook, perform, perform_async
from schedkit.core.execution.process_pool import Children
from schedkit.core.execution.remote import call_in_executor
from schedkit.core.execution.results import Results
from schedkit.core.execution.run_context import RunContext
from schedkit.core.execution.threads import Threads, UserLoop
from schedkit.core.model import Task, is_async
from schedkit.core.run import Run

__all__ = ["Execution", "Ports"]


class Execution:
    """One attempt from its start until its code has really ended.

    `ended` says that its code has ended. `why` is what it was asked to stop for: "", "cancel", "timeout" or
    "stop". `recorded` says that the ledger has its end already, though its code goes on.
    """

    __slots__ = ("actor", "cancel", "context", "ended", "recorded", "run", "started", "task", "why")

    def __init__(self, run: Run, task: Task, context: RunContext, started: int) -> None:
        self.run = run
        self.task = task
        self.context = context
        self.started = started  # microseconds on a clock that never jumps
        self.cancel: Callable[[], None] | None = None
        self.ended = False
        self.recorded = False
        self.why = ""
        self.actor = ""

    @property
    def key(self) -> tuple[str, int]:
        """Its run and its number."""
        return self.run.id, self.run.attempt

    def stop(self, why: str, actor: str = "") -> None:
        """Ask it to stop; the first reason counts."""
        if not self.why:
            self.why, self.actor = why, actor
        self.context.stop()
        if self.cancel is not None:
            self.cancel()


class Ports:
    """The places where tasks run: users' loop, threads, child processes, any executor."""

    def __init__(self, loop: UserLoop, threads: Threads, children: Children, results: Results) -> None:
        self.loop = loop
        self.threads = threads
        self.children = children
        self.results = results

    def prepare(self, task: Task) -> None:
        """Have the place of a task ready before its first run."""
        if not task.place:
            self.loop.loop()

    def launch(self, execution: Execution, ended: Callable[[Execution, Ending], object]) -> None:
        """Start an attempt; `ended` is called from wherever it ends, exactly once."""
        task, context, results = execution.task, execution.context, self.results
        assert task.function is not None
        last_try = tries(execution.run) >= task.retry.attempts
        if task.runs_in == "process":
            function = task.function

            def in_child() -> None:
                call = self.children.caller(function, context)
                ended(execution, perform(task, context, results, last_try, call))

            self.threads.submit(in_child)
        elif isinstance(task.runs_in, Executor):
            call = call_in_executor(task.runs_in, task.function, context)
            self.threads.submit(lambda: ended(execution, perform(task, context, results, last_try, call)))
        elif not task.place:

            async def on_loop() -> None:
                ended(execution, await perform_async(task, context, results, last_try))

            execution.cancel = self.loop.start(on_loop, f"{task.name} (run {context.id})")
        else:
            self.threads.submit(lambda: ended(execution, perform(task, context, results, last_try)))

    def tell_hooks(self, execution: Execution, cause: BaseException, *, final: bool) -> None:
        """Call the hooks of an attempt that timed out; its own code may still be running."""
        hooks, run = execution.task.hooks, execution.context
        hook: Callable[..., Any] | None
        arguments: tuple[Any, ...]
        if final:
            hook, arguments = hooks.on_failure, (cause,)
        else:
            hook, arguments = hooks.on_retry, (run.attempt, execution.task.retry.attempts)
        if hook is None:
            return
        if is_async(hook):
            self.loop.start(lambda: await_hook(hook, arguments, run), f"{execution.task.name} (run {run.id})")
        else:
            self.threads.submit(lambda: call_hook(hook, arguments, run))
