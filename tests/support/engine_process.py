"""A process with an engine, the code that runs for it and a ledger: what may go wrong between them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC
from random import Random

from msgspec.structs import replace
from support.engine_checks import Checks
from support.engine_ledger import LedgerModel, RefusedError, describe
from support.engine_tasks import NAMES, begin, declaration, draw_task

from schedkit.core.engine.engine import Engine
from schedkit.core.engine.state import EngineConfig
from schedkit.core.engine.values import (
    Adopted,
    Cancel,
    Decision,
    Declare,
    Drain,
    Ended,
    HoldWrites,
    Recover,
    Remove,
    Reschedule,
    Stimulus,
    Stop,
    Submit,
)
from schedkit.core.model import Task
from schedkit.core.run import Run
from schedkit.values.instants import SECOND

__all__ = ["ProcessModel"]

Key = tuple[str, int]  # run and attempt


@dataclass
class Code:
    """The code of an attempt, alive; `adopted`: its engine was made anew since it began."""

    task: Task
    started: int
    adopted: bool = False


@dataclass
class Pending:
    """A decision that is not written yet."""

    stimuli: tuple[Stimulus, ...]
    decision: Decision
    now: int
    limits: dict[str, int]


@dataclass
class Asked:
    """Which code was asked to stop, and which runs were told to be cancelled."""

    stops: dict[Key, Stop] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)


class ProcessModel:
    """A process: its engine, the code that runs for it, and the ledger that it writes."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.now = self.steady = begin()
        self.made = 0
        self.latest = 0  # what the clock showed before it was set back
        self.doubted: set[str] = set()
        limits = {"tag:x": 1, "tag:y": 2}
        if random.random() < 0.3:
            limits["thread"] = 2
        self.config = EngineConfig(
            name="me",
            concurrency=random.choice((1, 2, 5)),
            limits=limits,
            tz=UTC,
            most_interruptions=2,
            cancel_grace=3 * SECOND,
            random=lambda: 0.5,
            new_id=self.new_id,
        )
        self.ledger = LedgerModel()
        self.declared: dict[str, Declare] = {}
        self.pending: list[Pending] = []
        self.gathered: list[Stimulus] | None = None  # for one decision
        self.code: dict[Key, Code] = {}
        self.over: dict[Key, Code] = {}  # whose end is not written
        self.asked = Asked()
        self.held = self.draining = False
        self.wake: int | None = None
        self.counts: Counter[str] = Counter()
        self.begin_engine()
        self.decide(*(declaration(draw_task(random, name)) for name in NAMES if random.random() < 0.9))

    def new_id(self) -> str:
        self.made += 1
        return f"{self.made:06}"

    def is_set_back(self) -> bool:
        """Whether the clock shows a time that it has shown before, or nearly."""
        return self.now < self.latest

    # One decision, and what follows from it

    def begin_engine(self, refused: dict[str, set[int]] | None = None) -> None:
        """Make the engine from the rows."""
        self.engine = Engine(self.config, self.ledger.snapshot(refused or {}))
        self.checks = Checks(self.engine, self.config, self.is_set_back)

    def decide(self, *stimuli: Stimulus, careful: bool = False) -> None:
        """Let the engine decide, and judge what it decides."""
        if self.gathered is not None:
            self.gathered.extend(stimuli)
            return
        self.counts["stimuli"] += max(1, len(stimuli))
        decision = self.engine.handle_all(stimuli, self.now, self.steady, careful=careful)
        self.pending.append(Pending(stimuli, decision, self.now, dict(self.engine.queue.limits)))
        self.wake = decision.wake_at
        for start in decision.starts:  # anew: whoever asked an execution of before has gone with it
            self.asked.stops.pop((start.run.id, start.run.attempt), None)
        for stop in decision.stops:
            self.asked.stops[stop.run, stop.attempt] = stop
        self.checks.judge(stimuli, decision, self.now, self.steady, self.held, self.draining)

    def commit(self, most: int | None = None, effects: bool = True) -> None:
        """Write what was decided, at most so many decisions; `effects` of the last of them may be lost."""
        count = len(self.pending) if most is None else most
        for number in range(count):
            pending = self.pending[0]
            try:
                self.ledger.apply(pending.decision, pending.now)
            except RefusedError as refusal:
                self.refuse(refusal.run)
                return
            del self.pending[0]
            self.note(pending)
            if effects or number < count - 1:
                self.carry_out(pending)

    def refuse(self, run: Run) -> None:
        """A due time has its run, or a run is there: its submission was written, which nobody knew."""
        self.counts["refused"] += 1
        if run.scheduled is not None:
            self.rebuild({run.task: {run.scheduled}})
        else:
            assert run.id in self.doubted, f"{run} is there already"
            for pending in self.pending:
                pending.stimuli = tuple(s for s in pending.stimuli if getattr(s, "run", "") != run.id)
            self.rebuild()

    def note(self, pending: Pending) -> None:
        """Remember what a written decision has changed besides rows."""
        refused = {id(reply.stimulus) for reply in pending.decision.replies if reply.error is not None}
        for stimulus in pending.stimuli:
            if id(stimulus) in refused:
                continue
            match stimulus:
                case Declare(task=task):
                    self.declared[task.name] = stimulus
                case Reschedule(task=name, trigger=trigger) if name in self.declared:
                    task = dataclasses.replace(self.declared[name].task, trigger=trigger)
                    self.declared[name] = declaration(task)
                case Remove(task=name):
                    self.declared.pop(name, None)
                case Ended(run=run, attempt=attempt):
                    self.over.pop((run, attempt), None)
                case Submit(run=run):
                    assert run in self.ledger.runs, f"{run} was submitted, and is lost"
        for reply in pending.decision.replies:
            if isinstance(reply.stimulus, Cancel) and reply.answer.get("cancelled"):
                self.asked.cancelled.add(reply.stimulus.run)

    def carry_out(self, pending: Pending) -> None:
        """Start what a written decision starts."""
        for start in pending.decision.starts:
            key = (start.run.id, start.run.attempt)
            assert self.ledger.runs[key[0]].attempt >= key[1], f"{key} starts unwritten"
            assert key not in self.code, f"{key} starts twice"
            assert key not in self.over, f"{key} starts again after its end"
            self.code[key] = Code(start.task, self.steady)
        assert len(self.code) <= self.config.concurrency, f"more code at once than places: {self.code}"
        if pending.decision.starts:
            self.check_keys(pending.limits)

    def check_keys(self, limits: dict[str, int]) -> None:
        """No key is held by more code than it has room for, but for what an earlier engine started."""
        held: Counter[str] = Counter()
        for code in self.code.values():
            if not code.adopted:
                held.update(self.checks.keys(code.task))
        started = {key for start in self.code.values() for key in self.checks.keys(start.task)}
        for key in started & limits.keys():
            if not self.checks.lowered(key):
                assert held[key] <= limits[key], f"{held[key]} hold {key}: {self.code}"

    # Lost and refused commits, crashes

    def rebuild(self, refused: dict[str, set[int]] | None = None) -> None:
        """Make the engine anew from the rows, and handle again what was not written, one by one."""
        self.counts["rebuilt"] += 1
        kept = (HoldWrites, Drain)  # these stand for how things are now, and are told first
        again = [s for pending in self.pending for s in pending.stimuli if not isinstance(s, kept)]
        self.pending.clear()
        self.begin_engine(refused)
        for code in self.code.values():
            code.adopted = True
        stimuli: list[Stimulus] = [self.declare_again(name) for name in self.declared]
        stimuli.append(Recover(adopted=self.adopted()))
        if self.draining:
            stimuli.insert(0, Drain())
        if self.held:
            stimuli.insert(0, HoldWrites(held=True))
        self.decide(*stimuli)
        self.commit()
        careful = self.random.random() < 0.5
        for stimulus in again:
            self.decide(stimulus, careful=careful)
            self.commit()
        while careful and self.wake is not None and self.wake <= self.now:
            self.decide(careful=True)
            self.commit()

    def declare_again(self, name: str) -> Declare:
        return replace(self.declared[name], starts=self.ledger.starts(name, 2))

    def declare_other(self, name: str) -> Declare:
        return declaration(draw_task(self.random, name), self.ledger.starts(name, 2))

    def adopted(self) -> tuple[Adopted, ...]:
        """Return all attempts of this process whose end is not written, also those whose code is over."""
        found = []
        for key in [*self.code, *self.over]:
            stop = self.asked.stops.get(key)
            why, actor = ("", "") if stop is None else (stop.why, stop.actor)
            code = self.code.get(key) or self.over[key]
            found.append(
                Adopted(
                    run=key[0], attempt=key[1], task=code.task, started=code.started, why=why, actor=actor
                )
            )
        return tuple(found)

    def lose(self) -> None:
        """A commit fails: what was written before it stands, its effects perhaps not yet carried out."""
        if self.held:
            return
        self.commit(self.random.randint(0, len(self.pending)), effects=self.random.random() < 0.5)
        if self.pending and self.random.random() < 0.2:  # it was written, but the answer was lost
            with contextlib.suppress(RefusedError):
                self.ledger.apply(self.pending[0].decision, self.pending[0].now)
                self.doubted |= {s.run for s in self.pending[0].stimuli if isinstance(s, Submit)}
        self.rebuild()

    def crash(self) -> None:
        """The process dies; another one, with other tasks perhaps, goes on from the rows."""
        written = 0 if self.held else self.random.randint(0, len(self.pending))
        self.commit(written, effects=self.random.random() < 0.5)
        self.counts["crashes"] += 1
        self.pending.clear()
        self.code.clear()
        self.over.clear()
        self.asked.stops.clear()
        self.held = self.draining = False
        self.begin_engine()
        if self.random.random() < 0.2:
            self.steady = self.random.randint(0, 10**9)  # of a machine that was started anew
        known = [name for name in self.declared if self.random.random() < 0.9]
        stimuli: list[Stimulus] = [self.declare_again(name) for name in known]
        self.declared.clear()
        stimuli.insert(self.random.choice((0, len(stimuli))), Recover(reason="its process ended"))
        self.decide(*stimuli)
        self.commit()

    # The engine that is made from the rows

    def same_as_loaded(self) -> None:
        """An engine loaded from the rows is the one in memory, and has nothing to add."""
        if self.pending or (self.wake is not None and self.wake <= self.now):
            return
        if self.is_set_back() and any(row.trigger and row.next is None for row in self.engine.rows.values()):
            return  # declared again, what had no time left has one again, which it has run
        loaded = Engine(self.config, self.ledger.snapshot())
        stimuli: list[Stimulus] = [self.declare_again(name) for name in self.declared]
        stimuli.append(Recover(adopted=self.adopted()))
        if self.held:
            stimuli.insert(0, HoldWrites(held=True))
        if self.draining:
            stimuli.insert(0, Drain())
        decision = loaded.handle_all(stimuli, self.now, self.steady)
        assert not decision.changes, f"loaded, it changes {decision.changes}"
        there, here = describe(loaded), describe(self.engine)
        for name in here:
            assert there[name] == here[name], f"{name}: loaded {there[name]}, in memory {here[name]}"
