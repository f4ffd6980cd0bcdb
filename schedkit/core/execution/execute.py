"""One attempt, carried out: arguments in, value out, hooks around it, every way of ending told apart.

The course of an attempt is the same wherever it runs, and is written once, as a coroutine. What differs is
how users' code is called there, which a `Caller` knows. Where calls may block, nothing is ever awaited, and
`perform_here` runs the coroutine to its end without a loop.
"""

from __future__ import annotations

import asyncio  # users write their coroutines and hooks for it
import contextlib
import inspect
import logging
import os
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from typing import Any, Protocol

from schedkit import context
from schedkit.core.engine.retries import tries
from schedkit.core.execution.attempt import Ending, Execution
from schedkit.core.execution.failures import RemoteFailure, error_facts
from schedkit.core.execution.results import Kept, Results
from schedkit.core.run import TaskResult
from schedkit.core.states import Outcome
from schedkit.core.tasks.params import call_arguments, complete
from schedkit.errors import ParameterError, RetryableError, StopRequested
from schedkit.values.own_code import named_lines, named_traceback
from schedkit.values.text import clean, one_line, safe_repr

__all__ = [
    "AttemptLostError",
    "BlockingCaller",
    "Caller",
    "call_function",
    "call_hook",
    "call_hook_here",
    "failed",
    "failure_hooks",
    "perform",
    "perform_here",
]

_log = logging.getLogger("schedkit")
# A hook with its arguments.
HookCall = tuple[Callable[..., object], tuple[Any, ...]]


class AttemptLostError(Exception):
    """It is not known how an attempt ended that ran elsewhere; it has ended, and may begin again."""


class Caller(Protocol):
    """How the function of a task is called where an attempt runs."""

    @property
    def may_block(self) -> bool:
        """Whether the attempt has a thread of its own."""

    @property
    def suspends(self) -> bool:
        """Whether `call` returns an awaitable."""

    def call(self, attempt: Execution, arguments: dict[str, Any]) -> Any:
        """Call the function."""


class BlockingCaller:
    """Calls on the thread that an attempt has to itself."""

    may_block: bool = True
    suspends: bool = False

    def call(self, attempt: Execution, arguments: dict[str, Any]) -> Any:
        assert attempt.task.function is not None
        return call_function(attempt.task.function, arguments)


def perform_here(attempt: Execution, results: Results, caller: Caller) -> None:
    """Carry out an attempt on the present thread; the calls of `caller` must block."""
    try:
        perform(attempt, results, caller).send(None)
    except StopIteration as done:
        attempt.end(done.value)


async def perform(attempt: Execution, results: Results, caller: Caller) -> Ending:
    """Carry out an attempt and return how it ended; never raises."""
    task, run = attempt.task, attempt.context
    valid = False
    with context.use(run):
        try:
            if attempt.why:
                raise StopRequested("it was asked to stop before it began")
            attempt.code_begins()
            arguments = call_arguments(task, run.params, run)
            if (check := task.hooks.validate_params) is not None:
                given = complete(task, arguments)
                if await _settled(check(**given), caller) is False:
                    shown = safe_repr(given, 300)
                    raise ParameterError(f"task {task.name!r}: validate_params refused {shown}")
            valid = True
            value = caller.call(attempt, arguments)
            if caller.suspends:
                value = await value
            if attempt.unwanted:
                results.discard(value)
                raise StopRequested("its value is not wanted any more")
            if value is None:
                ending = Ending(Outcome.DONE)
            elif caller.may_block:
                ending = _concluded(attempt, results, value)
            else:  # it may write a large file
                ending = await asyncio.to_thread(_concluded, attempt, results, value)
        except BaseException as error:
            ending = failed(attempt, error, valid)
        for hook_call in _hooks_after(attempt, ending):
            await call_hook(attempt, hook_call, caller)
    return ending


async def _settled(answer: Any, caller: Caller) -> Any:
    """Return what a hook returned, or what becomes of it if it has to be awaited."""
    if caller.may_block:
        return asyncio.run(answer) if inspect.iscoroutine(answer) else answer
    return await answer if inspect.isawaitable(answer) else answer


