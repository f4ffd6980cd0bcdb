"""The next state of a run after the end of an attempt, as a pure function."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from schedkit.core.model import Retry
from schedkit.core.run import Run
from schedkit.core.states import Outcome, State
from schedkit.values.instants import SECOND

__all__ = ["MOST_INTERRUPTIONS", "follow", "tries"]

MOST_INTERRUPTIONS = 3


def tries(run: Run) -> int:
    """Return how many attempts counted as tries; interrupted ones do not."""
    return run.attempt - run.interruptions


def follow(
    run: Run,
    outcome: Outcome,
    *,
    retry: Retry,
    now: int,
    retryable: bool = False,
    skipped: bool = False,
    reason: str = "",
    error: dict[str, Any] | None = None,
    result: dict[str, Any] | None = None,
    random: float = 0.0,
    most_interruptions: int = MOST_INTERRUPTIONS,
) -> Run:
    """Return a running run as it is after its attempt ended with `outcome` at `now` (microseconds).

    Parameters
    ----------
    retryable : bool
        Whether the failure is worth a further try.
    random : float
        A number in [0, 1) that spreads the retry's delay.
    most_interruptions : int
        How many attempts may be lost with their process before the run fails.
    """
    if outcome is Outcome.INTERRUPTED:
        lost = run.interruptions + 1
        if lost <= most_interruptions:
            return replace(run, state=State.QUEUED, interruptions=lost, due=now, started=None, reason=reason)
        error = {
            "type": "Interrupted",
            "message": f"interrupted {lost} times: {reason}",
            "hint": "does the task end its process? look at the log, then submit it again",
            "traceback": "",
        }
        return replace(run, state=State.FAILED, interruptions=lost, finished=now, reason=reason, error=error)
    if outcome is Outcome.DONE:
        state = State.SKIPPED if skipped else State.DONE
        return replace(run, state=state, finished=now, reason=reason, error=None, result=result)
    if outcome is Outcome.CANCELLED:
        return replace(run, state=State.CANCELLED, finished=now, reason=reason)
    if retryable and tries(run) < retry.attempts:
        due = now + round(retry.delay_before(tries(run) + 1, random) * SECOND)
        return replace(run, state=State.RETRY, due=due, started=None, error=error, reason=reason)
    state = State.TIMEOUT if outcome is Outcome.TIMEOUT else State.FAILED
    return replace(run, state=state, finished=now, error=error, reason=reason)
