"""An engine on a desk: asked at a time of one's own, its answers read in short."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from support.engine_tasks import START, begin, declaration

from schedkit.core.engine.changes import RunChanged
from schedkit.core.engine.decision import Decision
from schedkit.core.engine.engine import Engine
from schedkit.core.engine.snapshot import Snapshot
from schedkit.core.engine.state import EngineConfig
from schedkit.core.engine.stimuli import Began, Ended, EventsReceived, Reschedule, Stimulus, Submit
from schedkit.core.events import Event, RunEnded, RunQueued, TaskChanged
from schedkit.core.model import Task, TaskRow
from schedkit.core.run import Run
from schedkit.core.states import Outcome, State
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.constructors import Trigger, every
from schedkit.values.instants import SECOND

__all__ = [
    "ELSEWHERE",
    "LIFE",
    "MINUTELY",
    "NOW",
    "Desk",
    "a_run",
    "declared",
    "ended",
    "last",
    "moved",
    "moves",
    "numbered",
    "queued",
    "receive",
    "rescheduled",
    "running",
]

NOW = begin()
LIFE = "a life"
ELSEWHERE = "another life"
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


def a_run(run: str, task: str, state: State = State.QUEUED, **more: Any) -> Run:
    return Run(id=run, task=task, state=state, **{"due": NOW, "queued": NOW, **more})


# What other processes tell


def numbered(*events: Event, first: int = 1) -> tuple[Event, ...]:
    return tuple(replace(event, seq=seq) for seq, event in enumerate(events, first))


def receive(desk: Desk, *events: Event, first: int = 1) -> Decision:
    return desk.ask(EventsReceived(events=numbered(*events, first=first)))


def queued(run: Run, *, followed: bool = True) -> RunQueued:
    return RunQueued(at=START, after=run, followed=followed)


def ended(run: Run, state: State = State.DONE) -> RunEnded:
    return RunEnded(at=START, after=replace(run, state=state, finished=NOW))


def moved(row: TaskRow) -> TaskChanged:
    return TaskChanged(at=START, change="moved", row=row)
