"""One attempt, carried out: arguments in, value out, every way of ending told apart."""

from __future__ import annotations

import asyncio  # users write their coroutines and hooks for it
import inspect
import logging
import os
import traceback
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import msgspec

from schedkit import context
from schedkit.core.execution.failures import FailedElsewhere
from schedkit.core.execution.results import Results
from schedkit.core.execution.run_context import RunContext
from schedkit.core.model import Task
from schedkit.core.run import TaskResult
from schedkit.core.states import Outcome
from schedkit.core.tasks.params import call_arguments, complete
from schedkit.errors import ParameterError, RetryableError, StopRequested
from schedkit.values.limits import MAX_TRACEBACK_CHARS
from schedkit.values.text import clean, one_line, safe_repr

__all__ = ["Ending", "await_hook", "call_hook", "called", "error_facts", "perform", "perform_async"]

_log = logging.getLogger("schedkit")
_HERE = str(Path(__file__).parent)


class Ending(msgspec.Struct, frozen=True):
    """How an attempt ended; `skipped` says that the run itself found nothing to do."""

    outcome: Outcome
    value: Any = None
    cause: BaseException | None = None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    retryable: bool = False
    skipped: bool = False
    reason: str = ""


def called(call: Callable[[], Any]) -> Any:
    """Make a call of users' code; a process that it forked ends with it, as a script would end.

    Else the fork would go on with what is its parent's: tell the end of the run, wait for the next one.
    """
    process = os.getpid()
    try:
        value = call()
    except BaseException as error:
        if os.getpid() != process:
            code = error.code if isinstance(error, SystemExit) else 1
            os._exit(code if isinstance(code, int) else int(code is not None))
        raise
    if os.getpid() != process:
        os._exit(0)
    return value


def perform(
    task: Task,
    run: RunContext,
    results: Results,
    last_try: bool,
    call: Callable[[dict[str, Any]], Any] | None = None,
) -> Ending:
    """Carry out an attempt on the present thread; never raises.

    Parameters
    ----------
    last_try : bool
        Whether a failure is final, for the hooks.
    call : callable, optional
        Given the arguments, calls the task's function elsewhere, e.g. in another process.
    """
    valid = False
    with context.use(run):
        try:
            arguments = call_arguments(task, run.params, run)
            verdict = _asked(task, arguments)
            _judged(task, asyncio.run(verdict) if inspect.iscoroutine(verdict) else verdict, arguments)
            valid = True
            assert task.function is not None
            function = task.function
            value = call(arguments) if call is not None else called(lambda: function(**arguments))
            if inspect.iscoroutine(value):
                value.close()
                raise TypeError(f"{task.name} returned a coroutine: declare it with async def")
            ending = _concluded(task, run, results, value)
        except BaseException as error:
            ending = _failed(task, run, error, valid)
    for hook, arguments_of_hook in _hooks_after(task, run, ending, last_try):
        call_hook(hook, arguments_of_hook, run)
    return ending


async def perform_async(task: Task, run: RunContext, results: Results, last_try: bool) -> Ending:
    """Carry out an attempt as a coroutine on the users' loop; never raises."""
    valid = False
    with context.use(run):
        try:
            arguments = call_arguments(task, run.params, run)
            verdict = _asked(task, arguments)
            _judged(task, await verdict if inspect.isawaitable(verdict) else verdict, arguments)
            valid = True
            assert task.function is not None
            value = await task.function(**arguments)
            if value is None:
                ending = Ending(Outcome.DONE)
            else:  # writing a result may take its time
                ending = await asyncio.to_thread(_concluded, task, run, results, value)
        except BaseException as error:
            ending = _failed(task, run, error, valid)
    for hook, arguments_of_hook in _hooks_after(task, run, ending, last_try):
        await await_hook(hook, arguments_of_hook, run)
    return ending


def _concluded(task: Task, run: RunContext, results: Results, value: Any) -> Ending:
    if not isinstance(value, TaskResult):
        return Ending(Outcome.DONE, value=value, result=results.save(task.name, run.id, run.attempt, value))
    reason = run.shortened(clean(value.message), "the message")
    if value.message or value.data:
        run.facts["result"] = run.bounded("result", {"message": reason, **value.data})
    if value.status == "failed":
        error = RetryableError(value.error or value.message or "the task said that it failed")
        return Ending(
            Outcome.FAILED,
            cause=error,
            error=_stored(run, error_facts(error)),
            retryable=task.retry.allows(error),
            reason=reason,
        )
    if value.status == "skipped":
        return Ending(Outcome.DONE, skipped=True, reason=reason)
    kept = value.value if value.value is not None else (value.data or None)
    reference = results.save(task.name, run.id, run.attempt, kept)
    return Ending(Outcome.DONE, value=kept, result=reference, reason=reason)


