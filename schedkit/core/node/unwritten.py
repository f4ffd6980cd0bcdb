"""Decisions that are not in the ledger yet, and what follows when the ledger or the engine refuses."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from schedkit.core.engine.changes import RunChanged, TaskAdvanced
from schedkit.core.engine.decision import Decision
from schedkit.core.engine.stimuli import Stimulus
from schedkit.core.execution.attempt import Execution
from schedkit.core.store.refusals import RefusedRowError, StaleError
from schedkit.errors import SchedkitError

__all__ = ["Aside", "Failures", "Unwritten", "as_ours", "tell_refusal"]

_log = logging.getLogger("schedkit")

# After a failure, decisions about one thing each: enough for all that may start or be due at once.
CAREFUL_DECISIONS = 200
# So many engines in a row that came to nothing, some seconds, are enough.
MOST_FAILURES = 6
# So many in a row may be due to tasks that have moved while it was decided about them.
MOST_MOVES = 3
# Between two engines, if what was decided is refused or fails again and again.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 5.0


class Unwritten(msgspec.Struct, frozen=True, eq=False):
    """A decision on its way to the ledger.

    Attributes
    ----------
    number : int
        How many decisions the engine had made with it.
    stimuli : sequence of Stimulus
        What it was made from: decided again if it is refused.
    executions : sequence of Execution
        The attempts that it starts.
    timed_out : sequence of tuple of Execution and bool
        Those that it ends, and whether their run ends with them.
    careful : bool
        It is about one thing, because a decision about several had failed.
    """

    decision: Decision
    number: int
    stimuli: Sequence[Stimulus] = ()
    executions: Sequence[Execution] = ()
    timed_out: Sequence[tuple[Execution, bool]] = ()
    careful: bool = False


class Aside:
    """What is left as it stands: the ledger refuses what was decided about it, and no command asked for that.

    Attributes
    ----------
    runs, tasks : set of str
        A task is left until it is declared again, a run as long as this life.
    """

    def __init__(self) -> None:
        self.runs: set[str] = set()
        self.tasks: set[str] = set()

    def leave(self, decision: Decision, error: Exception) -> list[str]:
        """Leave what a decision is about, so that it does not stop the rest; return its runs."""
        tasks = [change.task for change in decision.changes if isinstance(change, TaskAdvanced)]
        for task in tasks:
            self.tasks.add(task)
            _log.error("task %r has no due times until it is declared again: %s", task, error)
        if tasks:
            return []
        runs = [change.after.id for change in decision.changes if isinstance(change, RunChanged)]
        for run in runs:
            self.leave_run(run, error)
        return runs

    def leave_run(self, run: str, error: Exception) -> None:
        """Leave a run."""
        self.runs.add(run)
        _log.error("run %s is left in its state until the scheduler is restarted: %s", run, error)


class Failures:
    """Failures of engines in a row; `count` is 0 again after each commit."""

    def __init__(self) -> None:
        self.count = 0
        self._careful = 0  # for so many decisions

    def note(self, again: int) -> bool:
        """Note a failure, after which so many stimuli are decided again; False: there were too many."""
        self.count += 1
        self._careful = again + CAREFUL_DECISIONS
        return self.count <= MOST_FAILURES

    def be_careful(self) -> bool:
        """Tell whether the next decision is to be about one thing only, so that a failure shows which."""
        careful = self._careful > 0
        self._careful -= careful
        return careful

    def passing(self, error: BaseException, stimuli: Sequence[Stimulus]) -> bool:
        """Tell whether a decision that time alone has led to is made again: its task has only just moved."""
        return isinstance(error, StaleError) and not stimuli and self.count < MOST_MOVES

    @property
    def pause(self) -> float:
        """Seconds to wait before the next engine is made."""
        return min(FIRST_PAUSE_SECONDS * 2.0 ** (self.count - 1), LONGEST_PAUSE_SECONDS)


def tell_refusal(error: BaseException) -> None:
    """Log that an engine is rebuilt because of an error."""
    # Another process has taken a task home, or was quicker to declare it; or the clock was set back.
    if isinstance(error, StaleError | RefusedRowError):
        _log.info("the scheduler reads the ledger and decides again: %s", error)
    else:
        _log.warning("the scheduler decides again what could not be written: %s", error, exc_info=error)


def as_ours(error: BaseException) -> SchedkitError:
    """Return what refused a stimulus as an error of ours."""
    if isinstance(error, SchedkitError):
        return error
    ours = SchedkitError(f"the scheduler failed on it: {type(error).__name__}: {error}")
    ours.__cause__ = error
    return ours
