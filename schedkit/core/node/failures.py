"""How often in a row an engine has failed or was refused, and what follows from that."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from schedkit.core.engine.stimuli import Declare, Stimulus
from schedkit.core.store.refusals import RefusedRowError, StaleError

__all__ = ["CAREFUL_DECISIONS", "Failures", "tell_refusal"]

_log = logging.getLogger("schedkit")

# After a failure, decisions about one thing each: enough for all that may start or be due at once.
CAREFUL_DECISIONS = 200
# So many engines in a row that came to nothing, some seconds, are enough.
MOST_FAILURES = 6
# So many in a row may be due to tasks that have moved while it was decided about them: a file that is run
# declares one after another.
MOST_MOVES = 3
# Between two engines, if what was decided is refused or fails again and again.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 5.0


class Failures:
    """Failures of engines in a row; `count` is 0 again after each commit, or when a sender is told of one."""

    def __init__(self) -> None:
        self.count = 0

    def note(self) -> bool:
        """Note a failure; False: there were too many."""
        self.count += 1
        return self.count <= MOST_FAILURES

    def told(self, error: BaseException) -> None:
        """Note that the sender of a stimulus hears why it is refused, and that nothing is left of it.

        A conflict with another process is not a failure of the engine: at its start it may declare many tasks
        that other processes change at the same time.
        """
        if isinstance(error, StaleError | RefusedRowError):
            self.count = 0

    def passing(self, error: BaseException, stimuli: Sequence[Stimulus]) -> bool:
        """Tell whether a decision is made again because a task has only just moved.

        A declaration is not repeated here: its caller reads the ledger again.
        """
        declares = any(isinstance(stimulus, Declare) for stimulus in stimuli)
        return isinstance(error, StaleError) and not declares and self.count < MOST_MOVES

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
