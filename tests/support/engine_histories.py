"""Random histories of the engine: everything that may happen to it, in an order drawn from a seed."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from random import Random

from msgspec.structs import replace
from support.engine_checks import Checks
from support.engine_ledger import LedgerModel, RefusedError, describe
from support.engine_tasks import NAMES, TIMED, TRIGGERS, begin, declaration, draw_task

from schedkit.core.engine.engine import Engine
from schedkit.core.engine.state import EngineConfig
from schedkit.core.engine.values import (
    Abandon,
    Adopted,
    Cancel,
    Decision,
    Declare,
    Drain,
    Ended,
    HoldWrites,
    Pause,
    Recover,
    Remove,
    Reschedule,
    Resume,
    Stimulus,
    Stop,
    StopAttempts,
    Submit,
)
from schedkit.core.model import Task
from schedkit.core.run import Run
from schedkit.core.states import Outcome, State
from schedkit.core.when import data as trigger_data
from schedkit.values.instants import SECOND

__all__ = ["History"]

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


class History:
    """An engine, the code that runs for it and a ledger, moved by random steps."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.now = self.steady = begin()
        self.made = self.latest = 0
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

    # One decision, and what follows from it

    def begin_engine(self, refused: dict[str, set[int]] | None = None) -> None:
        """Make the engine from the rows."""
        self.engine = Engine(self.config, self.ledger.snapshot(refused or {}))
        self.checks = Checks(self.engine, self.config, self.is_set_back)

    def decide(self, *stimuli: Stimulus) -> None:
        """Let the engine decide, and judge what it decides."""
        if self.gathered is not None:
            self.gathered.extend(stimuli)
            return
        self.counts["stimuli"] += max(1, len(stimuli))
        decision = self.engine.handle_all(stimuli, self.now, self.steady)
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
        for stimulus in again:
            self.decide(stimulus)
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

    # Steps

    def step(self) -> None:
        """Let one thing happen."""
        pick = self.random.choices(STEPS, WEIGHTS)[0]
        pick(self)
        if not self.held and self.random.random() < 0.7:
            self.commit()
            self.same_as_loaded()

    def burst(self) -> None:
        """Several things happen at once."""
        self.gathered = []
        for pick in self.random.choices(AT_ONCE, k=self.random.randint(2, 5)):
            pick(self)
        stimuli, self.gathered = self.gathered, None
        self.decide(*stimuli)

    def submit(self) -> None:
        name = self.random.choice(NAMES)
        run = self.new_id()
        row, scheduled = self.engine.rows.get(name), None
        if row is not None and row.next is not None and self.random.random() < 0.1:
            # A due time is made up for; one that has its run is refused.
            scheduled = row.next - self.random.choice((0, 7, 13, 60)) * SECOND
        command = run if self.random.random() < 0.1 else ""
        self.decide(Submit(run=run, task=name, actor="me", token=run, command=command, scheduled=scheduled))

    def end(self) -> None:
        """Some code ends, as it likes."""
        if not self.code:
            return
        key = self.random.choice(list(self.code))
        outcome = self.random.choice(
            (Outcome.DONE, Outcome.DONE, Outcome.FAILED, Outcome.FAILED, Outcome.CANCELLED)
        )
        ended = Ended(
            run=key[0],
            attempt=key[1],
            outcome=outcome,
            value=self.random.choice((None, 7)),
            retryable=self.random.random() < 0.7,
            skipped=self.random.random() < 0.1,
            error={"type": "E"} if outcome is Outcome.FAILED else None,
            details={"log": []} if self.random.random() < 0.2 else None,
        )
        self.over[key] = self.code.pop(key)
        self.decide(ended)

    def end_stale(self) -> None:
        """An end is told of an attempt that is over, or is none."""
        if self.ledger.runs:
            run = self.random.choice(list(self.ledger.runs.values()))
            attempt = run.attempt + self.random.choice((-1, -1, 1))
            if (run.id, attempt) not in self.code and not any(
                start.run.id == run.id for pending in self.pending for start in pending.decision.starts
            ):
                self.decide(Ended(run=run.id, attempt=attempt, outcome=Outcome.DONE))

    def cancel(self) -> None:
        runs = list(self.engine.runs) or list(self.ledger.runs)
        if runs:
            self.decide(Cancel(run=self.random.choice(runs), actor="you", token="cancel"))

    def pause(self) -> None:
        self.decide(Pause(task=self.random.choice((None, *TIMED)), actor="me"))

    def resume(self) -> None:
        self.decide(Resume(task=self.random.choice((None, *TIMED)), actor="me"))

    def remove(self) -> None:
        self.decide(Remove(task=self.random.choice(NAMES), actor="me"))

    def declare(self) -> None:
        """A cell runs again: a task is declared as it is, or with other options."""
        name = self.random.choice(NAMES)
        known = self.declared.get(name)
        same = known is not None and self.random.random() < 0.4
        if same and known is not None:
            self.decide(self.declare_again(name))
        else:
            self.decide(self.declare_other(name))

    def reschedule(self) -> None:
        trigger = self.random.choice((None, *TRIGGERS))
        text = None if trigger is None else trigger_data.dumps(trigger)
        words = "" if trigger is None else trigger.text()
        name = self.random.choice(TIMED)
        self.decide(Reschedule(task=name, trigger=trigger, text=text, words=words, actor="me"))

    def pass_time(self) -> None:
        self.forward(self.random.randint(0, 5 * SECOND))
        self.decide()

    def wait(self) -> None:
        """Time passes until the engine wants to be asked."""
        if self.wake is not None:
            self.forward(max(0, self.wake - self.now))
            self.decide()

    def sleep(self) -> None:
        """The machine sleeps: the wall clock is far ahead, the steady one stood still."""
        self.now += self.random.randint(0, 400) * SECOND
        self.decide()

    def set_back(self) -> None:
        self.latest = max(self.latest, self.now + 60 * SECOND)
        self.now -= self.random.randint(0, 90) * SECOND
        self.decide()

    def is_set_back(self) -> bool:
        """Whether the clock shows a time that it has shown before, or nearly."""
        return self.now < self.latest

    def hold(self) -> None:
        """The store goes away, or comes back."""
        self.held = not self.held
        self.decide(HoldWrites(held=self.held))

    def stop(self) -> None:
        """The scheduler is stopped, step by step, and started again in the same process."""
        pick = self.random.random()
        if not self.draining:
            self.draining = True
            self.decide(Drain(), *([StopAttempts()] if pick < 0.5 else []))
        elif pick < 0.4:
            self.decide(StopAttempts())
        elif pick < 0.6:
            self.decide(StopAttempts(), Abandon())
        elif not self.held:
            self.commit()
            self.draining = False
            self.rebuild()

    def forward(self, by: int) -> None:
        self.now += by
        self.steady += by

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

    # The end

    def play(self, steps: int) -> None:
        """Let so many things happen, then bring all to an end and judge the whole."""
        for _ in range(steps):
            self.step()
        self.finish()
        self.judge()

    def finish(self) -> None:
        """Let nothing more be due, and all that was begun end well."""
        if self.held:
            self.hold()
        self.commit()
        if self.draining:
            self.draining = False
            self.rebuild()
        missing = [name for name in self.engine.rows if name not in self.engine.tasks]
        self.decide(Pause(task=None, actor="me"), *map(self.declare_other, missing))
        self.commit()
        for _ in range(5000):
            if self.code:
                key = next(iter(self.code))
                self.over[key] = self.code.pop(key)
                self.decide(Ended(run=key[0], attempt=key[1], outcome=Outcome.DONE))
            elif self.wake is not None:
                self.wait()
            else:
                break
            self.commit()
        self.same_as_loaded()

    def judge(self) -> None:
        """Nothing is lost, nothing is left, and the ledger accounts for all."""
        self.ledger.check()
        assert not self.code
        assert not self.engine.queue.running
        for run in self.ledger.runs.values():
            if not run.state.final:
                self.check_waits(run)
        for run_id in self.asked.cancelled:
            assert self.ledger.runs[run_id].state is State.CANCELLED, f"{self.ledger.runs[run_id]}"

    def check_waits(self, run: Run) -> None:
        """Only a run that waits for a parent's run to come may be left."""
        assert run.state is State.PENDING, f"{run} is left"
        parents = [self.ledger.waits.get((run.id, parent)) for parent in run.waiting_for]
        assert any(
            wait is not None
            and (
                wait.parent_run is None
                or (wait.ended is None and not self.ledger.runs[wait.parent_run].state.final)
            )
            for wait in parents
        ), f"{run} waits for nothing: {parents}"


AT_ONCE = (History.submit, History.end, History.cancel, History.pause, History.resume, History.declare)
STEPS: tuple[Callable[[History], None], ...]
WEIGHTS: tuple[int, ...]
STEPS, WEIGHTS = zip(
    *(
        (History.submit, 22),
        (History.end, 25),
        (History.end_stale, 3),
        (History.cancel, 5),
        (History.pause, 3),
        (History.resume, 5),
        (History.remove, 1),
        (History.declare, 5),
        (History.reschedule, 3),
        (History.pass_time, 12),
        (History.wait, 16),
        (History.sleep, 1),
        (History.set_back, 1),
        (History.hold, 3),
        (History.burst, 5),
        (History.lose, 3),
        (History.crash, 2),
        (History.stop, 4),
    ),
    strict=True,
)
