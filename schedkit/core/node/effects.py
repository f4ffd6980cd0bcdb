"""The effects of a written decision: replies, starts, hooks, and results for those who wait."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from schedkit.core.engine.decision import Reply
from schedkit.core.engine.stimuli import Declare, Stimulus, Submit
from schedkit.core.execution.executors import Executors
from schedkit.core.execution.run_context import Deliveries
from schedkit.core.node.executions import Executions
from schedkit.core.node.own_loop import OwnLoop
from schedkit.core.node.unwritten import Unwritten
from schedkit.core.node.waiters import Waiters

__all__ = ["Effects"]

_log = logging.getLogger("schedkit")


class Effects:
    """Carries out decisions that are written; called on the writer's thread.

    Parameters
    ----------
    post : callable
        Takes stimuli: attempts end.
    tell : callable
        Takes events: attempts tell something.
    deliveries : Deliveries
        Keeps what runs have delivered.

    Attributes
    ----------
    executions : Executions
        The attempts whose code has not ended, and those that are about to begin.
    waiters : Waiters
        Who waits here for the end of a run.
    stopping : bool
        Whether a caller waits until no attempt is left.
    """

    def __init__(
        self,
        executors: Executors,
        post: Callable[..., object],
        tell: Callable[..., object],
        deliveries: Deliveries,
    ) -> None:
        self.executions = Executions(executors.results.storage, tell, post, deliveries)
        self.waiters = Waiters()
        self.stopping = False
        self._executors = executors
        self._loop = OwnLoop()
        self._claimed: set[str] = set()

    def carry_out(self, made: Unwritten) -> None:
        """Do what a decision has others do, in this order."""
        for reply in made.decision.replies:
            self.reply(reply)
        for execution in made.executions:
            self._executors.start(execution)
        self.executions.tell_begin(made.decision.asks)
        for execution, final in made.timed_out:
            self._executors.tell_timeout(execution, final=final)
        self.forget(made.stimuli)
        self.waiters.settle(made.decision.finished)

    def reply(self, reply: Reply) -> None:
        """Answer who posted a stimulus."""
        stimulus, error = reply.stimulus, reply.error
        if error is not None and isinstance(stimulus, Submit):
            self.waiters.fail(stimulus.run, error)
        if stimulus.token is not None:
            if error is None:
                stimulus.token.settle(reply.answer)
            else:
                stimulus.token.fail(error)
        elif isinstance(stimulus, Declare) and error is not None:
            _log.error("task %r has no schedule: %s", stimulus.task.name, error)

    def forget(self, stimuli: Iterable[Stimulus]) -> None:
        """Note what is done: commands that are answered, attempts that have ended."""
        self._claimed.difference_update(stimulus.command for stimulus in stimuli)
        if self.executions.forget(stimuli) and self.stopping:
            self._loop.call(self.executions.none_left)

    def claim_command(self, id: str) -> bool:
        """Tell whether a command of the ledger is yet to be carried out; each is once."""
        if id in self._claimed:
            return False
        self._claimed.add(id)
        return True
