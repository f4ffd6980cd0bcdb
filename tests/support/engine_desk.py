"""An engine on a desk: asked at a time of one's own, its answers read in short."""

from __future__ import annotations

from typing import Any

from support.engine_tasks import START, begin, declaration

from schedkit.core.engine.changes import RunChanged
from schedkit.core.engine.decision import Decision
from schedkit.core.engine.engine import Engine
from schedkit.core.engine.snapshot import Snapshot
from schedkit.core.engine.state import EngineConfig
from schedkit.core.engine.stimuli import Began, Ended, Reschedule, Stimulus, Submit
from schedkit.core.model import Task, TaskRow
from schedkit.core.run import Run
from schedkit.core.states import Outcome, State
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.constructors import Trigger, every
from schedkit.values.instants import SECOND

__all__ = ["LIFE", "MINUTELY", "NOW", "Desk", "declared", "last", "moves", "rescheduled", "running"]

NOW = begin()
LIFE = "a life"
MINUTELY = every("1m", start=START)


class Desk:
    """An engine, and the time at which it is asked."""

    def __init__(self, *tasks: Task, snapshot: Snapshot | None = None, **config: Any) -> None:
        self.engine = Engine(EngineConfig(name="me", life=LIFE, new_id=self._new_id, **config), snapshot)
        self.made = 0
        self.now = NOW
        if tasks:
            self.ask(*map(declaration, tasks))

    def _new_id(self) -> str:
        self.made += 1
        return f"made{self.made}"

    def ask(self, *stimuli: Stimulus, after: float = 0.0) -> Decision:
        self.now += round(after * SECOND)
        return self.engine.handle_all(stimuli, self.now)

    def submit(self, task: str, run: str = "r", **more: Any) -> Decision:
        return self.ask(Submit(run=run, task=task, actor="you", **more))

    def begin(self, run: str = "r", attempt: int = 1, ago: float = 0.0) -> Decision:
        return self.ask(Began(run=run, attempt=attempt, at=self.now - round(ago * SECOND)))

    def end(self, run: str = "r", attempt: int = 1, outcome: Outcome = Outcome.DONE, **how: Any) -> Decision:
        return self.ask(Ended(run=run, attempt=attempt, outcome=outcome, **how))


def moves(decision: Decision) -> list[tuple[str, State]]:
    return [(c.after.id, c.after.state) for c in decision.changes if isinstance(c, RunChanged)]


def last(decision: Decision, run: str = "r") -> Run:
    return next(c.after for c in decision.changes if isinstance(c, RunChanged) and c.after.id == run)


def rescheduled(task: str, trigger: Trigger | None) -> Reschedule:
    text = None if trigger is None else trigger_data.dumps(trigger)
    return Reschedule(task=task, trigger=trigger, trigger_json=text, schedule_text="", actor="you")


def declared(name: str, trigger: Trigger | None = None, **more: Any) -> TaskRow:
    text = None if trigger is None else trigger_data.dumps(trigger)
    known = {"trigger": text, "anchored": NOW, "next": None, "declared": NOW, "home": LIFE}
    values = {**known, "facts": {"after": []}, **more}
    return TaskRow(name=name, **values)


def running(run: str, task: str, attempt: int = 1, **more: Any) -> Run:
    values = {"state": State.RUNNING, "due": NOW, "queued": NOW, "started": NOW, **more}
    return Run(id=run, task=task, attempt=attempt, **values)