def _asked(task: Task, arguments: dict[str, Any]) -> Any:
    """Return what `validate_params` says to all parameters, as the function would get them."""
    if task.hooks.validate_params is None:
        return True
    return task.hooks.validate_params(**complete(task, arguments))


def _judged(task: Task, verdict: Any, arguments: dict[str, Any]) -> None:
    if verdict is False:
        shown = safe_repr(complete(task, arguments), 300)
        raise ParameterError(f"task {task.name!r}: validate_params refused {shown}")


def _failed(task: Task, run: RunContext, error: BaseException, valid: bool) -> Ending:
    facts: dict[str, Any] | None = None
    if isinstance(error, FailedElsewhere):
        facts, error = error.facts, error.error
    if isinstance(error, StopRequested | asyncio.CancelledError | CancelledError):
        return Ending(Outcome.CANCELLED)
    # Parameters that do not fit will not fit the next time either.
    final = isinstance(error, ParameterError) or not (valid or isinstance(error, RetryableError))
    retryable = task.retry.allows(error) and not final
    kept = _stored(run, facts or error_facts(error))
    return Ending(Outcome.FAILED, cause=error, error=kept, retryable=retryable)


def _stored(run: RunContext, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of an exception as the ledger keeps it."""
    return {
        **facts,
        "message": run.shortened(facts["message"], "the error"),
        "hint": one_line(facts["hint"], 1000),
    }


def error_facts(error: BaseException) -> dict[str, Any]:
    """Return what the ledger keeps of an exception: type, message, hint, traceback."""

    def message() -> str:
        own = getattr(error, "message", None)
        return own if isinstance(own, str) else str(error)

    return {
        "type": type(error).__qualname__,
        "message": _said(message).strip() or type(error).__name__,
        "hint": _said(lambda: str(getattr(error, "hint", "") or "")),
        "traceback": _said(lambda: _traceback(error)),
    }


def _said(say: Callable[[], str]) -> str:
    # An exception speaks by code of its own, which may fail; the run must end all the same.
    try:
        return clean(say())
    except BaseException as failure:
        return f"(no text: asking for it raised {type(failure).__qualname__})"


def _traceback(error: BaseException) -> str:
    # Our own frames around the task's say nothing to who wrote the task.
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_HERE) and trace.tb_next:
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace, limit=-30)
    return "".join(lines)[-MAX_TRACEBACK_CHARS:]


def _hooks_after(
    task: Task, run: RunContext, ending: Ending, last_try: bool
) -> list[tuple[Callable[..., object], tuple[Any, ...]]]:
    hooks = task.hooks
    calls: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
    if ending.outcome is Outcome.DONE and not ending.skipped and hooks.on_success is not None:
        calls.append((hooks.on_success, (ending.value,)))
    if ending.outcome is Outcome.FAILED and not run.should_stop():
        final = last_try or not ending.retryable
        if final and hooks.on_failure is not None:
            calls.append((hooks.on_failure, (ending.cause,)))
        elif not final and hooks.on_retry is not None:
            calls.append((hooks.on_retry, (run.attempt, task.retry.attempts)))
    if hooks.cleanup is not None:
        calls.append((hooks.cleanup, ()))
    return calls


def call_hook(hook: Callable[..., object], arguments: tuple[Any, ...], run: RunContext) -> None:
    """Call a hook; its failure, even SystemExit, is logged and changes nothing."""
    with context.use(run):
        try:
            waits = hook(*arguments)
            if inspect.iscoroutine(waits):
                asyncio.run(waits)
        except BaseException:
            _log.exception("hook %s of task %r failed", getattr(hook, "__name__", hook), run.task)


async def await_hook(hook: Callable[..., object], arguments: tuple[Any, ...], run: RunContext) -> None:
    """Call a hook on the users' loop, waiting for it if it is a coroutine function."""
    with context.use(run):
        try:
            waits = hook(*arguments)
            if inspect.isawaitable(waits):
                await waits
        except BaseException:
            _log.exception("hook %s of task %r failed", getattr(hook, "__name__", hook), run.task)
