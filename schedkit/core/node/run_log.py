"""Failed runs, and the log lines of runs, as records of the `logging` module."""

from __future__ import annotations

import logging
from typing import Any

from schedkit.core.events import Event, RunEnded, RunLogged, RunRetrying
from schedkit.core.states import Outcome, State
from schedkit.values.text import clip, one_line

__all__ = ["LOGGER", "log_run", "worth_logging"]

# Of its own, so that it has its own level; without a handler nothing is printed: a background thread would
# write into whichever cell ran last.
LOGGER = logging.getLogger("schedkit.runs")
LOGGER.addHandler(logging.NullHandler())
_FAILURES = (Outcome.FAILED, Outcome.TIMEOUT)
_LONGEST_MESSAGE = 500


def worth_logging(event: Event) -> bool:
    """Tell whether `log_run` makes a record of an event."""
    if isinstance(event, RunEnded):
        return event.after.state in (State.FAILED, State.TIMEOUT)
    if isinstance(event, RunRetrying):
        return event.attempt.outcome in _FAILURES
    return isinstance(event, RunLogged) and LOGGER.isEnabledFor(event.level)


def log_run(event: Event) -> None:
    """Log a failed run as an error, a failed attempt that is followed by another as a warning, and log lines.

    The records have the attributes ``task``, ``run`` and ``error``, the type and the message.
    """
    facts: dict[str, Any] = {"task": event.task, "run": event.run, "error": ""}
    if isinstance(event, RunLogged):
        LOGGER.log(event.level, "%s, run %s: %s", event.task, event.run, event.message, extra=facts)
    elif isinstance(event, RunEnded):
        facts["error"] = _error_text(event.after.error, event.after.why)
        word = "timed out" if event.after.state is State.TIMEOUT else "failed"
        LOGGER.error("task %r %s: run %s: %s", event.task, word, event.run, facts["error"], extra=facts)
    elif isinstance(event, RunRetrying):
        facts["error"] = _error_text(event.attempt.error, "")
        LOGGER.warning(
            "task %r: attempt %d of run %s failed and is followed by another: %s",
            event.task,
            event.attempt.number,
            event.run,
            facts["error"],
            extra=facts,
        )


def _error_text(error: dict[str, Any] | None, why: str) -> str:
    told = f"{error['type']}: {error['message']}" if error else why
    return clip(one_line(told, _LONGEST_MESSAGE), _LONGEST_MESSAGE)
