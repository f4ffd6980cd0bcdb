"""Decisions that are not in the ledger yet, and what the ledger refuses."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from schedkit.core.engine.changes import RunChanged, TaskAdvanced
from schedkit.core.engine.decision import Decision
from schedkit.core.engine.stimuli import Stimulus
from schedkit.core.execution.attempt import Execution
from schedkit.errors import SchedkitError

__all__ = ["Aside", "Unwritten", "as_ours"]

_log = logging.getLogger("schedkit")


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


def as_ours(error: BaseException) -> SchedkitError:
    """Return what refused a stimulus as an error of ours."""
    if isinstance(error, SchedkitError):
        return error
    ours = SchedkitError(f"the scheduler failed on it: {type(error).__name__}: {error}")
    ours.__cause__ = error
    return ours