def call_function(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call users' code; a process that it forked ends with it, as a script would end.

    Else the fork would continue with what is its parent's: tell the end of the run, wait for the next one.
    """
    process = os.getpid()
    try:
        value = function(**arguments)
    except BaseException as error:
        if os.getpid() != process:
            code = error.code if isinstance(error, SystemExit) else 1
            os._exit(code if isinstance(code, int) else int(code is not None))
        raise
    if os.getpid() != process:
        os._exit(0)
    return value


def _concluded(attempt: Execution, results: Results, value: Any) -> Ending:
    """Return how an attempt ended whose function returned something."""
    task, run = attempt.task, attempt.context
    reference: dict[str, Any] | None
    reason = ""
    if inspect.iscoroutine(value):
        value.close()
        raise TypeError(f"{task.name} returned a coroutine: declare it with async def")
    if isinstance(value, TaskResult):
        reason = run.shortened(clean(value.message), "the message")
        if value.message or value.data:
            run.facts["result"] = run.bounded("result", {"message": reason, **value.data})
        if value.status == "failed":
            error = RetryableError(value.error or value.message or "the task said that it failed")
            return Ending(
                Outcome.FAILED,
                cause=error,
                error=_stored(attempt, error_facts(error)),
                retryable=task.retry.allows(error),
                reason=reason,
            )
        if value.status == "skipped":
            return Ending(Outcome.DONE, skipped=True, reason=reason)
        value = value.value if value.value is not None else (value.data or None)
    if isinstance(value, Kept):  # by another process
        reference, value = value
        if value is None and task.hooks.on_success is not None:
            value = results.load(reference)
    else:
        reference = results.save(task.name, run.id, run.attempt, value)
    return Ending(Outcome.DONE, value=value, result=reference, reason=reason)


def failed(attempt: Execution, error: BaseException, valid: bool = True) -> Ending:
    """Return how an attempt ended that raised.

    Parameters
    ----------
    valid : bool
        Whether its parameters were found to fit: those that do not fit now will not fit the next time.
    """
    facts: dict[str, Any] | None = None
    if isinstance(error, RemoteFailure):
        facts, error = error.facts, error.error
    if isinstance(error, AttemptLostError):
        return Ending(Outcome.INTERRUPTED, reason=one_line(str(error), 500))
    if isinstance(error, StopRequested | asyncio.CancelledError | CancelledError):
        return Ending(Outcome.CANCELLED)
    final = isinstance(error, ParameterError) or not (valid or isinstance(error, RetryableError))
    retryable = attempt.task.retry.allows(error) and not final
    kept = _stored(attempt, facts or error_facts(error))
    return Ending(Outcome.FAILED, cause=error, error=kept, retryable=retryable)


def _stored(attempt: Execution, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of an exception as the ledger keeps it."""
    return {
        **facts,
        "lines": named_lines(facts["lines"], attempt.task.function),
        "traceback": named_traceback(facts["traceback"], attempt.task.function),
        "message": attempt.context.shortened(facts["message"], "the error"),
        "hint": one_line(facts["hint"], 1000),
    }


def _hooks_after(attempt: Execution, ending: Ending) -> list[HookCall]:
    """Return the hooks to call after the code of an attempt has ended."""
    hooks = attempt.task.hooks
    calls: list[HookCall] = []
    if ending.outcome is Outcome.DONE and not ending.skipped and hooks.on_success is not None:
        calls.append((hooks.on_success, (ending.value,)))
    if ending.outcome is Outcome.FAILED and ending.cause is not None and not attempt.why:
        final = not ending.retryable or tries(attempt.run) >= attempt.task.retry.attempts
        calls += failure_hooks(attempt, ending.cause, final=final)
    if hooks.cleanup is not None:
        calls.append((hooks.cleanup, ()))
    return calls


def failure_hooks(attempt: Execution, cause: BaseException, *, final: bool) -> list[HookCall]:
    """Return the hook to call after a failure or a timeout, if the task has it."""
    hooks = attempt.task.hooks
    if final:
        return [(hooks.on_failure, (cause,))] if hooks.on_failure is not None else []
    tried = (attempt.run.attempt, attempt.task.retry.attempts)
    return [(hooks.on_retry, tried)] if hooks.on_retry is not None else []


async def call_hook(attempt: Execution, call: HookCall, caller: Caller) -> None:
    """Call a hook; its failure, even SystemExit, is logged and changes nothing."""
    hook, arguments = call
    with context.use(attempt.context):
        try:
            await _settled(hook(*arguments), caller)
        except BaseException:
            name = getattr(hook, "__name__", hook)
            _log.exception("hook %s of task %r failed", name, attempt.task.name)


def call_hook_here(attempt: Execution, call: HookCall) -> None:
    """Call a hook on the present thread."""
    with contextlib.suppress(StopIteration):
        call_hook(attempt, call, BlockingCaller()).send(None)
